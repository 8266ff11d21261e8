"""People use commands; bots answer in time, late, twice, or with what Discord refuses."""

from __future__ import annotations

import pytest
from gateway_client import events, logged_in, use
from sandbox_client import APP, GUILD, Client, option, slash

OWNER = str(int(APP) + 1)
EPHEMERAL, LOADING = 64, 128
BUTTON = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}
PICK = {"type": 1, "components": [{"type": 3, "custom_id": "pick", "options": [{"label": "a", "value": "a"}]}]}
FIELD = {"type": 1, "components": [{"type": 4, "custom_id": "name", "label": "Name", "style": 1}]}
MODAL = {"custom_id": "form", "title": "Form", "components": [FIELD]}
COMMANDS = [
    slash(),
    slash("find", options=[option("what", autocomplete=True), option("n", 4)]),
    slash(
        "typed",
        options=[
            option("text", 3, required=True, min_length=2, max_length=4), option("whole", 4, min_value=1),
            option("yes", 5), option("who", 6), option("where", 7), option("role", 8), option("any", 9),
            option("part", 10), option("file", 11),
            option("pick", 3, choices=[{"name": "A", "value": "a"}]),
        ],
    ),
    slash("deep", options=[{**option("group", 2), "options": [{**option("sub", 1), "options": [option("x")]}]},
                           option("lone", 1)]),
    {"name": "Who Is", "type": 2},
    {"name": "Report This", "type": 3},
]  # fmt: skip


@pytest.fixture
def client():
    """A double without limits, with one command of each kind."""
    client = Client()
    assert client.put(COMMANDS).status == 200
    return client


@pytest.fixture
def peer(client):
    """A bot that listens."""
    return logged_in(client)


def heard(peer):
    """The one interaction that the bot was told."""
    (event,) = peer.take()
    assert event["t"] == "INTERACTION_CREATE"
    return event["d"]


def sent(client, peer, **body):
    """Somebody does something; what the bot hears."""
    answer = use(client, **body)
    assert answer.status == 200, answer.data
    return heard(peer)


def respond(client, interaction, kind, data=None, **more):
    """The bot's first answer."""
    path = f"/interactions/{interaction['id']}/{interaction['token']}/callback"
    return client.ask("POST", path, {"type": kind, "data": data}, Authorization="", **more)


def webhook(client, method, interaction, rest="", body=None, **more):
    """What the bot does with the interaction's token."""
    path = f"/webhooks/{APP}/{interaction['token']}{rest}"
    return client.ask(method, path, body, **{"Authorization": "", **more})


def state(client, interaction):
    """What the control route tells."""
    return client.ask("GET", f"/sandbox/interactions/{interaction['id']}").data


