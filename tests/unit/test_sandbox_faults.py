"""Misfortunes to order, what they leave behind, and the control routes."""

from __future__ import annotations

import json

import httpx
import pytest
from sandbox_client import APP, GUILD, Client, slash

from botswain.errors import BotswainError
from botswain.sandbox.transport import SandboxTransport


@pytest.fixture
def client():
    """A bot without limits."""
    return Client()


def names(client):
    """What is stored."""
    return [one["name"] for one in client.sandbox.commands(APP, GUILD)]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("fault", "status"), [({"kind": "status", "status": 502}, 502), ({"kind": "html", "status": 503}, 503)]
)
def test_failure_before_or_after_the_write(client, fault, status, after):
    """The same answer may mean that nothing happened or that everything did; it happens once."""
    client.sandbox.fault(**fault, after=after)
    assert client.put([slash()]).status == status
    assert names(client) == (["ping"] if after else [])
    assert client.put([slash()]).status == 200


@pytest.mark.parametrize("after", [False, True])
def test_dropped_connection(client, after):
    """Through httpx a dropped connection is a read error; the write may have been applied."""
    client.sandbox.fault("drop", method="PUT", after=after)
    with httpx.Client(transport=SandboxTransport(client.sandbox), headers={"Authorization": client.auth}) as http:
        url = f"https://discord.invalid/api/v10/applications/{APP}/guilds/{GUILD}/commands"
        with pytest.raises(httpx.ReadError):
            http.put(url, json=[slash()])
        assert [one["name"] for one in http.get(url).json()] == (["ping"] if after else [])


def test_transport_passes_everything_on(client):
    """Query, headers, body and answer survive the way through httpx."""
    with httpx.Client(transport=SandboxTransport(client.sandbox), headers={"Authorization": client.auth}) as http:
        url = f"https://discord.invalid/api/v10/applications/{APP}/commands"
        made = http.post(url, json=slash(name_localizations={"de": "ü"}))
        assert (made.status_code, made.headers["content-type"]) == (201, "application/json")
        assert http.get(url, params={"with_localizations": "true"}).json() == [made.json()]
        assert http.delete(f"{url}/{made.json()['id']}").status_code == 204


def test_rate_limit_in_mid_sequence(client):
    """`skip` lets the first ones pass; method and path choose whom it hits; `count` how often."""
    client.sandbox.fault("rate_limit", method="PUT", path="/commands$", skip=1, count=2, retry_after=2.5)
    assert client.get().status == 200
    assert [client.put([]).status for _ in range(4)] == [200, 429, 429, 200]


def test_global_rate_limit(client):
    """A fault can be of any scope."""
    client.sandbox.fault("rate_limit", scope="global", retry_after=0.25)
    answer = client.get()
    assert (answer.data["retry_after"], answer.data["global"]) == (0.25, True)
    assert answer.headers["X-RateLimit-Global"] == "true"


def test_truncated_json(client):
    """The header says JSON, the body breaks off."""
    client.put([slash()])
    client.sandbox.fault("truncate")
    from botswain.sandbox.model import Request

    response = client.sandbox.handle(
        Request("GET", f"/api/v10{client.scope_path(GUILD)}", "", {"authorization": client.auth})
    )
    assert response.status == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(response.body)


def test_bucket_hash_changes(client):
    """A client must follow when a route moves to another bucket."""
    client.sandbox.configure(limits=True)
    before, same = (client.put([]).headers["X-RateLimit-Bucket"] for _ in range(2))
    client.sandbox.fault("bucket")
    after = client.put([])
    assert before == same != after.headers["X-RateLimit-Bucket"]
    assert after.headers["X-RateLimit-Remaining"] == "4"


def test_delayed_visibility(client):
    """After a write the next lists still show what was; then the write appears."""
    (old,) = client.put([slash("old", name_localizations={"de": "alt"})]).data
    client.sandbox.fault("stale", method="PUT", reads=2)
    assert [one["name"] for one in client.put([slash("new")]).data] == ["new"]
    assert client.get(query="with_localizations=true").data == [old]
    assert [client.get().data[0]["name"] for _ in range(2)] == ["old", "new"]


