"""What the client sends, and what it sends again."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest
from discord_fakes import TOKEN, FakeTime, Script, client, failure, ok, too_many

from botswain import __version__
from botswain.discord import errors
from botswain.discord.client import API
from botswain.errors import BotswainError

PING = {"id": "1", "name": "ping", "type": 1}

NOT_SENT = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError]
SENT = [
    httpx.ReadTimeout,
    httpx.ReadError,
    httpx.WriteError,
    httpx.WriteTimeout,
    httpx.RemoteProtocolError,
    httpx.DecodingError,
]
UNCLEAR = [
    *[pytest.param(httpx.Response(status, text="oops"), id=str(status)) for status in (500, 502, 503, 504, 524)],
    pytest.param(httpx.Response(200, html="<html>"), id="html"),
    pytest.param(httpx.Response(200, content=b'[{"id": "1", "na'), id="cut"),
    pytest.param(httpx.Response(200, json={"message": "?"}), id="shape"),
    pytest.param(httpx.Response(204), id="empty"),
    pytest.param(httpx.Response(307, headers={"Location": "https://example.org/"}), id="redirect"),
]


def test_what_a_read_looks_like() -> None:
    """Localizations are asked for, or a later echo of what was read would erase them."""
    script = Script(ok([PING]), ok([PING]))
    with client(script) as discord:
        assert discord.commands("global") == [PING]
        assert discord.commands("77") == [PING]
    assert [str(request.url) for request in script.seen] == [
        f"{API}/applications/42/commands?with_localizations=true",
        f"{API}/applications/42/guilds/77/commands?with_localizations=true",
    ]
    headers = script.seen[0].headers
    assert headers["Authorization"] == f"Bot {TOKEN}"
    assert headers["User-Agent"] == f"DiscordBot (https://github.com/botswain/botswain, {__version__})"


def test_what_a_write_looks_like() -> None:
    """One PUT with the payload as it is, and a content type without a suffix."""
    script = Script(ok([PING]))
    payload = [{"name": "größe", "description": "⚓"}]
    with client(script) as discord:
        assert discord.put_commands("77", payload) == [PING]
        assert discord.requests.by_method() == {"PUT": 1}
    (request,) = script.seen
    assert (request.method, request.url.path) == ("PUT", "/api/v10/applications/42/guilds/77/commands")
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.content) == payload


def test_an_empty_payload_is_sent_as_an_empty_list() -> None:
    """Clearing a scope is `[]`; a missing body would be an error at Discord."""
    script = Script(ok([]))
    with client(script) as discord:
        assert discord.put_commands("global", []) == []
    assert script.seen[0].content == b"[]"


def test_application_and_gateway() -> None:
    """Both come back as Discord sent them, and the application id may be set from the first."""
    gateway = {
        "url": "wss://gateway.discord.gg",
        "shards": 1,
        "session_start_limit": {"total": 1000, "remaining": 9},
    }
    script = Script(ok({"id": "5", "name": "bot"}), ok(gateway), ok([]))
    with client(script, application_id=None) as discord:
        application = discord.application()
        assert discord.gateway() == gateway
        discord.application_id = application["id"]
        discord.commands("global")
    assert [request.url.path.removeprefix("/api/v10") for request in script.seen] == [
        "/applications/@me",
        "/gateway/bot",
        "/applications/5/commands",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        {"url": "wss://x"},
        {"url": "wss://x", "session_start_limit": {"total": 3}},
        {"session_start_limit": {"remaining": 1}},
        [],
    ],
)
def test_a_gateway_answer_without_the_budget_is_refused(answer: Any) -> None:
    """A restart is decided on `remaining`; a guess there can cost the bot its token."""
    with client(Script(*[ok(answer)] * 4)) as discord, pytest.raises(errors.BadAnswer):
        discord.gateway()


def test_a_bearer_token() -> None:
    """Client credentials go under another scheme."""
    script = Script(ok([]))
    with client(script, scheme="Bearer", token="abc") as discord:
        discord.commands("global")
    assert script.seen[0].headers["Authorization"] == "Bearer abc"


def test_a_user_name_in_the_address_does_not_replace_the_token() -> None:
    """Unless told otherwise, httpx makes Basic credentials of it."""
    script = Script(ok([]))
    with client(script, api="https://user:pass@example.org/api/v10/") as discord:
        discord.commands("global")
    assert script.seen[0].headers["Authorization"] == f"Bot {TOKEN}"


@pytest.mark.parametrize("fault", [*NOT_SENT, *SENT, *UNCLEAR])
def test_a_read_is_repeated_after_anything_that_may_pass(fault: Any) -> None:
    """Three failures are got over; the waits grow and stay below two seconds together."""
    time = FakeTime()
    with client(Script(fault, fault, fault, ok([PING])), time) as discord:
        assert discord.commands("77") == [PING]
        assert discord.requests.by_method() == {"GET": 4}
    waits = [wait for wait in time.slept if wait >= 0.25]
    assert waits == [0.25, 0.5, 1.0]


@pytest.mark.parametrize("fault", [*NOT_SENT, *SENT, *UNCLEAR])
def test_a_read_that_keeps_failing_is_an_error(fault: Any) -> None:
    """A failed read is never an empty set."""
    with client(Script(*[fault] * 4)) as discord, pytest.raises(errors.DiscordError) as caught:
        discord.commands("77")
    assert isinstance(caught.value, (errors.Unreachable, errors.ServerTrouble, errors.BadAnswer))


@pytest.mark.parametrize("fault", NOT_SENT)
def test_a_write_that_never_left_is_repeated(fault: Any) -> None:
    """Without a connection nothing was applied."""
    with client(Script(fault, fault, fault, ok([]))) as discord:
        assert discord.put_commands("77", []) == []
    with client(Script(*[fault] * 4)) as discord, pytest.raises(errors.Unreachable):
        discord.put_commands("77", [])


@pytest.mark.parametrize("fault", [*SENT, *UNCLEAR])
def test_a_write_that_left_is_never_repeated(fault: Any) -> None:
    """It may have been applied: the caller reads and compares, the client does nothing by itself."""
    script = Script(fault)
    with client(script) as discord, pytest.raises(errors.LostReply):
        discord.put_commands("77", [PING])
    assert len(script.seen) == 1


def test_the_last_look_comes_before_every_try() -> None:
    """The caller checks its lock right before a write leaves, after any wait; if that raises, nothing is sent."""
    script = Script(too_many(3.5), ok([]))
    looks: list[int] = []
    with client(script) as discord:
        discord.put_commands("77", [], before=lambda: looks.append(len(script.seen)))
    assert looks == [0, 1]

    def lost() -> None:
        raise BotswainError("the lock was broken")

    script = Script()
    with client(script) as discord, pytest.raises(BotswainError, match="lock was broken"):
        discord.put_commands("77", [], before=lost)
    assert script.seen == []


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_rate_limit_is_waited_out(method: str) -> None:
    """429 means not applied, so a write is repeated too, after the larger of the two times told."""
    time = FakeTime()
    script = Script(too_many(3.5, header=4), too_many(7.25, header=7), ok([]))
    with client(script, time) as discord:
        assert (discord.commands("77") if method == "GET" else discord.put_commands("77", [])) == []
        assert discord.requests.rate_limited == 2
        assert discord.requests.by_status() == {200: 1, 429: 2}
    waits = [wait for wait in time.slept if wait > 1]
    assert waits == pytest.approx([4.15, 7.4], abs=0.001)  # 0.05 for rounding, 0.1 of jitter


def test_a_rate_limit_just_at_the_cap_is_waited_out() -> None:
    """What is added on top of Discord's time must not push it over the cap."""
    time = FakeTime()
    with client(Script(too_many(60), ok([])), time) as discord:
        assert discord.commands("77") == []
    assert sum(time.slept) == pytest.approx(60.15, abs=0.1)