class TestSending:
    """What INTERACTION_CREATE carries."""

    def test_a_command_in_a_guild(self, client, peer):
        """Who, where, what, and a token."""
        told = sent(client, peer, command="ping")
        assert (told["type"], told["application_id"], told["guild_id"], told["version"]) == (2, APP, GUILD, 1)
        registered = client.get().data[0]
        data = {"id": registered["id"], "name": "ping", "type": 1, "guild_id": GUILD}
        assert (told["data"], told["context"]) == (data, 0)
        assert told["member"]["user"]["id"] == OWNER
        assert "user" not in told
        assert told["channel_id"] == told["channel"]["id"]
        assert told["authorizing_integration_owners"] == {"0": GUILD}

    def test_a_global_command_in_a_guild_and_between_two(self, client, peer):
        """Global commands work in every guild, known so far or not, and in direct messages."""
        client.put([slash("everywhere")], "global")
        answer = use(client, command="everywhere", guild_id="777")
        assert answer.data["delivered"] == 1
        told, command = peer.take()
        assert (told["t"], told["d"]["id"]) == ("GUILD_CREATE", "777")
        assert "guild_id" not in command["d"]["data"]
        told = sent(client, peer, command="everywhere", guild_id=None, user="42")
        assert (told["user"]["id"], told["context"], told["channel"]["type"]) == ("42", 1, 1)
        assert not {"member", "guild_id", "guild"} & set(told)

    @pytest.mark.parametrize("contexts", [[0], [1]])
    def test_contexts(self, client, peer, contexts):
        """A command that is not for this place cannot be used there."""
        client.put([slash("somewhere", contexts=contexts)], "global")
        answers = [use(client, command="somewhere", guild_id=guild).status for guild in (GUILD, None)]
        assert answers == ([200, 400] if contexts == [0] else [400, 200])

    @pytest.mark.parametrize("by", ["name", "id", "key"])
    def test_ways_to_name_a_command(self, client, peer, by):
        """By name, id or key."""
        registered = client.get().data[4]
        name = {"name": "Who Is", "id": registered["id"], "key": "user/Who Is"}[by]
        assert sent(client, peer, command=name, target=OWNER)["data"]["id"] == registered["id"]

    def test_the_type_tells_namesakes_apart(self, client, peer):
        """A chat command and a user command may share a name."""
        client.put([slash("same"), {"name": "same", "type": 2}])
        assert sent(client, peer, command="same", type="user", target=OWNER)["data"]["type"] == 2
        assert sent(client, peer, command="same", type=1)["data"]["type"] == 1

    def test_options_are_typed_and_resolved(self, client, peer):
        """Ids come with the objects behind them; a mentionable is a role or a user."""
        body = {
            "guild_id": GUILD,
            "channels": [{"id": "9", "name": "deck"}],
            "roles": [{"id": "8", "name": "crew"}],
            "members": [{"id": "7", "username": "mate", "roles": ["8"]}],
        }
        client.ask("POST", "/sandbox/guilds", body)
        peer.take()
        options = {"text": "ahoy", "whole": 1, "yes": False, "who": "7", "where": "9", "role": "8", "any": "8",
                   "part": 0.5, "file": "map.png", "pick": "a"}  # fmt: skip
        data = sent(client, peer, command="typed", options=options)["data"]
        assert [(one["type"], one["name"]) for one in data["options"]] == [
            (3, "text"), (4, "whole"), (5, "yes"), (6, "who"), (7, "where"), (8, "role"), (9, "any"), (10, "part"),
            (11, "file"), (3, "pick"),
        ]  # fmt: skip
        values = {one["name"]: one["value"] for one in data["options"]}
        file = values.pop("file")
        assert values == {key: value for key, value in options.items() if key != "file"}
        resolved = data["resolved"]
        assert resolved["users"]["7"]["username"] == "mate"
        assert resolved["members"]["7"]["roles"] == ["8"]
        assert "user" not in resolved["members"]["7"]
        assert (resolved["channels"]["9"]["name"], resolved["roles"]["8"]["name"]) == ("deck", "crew")
        assert resolved["attachments"][file]["filename"] == "map.png"
        for mentioned, kinds in (("7", {"users", "members"}), ("8", {"roles"})):
            data = sent(client, peer, command="typed", options={"text": "ahoy", "any": mentioned})["data"]
            assert set(data["resolved"]) == kinds

    def test_somebody_from_outside(self, client, peer):
        """A user who is no member is resolved without a member."""
        data = sent(client, peer, command="typed", options={"text": "ahoy", "who": "4242"})["data"]
        assert set(data["resolved"]) == {"users"}

    def test_sub_commands(self, client, peer):
        """Named by words, nested as Discord nests them."""
        data = sent(client, peer, command="deep group sub", options={"x": "y"})["data"]
        (group,) = data["options"]
        (sub,) = group["options"]
        assert (group["type"], group["name"], sub["type"], sub["name"]) == (2, "group", 1, "sub")
        assert sub["options"] == [{"type": 3, "name": "x", "value": "y"}]
        assert sent(client, peer, command="deep lone")["data"]["options"] == [
            {"type": 1, "name": "lone", "options": []}
        ]

    def test_context_menus(self, client, peer):
        """A user or a message as target."""
        data = sent(client, peer, command="Who Is", target=OWNER)["data"]
        assert (data["target_id"], data["resolved"]["users"][OWNER]["id"]) == (OWNER, OWNER)
        channel = client.ask("GET", f"/guilds/{GUILD}/channels").data[0]["id"]
        message = client.ask("POST", f"/channels/{channel}/messages", {"content": "x"}).data
        data = sent(client, peer, command="Report This", target=message["id"])["data"]
        assert data["resolved"]["messages"][message["id"]]["content"] == "x"

    def test_autocomplete(self, client, peer):
        """The focused option is text as typed so far; required ones may be missing."""
        told = sent(client, peer, command="find", options={"what": "go", "n": 5}, autocomplete="what")
        assert told["type"] == 4
        assert told["data"]["options"] == [
            {"type": 4, "name": "n", "value": 5},
            {"type": 3, "name": "what", "value": "go", "focused": True},
        ]

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({}, "nothing was done"),
            ({"command": "nope"}, "no command 'nope'"),
            ({"command": "ping", "typo": 1}, "unknown key 'typo'"),
            ({"command": "ping", "guild_id": "x"}, "`guild_id` is no id"),
            ({"command": "ping", "guild_id": "5"}, "no command 'ping'"),
            ({"command": "ping", "type": "x"}, "no type of command"),
            ({"command": "ping", "type": "user"}, "no command 'ping'"),
            ({"command": "ping", "user": "x"}, "no user id"),
            ({"command": "ping", "channel_id": "5"}, "no channel 5"),
            ({"command": "ping", "options": []}, None),
            ({"command": "ping", "options": [1]}, "`options` is no object"),
            ({"command": "ping", "options": {"a": 1}}, "no option 'a'"),
            ({"command": "deep"}, "used through a sub-command"),
            ({"command": "deep nope"}, "no sub-command 'nope'"),
            ({"command": "typed"}, "required options are missing: text"),
            ({"command": "typed", "options": {"text": 5}}, "wants a text"),
            ({"command": "typed", "options": {"text": "a"}}, "has length 1"),
            ({"command": "typed", "options": {"text": "aaaaa"}}, "has length 5"),
            ({"command": "typed", "options": {"text": "ahoy", "whole": 0}}, "has value 0"),
            ({"command": "typed", "options": {"text": "ahoy", "whole": True}}, "wants a whole number"),
            ({"command": "typed", "options": {"text": "ahoy", "yes": 1}}, "wants true or false"),
            ({"command": "typed", "options": {"text": "ahoy", "part": "1"}}, "wants a number"),
            ({"command": "typed", "options": {"text": "ahoy", "pick": "b"}}, "has no choice 'b'"),
            ({"command": "typed", "options": {"text": "ahoy", "who": "bob"}}, "wants an id"),
            ({"command": "typed", "options": {"text": "ahoy", "where": "5"}}, "has no channel 5"),
            ({"command": "typed", "options": {"text": "ahoy", "role": "5"}}, "has no role 5"),
            ({"command": "typed", "options": {"text": "ahoy", "file": 5}}, "wants a file name"),
            ({"command": "typed", "options": {"text": "ahoy"}, "autocomplete": "text"}, "has no autocomplete"),
            ({"command": "Who Is"}, "wants an id"),
            ({"command": "Report This", "target": "5"}, "no message '5'"),
            ({"component": "go", "message_id": "5"}, "no message '5'"),
            ({"modal": {}, "interaction_id": "5"}, "no interaction '5'"),
        ],
    )
    def test_what_nobody_can_do(self, client, peer, body, words):
        """One line says what is wrong, and the bot hears nothing."""
        answer = use(client, **body)
        if words is None:
            assert answer.status == 200
        else:
            assert (answer.status, words in answer.data["message"]) == (400, True), answer.data
            assert peer.take() == []

    def test_a_guild_that_is_closed(self, client, peer):
        """The bot is not there."""
        client.sandbox.set_guild(GUILD, "forbidden")
        assert "not in guild" in use(client, command="ping").data["message"]

    def test_which_application(self, client, peer):
        """The only one with a session, or it must be named."""
        assert use(client, command="ping", application_id=None).status == 200
        logged_in(client, token="MzMzMzMzMzMzMzMzMzMzMzMz.x.y")
        assert "which application?" in use(client, command="ping", application_id=None).data["message"]


