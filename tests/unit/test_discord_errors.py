"""Each error with its exact message, as a person gets to read it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from discord_fakes import BAN_PAGE, TOKEN, VIA, FakeTime, Script, client, failure, ok, too_many

from botswain.discord import errors
from botswain.errors import BotswainError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

GUILD = "900"


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Messages have local times; the fake clock stands at 2023-11-14 22:13:20 UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def put(*steps: Any, scope: str = GUILD, payload: Any = None, **settings: Any) -> errors.DiscordError:
    """The error of one PUT."""
    with client(Script(*steps), **settings) as discord, pytest.raises(errors.DiscordError) as caught:
        discord.put_commands(scope, payload or [])
    return told(caught.value)


def get(*steps: Any, scope: str = GUILD, **settings: Any) -> errors.DiscordError:
    """The error of one GET."""
    with client(Script(*steps), **settings) as discord, pytest.raises(errors.DiscordError) as caught:
        discord.commands(scope)
    return told(caught.value)


def told(error: errors.DiscordError) -> errors.DiscordError:
    """What holds for every error."""
    assert "\n" not in str(error)
    assert "secret" not in str(error) + repr(error)
    assert error.code is ExitCode.FAILED
    return error


def test_a_wrong_token() -> None:
    """401 says which variable to look at."""
    error = get(failure(401, message="401: Unauthorized"))
    assert type(error) is errors.Unauthorized
    assert str(error) == (
        "guild 900: the token was refused (401);"
        " copy the current one from the Developer Portal into DISCORD_<ENV>_TOKEN"
    )


@pytest.mark.parametrize(("status", "code"), [(403, 50001), (404, 10004), (404, 0)])
def test_a_guild_that_is_not_there(status: int, code: int) -> None:
    """One guild without access has its own error, so that a run can go on with the others."""
    error = get(failure(status, code))
    assert isinstance(error, errors.ScopeUnavailable)
    assert (error.scope, error.status, error.discord_code) == (GUILD, status, code)
    assert str(error) == (
        f"guild 900: the application has no access to it (HTTP {status}, code {code});"
        " invite the bot with the scope applications.commands, or take the guild out of the profile"
    )


@pytest.mark.parametrize("scope", ["global", GUILD])
def test_an_unknown_application_is_not_a_missing_guild(scope: str) -> None:
    """A wrong application_id must not make every guild look as if the bot had been thrown out."""
    error = get(failure(404, 10002), scope=scope)
    assert type(error) is errors.Rejected
    assert error.what == "Discord knows no application with this id"
    assert error.fix == "check application_id in the profile"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (20001, "guild 900: Discord does not let bots do this; use a token of a user who may"),
        (
            20012,
            ("guild 900: the token belongs to another application; application_id and token of the profile must match"),
        ),
        (7, "guild 900: Discord refused the request (HTTP 403, code 7): no"),
    ],
)
def test_something_forbidden(code: int, text: str) -> None:
    """Other 403s are about the credentials, not about the guild."""
    error = put(failure(403, code))
    assert type(error) is errors.Forbidden
    assert str(error) == text


def test_any_other_refusal_is_one_bounded_line() -> None:
    """Whatever text a 4xx brings, the message stays one line."""
    error = put(failure(405, 0, "one\ntwo " + "x" * 500))
    assert type(error) is errors.Rejected
    assert error.status == 405
    assert len(str(error)) < 300


def test_a_refusal_that_cannot_be_read() -> None:
    """Whatever a 4xx has for a body, it is a refusal and no crash."""
    for body in (b"[" * 100_000, b"\xff", b"", b"[]", b'{"code": "x"}'):
        error = put(httpx.Response(400, content=body))
        assert str(error) == "guild 900: Discord refused the request (HTTP 400, code 0): no reason given"


def test_a_refused_form_names_the_commands() -> None:
    """The first three problems are in the message, all of them in `lines` and `problems`."""
    bad = {"_errors": [{"code": "X", "message": "Must be something else."}]}
    payload = [{"name": "ping"}, {"name": "ban", "options": [{"name": "user"}]}]
    answer = failure(
        400,
        50035,
        "Invalid Form Body",
        errors={"0": {"name": bad}, "1": {"options": {"0": bad}, "name": bad, "type": bad}},
    )
    error = put(answer, payload=payload)
    assert isinstance(error, errors.InvalidForm)
    assert str(error) == (
        "guild 900: Discord refused the commands: /ping: name: Must be something else.;"
        " /ban user: Must be something else.; /ban: name: Must be something else.; and 1 more"
    )
    assert error.lines[3] == "/ban: type: Must be something else."
    assert error.problems[1] == ((1, "options", 0), "X", "Must be something else.")


def test_a_refused_form_without_details() -> None:
    """A form error without a tree still is one, with Discord's own words."""
    error = put(failure(400, 50035, "Invalid Form Body"))
    assert isinstance(error, errors.InvalidForm)
    assert error.lines == ["Invalid Form Body"]
    assert [problem.code for problem in error.problems] == ["50035"]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            50240,
            (
                "the application's entry point command is missing from what was sent;"
                " read the scope again and send the entry point back as it is"
            ),
        ),
        (
            30032,
            (
                "there would be more commands in this scope than Discord allows;"
                " delete some first: 100 chat input, 15 user and 15 message commands are the most"
            ),
        ),
        (
            40041,
            (
                "a command of this kind already has the new name;"
                " rename to a free name, or delete the other command first"
            ),
        ),
    ],
)
def test_refusals_with_a_code_of_their_own(code: int, text: str) -> None:
    """Discord's sentence for these helps nobody; ours says what to do."""
    error = put(failure(400, code), scope="global")
    assert isinstance(error, errors.InvalidForm)
    assert error.discord_code == code
    assert str(error) == f"global commands: Discord refused the commands: {text}"


