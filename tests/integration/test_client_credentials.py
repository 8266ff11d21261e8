"""Everything of a deployment with a client secret instead of a bot token, against the double behind a socket."""

from __future__ import annotations

import json
from collections import Counter

import httpx
import pytest
from desk import APP, GUILD, GUILD_2, OTHER_APP, Desk, refused, token

from botswain.sandbox.process import running_server

pytestmark = pytest.mark.slow

SECRET = "Zk3vT8q-x7Yw2_mB1nC5dF9hJ4gL7pS0"


class Double:
    """The served double, and what a test does to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ask("POST", "settings", limits=False, client_secret=SECRET)

    def ask(self, method: str, path: str, /, **body):
        """A control request."""
        done = httpx.request(method, f"{self.url}/sandbox/{path}", json=body or None, trust_env=False)
        done.raise_for_status()
        return done.json() if done.content else None

    def edit(self, action: str, scope: str = GUILD, **values) -> None:
        """Other hands."""
        self.ask("POST", "edit", application_id=APP, scope=scope, action=action, **values)

    def seen(self) -> Counter[str]:
        """The requests since the last call: method, and path without the prefix and what differs."""
        log = self.ask("GET", "log")
        self.ask("DELETE", "log")
        return Counter(f"{one['method']} {one['path'].removeprefix('/api/v10').replace(APP, 'APP')}" for one in log)

    def live(self, scope: str = GUILD) -> dict[str, str]:
        """What is live in a scope, asked with a bot token: descriptions by name."""
        middle = "" if scope == "global" else f"/guilds/{scope}"
        found = httpx.get(
            f"{self.url}/api/v10/applications/{APP}{middle}/commands",
            headers={"Authorization": f"Bot {token()}"},
            trust_env=False,
        )
        return {one["name"]: one["description"] for one in found.json()}


@pytest.fixture(scope="module")
def address():
    """One server for all tests, each of which starts from nothing."""
    with running_server() as url:
        yield url


@pytest.fixture
def double(address, desk: Desk):
    """The server, with a project that has a client secret and no token for it."""
    double = Double(address)
    double.ask("DELETE", "faults")
    for scope in (GUILD, GUILD_2, "global"):
        double.edit("replace", scope, command=[])
    for guild in (GUILD, GUILD_2):
        double.ask("POST", "guilds", guild_id=guild, state="open")
    double.seen()
    desk.profile(api=f"{address}/api/v10", guild_ids=[GUILD, GUILD_2])
    desk.environment["DISCORD_DEV_CLIENT_SECRET"] = SECRET
    return double


def inv(desk: Desk, *arguments: str, code: int = 0):
    """A command line of the environment that ends so."""
    ran = desk.inv(*arguments, "--env", "dev")
    assert ran.code == code, ran
    return ran


def test_a_whole_life(desk: Desk, double: Double):
    """Deploy, diff, drift, detect another hand's edit, rollback, and the drill of it all: as with a token."""
    desk.commands(2)
    inv(desk, "deploy")
    assert double.live() == double.live(GUILD_2) == {"c01": "Number 1", "c02": "Number 2"}
    inv(desk, "diff", "--check")
    desk.command("c01", "Changed")
    inv(desk, "diff", "--check", code=2)
    inv(desk, "deploy")
    assert double.live()["c01"] == "Changed"
    double.edit("patch", name="c02", command={"description": "By hand"})
    inv(desk, "drift", "--check", code=2)
    inv(desk, "rollback")
    assert double.live() == {"c01": "Number 1", "c02": "By hand"}
    inv(desk, "rollback", "--yes", "--allow-delete", "9")
    assert double.live(GUILD_2) == {}


def test_the_access_token_costs_one_request_a_run(desk: Desk, double: Double):
    """And the closed routes are never asked."""
    desk.commands(2)
    inv(desk, "deploy")
    guild = "/applications/APP/guilds/{}/commands"
    assert double.seen() == {
        "POST /oauth2/token": 1,
        "GET /oauth2/@me": 1,
        **{f"GET {guild.format(one)}": 2 for one in (GUILD, GUILD_2)},
        **{f"PUT {guild.format(one)}": 1 for one in (GUILD, GUILD_2)},
    }
    inv(desk, "diff")
    assert double.seen()["POST /oauth2/token"] == 1
    document = json.loads(inv(desk, "diff", "--json").out)
    assert document["requests"] == {"GET": 3, "POST": 1}


def test_an_access_token_that_ends_meanwhile(desk: Desk, double: Double):
    """A write that is refused for it is sent again with a new one; nothing is undone."""
    desk.commands(2)
    double.ask("POST", "faults", kind="status", method="PUT", path=GUILD, status=401)
    inv(desk, "deploy")
    assert double.live() == double.live(GUILD_2) == {"c01": "Number 1", "c02": "Number 2"}
    seen = double.seen()
    assert seen["POST /oauth2/token"] == 2
    assert sum(count for what, count in seen.items() if what.startswith("PUT")) == 3


def test_a_wrong_secret(desk: Desk, double: Double):
    """One line and one request; nothing is written."""
    desk.commands(1)
    desk.environment["DISCORD_DEV_CLIENT_SECRET"] = SECRET[::-1]
    ran = inv(desk, "deploy", code=1)
    assert len(ran.told) == 1
    assert ran.told[0].endswith(
        "the client secret was refused (401); copy the current one from the OAuth2 page of the profile's application"
        " (application_id) into DISCORD_DEV_CLIENT_SECRET"
    )
    assert double.seen() == {"POST /oauth2/token": 1}