class TestAnswering:
    """The first answer."""

    def test_a_reply(self, client, peer):
        """204, and the message exists for everybody."""
        told = sent(client, peer, command="ping")
        assert state(client, told)["state"] == "pending"
        client.clock.now += 1.5
        assert respond(client, told, 4, {"content": "pong"}).status == 204
        seen = state(client, told)
        assert (seen["state"], seen["name"], seen["type"], seen["delivered"]) == ("answered", "ping", 2, 1)
        (response,) = seen["responses"]
        assert (response["kind"], response["type"], response["after"]) == ("callback", 4, 1.5)
        assert (response["message"]["content"], response["ephemeral"]) == ("pong", False)
        assert told["token"] not in str(seen)
        message = client.ask("GET", f"/channels/{told['channel_id']}/messages").data[0]
        assert (message["content"], message["interaction_metadata"]["id"]) == ("pong", told["id"])

    def test_with_response(self, client, peer):
        """200 with the message; a deferred one is still loading."""
        told = sent(client, peer, command="ping")
        made = respond(client, told, 4, {"content": "pong"}, query="with_response=true")
        assert made.status == 200
        assert made.data["resource"]["message"]["content"] == "pong"
        assert made.data["interaction"]["response_message_id"] == made.data["resource"]["message"]["id"]
        told = sent(client, peer, command="ping")
        made = respond(client, told, 5, {"flags": 64}, query="with_response=true").data["interaction"]
        assert (made["response_message_loading"], made["response_message_ephemeral"]) == (True, True)

    def test_ephemeral(self, client, peer):
        """One person sees it: it is in no channel, and nobody is told."""
        listener = logged_in(client, intents=1 | 1 << 9)
        told = sent(client, peer, command="ping")
        listener.take()
        respond(client, told, 4, {"content": "hush", "flags": EPHEMERAL})
        assert state(client, told)["responses"][0]["ephemeral"]
        assert client.ask("GET", f"/channels/{told['channel_id']}/messages").data == []
        assert listener.take() == []
        told = sent(client, peer, command="ping")
        listener.take()
        respond(client, told, 4, {"content": "loud"})
        assert events(listener.take()) == ["MESSAGE_CREATE"]

    def test_the_second_answer(self, client, peer):
        """40060, and it is on record: two processes answered."""
        told = sent(client, peer, command="ping")
        respond(client, told, 5)
        again = respond(client, told, 4, {"content": "x"})
        assert (again.status, again.code) == (400, 40060)
        assert [one["code"] for one in state(client, told)["refused"]] == [40060]
        assert len(state(client, told)["responses"]) == 1

    @pytest.mark.parametrize(("seconds", "status"), [(3.0, 204), (3.001, 404)])
    def test_three_seconds(self, client, peer, seconds, status):
        """After that the interaction is unknown: 10062."""
        told = sent(client, peer, command="ping")
        client.clock.now += seconds
        answer = respond(client, told, 4, {"content": "pong"})
        assert answer.status == status
        assert state(client, told)["state"] == ("answered" if status == 204 else "timed out")
        if status == 404:
            assert answer.code == 10062
            assert webhook(client, "POST", told, body={"content": "x"}).code == 10015

    def test_a_wrong_token_or_id(self, client, peer):
        """10062 either way."""
        told = sent(client, peer, command="ping")
        for wrong in ({**told, "token": "x"}, {**told, "id": "5"}):
            assert respond(client, wrong, 4, {"content": "x"}).code == 10062
        assert respond(client, told, 4, {"content": "x"}).status == 204

    @pytest.mark.parametrize(
        ("kind", "data", "place"),
        [
            (1, None, ("type",)),
            (6, None, ("type",)),
            (8, {"choices": []}, ("type",)),
            (None, {"content": "x"}, ("type",)),
            (4, [1], ("data",)),
            (4, {"content": "x" * 2001}, ("data", "content")),
            (4, {"content": 5}, ("data", "content")),
            (4, {"content": "x", "tts": "x"}, ("data", "tts")),
            (4, {"content": "x", "flags": "x"}, ("data", "flags")),
            (4, {"embeds": [{}] * 11}, ("data", "embeds")),
            (4, {"embeds": [{"title": "x" * 257}]}, ("data", "embeds", "0", "title")),
            (4, {"embeds": [{"fields": [{"name": "x"}]}]}, ("data", "embeds", "0", "fields", "0", "value")),
            (4, {"components": [BUTTON] * 6}, ("data", "components")),
            (4, {"components": [{"type": 10, "content": "x"}]}, ("data", "components", "0", "type")),
            (4, {"components": [{"type": 1}]}, ("data", "components", "0", "components")),
            (4, {"components": [BUTTON, BUTTON]}, ("data", "components", "1", "components", "0", "custom_id")),
            (4, {"content": "x", "flags": 1 << 15}, ("data", "content")),
            (9, {}, ("data", "custom_id")),
            (9, {**MODAL, "title": "x" * 46}, ("data", "title")),
            (9, {**MODAL, "components": [FIELD] * 6}, ("data", "components")),
        ],
    )
    def test_refused_answers(self, client, peer, kind, data, place):
        """50035 names the place; a correct answer may still follow."""
        told = sent(client, peer, command="ping")
        answer = respond(client, told, kind, data)
        assert (answer.status, answer.code) == (400, 50035)
        errors = answer.data["errors"]
        for key in place:
            errors = errors[key]
        assert errors["_errors"]
        assert respond(client, told, 4, {"content": "pong"}).status == 204

    @pytest.mark.parametrize("data", [None, {}, {"content": ""}, {"content": None, "embeds": []}])
    def test_empty_replies(self, client, peer, data):
        """50006."""
        assert respond(client, sent(client, peer, command="ping"), 4, data).code == 50006

    def test_autocomplete(self, client, peer):
        """Choices and nothing else, at most 25."""
        told = sent(client, peer, command="find", autocomplete="what")
        assert respond(client, told, 4, {"content": "x"}).code == 50035
        choice = {"name": "A", "value": "a"}
        assert "choices" in respond(client, told, 8, {"choices": [choice] * 26}).data["errors"]["data"]
        assert "0" in respond(client, told, 8, {"choices": [{"name": "A"}]}).data["errors"]["data"]["choices"]
        assert respond(client, told, 8, {"choices": [choice]}).status == 204
        seen = state(client, told)
        assert (seen["state"], seen["responses"][0]["choices"], seen["message"]) == ("answered", [choice], None)

    def test_a_file(self, client, peer):
        """Multipart: the JSON is `payload_json`, files are attached by number."""
        told = sent(client, peer, command="ping")
        body = (
            b'--B\r\nContent-Disposition: form-data; name="payload_json"\r\nContent-Type: application/json\r\n\r\n'
            b'{"type": 4, "data": {"content": "map", "attachments": [{"id": 0, "description": "X"}]}}\r\n'
            b'--B\r\nContent-Disposition: form-data; name="files[0]"; filename="map.bin"\r\n'
            b"Content-Type: application/octet-stream\r\n\r\n\x00\xff\r\n\x01\r\n--B--\r\n"
        )
        path = f"/interactions/{told['id']}/{told['token']}/callback"
        sent_as = "multipart/form-data; boundary=B"
        assert client.ask("POST", path, body, Content_Type=sent_as).status == 204
        message = state(client, told)["message"]
        (file,) = message["attachments"]
        assert message["content"] == "map"
        assert (file["filename"], file["size"], file["description"]) == ("map.bin", 5, "X")
        bad = b'--B\r\nContent-Disposition: form-data; name="payload_json"\r\n\r\n{\r\n--B--'
        broken = client.ask("POST", path, bad, Content_Type=sent_as)
        assert (broken.status, broken.code) == (400, 50109)

    def test_it_counts_against_no_limit(self):
        """No Authorization, no bucket, and not the fifty a second either."""
        client = Client()
        client.put(COMMANDS)
        peer = logged_in(client)
        client.sandbox.configure(limits=True)
        for _ in range(60):
            answer = respond(client, sent(client, peer, command="ping"), 5)
            assert (answer.status, "X-RateLimit-Limit" in answer.headers) == (204, False)


