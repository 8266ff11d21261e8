"""Client credentials at the client: one access token, renewed once, and clear words for what is refused."""

from __future__ import annotations

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from discord_fakes import FakeTime, Script, client, failure, ok, too_many

from botswain.discord import errors
from botswain.discord.oauth import ClientCredentials
from botswain.errors import BotswainError
from botswain.secrets import redaction

SECRET = "s3cr3t-of-the-application-0123456"
UPDATE = "applications.commands.update"


def granted(number: object = 1, scope: str = UPDATE) -> httpx.Response:
    """What the token route answers: `access-1`, or another one."""
    return ok({"access_token": f"access-{number}", "token_type": "Bearer", "expires_in": 604800, "scope": scope})


def refused(error: str, status: int = 400) -> httpx.Response:
    """An OAuth2 error, which has not the form of Discord's others."""
    return httpx.Response(status, json={"error": error}, headers={"Via": "1.1 google"})


def trading(script: Any, time: FakeTime | None = None, **more: Any):
    """A client with client credentials."""
    return client(script, time, token=ClientCredentials("42", SECRET), **more)


def paths(script: Script) -> list[str]:
    """What was asked, without the prefix."""
    return [f"{one.method} {one.url.path.removeprefix('/api/v10')}" for one in script.seen]


def test_the_secret_goes_to_the_token_route_alone():
    """It is traded by HTTP Basic for the one scope that is needed; everything else sees the access token."""
    script = Script(granted(), ok([]), ok([]))
    with trading(script) as discord:
        discord.commands("global")
        discord.put_commands("77", [])
        assert discord.requests.by_method() == {"GET": 1, "POST": 1, "PUT": 1}
    trade, *rest = script.seen
    assert (trade.method, str(trade.url)) == ("POST", "https://discord.com/api/v10/oauth2/token")
    assert trade.headers["Authorization"] == f"Basic {b64encode(f'42:{SECRET}'.encode()).decode()}"
    assert trade.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(trade.content.decode()) == {"grant_type": ["client_credentials"], "scope": [UPDATE]}
    assert [one.headers["Authorization"] for one in rest] == ["Bearer access-1"] * 2


def test_one_access_token_serves_all_threads():
    """The first request of each waits for it; nobody fetches a second one."""
    start, seen = Barrier(8), []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.method)
        return granted() if request.method == "POST" else ok([])

    def read(guild: int) -> list[Any]:
        start.wait()
        return discord.commands(str(guild + 1))

    with trading(answer) as discord, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(8))) == [[]] * 8
    assert sorted(seen) == ["GET"] * 8 + ["POST"]


def test_whose_it_is_comes_from_another_route():
    """`/applications/@me` is closed to access tokens."""
    script = Script(granted(), ok({"application": {"id": "42", "name": "bot"}, "scopes": [UPDATE]}))
    with trading(script) as discord:
        assert discord.application() == {"id": "42", "name": "bot"}
        assert discord.commands_only
    assert paths(script) == ["POST /oauth2/token", "GET /oauth2/@me"]


@pytest.mark.parametrize("answer", [{}, {"application": None}, {"application": {"name": "x"}}, []])
def test_an_answer_without_the_application_is_refused(answer):
    """A guess there could send one application's commands to another."""
    with trading(Script(granted(), *[ok(answer)] * 4)) as discord, pytest.raises(errors.BadAnswer):
        discord.application()


def test_the_gateway_is_not_asked():
    """It is closed to access tokens, and a 401 there would stop the whole run."""
    script = Script()
    with trading(script) as discord, pytest.raises(errors.DiscordError, match=r"client credentials .*_TOKEN"):
        discord.gateway()
    assert script.seen == []


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_an_expired_access_token_is_renewed_once(method):
    """A 401 means not applied, so a write is sent again too; with what it was, and a look before it."""
    script = Script(granted(), failure(401), granted(2), ok([]))
    looks: list[int] = []
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["Authorization"].partition(" ")[2])
        return script(request)

    with trading(answer) as discord:
        if method == "GET":
            discord.commands("77")
        else:
            discord.put_commands("77", [{"name": "x"}], before=lambda: looks.append(len(script.seen)))
            assert looks == [1, 3]
            assert script.seen[1].content == script.seen[3].content
    assert sent[1::2] == ["access-1", "access-2"]


