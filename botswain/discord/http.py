"""Requests to Discord's API: sent at its pace, judged, and repeated only where that is safe.

Reads are repeated after anything that may pass, and so is asking for an access token. A write is repeated only when it
certainly was not applied: no connection was made, or Discord answered 429 or refused an access token that could be
renewed. Every other failure after sending a write is LostReply.
"""

from __future__ import annotations

import json
import logging
import random
import time
from typing import TYPE_CHECKING, Protocol, TypeVar

import httpx

from botswain import __version__
from botswain.discord.answers import DAILY_CREATES, Answer, rejection
from botswain.discord.brake import INVALID_BUDGET, Brake
from botswain.discord.connection import explain, open_client
from botswain.discord.counts import RequestLog
from botswain.discord.errors import (
    BadAnswer,
    Blocked,
    DiscordError,
    LostReply,
    RateLimited,
    ServerTrouble,
    Unauthorized,
    Unreachable,
    place,
)
from botswain.discord.ratelimit import Permit, RateLimiter, Route
from botswain.discord.times import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TRIES = 4
"""How often a request is sent at most while it fails."""
REFUSALS = 5
"""How many 429s in a row one request waits out."""
BACKOFF = 0.25
"""Seconds before the second try at most; doubled for each further one."""
BAN = 3600.0
"""Seconds without requests after a ban whose end Cloudflare did not tell."""

TOKEN = Route("POST", "/oauth2/token", "/oauth2/token")
"""Where client credentials are traded for an access token; a second one changes nothing."""
USER_AGENT = f"DiscordBot (https://github.com/botswain/botswain, {__version__})"

T = TypeVar("T")
_log = logging.getLogger(__name__)
# Raised by httpx before any byte of the request has left.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


_HALF = "a text with half of a surrogate pair (\\ud800-\\udfff), which can be neither stored nor sent back"


def _whole(content: bytes) -> object:
    """The JSON of an answer. Raises UnicodeEncodeError for a text that holds half a character."""
    value = json.loads(content)
    if b"\\ud" in content.lower():
        json.dumps(value, ensure_ascii=False).encode()
    return value


class _Again(Exception):
    """This try failed and the request may be sent again; `error` is what to say when it may not any more."""

    def __init__(self, error: DiscordError, reason: str) -> None:
        super().__init__(reason)
        self.error = error


class Access(Protocol):
    """What requests are authorized with. Thread-safe."""

    def header(self, http: Http) -> str:
        """The `Authorization` of the next request, which may have to be asked for first. Raises a DiscordError."""

    def renewable(self, refused: str) -> bool:
        """Whether a request that was refused (401) with this header may be sent again, with the next one."""

    def refusal(self, scope: str) -> Unauthorized:
        """What to say when there is no other to try."""