class TestAfterwards:
    """The original response and follow-ups, for 15 minutes."""

    @pytest.fixture
    def told(self, client, peer):
        """An interaction that was deferred."""
        told = sent(client, peer, command="ping")
        respond(client, told, 5)
        return told

    def test_editing_ends_a_deferral(self, client, told):
        """The person sees the bot thinking, then the answer."""
        seen = state(client, told)
        assert (seen["state"], seen["message"]["flags"]) == ("deferred", LOADING)
        client.clock.now += 60
        edited = webhook(client, "PATCH", told, "/messages/@original", {"content": "done"})
        assert (edited.status, edited.data["content"], edited.data["flags"]) == (200, "done", 0)
        assert webhook(client, "GET", told, "/messages/@original").data == edited.data
        seen = state(client, told)
        assert (seen["state"], seen["responses"][1]["kind"], seen["responses"][1]["after"]) == ("answered", "edit", 60)

    def test_a_follow_up_fills_a_deferral(self, client, told):
        """The first becomes the answer, the next is a message of its own."""
        first = webhook(client, "POST", told, body={"content": "one"}).data
        second = webhook(client, "POST", told, body={"content": "two"}).data
        assert first["id"] == webhook(client, "GET", told, "/messages/@original").data["id"] != second["id"]
        assert (first["content"], first["flags"], second["content"]) == ("one", 0, "two")
        assert [one["kind"] for one in state(client, told)["responses"]] == ["callback", "follow-up", "follow-up"]

    def test_a_deferred_ephemeral_answer_stays_ephemeral(self, client, peer):
        """Whoever sees the thinking sees the answer, whatever flags the edit has."""
        told = sent(client, peer, command="ping")
        respond(client, told, 5, {"flags": EPHEMERAL})
        edited = webhook(client, "PATCH", told, "/messages/@original", {"content": "x", "flags": 0}).data
        assert edited["flags"] == EPHEMERAL

    def test_a_deferred_public_answer_stays_public(self, client, told):
        """Asking for ephemeral when everybody saw the thinking is too late."""
        edited = webhook(client, "PATCH", told, "/messages/@original", {"content": "x", "flags": EPHEMERAL}).data
        assert edited["flags"] == 0

    def test_follow_ups_are_edited_and_deleted_by_id(self, client, told):
        """Apart from the original; what is deleted is unknown."""
        webhook(client, "PATCH", told, "/messages/@original", {"content": "one"})
        made = webhook(client, "POST", told, body={"content": "two", "flags": EPHEMERAL}).data
        place = f"/messages/{made['id']}"
        edited = webhook(client, "PATCH", told, place, {"content": "three"}).data
        assert (edited["content"], edited["flags"], bool(edited["edited_timestamp"])) == ("three", EPHEMERAL, True)
        assert webhook(client, "GET", told, place).data["content"] == "three"
        assert webhook(client, "DELETE", told, place).status == 204
        assert webhook(client, "GET", told, place).code == 10008
        assert webhook(client, "DELETE", told, "/messages/@original").status == 204
        assert webhook(client, "GET", told, "/messages/@original").code == 10008
        assert state(client, told)["message"] is None

    def test_messages_of_another_interaction(self, client, peer, told):
        """A token reaches its own messages only."""
        other = sent(client, peer, command="ping")
        respond(client, other, 4, {"content": "x"})
        mine = webhook(client, "GET", other, "/messages/@original").data["id"]
        assert webhook(client, "PATCH", told, f"/messages/{mine}", {"content": "y"}).code == 10008

    def test_fifteen_minutes(self, client, told):
        """Then the token is worth nothing, and a deferral has timed out."""
        client.clock.now += 900
        assert webhook(client, "GET", told, "/messages/@original").status == 200
        client.clock.now += 1
        for method, rest, body in (("PATCH", "/messages/@original", {"content": "x"}), ("POST", "", {"content": "x"})):
            answer = webhook(client, method, told, rest, body)
            assert (answer.status, answer.code) == (401, 50027)
        assert state(client, told)["state"] == "timed out"

    def test_before_the_first_answer(self, client, peer):
        """There is no webhook yet, nor for another application."""
        told = sent(client, peer, command="ping")
        assert webhook(client, "POST", told, body={"content": "x"}).code == 10015
        respond(client, told, 5)
        path = f"/webhooks/5/{told['token']}"
        assert client.ask("POST", path, {"content": "x"}).code == 10015

    def test_refused_edits(self, client, told):
        """The same rules as for the first answer."""
        answer = webhook(client, "PATCH", told, "/messages/@original", {"content": "x" * 2001})
        assert (answer.code, set(answer.data["errors"])) == (50035, {"content"})
        assert webhook(client, "POST", told, body={}).code == 50006
        assert state(client, told)["state"] == "deferred"