def test_a_renewed_one_that_is_refused_ends_the_run():
    """Each further request would count towards a ban of the address."""
    script = Script(granted(), failure(401), granted(2), failure(401))
    with trading(script) as discord:
        for _ in range(2):
            with pytest.raises(errors.AccessRefused, match="and so was a new one"):
                discord.commands("77")
    assert len(script.seen) == 4


def test_threads_whose_token_expired_together_fetch_one():
    """The slower ones find the new token and use it."""
    start, trades = Barrier(6), []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            trades.append(1)
            return granted(len(trades))
        if request.headers["Authorization"] == "Bearer access-1":
            start.wait()  # all six are refused before one is renewed
            return failure(401)
        return ok([])

    with trading(answer) as discord, ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda guild: discord.commands(str(guild + 1)), range(6))) == [[]] * 6
    assert len(trades) == 2


def test_a_wrong_secret_is_one_request_and_one_line():
    """Nothing more is sent, whatever else is asked."""
    script = Script(refused("invalid_client", 401))
    with trading(script) as discord:
        for call in (lambda: discord.commands("77"), discord.application, lambda: discord.put_commands("global", [])):
            with pytest.raises(errors.SecretRefused) as caught:
                call()
            told = str(caught.value)
            assert "the client secret was refused (401); copy the current one from the OAuth2 page" in told
            assert SECRET not in told
    assert len(script.seen) == 1


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (refused("invalid_scope"), "client credentials update commands; use a bot token"),
        (refused("invalid_client"), "no application with this id and client secret; check application_id"),
        (refused("strange_error"), "HTTP 400, code 0\\): strange_error"),
        (granted(scope="identify"), f"granted without the scope {UPDATE}; use a bot token"),
    ],
    ids=["scope", "client", "other", "granted"],
)
def test_what_is_not_granted_is_one_line(answer, told):
    """An access token that cannot write commands is no use, and is not tried."""
    script = Script(answer)
    with trading(script) as discord, pytest.raises(errors.DiscordError, match=told):
        discord.commands("77")
    assert len(script.seen) == 1


def test_the_token_route_has_rate_limits_too():
    """Short ones are waited out; long ones end the run with the time to come back."""
    time = FakeTime()
    script = Script(too_many(3), granted(), ok([]))
    with trading(script, time) as discord:
        discord.commands("77")
    assert sum(time.slept) > 3
    with trading(Script(too_many(900))) as discord, pytest.raises(errors.RateLimited, match="15 min"):
        discord.commands("77")


@pytest.mark.parametrize(
    "fault",
    [httpx.ReadTimeout, httpx.ConnectError, httpx.Response(502), ok({"scope": UPDATE}), granted("a b"), ok([])],
    ids=["lost", "unconnected", "502", "tokenless", "blank", "shape"],
)
def test_the_trade_is_repeated(fault):
    """A second access token does no harm, so it is no write whose outcome must be looked up."""
    with trading(Script(fault, fault, fault, granted(), ok([]))) as discord:
        assert discord.commands("77") == []
    with trading(Script(*[fault] * 4)) as discord, pytest.raises(errors.DiscordError) as caught:
        discord.commands("77")
    assert not isinstance(caught.value, errors.LostReply)


def test_the_access_token_is_covered_and_nothing_shows_the_secret(monkeypatch):
    """It would let anybody write commands for a week."""
    monkeypatch.setattr(redaction.default, "_names", {})
    credentials = ClientCredentials("42", SECRET)
    with client(Script(granted("nobody/may-see"), ok([])), token=credentials) as discord:
        discord.commands("77")
        for shown in (vars(credentials), [credentials._pair], [vars(discord._http)["_access"]]):
            assert SECRET not in repr(shown)
    assert redaction.clean_text("got access-nobody/may-see") == "got [redacted:access_token]"


def test_a_malformed_bot_token_is_still_refused():
    """Client credentials must not open that door."""
    with pytest.raises(BotswainError, match="the token is empty"):
        client(Script(), token="")