class Http:
    """One token's way to Discord; for any number of threads. See DiscordClient for the parameters."""

    def __init__(
        self,
        *,
        access: Access,
        api: str,
        requests_per_second: float,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        retry_after_cap: float = 60.0,
        wall_clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        invalid_budget: int = INVALID_BUDGET,
    ) -> None:
        self.requests = RequestLog()
        self._api = api.rstrip("/")
        self._access = access
        self._client = open_client(self._api, {"User-Agent": USER_AGENT}, transport=transport)
        self._limiter = RateLimiter(
            requests_per_second, longest=retry_after_cap, clock=clock, sleep=sleep, wall_clock=wall_clock
        )
        self._brake = Brake(clock, invalid_budget)
        self._sleep = sleep
        self._wall_clock = wall_clock
        self._jitter = jitter
        self._cap = retry_after_cap
        self._dated: tuple[float, float, str] | None = None

    @property
    def clock_offset(self) -> float | None:
        """Seconds by which this machine's clock is ahead of Discord's (negative: behind), give or take one.

        None before an answer with a `Date`, which tells whole seconds.
        """
        if self._dated is None:
            return None
        from email.utils import parsedate_to_datetime

        sent, received, date = self._dated
        try:
            theirs = parsedate_to_datetime(date).timestamp()
        except (ValueError, OverflowError):
            return None
        return (sent + received) / 2 - (theirs + 0.5)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(
        self,
        route: Route,
        check: Callable[[object], T],
        *,
        params: dict[str, str] | None = None,
        payload: object = None,
        form: Mapping[str, str] | None = None,
        access: Access | None = None,
        before: Callable[[], None] | None = None,
    ) -> T:
        """Send one request, return what `check` makes of its JSON; it raises ValueError on a wrong shape.

        The body is `payload` as JSON, or `form`. `access` is for this request alone. `before` runs before each try,
        when it has waited for its turn. Raises a DiscordError, for which see there.
        """
        access = access or self._access
        request = self._client.build_request(
            route.method,
            self._api + route.path,
            params=params,
            data=form,
            content=None if payload is None else json.dumps(payload, allow_nan=False),
            headers=None if payload is None else {"Content-Type": "application/json"},
        )
        failures = refusals = 0
        while True:
            request.headers["Authorization"] = access.header(self)
            try:
                return self._attempt(route, request, check, access, payload, before)
            except _Again as again:
                error, cause, reason = again.error, again.__cause__, str(again)
            if isinstance(error, RateLimited):
                refusals += 1
                if refusals > REFUSALS:
                    raise error from cause
                # The limiter makes the next attempt wait.
                _log.info("%s: waiting %s for a rate limit", place(route.scope), duration(error.retry_after))
            else:
                failures += 1
                if failures == TRIES:
                    raise error from cause
                _log.info("%s: %s; trying again", place(route.scope), reason)
                self._sleep(self._jitter() * BACKOFF * 2 ** (failures - 1))

    def _attempt(
        self,
        route: Route,
        request: httpx.Request,
        check: Callable[[object], T],
        access: Access,
        payload: object,
        before: Callable[[], None] | None,
    ) -> T:
        self._brake.check(route.scope)
        with self._limiter.permit(route) as permit:
            self._brake.check(route.scope)  # another thread may have met the reason while this one waited
            if before is not None:
                before()
            self.requests.sent(route.method)
            sent = self._wall_clock()
            try:
                response = self._client.send(request)
            except httpx.RequestError as error:
                raise self._unanswered(route, error) from error
            self.requests.answered(response.status_code)
            if "date" in response.headers:
                self._dated = (sent, self._wall_clock(), response.headers["date"])
            if response.is_success:
                permit.learn(response.headers)
                return self._accept(route, response, check)
            raise self._refused(route, response, permit, access, payload)

    def _accept(self, route: Route, response: httpx.Response, check: Callable[[object], T]) -> T:
        try:
            return check(_whole(response.content))
        except RecursionError:
            reason = "JSON nested too deeply"
        except ValueError as error:
            html = "text/html" in response.headers.get("content-type", "")
            cut = isinstance(error, (json.JSONDecodeError, UnicodeDecodeError))
            half = isinstance(error, UnicodeEncodeError)
            reason = _HALF if half else "HTML instead of JSON" if html else "cut or broken JSON" if cut else str(error)
        raise self._unclear(route, reason, BadAnswer(reason, scope=route.scope, tries=TRIES))

    def _unanswered(self, route: Route, error: httpx.RequestError) -> Exception:
        reason, fix = explain(error, self._api)
        unreachable = Unreachable(reason, scope=route.scope, fix=fix)
        if isinstance(error, _NOT_SENT):
            return _Again(unreachable, reason)
        return self._unclear(route, reason, unreachable)

    def _refused(
        self, route: Route, response: httpx.Response, permit: Permit, access: Access, payload: object
    ) -> Exception:
        answer = Answer.of(response.status_code, response.headers, response.content)
        status = answer.status
        limited = status == 429 and answer.discord_code != DAILY_CREATES
        if status in (401, 403) or (status == 429 and answer.limit_kind != "shared"):
            self._brake.invalid()
        if answer.from_cloudflare and answer.discord_code != DAILY_CREATES:
            return self._banned(route, answer)
        if limited:
            return self._rate_limited(route, answer, permit)
        if status >= 500:
            trouble = ServerTrouble(scope=route.scope, status=status, tries=TRIES)
            return self._unclear(route, f"HTTP {status}", trouble)
        if status < 400:
            reason = f"HTTP {status}, a redirect" if status >= 300 else f"HTTP {status}"
            return self._unclear(route, reason, BadAnswer(reason, scope=route.scope, tries=TRIES))
        # A 30034's headers may tell when commands can be made again, not when this route can be used.
        if answer.discord_code != DAILY_CREATES:
            permit.learn(response.headers)
        error = rejection(answer, scope=route.scope, payload=payload, now=self._wall_clock())
        return self._unauthorized(error, response.request, access) if isinstance(error, Unauthorized) else error

    def _unauthorized(self, error: Unauthorized, request: httpx.Request, access: Access) -> Exception:
        if access.renewable(request.headers["Authorization"]):
            return _Again(error, "the access token was refused")
        self._brake.pull(access.refusal)
        return access.refusal(error.scope)

    def _rate_limited(self, route: Route, answer: Answer, permit: Permit) -> Exception:
        kind = answer.limit_kind
        seconds = answer.retry_after or 1.0
        permit.hold(answer.headers, seconds + 0.1 * self._jitter(), everywhere=kind == "global")
        too_long = seconds > self._cap
        reason = (
            f"asked to wait {duration(seconds)}, longer than the {duration(self._cap)} to wait for"
            if too_long
            else f"met {REFUSALS + 1} times in a row"
        )
        error = RateLimited(reason, scope=route.scope, kind=kind, retry_after=seconds, now=self._wall_clock())
        return error if too_long else _Again(error, reason)

    def _banned(self, route: Route, answer: Answer) -> Blocked:
        ends = self._wall_clock() + answer.retry_after
        known = bool(answer.retry_after)

        def blocked(scope: str) -> Blocked:
            now = self._wall_clock()
            clears_in = max(0.0, ends - now) if known else None
            return Blocked(scope=scope, status=answer.status, clears_in=clears_in, now=now)

        self._brake.pull(blocked, seconds=answer.retry_after or BAN)
        return blocked(route.scope)

    def _unclear(self, route: Route, reason: str, read_error: DiscordError) -> Exception:
        """After a request was sent: a read may be repeated, a write has an unknown outcome."""
        repeatable = route.method == "GET" or route == TOKEN
        return _Again(read_error, reason) if repeatable else LostReply(reason, scope=route.scope)