class TestComponents:
    """Buttons, menus and modals."""

    @pytest.fixture
    def told(self, client, peer):
        """An interaction that was answered with a button and a menu."""
        told = sent(client, peer, command="ping")
        respond(client, told, 4, {"content": "press", "components": [BUTTON, PICK]})
        return told

    def test_a_button(self, client, peer, told):
        """The message comes along; type 7 changes it, type 6 does not."""
        message = state(client, told)["message"]
        pressed = sent(client, peer, component="go", message_id=message["id"])
        assert (pressed["type"], pressed["data"]["component_type"], pressed["data"]["custom_id"]) == (3, 2, "go")
        assert pressed["message"]["id"] == message["id"]
        respond(client, pressed, 7, {"content": "pressed", "components": []})
        seen = state(client, told)["message"]
        assert (seen["id"], seen["content"], seen["components"]) == (message["id"], "pressed", [])

    def test_a_silent_answer(self, client, peer, told):
        """Type 6 acknowledges; the original is the message with the button."""
        message = state(client, told)["message"]
        pressed = sent(client, peer, component="go", message_id=message["id"])
        assert respond(client, pressed, 6).status == 204
        assert state(client, pressed)["state"] == "answered"
        webhook(client, "PATCH", pressed, "/messages/@original", {"content": "later"})
        assert state(client, told)["message"]["content"] == "later"

    def test_a_menu(self, client, peer, told):
        """With what was picked."""
        message = state(client, told)["message"]["id"]
        picked = sent(client, peer, component="pick", message_id=message, values=["a"])
        assert (picked["data"]["component_type"], picked["data"]["values"]) == (3, ["a"])
        assert "has go, pick" in use(client, component="nope", message_id=message).data["message"]

    def test_a_modal(self, client, peer):
        """Shown by type 9, submitted with values, answered like anything else."""
        told = sent(client, peer, command="ping")
        assert respond(client, told, 9, MODAL).status == 204
        assert state(client, told)["modal"] == MODAL
        assert "no field" in use(client, modal={"x": "y"}, interaction_id=told["id"]).data["message"]
        submitted = sent(client, peer, modal={"name": "Ann"}, interaction_id=told["id"])
        assert (submitted["type"], submitted["data"]["custom_id"]) == (5, "form")
        (row,) = submitted["data"]["components"]
        assert row["components"] == [{"type": 4, "custom_id": "name", "value": "Ann"}]
        assert respond(client, submitted, 9, MODAL).code == 50035
        assert respond(client, submitted, 4, {"content": "hello"}).status == 204


