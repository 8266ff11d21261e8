"""Unmodified bots on the double's gateway: they log in, answer people, come back, and are turned away."""

from __future__ import annotations

import base64
import time

import pytest
from clients import bots

from botswain.sandbox.process import running_server

pytestmark = pytest.mark.slow

APP, OTHER = "111111111111111111", "333333333333333333"
GUILD = "222222222222222222"
TEXT = {"type": 3, "name": "text", "description": "What to say", "required": True}
COMMANDS = [
    {"name": "plain", "description": "Replies", "options": [TEXT, {"type": 6, "name": "who", "description": "Who"}]},
    {"name": "slow", "description": "Thinks, then replies"},
    {"name": "secret", "description": "Replies to one person"},
    {"name": "more", "description": "Follows up"},
    {
        "name": "find",
        "description": "Completes",
        "options": [{**TEXT, "name": "what", "autocomplete": True}],
    },
]
MATE = "444444444444444444"
LIBRARIES = ("discord.js", "discord.py", "hikari")


def token(application=APP):
    """A made-up token."""
    return base64.urlsafe_b64encode(application.encode()).decode().rstrip("=") + ".made-up.token"


@pytest.fixture
def server():
    """The base address of a server of its own."""
    with running_server() as url:
        yield url


@pytest.fixture
def control(server):
    """Control of that server, where one guild with a voice channel and a member exists."""
    made = bots.Control(server)
    made.post("settings", identify_seconds=0.5)
    made.post(
        "guilds",
        guild_id=GUILD,
        name="Ship",
        channels=[{"name": "deck"}, {"name": "hold", "type": 2}],
        roles=[{"name": "crew"}],
        members=[{"id": MATE, "username": "mate"}],
    )
    for application in (APP, OTHER):
        put = made.api("PUT", f"/applications/{application}/commands", token(application), COMMANDS)
        assert put.status_code == 200, put.text
    yield made
    made.close()


@pytest.fixture
def start(server, request):
    """Makes the command line of a bot by its library."""

    def command(library, secret):
        if library == "discord.js":
            return request.getfixturevalue("node_client").command("bot.mjs", f"{server}/api", secret)
        script = {"discord.py": "discord_py_bot.py", "hikari": "hikari_bot.py"}[library]
        return bots.python(script, f"{server}/api/v10", secret)

    return command


def content(told):
    """Which texts the bot sent, by kind."""
    return [(one["kind"], (one["message"] or {}).get("content")) for one in told["responses"]]


def session(control):
    """The only session."""
    (one,) = control.gateway()["sessions"]
    return one


def until(condition):
    """Waits for something that the server is about to notice."""
    end = time.monotonic() + bots.PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_bot_logs_in_and_answers(library, control, start):
    """Ready with its guild and channels; every kind of answer arrives as the library's users mean it."""
    with bots.running(start(library, token())) as bot:
        assert bot.wait("ready")["guilds"] == {GUILD: ["deck", "hold"]}
        told = control.ask(GUILD, "plain", options={"text": "ahoy", "who": MATE})
        assert (told["made"]["delivered"], told["state"]) == (1, "answered")
        assert content(told) == [("callback", "ahoy mate")]
        assert content(control.ask(GUILD, "plain", options={"text": "ahoy"})) == [("callback", "ahoy sandbox-owner")]
        told = control.ask(GUILD, "slow")
        assert [(one["kind"], one.get("type")) for one in told["responses"]] == [("callback", 5), ("edit", None)]
        assert (told["state"], told["message"]["content"], told["message"]["flags"]) == ("answered", "done", 0)
        told = control.ask(GUILD, "secret")
        assert (content(told), told["responses"][0]["ephemeral"]) == ([("callback", "hush")], True)
        told = control.ask(GUILD, "more", responses=3)
        assert content(told) == [("callback", "one"), ("follow-up", "two"), ("delete", "one")]
        (file,) = told["responses"][1]["message"]["attachments"]
        assert (file["filename"], file["size"]) == ("two.txt", 5)
        told = control.ask(GUILD, "find", options={"what": "gold"}, autocomplete="what")
        (choice,) = told["responses"][0]["choices"]
        assert (choice["name"], choice["value"]) == ("gold-a", "a")
        assert told["refused"] == []


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("how", ["reconnect", "drop", "close"])
def test_a_kicked_bot_resumes(library, how, control, start):
    """After a reconnect request, a broken line or code 4000 it goes on in its session: no IDENTIFY is spent."""
    with bots.running(start(library, token())) as bot:
        bot.wait("ready")
        assert control.post("gateway/kick", how=how, code=4000) == {"kicked": 1}
        bot.wait("resumed")
        assert (session(control)["resumes"], session(control)["connected"]) == (1, True)
        limits = control.gateway()["applications"][APP]
        assert (limits["identifies"], limits["remaining"]) == (1, 999)
        assert content(control.ask(GUILD, "slow"))[-1] == ("edit", "done")