def test_a_429_without_a_time_waits_a_second() -> None:
    """Not at all would be the sixth request within a blink."""
    time = FakeTime()
    with client(Script(too_many(0), ok([])), time) as discord:
        assert discord.commands("77") == []
    assert sum(time.slept) == pytest.approx(1.15, abs=0.1)


def test_a_guild_at_its_limit_does_not_hold_up_others_but_a_global_one_does() -> None:
    """A `user` limit is one bucket's; a `global` one is everybody's."""
    time = FakeTime()
    with client(Script(too_many(70, X_RateLimit_Scope="user"), ok([])), time) as discord:
        with pytest.raises(errors.RateLimited):
            discord.commands("1")
        assert discord.commands("2") == []
    with client(Script(too_many(70, X_RateLimit_Global="true")), time) as discord:
        for guild in ("1", "2"):
            with pytest.raises(errors.RateLimited, match="global"):
                discord.commands(guild)
        assert discord.requests.total == 1


def test_nothing_is_sent_after_401() -> None:
    """Each further request with a wrong token counts towards a ban of the address."""
    script = Script(failure(401))
    with client(script) as discord:
        for _ in range(2):
            with pytest.raises(errors.Unauthorized):
                discord.commands("77")
        with pytest.raises(errors.Unauthorized):
            discord.put_commands("global", [])
    assert len(script.seen) == 1