class TestPlaces:
    """What a bot asks about where it is, and says there by itself."""

    def test_guilds_channels_people(self, client):
        """Lists and single ones; unknown ones have Discord's codes."""
        assert [one["id"] for one in client.ask("GET", "/users/@me/guilds").data] == [GUILD]
        channel = client.ask("GET", f"/guilds/{GUILD}/channels").data[0]
        assert client.ask("GET", f"/channels/{channel['id']}").data == channel
        assert client.ask("GET", f"/guilds/{GUILD}/roles").data[0]["id"] == GUILD
        assert len(client.ask("GET", f"/guilds/{GUILD}/members").data) == 2
        assert client.ask("GET", f"/guilds/{GUILD}/members/{OWNER}").data["user"]["id"] == OWNER
        assert client.ask("GET", f"/guilds/{GUILD}/members/5").code == 10007
        assert client.ask("GET", "/users/5").data["id"] == "5"
        assert client.ask("GET", "/channels/5").code == 10003
        assert client.ask("GET", f"/guilds/{GUILD}", Authorization="").status == 401

    def test_messages(self, client):
        """Posted, replied to, edited, deleted; ephemeral is for interactions."""
        channel = client.ask("GET", f"/guilds/{GUILD}/channels").data[0]["id"]
        listener = logged_in(client, intents=1 | 1 << 9)
        place = f"/channels/{channel}/messages"
        first = client.ask("POST", place, {"content": "one", "flags": EPHEMERAL}).data
        assert first["flags"] == 0
        reply = client.ask("POST", place, {"content": "two", "message_reference": {"message_id": first["id"]}}).data
        assert (reply["type"], reply["referenced_message"]["id"]) == (19, first["id"])
        assert client.ask("PATCH", f"{place}/{first['id']}", {"content": "1"}).data["content"] == "1"
        assert [one["content"] for one in client.ask("GET", place).data] == ["two", "1"]
        assert client.ask("DELETE", f"{place}/{first['id']}").status == 204
        assert client.ask("GET", f"{place}/{first['id']}").code == 10008
        assert events(listener.take()) == ["MESSAGE_CREATE", "MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE"]
        assert client.ask("POST", place, {}).code == 50006
        assert client.ask("POST", "/channels/5/messages", {"content": "x"}).code == 10003

    def test_messages_of_others(self, client):
        """Only their author edits or deletes them."""
        channel = client.ask("GET", f"/guilds/{GUILD}/channels").data[0]["id"]
        message = client.ask("POST", f"/channels/{channel}/messages", {"content": "one"}).data
        other = {"Authorization": "Bot MzMzMzMzMzMzMzMzMzMzMzMz.x.y"}
        client.sandbox.set_guild(GUILD, "open")
        path = f"/channels/{channel}/messages/{message['id']}"
        assert client.ask("PATCH", path, {"content": "x"}, **other).code == 50005
        assert client.ask("DELETE", path, **other).code == 50005

    def test_direct_messages(self, client):
        """The channel with a person is opened once."""
        listener = logged_in(client, intents=1 << 12)
        opened = client.ask("POST", "/users/@me/channels", {"recipient_id": "42"}).data
        assert client.ask("POST", "/users/@me/channels", {"recipient_id": "42"}).data == opened
        client.ask("POST", f"/channels/{opened['id']}/messages", {"content": "hi"})
        assert [one["d"]["content"] for one in listener.take()] == ["hi"]
        assert client.ask("POST", "/users/@me/channels", {}).code == 50035