@pytest.mark.parametrize("status", [400, 429])
def test_the_daily_limit_fails_at_once_with_the_time(status: int) -> None:
    """30034 asks for hours: no second try, under either status, and the local time when it clears."""
    time = FakeTime()
    error = put(failure(status, 30034, retry_after=12_000.0), time=time)
    assert isinstance(error, errors.DailyCreateLimit)
    assert error.clears_in == 12_000
    assert time.slept == []
    assert str(error) == (
        "guild 900: Discord's limit of 200 new commands a day is reached; it clears in 3 h 20 min,"
        " 2023-11-15 01:34 UTC; deploy again then; edits of existing commands are still possible"
    )


def test_the_daily_limit_without_a_time() -> None:
    """Where Discord does not say when, a day is the most."""
    error = put(failure(400, 30034))
    assert isinstance(error, errors.DailyCreateLimit)
    assert error.clears_in is None
    assert "it clears within 24 hours;" in str(error)


@pytest.mark.parametrize("kind", ["user", "global", "shared"])
def test_a_wait_above_the_cap(kind: str) -> None:
    """A tool that hangs for five minutes without a word is worse than one that says when to come back."""
    time = FakeTime()
    error = put(too_many(300, X_RateLimit_Scope=kind), time=time)
    assert isinstance(error, errors.RateLimited)
    assert (error.kind, error.retry_after, error.scope) == (kind, 300, GUILD)
    assert time.slept == []
    assert str(error) == (
        f"guild 900: Discord's {kind} rate limit: asked to wait 5 min, longer than the 60 s to wait for;"
        " run again after 2023-11-14 22:18:20 UTC"
    )


def test_a_rate_limit_that_does_not_end() -> None:
    """Five waits, then it is told instead of going on for ever."""
    error = put(*[too_many(1)] * 6)
    assert isinstance(error, errors.RateLimited)
    assert error.what == "Discord's user rate limit: met 6 times in a row"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(429, html=BAN_PAGE, headers={"Retry-After": "600"}),
        httpx.Response(429, json={"retry_after": 1, "title": "Error 1015"}, headers={"Retry-After": "600"}),
        httpx.Response(403, html=BAN_PAGE, headers={"Retry-After": "600"}),
        httpx.Response(429, html=BAN_PAGE, headers={"Retry-After": "600", **VIA}),
    ],
)
def test_a_ban_is_no_rate_limit(answer: httpx.Response) -> None:
    """Cloudflare's answers lack Discord's JSON or its Via header; trying again would prolong the ban."""
    error = get(answer)
    assert isinstance(error, errors.Blocked)
    assert str(error) == (
        f"guild 900: Cloudflare has banned this address for a while (HTTP {answer.status_code});"
        " stop whatever else here sends failing requests to Discord and run again after 2023-11-14 22:24 UTC"
    )


def test_a_ban_without_an_end() -> None:
    """Where Cloudflare does not say how long, the message does not pretend to know."""
    assert str(get(httpx.Response(429, html=BAN_PAGE))).endswith("and run again in an hour")


