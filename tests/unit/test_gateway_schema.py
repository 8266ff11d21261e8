"""What bots get from the double fits Discord's published schema, and what they send never breaks it."""

from __future__ import annotations

import json
import random

import pytest
from gateway_client import Peer, events, logged_in, use
from jsonschema import Draft202012Validator
from sandbox_client import APP, GUILD, Client, option, slash

from botswain.discord import limits
from botswain.sandbox.community import components, messages
from botswain.sandbox.gateway import codes

CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
ROW = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}
MESSAGE = {
    "content": "x",
    "embeds": [{"title": "t", "fields": [{"name": "n", "value": "v"}]}],
    "components": [ROW],
}


@pytest.fixture
def client():
    """A double with commands, and a guild with a voice channel."""
    client = Client()
    client.put([slash(), slash("find", options=[option(autocomplete=True)])])
    body = {"guild_id": GUILD, "channels": [{"name": "deck"}, {"name": "hold", "type": 2}], "roles": [{"name": "crew"}]}
    client.ask("POST", "/sandbox/guilds", body)
    return client


@pytest.fixture
def fits(openapi, client):
    """Asks, and checks the answer against the operation of the schema."""

    def check(method, path, body=None, status=200, query="", **params):
        shown = path
        for name, value in params.items():
            path = path.replace(f"{{{name}}}", value)
        answer = client.ask(method, path, body, query=query)
        assert answer.status == status, answer.data
        operation = openapi["paths"][shown][method.lower()]["responses"][str(status)]
        wanted = {"components": openapi["components"], **operation["content"]["application/json"]["schema"]}
        Draft202012Validator(wanted).validate(answer.data)
        return answer.data

    return check


def deferred(client, peer):
    """An interaction that was answered with a deferral; its path parameters as a webhook."""
    use(client, command="ping")
    told = peer.take()[-1]["d"]
    client.ask("POST", f"/interactions/{told['id']}/{told['token']}/callback", {"type": 5})
    return {"webhook_id": APP, "webhook_token": told["token"]}


def test_places(client, fits):
    """Guilds, channels, roles, members, users, messages."""
    fits("GET", "/users/@me/guilds")
    for path in ("", "/channels", "/roles", "/members"):
        assert fits("GET", f"/guilds/{{guild_id}}{path}", guild_id=GUILD)
    fits("GET", "/guilds/{guild_id}/members/{user_id}", guild_id=GUILD, user_id=APP)
    fits("GET", "/users/{user_id}", user_id="42")
    direct = fits("POST", "/users/@me/channels", {"recipient_id": "42"})["id"]
    deck = client.ask("GET", f"/guilds/{GUILD}/channels").data[0]["id"]
    for channel in (direct, deck):
        fits("GET", "/channels/{channel_id}", channel_id=channel)
        made = fits("POST", "/channels/{channel_id}/messages", MESSAGE, channel_id=channel)
        ids = {"channel_id": channel, "message_id": made["id"]}
        fits("GET", "/channels/{channel_id}/messages/{message_id}", **ids)
        fits("PATCH", "/channels/{channel_id}/messages/{message_id}", {"content": "y"}, **ids)
        fits("GET", "/channels/{channel_id}/messages", channel_id=channel)


def test_answers_to_interactions(client, fits):
    """The callback with its response, the original, follow-ups."""
    peer = logged_in(client)
    for body in ({"type": 4, "data": MESSAGE}, {"type": 5}):
        use(client, command="ping")
        told = peer.take()[-1]["d"]
        ids = {"interaction_id": told["id"], "interaction_token": told["token"]}
        fits("POST", CALLBACK, body, query="with_response=true", **ids)
    ids = deferred(client, peer)
    original = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
    fits("GET", original, **ids)
    fits("PATCH", original, MESSAGE, **ids)
    fits("POST", "/webhooks/{webhook_id}/{webhook_token}", MESSAGE, **ids)


def test_bounds(openapi):
    """How long and how many, as the schema has it."""
    parts = openapi["components"]["schemas"]
    fields = parts["IncomingWebhookInteractionRequest"]["properties"]
    assert fields["content"]["maxLength"] == messages.CONTENT
    assert fields["embeds"]["maxItems"] == messages.EMBEDS
    assert fields["attachments"]["maxItems"] == messages.ATTACHMENTS
    embed = parts["RichEmbed"]["properties"]
    assert {key: embed[key]["maxLength"] for key, _ in messages.EMBED_TEXTS} == dict(messages.EMBED_TEXTS)
    assert embed["fields"]["maxItems"] == messages.EMBED_FIELDS
    choices = parts["InteractionApplicationCommandAutocompleteCallbackStringData"]["properties"]["choices"]
    assert choices["maxItems"] == limits.CHOICES
    modal = parts["ModalInteractionCallbackRequestData"]["properties"]
    for key, most in components.MODAL_TEXTS:
        assert (modal[key]["minLength"], modal[key]["maxLength"]) == (1, most)
    row = parts["ActionRowComponentForMessageRequest"]["properties"]["components"]
    assert (row["minItems"], row["maxItems"]) == (1, components.ROW_WIDTH)


