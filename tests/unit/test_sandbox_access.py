"""Who may do what, and what the double says about applications, guilds and itself."""

from __future__ import annotations

import base64

import pytest
from sandbox_client import APP, GUILD, Client, bot_token, slash

OTHER = "999999999999999999"
ROLE = {"id": GUILD, "type": 1, "permission": True}


@pytest.fixture
def client():
    """A bot without limits."""
    return Client()


def bearer(client, scope="applications.commands.update"):
    """Asks for an OAuth2 token."""
    basic = base64.b64encode(f"{APP}:secret".encode()).decode()
    body = f"grant_type=client_credentials&scope={scope}".encode()
    return client.ask("POST", "/oauth2/token", body, Authorization=f"Basic {basic}")


def as_bearer(client, scope="applications.commands.update"):
    """Goes on with an OAuth2 token instead of the bot's."""
    client.auth = f"Bearer {bearer(client, scope).data['access_token']}"


@pytest.mark.parametrize("auth", ["", "Bot nonsense", "Bot a.b.c", f"Bearer {bot_token()}", bot_token(), "Bearer x"])
def test_what_is_no_token_is_401(client, auth):
    """Only a well-formed bot token or a token given out here lets anyone in."""
    answer = client.get(Authorization=auth)
    assert (answer.status, answer.data) == (401, {"message": "401: Unauthorized", "code": 0})


@pytest.mark.parametrize("token", [bot_token(), base64.b64encode(APP.encode()).decode() + ".x_-.y"])
def test_the_token_says_which_application_it_is(client, token):
    """Padded or not, the first part of a bot token is the application's id."""
    answer = client.ask("GET", "/applications/@me", Authorization=f"Bot {token}")
    assert (answer.status, answer.data["id"]) == (200, APP)


def test_commands_of_another_application_are_403(client):
    """A token reaches its own application only."""
    answer = client.ask("GET", f"/applications/{OTHER}/commands")
    assert (answer.status, answer.code) == (403, 20012)


@pytest.mark.parametrize(("state", "status", "code"), [("forbidden", 403, 50001), ("missing", 404, 10004)])
def test_guilds_are_open_until_told_otherwise(client, state, status, code):
    """One guild can be closed to the application; others and global stay open."""
    assert client.get().status == 200
    client.sandbox.set_guild(GUILD, state)
    for answer in (client.get(), client.put([])):
        assert (answer.status, answer.code) == (status, code)
    assert client.get("333").status == client.get("global").status == 200
    client.sandbox.set_guild(GUILD, "open")
    assert client.get().status == 200


def test_client_credentials_may_write_commands_but_not_read_the_application(client):
    """An OAuth2 token with applications.commands.update: commands and /oauth2/@me, nothing of the bot's."""
    as_bearer(client)
    assert client.put([slash()]).status == 200
    me = client.ask("GET", "/oauth2/@me")
    assert me.data["application"]["id"] == APP
    assert me.data["scopes"] == ["applications.commands.update"]
    assert "user" not in me.data
    for path in ("/applications/@me", "/gateway/bot"):
        assert client.ask("GET", path).status == 401


def test_a_token_without_the_scope_is_403(client):
    """`identify` alone reads the owner and no commands."""
    as_bearer(client, "identify")
    assert client.get().code == 50026
    assert client.ask("GET", "/oauth2/@me").data["user"]["username"] == "sandbox-owner"


def test_oauth2_tokens_expire(client):
    """After a week the token is worth nothing."""
    as_bearer(client)
    client.clock.now += 604_801
    assert client.get().status == 401


def test_bad_grants(client):
    """What is asked for wrongly is refused as OAuth2 has it."""
    assert bearer(client, "bot").data["error"] == "invalid_scope"
    assert client.ask("POST", "/oauth2/token", b"grant_type=client_credentials&scope=identify").status == 401
    form = f"client_id={APP}&client_secret=s&grant_type=password&scope=identify".encode()
    assert client.ask("POST", "/oauth2/token", form).data["error"] == "unsupported_grant_type"


def test_the_bot_route_of_oauth2_me(client):
    """Documented for bearer tokens only."""
    assert client.ask("GET", "/oauth2/@me").status == 401