@pytest.mark.parametrize("library", LIBRARIES)
def test_an_invalid_session_is_identified_anew(library, control, start):
    """Opcode 9 ends the session; the bot makes another, which costs one of the day's."""
    with bots.running(start(library, token())) as bot:
        bot.wait("ready")
        since = session(control)["since"]
        control.post("gateway/kick", how="invalidate")
        until(lambda: [one["since"] > since for one in control.gateway()["sessions"]] == [True])
        limits = control.gateway()["applications"][APP]
        assert (limits["identifies"], limits["remaining"], limits["resumes"]) == (2, 998, 0)
        assert content(control.ask(GUILD, "slow"))[-1] == ("edit", "done")


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_token_that_was_reset_is_turned_away(library, control, start):
    """With a token that is worth nothing no bot gets in, and it says so rather than trying for ever."""
    control.post("tokens", refuse=token())
    with bots.running(start(library, token())) as bot:
        assert bot.wait("refused")["where"] == "http"
    assert control.gateway()["sessions"] == []


def test_the_gateway_refuses_a_token_that_was_reset_meanwhile(control, start):
    """A running bot is closed with 4004, which is final: its library gives up."""
    with bots.running(start("discord.js", token())) as bot:
        bot.wait("ready")
        control.post("tokens", refuse=token())
        assert bot.wait("refused")["code"] == 4004
    assert control.gateway()["sessions"] == []
    assert control.api("GET", "/users/@me", token()).status_code == 401


def test_two_bots_at_once(control, start):
    """Each has its own session and hears of its own commands only."""
    with bots.running(start("discord.js", token())) as one, bots.running(start("discord.py", token(OTHER))) as other:
        one.wait("ready")
        other.wait("ready")
        for application in (APP, OTHER):
            told = control.ask(GUILD, "secret", application_id=application)
            assert (told["made"]["delivered"], told["message"]["author"]["id"]) == (1, application)
        assert {one["application_id"] for one in control.gateway()["sessions"]} == {APP, OTHER}


def test_shards(server, control):
    """Each shard has the guilds that are its own, and hears of them only."""
    guilds = [str(number << 22) for number in (100, 101)]
    for guild in guilds:
        control.post("guilds", guild_id=guild, state="open")
    control.post("guilds", guild_id=GUILD, state="missing")
    with bots.running(bots.python("discord_py_bot.py", f"{server}/api/v10", token(), "2")) as bot:
        assert bot.wait("ready")["guilds"] == {guild: ["general"] for guild in guilds}
        sessions = {tuple(one["shard"]): one["guilds"] for one in control.gateway()["sessions"]}
        assert sessions == {(0, 2): guilds[:1], (1, 2): guilds[1:]}
        for guild in guilds:
            told = control.ask(guild, "slow")
            assert (told["made"]["delivered"], content(told)[-1], told["refused"]) == (1, ("edit", "done"), [])
        assert control.gateway()["applications"][APP]["remaining"] == 998


def test_one_identify_too_many_costs_the_token(control, start):
    """When the day's sessions are used up, the running one ends too and the token is refused until accepted again."""
    control.post("gateway/limits", total=2, remaining=1)
    with bots.running(start("discord.py", token())) as first:
        first.wait("ready")
        assert control.gateway()["applications"][APP]["remaining"] == 0
        with bots.running(start("discord.py", token())) as second:
            assert second.wait("refused")["code"] == 4004
        assert first.wait("refused")["code"] == 4004
    assert control.gateway()["sessions"] == []
    assert control.gateway()["applications"][APP]["token_resets"] == 1
    with bots.running(start("discord.py", token())) as third:
        assert third.wait("refused")["where"] == "http"
    control.post("tokens", accept=APP)
    control.post("gateway/limits", remaining=2)
    with bots.running(start("discord.py", token())) as fourth:
        fourth.wait("ready")


def test_an_outage_and_its_end(control, start):
    """While Discord is down nothing answers; when it is back the bot resumes by itself."""
    with bots.running(start("discord.js", token())) as bot:
        bot.wait("ready")
        control.post("outage", down=True)
        bot.wait("disconnected")
        assert control.api("GET", "/users/@me", token()).status_code == 503
        assert control.gateway()["connections"] == 0
        control.post("outage", down=False)
        bot.wait("resumed")
        assert content(control.ask(GUILD, "slow"))[-1] == ("edit", "done")


def test_a_bot_that_is_gone_leaves_the_interaction_unanswered(control, start):
    """Nobody is there to answer: after three seconds it has timed out."""
    with bots.running(start("discord.py", token())) as bot:
        bot.wait("ready")
    until(lambda: control.gateway()["connections"] == 0)
    begun = time.monotonic()
    told = control.ask(GUILD, "slow", application_id=APP)
    assert (told["made"]["delivered"], told["state"], told["responses"]) == (0, "timed out", [])
    assert time.monotonic() - begun < 8