def test_trouble_on_discords_side() -> None:
    """5xx on every try of a read points at Discord's status page."""
    error = get(*[httpx.Response(503, text="busy")] * 4)
    assert isinstance(error, errors.ServerTrouble)
    assert str(error) == (
        "guild 900: HTTP 503 on each of 4 tries; the trouble is on Discord's side;"
        " see https://discordstatus.com and run again later"
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(200, html="<html>maintenance</html>"), "HTML instead of JSON"),
        (httpx.Response(200, content=b'[{"id": "1", "na'), "cut or broken JSON"),
        (httpx.Response(200, content=b"[" * 100_000), "JSON nested too deeply"),
        (httpx.Response(200, content=b""), "cut or broken JSON"),
        (
            httpx.Response(200, content=b'[{"id": "1", "name": "x", "type": 1, "description": "\\uD83C"}]'),
            "a text with half of a surrogate pair (\\ud800-\\udfff), which can be neither stored nor sent back",
        ),
        (httpx.Response(302, headers={"Location": "https://login.example/"}), "HTTP 302, a redirect"),
        (ok({"message": "hi"}), "the list of commands is no JSON array"),
        (ok([7]), "a command is no JSON object"),
        (ok([{"id": "1", "name": ""}]), "a command has no name"),
        (ok([{"name": "ping"}]), "a command has no id"),
        (ok([{"id": 1, "name": "ping"}]), "a command has no id"),
    ],
)
def test_an_answer_that_is_none(answer: httpx.Response, reason: str) -> None:
    """A read that brings something else is an error and never an empty list."""
    error = get(*[answer] * 4)
    assert isinstance(error, errors.BadAnswer)
    assert str(error) == (
        f"guild 900: unusable answer on each of 4 tries: {reason};"
        " check `api` in the profile and proxies on the way, and https://discordstatus.com"
    )


def test_a_lost_reply() -> None:
    """A write with an unknown outcome says what to do before writing again."""
    error = put(httpx.ReadTimeout)
    assert isinstance(error, errors.LostReply)
    assert str(error) == (
        "guild 900: a write was sent, but whether it was applied is unknown"
        " (no answer from discord.com within 15 s);"
        " read the commands back and compare before writing again"
    )


def test_no_connection() -> None:
    """A refused connection to a local address most often is a sandbox that does not run."""
    error = get(*[refused()] * 4, api="http://127.0.0.1:9/api/v10")
    assert isinstance(error, errors.Unreachable)
    assert str(error) == "guild 900: 127.0.0.1:9 refused the connection; is the sandbox running there?"


def refused() -> httpx.ConnectError:
    """What httpx raises when nobody listens."""
    error = httpx.ConnectError("[Errno 111] Connection refused")
    error.__cause__ = ConnectionRefusedError(111, "Connection refused")
    return error


def test_too_many_refusals_stop_the_client() -> None:
    """Long before Discord's 10,000 the client stops by itself, without another request."""
    script = Script(*[failure(403, 50001)] * 3)
    time = FakeTime()
    with client(script, time, invalid_budget=3) as discord:
        for guild in ("1", "2", "3"):
            with pytest.raises(errors.ScopeUnavailable):
                discord.commands(guild)
        with pytest.raises(errors.TooManyInvalidRequests) as caught:
            discord.commands("4")
        assert str(told(caught.value)) == (
            "guild 4: stopped after 3 refused requests (401, 403, 429) within 10 min;"
            " Discord bans an address for 10,000;"
            " take the guilds without access out of the profile, then run again"
        )
        time.now += 601
        script.steps.append(ok([]))
        assert discord.commands("4") == []


def test_shared_limits_do_not_count_as_refusals() -> None:
    """A limit that all bots share is nobody's fault; neither Discord nor the client counts it."""
    shared = too_many(1, X_RateLimit_Scope="shared")
    with client(Script(shared, shared, shared, ok([])), invalid_budget=2) as discord:
        assert discord.commands(GUILD) == []


@pytest.mark.parametrize("token", ["", "MTIz.x.y secret", "MTIz.x.y\n", "MTIz.x.gehe\u00efm"])
def test_a_token_that_no_header_can_carry(token: str) -> None:
    """Otherwise httpx would show such a token in its own error."""
    with pytest.raises(BotswainError) as caught:
        client(Script(), token=token)
    assert str(caught.value) == (
        "Discord: the token is empty or has blanks or letters that no token has;"
        " copy it again from the Developer Portal into DISCORD_<ENV>_TOKEN"
    )


@pytest.mark.parametrize(
    ("application_id", "scope", "text"),
    [
        (None, "global", "the application id is missing; set application_id in the profile"),
        (
            "x/../y",
            "global",
            "the application id is 'x/../y', not a number; set application_id in the profile",
        ),
        ("1", "1/..", "'1/..' is neither `global` nor a guild id; check guild_ids in the profile"),
        ("1", "", "'' is neither `global` nor a guild id; check guild_ids in the profile"),
    ],
)
def test_ids_that_cannot_be_part_of_an_address(application_id: str | None, scope: str, text: str) -> None:
    """What is no number never becomes a path, and a PUT never goes to another scope than the one meant."""
    with client(Script(), application_id=application_id) as discord, pytest.raises(BotswainError) as caught:
        discord.put_commands(scope, [])
    assert str(caught.value) == f"Discord: {text}"


def test_no_message_and_no_repr_has_the_token() -> None:
    """Whatever is printed of a client, the token is not in it."""
    with client(Script()) as discord:
        assert TOKEN not in repr(discord) + repr(vars(discord)) + repr(vars(discord._http))