class TestPermissions:
    """Overwrites that server owners set on commands."""

    @pytest.fixture
    def command(self, client):
        """A command to set overwrites on."""
        return client.post(slash()).data["id"]

    def path(self, command):
        """Where its overwrites live."""
        return f"/applications/{APP}/guilds/{GUILD}/commands/{command}/permissions"

    def test_bots_may_read_but_not_set_them(self, client, command):
        """A bot's PUT is 403 with code 20001; a person's token may."""
        answer = client.ask("PUT", self.path(command), {"permissions": [ROLE]})
        assert (answer.status, answer.code) == (403, 20001)
        assert client.ask("GET", self.path(command)).code == 10066
        bot = client.auth
        as_bearer(client, "applications.commands.permissions.update")
        assert client.ask("PUT", self.path(command), {"permissions": [ROLE]}).status == 200
        client.auth = bot
        told = {"id": command, "application_id": APP, "guild_id": GUILD, "permissions": [ROLE]}
        assert client.ask("GET", self.path(command)).data == told
        everything = client.ask("GET", f"/applications/{APP}/guilds/{GUILD}/commands/permissions")
        assert everything.data == [told]

    def test_refused_overwrites(self, client, command):
        """At most 100, of roles, users and channels, for a command that exists."""
        as_bearer(client, "applications.commands.permissions.update")
        bad = [{**ROLE, "type": 4}, {"id": "x", "type": 1, "permission": True}]
        errors = client.ask("PUT", self.path(command), {"permissions": bad}).data["errors"]["permissions"]
        assert (set(errors["0"]), set(errors["1"])) == ({"type"}, {"id"})
        assert client.ask("PUT", self.path(command), {"permissions": [ROLE] * 101}).status == 400
        assert client.ask("PUT", self.path("5"), {"permissions": [ROLE]}).code == 10063

    @pytest.mark.parametrize("scope", ["global", GUILD])
    @pytest.mark.parametrize("way", ["delete", "rename by PATCH", "rename by PUT", "omit from PUT"])
    def test_deleting_and_renaming_lose_them(self, client, scope, way):
        """Both are destructive, for global commands in every guild; the neighbour's overwrites stay."""
        mine, other = client.put([slash("a"), slash("b")], scope).data
        for command in (mine, other):
            client.sandbox.set_permissions(APP, GUILD, command["id"], [ROLE])
        if way == "delete":
            client.delete(mine["id"], scope)
        elif way == "rename by PATCH":
            client.patch(mine["id"], {"name": "c"}, scope)
        else:
            renamed = [{**slash("c"), "id": mine["id"]}] if way == "rename by PUT" else []
            client.put([*renamed, slash("b")], scope)
        assert set(client.sandbox.permissions(APP)[GUILD]) == {other["id"]}

    def test_editing_keeps_them(self, client, command):
        """A new description or default permission touches no overwrite."""
        client.sandbox.set_permissions(APP, GUILD, command, [ROLE])
        client.put([slash(default_member_permissions="0")])
        client.patch(command, {"description": "edited"})
        assert client.sandbox.permissions(APP) == {GUILD: {command: [ROLE]}}


def test_the_application_can_be_edited(client):
    """PATCH keeps what it knows, and says what is wrong."""
    edited = client.ask("PATCH", "/applications/@me", {"description": {"default": "x"}, "tags": ["fun"]}).data
    assert (edited["description"], edited["tags"]) == ("x", ["fun"])
    assert client.ask("GET", "/oauth2/applications/@me").data == edited
    bad = {"integration_types_config": {"7": {}}, "interactions_endpoint_url": "ftp://x"}
    errors = client.ask("PATCH", "/applications/@me", bad).data["errors"]
    assert set(errors) == set(bad)


def test_session_start_limit_can_be_spent(client):
    """A deploy asks how many sessions may still be started."""
    client.sandbox.configure(sessions_remaining=3)
    limit = client.ask("GET", "/gateway/bot").data["session_start_limit"]
    assert (limit["total"], limit["remaining"], limit["max_concurrency"]) == (1000, 3, 1)
    assert limit["reset_after"] > 0


def test_the_gateway_is_this_double(client):
    """A client must never carry a token from here to Discord: the gateway has the address it asked."""
    answer = client.ask("GET", "/gateway", Host="127.0.0.1:4000", Authorization="")
    assert answer.data == {"url": "ws://127.0.0.1:4000"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, 0),
        ("DELETE", "/gateway", 405, 0),
        ("PUT", f"/applications/{APP}/guilds/{GUILD}/commands/permissions", 405, 0),
        ("GET", f"/applications/{APP}/guilds/general/commands", 400, 50035),
        ("GET", f"/applications/{APP}/commands/{'9' * 21}", 400, 50035),
    ],
)
def test_wrong_addresses(client, method, path, status, code):
    """404, 405 and ids that are none, as Discord says them."""
    answer = client.ask(method, path, {})
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize(("prefix", "status"), [("/api/v9", 200), ("/api", 200), ("/api/v6", 400), ("", 404)])
def test_versions_of_the_api(client, prefix, status):
    """Versions 9 and 10 and none work; without /api there is nothing."""
    from botswain.sandbox.model import Request

    assert client.sandbox.handle(Request("GET", f"{prefix}/gateway")).status == status


def test_user_agent_when_asked_for(client):
    """Discord's edge may refuse who does not call itself a DiscordBot; off unless switched on."""
    client.sandbox.configure(strict_user_agent=True)
    assert client.get(User_Agent="curl/8").status == 403
    assert client.get(User_Agent="DiscordBot (https://example.org, 1)").status == 200