def test_what_was_waiting_when_a_401_came_is_not_sent() -> None:
    """A pool of workers queues up behind limits; each looks again before it sends."""
    time = FakeTime()
    script = Script(too_many(5), failure(401))

    def sleep(seconds: float) -> None:
        time.sleep(seconds)
        if seconds > 1:  # while one waits for its bucket, another one meets the 401
            with pytest.raises(errors.Unauthorized):
                discord.application()

    with client(script, time, sleep=sleep) as discord, pytest.raises(errors.Unauthorized, match="guild 77"):
        discord.commands("77")
    assert len(script.seen) == 2


def test_a_pool_of_threads_comes_to_rest_after_a_401() -> None:
    """Every thread gets the error, and none waits for ever."""
    start = Barrier(8)

    def read(guild: int) -> type[Exception] | None:
        start.wait()
        try:
            discord.commands(str(guild + 1))
        except errors.DiscordError as error:
            return type(error)
        return None

    with client(lambda _: failure(401), FakeTime()) as discord, ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(8))) == {errors.Unauthorized}
        before = discord.requests.total
        with pytest.raises(errors.Unauthorized):
            discord.commands("99")
        assert discord.requests.total == before <= 8


def test_during_a_ban_nothing_is_sent_and_after_it_things_go_on() -> None:
    """A watch that runs for weeks must get over a ban by itself."""
    time = FakeTime()
    script = Script(httpx.Response(429, text="error code: 1015", headers={"Retry-After": "600"}), ok([]))
    with client(script, time) as discord:
        for _ in range(2):
            with pytest.raises(errors.Blocked):
                discord.commands("77")
        assert len(script.seen) == 1
        time.now += 601
        assert discord.commands("77") == []


def test_the_daily_limit_does_not_close_the_route() -> None:
    """Edits and rollbacks without new commands still work, whatever the headers of the refusal said."""
    limit = failure(429, 30034, retry_after=40_000)
    limit.headers.update({"X-RateLimit-Bucket": "b", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "40000"})
    with client(Script(limit, ok([PING]))) as discord:
        with pytest.raises(errors.DailyCreateLimit):
            discord.put_commands("77", [])
        assert discord.put_commands("77", []) == [PING]


def test_a_bug_in_the_payload_is_not_sent() -> None:
    """NaN is no JSON, and Discord would answer with something unreadable."""
    script = Script()
    with client(script) as discord, pytest.raises(ValueError, match="JSON"):
        discord.put_commands("77", [{"name": "x", "max_value": float("nan")}])
    assert script.seen == []


def test_waits_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody should wonder why a deployment stands still; and the token is in no record."""
    caplog.set_level("DEBUG")
    with client(Script(too_many(8), httpx.Response(500), ok([]))) as discord:
        discord.commands("77")
    assert "guild 77: waiting 8 s for a rate limit" in caplog.messages
    assert "guild 77: HTTP 500; trying again" in caplog.messages
    assert "secret" not in caplog.text