def test_numbers_of_the_gateway():
    """Three privileged intents; every close code has words; unused bits are no intents."""
    assert sum(codes.PRIVILEGED) == 1 << 1 | 1 << 8 | 1 << 15
    assert set(codes.REASONS) == set(codes.Close)
    assert sum(1 << bit for bit in (*range(17), 20, 21, 24, 25)) == codes.ALL_INTENTS


JUNK = [None, 5, -1, "x", [], {}, [5], {"a": 1}, True, 1.5, [[]], [{}], [None], 1 << 70]


def spoiled(rng, value):
    """The value with something of another type in it, here and there."""
    if rng.random() < 0.15:
        return rng.choice(JUNK)
    if isinstance(value, list):
        return [spoiled(rng, item) for item in value]
    return {key: spoiled(rng, item) for key, item in value.items()} if isinstance(value, dict) else value


ANSWER = {
    "type": 4,
    "data": {
        **MESSAGE,
        "flags": 0,
        "tts": False,
        "nonce": "1",
        "attachments": [{"id": "0", "description": "x"}],
        "allowed_mentions": {},
        "message_reference": {"message_id": "1"},
    },
}
MODAL = {"type": 9, "data": {"custom_id": "c", "title": "t", "components": [{"type": 18, "label": "l", "component": {
    "type": 4, "custom_id": "n"}}]}}  # fmt: skip
V2 = {"type": 4, "data": {"flags": 1 << 15, "components": [{"type": 17, "components": [{"type": 9, "components": [
    {"type": 10, "content": "x"}], "accessory": {"type": 2, "custom_id": "a"}}]}]}}  # fmt: skip


def test_wrongly_typed_answers_are_refused(client):
    """Any JSON in place of an answer, an edit or a message gets a 2xx or a 4xx."""
    rng, peer = random.Random(2), logged_in(client)
    deck = client.ask("GET", f"/guilds/{GUILD}/channels").data[0]["id"]
    client.sandbox.configure(limits=False)
    ids = deferred(client, peer)
    hook = f"/webhooks/{APP}/{ids['webhook_token']}"
    for _ in range(400):
        use(client, command="ping")
        told = peer.take()[-1]["d"]
        body = spoiled(rng, rng.choice([ANSWER, MODAL, V2]))
        assert client.ask("POST", f"/interactions/{told['id']}/{told['token']}/callback", body).status < 500
        inner = body.get("data") if isinstance(body, dict) else body
        for method, path in (("PATCH", f"{hook}/messages/@original"), ("POST", hook),
                             ("POST", f"/channels/{deck}/messages")):  # fmt: skip
            assert client.ask(method, path, inner).status < 500, inner
        assert client.ask("GET", f"/sandbox/interactions/{told['id']}").status == 200


USE = {"guild_id": GUILD, "application_id": APP, "command": "find", "options": {"text": "x"}, "user": {"id": "5"},
       "autocomplete": "text", "type": "chat_input", "channel_id": "1", "target": "5", "locale": "de"}  # fmt: skip
DESCRIBED = {"guild_id": "5", "state": "open", "name": "n", "channels": [{"id": "1", "name": "c", "type": 0}],
             "roles": [{"name": "r"}], "members": [{"id": "2", "username": "m", "roles": ["1"]}]}  # fmt: skip


def test_wrongly_typed_control_calls_are_refused(client):
    """Any JSON in a control call gets a 2xx or a 400, and running bots stay connected."""
    rng, peer = random.Random(3), logged_in(client)
    calls = {
        "interactions": USE,
        "guilds": DESCRIBED,
        "gateway/kick": {"how": "heartbeat", "application_id": "9", "shard": 0, "code": 4000},
        "gateway/limits": {"total": 1000, "remaining": 1000, "max_concurrency": 1},
        "outage": {"down": False},
        "tokens": {"accept": APP},
    }
    for _ in range(1500):
        path = rng.choice(list(calls))
        body = spoiled(rng, calls[path])
        if body == {"down": True}:
            continue
        answer = client.ask("POST", f"/sandbox/{path}", body)
        assert answer.status in {200, 204, 400}, (path, body)
    client.ask("POST", "/sandbox/gateway/kick", {"how": "heartbeat"})
    assert "op 1" in events(peer.take())


def test_wrongly_typed_payloads_are_closed_or_answered(client):
    """Any JSON at the gateway ends in an answer or a close code."""
    rng = random.Random(4)
    identify = {"token": "x.y.z", "intents": 1, "shard": [0, 1], "presence": {}, "properties": {}}
    resume = {"token": "x.y.z", "session_id": "s", "seq": 1}
    members = {"guild_id": GUILD, "query": "", "limit": 0, "user_ids": ["1"], "nonce": "n", "presences": True}
    for _ in range(1500):
        peer = Peer(client)
        if rng.random() < 0.5:
            peer.identify()
        op, data = rng.choice([(2, identify), (6, resume), (8, members), (4, members), (31, {"guild_ids": [GUILD]})])
        peer.raw(json.dumps(spoiled(rng, {"op": op, "d": data})))
        peer.leave(1000)