def test_latency(client):
    """The answer is right but late; the caller of `handle` does the waiting."""
    client.sandbox.fault("latency", seconds=0.5)
    assert client.get().response.delay == 0.5
    client.sandbox.configure(latency=0.1)
    assert client.get().response.delay == 0.1


def test_faults_can_be_called_off(client):
    """What has not happened yet can be cleared."""
    client.sandbox.fault("drop", count=99)
    client.sandbox.clear_faults()
    assert client.get().status == 200


@pytest.mark.parametrize("values", [{"kind": "flood"}, {"kind": "drop", "often": 3}])
def test_unknown_faults_are_refused(client, values):
    """A typo in a test is told, with what there is."""
    with pytest.raises(BotswainError, match=r"sandbox fault: unknown .*; use "):
        client.sandbox.fault(**values)
    assert client.ask("POST", "/sandbox/faults", values).status == 400


class TestControlRoutes:
    """The same over HTTP."""

    def test_faults(self, client):
        """Order and call off."""
        assert client.ask("POST", "/sandbox/faults", {"kind": "status", "count": 2}).status == 204
        assert client.get().status == 500
        assert client.ask("DELETE", "/sandbox/faults").status == 204
        assert client.get().status == 200

    def test_edit(self, client):
        """Create, patch, replace and delete in any scope of any application, errors included."""
        where = {"application_id": APP, "scope": "global"}
        made = client.ask("POST", "/sandbox/edit", {**where, "action": "create", "command": slash()})
        assert made.data["name"] == "ping"
        change = {**where, "action": "patch", "name": "ping", "command": {"nsfw": True}}
        assert client.ask("POST", "/sandbox/edit", change).data["nsfw"] is True
        assert client.ask("POST", "/sandbox/edit", {**where, "action": "replace", "command": []}).data == []
        gone = client.ask("POST", "/sandbox/edit", {**where, "action": "delete", "name": "ping"})
        assert "no command 'ping'" in gone.data["message"]
        assert client.ask("POST", "/sandbox/edit", {**where, "action": "explode"}).status == 400
        bad = client.ask("POST", "/sandbox/edit", {**where, "action": "create", "command": {}})
        assert bad.code == 50035

    def test_guilds_settings_clock(self, client):
        """Close a guild, change settings, move the clock."""
        client.ask("POST", "/sandbox/guilds", {"guild_id": GUILD, "state": "forbidden"})
        assert client.get().status == 403
        told = client.ask("POST", "/sandbox/settings", {"creates_status": 400, "contexts_default": None}).data
        assert (told["creates_status"], told["contexts_default"]) == (400, None)
        assert client.ask("POST", "/sandbox/settings", {"speed": 1}).status == 400
        assert client.ask("POST", "/sandbox/guilds", {"guild_id": GUILD, "state": "lost"}).status == 400
        assert client.ask("POST", "/sandbox/guilds", {"state": "open"}).data["message"] == "missing 'guild_id'"
        assert client.ask("POST", "/sandbox/clock", {"seconds": 60}).data["time"] == client.clock.now + 60

    def test_permissions(self, client):
        """A server owner's overwrites can be put in place without a person's token."""
        command = client.post(slash()).data["id"]
        rule = {"id": GUILD, "type": 1, "permission": False}
        where = {"application_id": APP, "guild_id": GUILD, "command_id": command}
        assert client.ask("POST", "/sandbox/permissions", {**where, "permissions": [rule]}).status == 204
        assert client.sandbox.permissions(APP) == {GUILD: {command: [rule]}}

    def test_log(self, client):
        """What clients asked, without control calls and without tokens."""
        client.get()
        client.sandbox.fault("drop")
        client.put([])
        log = client.ask("GET", "/sandbox/log").data
        assert [(one["method"], one["status"]) for one in log] == [("GET", 200), ("PUT", 0)]
        assert log[0]["path"] == f"/api/v10{client.scope_path(GUILD)}"
        assert log[0]["time"] == client.clock.now
        assert client.ask("DELETE", "/sandbox/log").status == 204
        assert client.sandbox.log() == []

    def test_unknown(self, client):
        """There is nothing else."""
        assert client.ask("GET", "/sandbox/secrets").status == 404
        assert client.ask("POST", "/sandbox/faults", b"[]").status == 400