def test_a_wrong_secret_that_two_environments_share(desk: Desk, double: Double):
    """The variable that is named is that of the environment in question, whichever comes first."""
    desk.commands(1)
    wrong = desk.environment.pop("DISCORD_DEV_CLIENT_SECRET")[::-1]
    desk.environment |= {"DISCORD_ALPHA_CLIENT_SECRET": wrong, "DISCORD_DEV_CLIENT_SECRET": wrong}
    assert inv(desk, "deploy", code=1).told[0].endswith(" into DISCORD_DEV_CLIENT_SECRET")
    double.ask("POST", "faults", kind="status", path="oauth2/token", status=401)
    assert "ALPHA" not in desk.inv("doctor", "--env", "dev").out


def test_a_rate_limit_of_the_token_route(desk: Desk, double: Double):
    """Too long a wait ends the run with the time to come back."""
    desk.commands(1)
    double.ask("POST", "faults", kind="rate_limit", path="oauth2/token", retry_after=900, count=9)
    ran = inv(desk, "deploy", code=1)
    assert len(ran.told) == 1
    assert "asked to wait 15 min" in ran.told[0]
    assert double.live() == {}


def test_no_application_id(desk: Desk, double: Double):
    """Against Discord itself a secret without an id can do nothing, and nothing is sent."""
    desk.profile(api="https://discord.com/api/v10", application_id=None)
    desk.commands(1)
    refused(
        desk.inv("deploy", "--env", "dev"),
        "profiles/dev.yaml: application_id: is required with DISCORD_DEV_CLIENT_SECRET; name it, or set"
        " DISCORD_DEV_APPLICATION_ID",
    )


def test_a_manifest_of_another_application(desk: Desk, double: Double):
    """A secret of an application that was not deployed to changes nothing."""
    desk.commands(1)
    inv(desk, "deploy")
    desk.profile(api=f"{double.url}/api/v10", guild_ids=[GUILD, GUILD_2], application_id=OTHER_APP)
    desk.command("c01", "Changed")
    ran = inv(desk, "deploy", code=3)
    assert f"was deployed to application {APP}, and the client secret belongs to {OTHER_APP}; use that" in ran.told[0]
    assert "application's client secret, or move the manifest away to start anew" in ran.told[0]
    assert double.live() == {"c01": "Number 1"}


def test_both_set(desk: Desk, double: Double):
    """The token is used, and the secret is traded for nothing."""
    desk.commands(1)
    desk.environment["DISCORD_DEV_TOKEN"] = token()
    inv(desk, "deploy")
    seen = double.seen()
    assert (seen["POST /oauth2/token"], seen["GET /applications/@me"]) == (0, 1)


NOTE = "client credentials are not told what it would choose"


def test_what_is_lost_is_said_where_it_matters(desk: Desk, double: Double):
    """For a global command that is live, in no record, and leaves its installs to Discord: a plan says so, once."""
    pinned = {"integration_types": ["guild_install"], "contexts": ["guild"]}
    desk.profile(api=f"{double.url}/api/v10", guild_ids=None, allow_global=True, **{"global": True})
    desk.command("fresh")
    desk.command("open")
    desk.command("pinned", **pinned)
    for name in ("open", "pinned"):
        more = {"integration_types": [0], "contexts": [0]} if name == "pinned" else {"integration_types": [1]}
        double.edit("create", "global", command={"name": name, "description": "Pong", **more})
    ran = inv(desk, "diff")
    assert f"note: chat_input/open leaves integration_types or contexts to Discord; {NOTE}" in ran.out
    assert "~ /open" not in ran.out  # what is live is taken to be Discord's choice, never reset unasked
    assert NOTE in json.dumps(inv(desk, "diff", "--json").document["plan"]["notes"])
    desk.environment["DISCORD_DEV_TOKEN"] = token()
    ran = inv(desk, "diff")  # a bot is told that Discord would have chosen something else
    assert NOTE not in ran.out
    assert "~ /open" in ran.out
    del desk.environment["DISCORD_DEV_TOKEN"]
    inv(desk, "deploy")
    assert NOTE not in inv(desk, "diff").out


def test_in_guilds_nothing_is_lost(desk: Desk, double: Double):
    """Install types are of global commands alone."""
    desk.commands(2)
    double.edit("create", command={"name": "c01", "description": "Number 1"})
    assert NOTE not in inv(desk, "diff").out


@pytest.mark.parametrize("way", ["served", "embedded"])
def test_the_secret_and_the_access_token_are_in_no_output_and_no_file(desk: Desk, double: Double, way):
    """Not even with --debug, and not where everything fails."""
    desk.commands(2)
    if way == "embedded":
        desk.profile()
    said = ""
    for arguments in (
        ["deploy", "--json", "--debug"],
        ["diff"],
        ["rollback", "--yes", "--allow-delete", "9", "--debug"],
    ):
        ran = desk.inv(*arguments, "--env", "dev")
        assert ran.code == 0, ran
        said += ran.out + ran.err
    double.ask("POST", "faults", kind="status", path="commands", status=401, count=99)
    if way == "served":
        ran = inv(desk, "deploy", "--debug", code=1)
        assert "an access token was refused (401), and so was a new one" in ran.told[0]
        said += ran.out + ran.err
    ours = [one for one in desk.folder.rglob("*") if one.is_file() and "sandbox" not in one.parts]
    for text in (said, *(one.read_text(errors="replace") for one in ours)):
        assert SECRET not in text
        assert "Bearer" not in text
