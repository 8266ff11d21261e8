"""Discord's rate limits, kept before Discord has to remind us.

Three things hold a request back, in this order: its bucket, which Discord names in its reply headers and
which one request at a time may use; a global pause after a global 429; and our own pace over all routes.

A bucket is learned as method and route template -> hash, then hash and major parameter (the guild) -> bucket,
so different guilds run in parallel. With one request in flight a bucket, the last reply's headers are exact,
and all that has to be kept is until when an empty one must rest. `Reset-After` is the time until a fixed
window ends or a sliding one is full again: waiting for it is right for both, and clocks need not agree.

Source: Discord's rate limits page; the same learning as in hikari's buckets and twilight's rate limiter.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botswain.discord.enums import GLOBAL
from botswain.discord.errors import RateLimited
from botswain.discord.limits import REQUESTS_PER_SECOND
from botswain.discord.times import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

OFFSET = 0.05
"""Seconds added to every wait that Discord names: its clock and ours round differently."""
SECOND = 1.005
"""The second over which Discord counts, and a little for clocks that do not run equally fast."""
MARGIN = 0.95
"""The part of the chosen pace that is used."""


@dataclass(frozen=True)
class Route:
    """Where a request goes. The same method, template and guild count against the same limit."""

    method: str
    template: str
    path: str
    scope: str = ""

    @property
    def major(self) -> str:
        """The guild: the only parameter of these routes by which Discord splits limits."""
        return "" if self.scope == GLOBAL else self.scope


class Pace:
    """Evenly spaced requests, and never more than `window` at Discord within any one second. Not thread-safe.

    Spacing alone cannot promise the second part, since two requests may take differently long to arrive.
    Discord counts a request somewhere between its start and its end, so here it counts from its start until
    one second after its end. Slow replies thus lower a pace of 50/s, to 50 / (1 + seconds a reply takes).
    """

    def __init__(self, per_second: float, *, window: int = REQUESTS_PER_SECOND) -> None:
        self._interval = 1 / (per_second * MARGIN)
        self._window = window
        self._next = 0.0
        self._resume = 0.0
        self._in_flight = 0
        self._ended: deque[float] = deque()

    def pause(self, until: float) -> None:
        """Nothing starts before this moment."""
        self._resume = max(self._resume, until)

    def paused(self, now: float) -> float:
        """Seconds left of a pause."""
        return max(0.0, self._resume - now)

    def wait(self, now: float) -> float | None:
        """Seconds until a request may start; 0 is now; None is: after another one ended."""
        while self._ended and self._ended[0] <= now - SECOND:
            self._ended.popleft()
        delay = max(0.0, self._next - now, self._resume - now)
        too_many = self._in_flight + len(self._ended) - self._window
        if too_many < 0:
            return delay
        if too_many >= len(self._ended):
            return None
        return max(delay, self._ended[too_many] + SECOND - now)

    def start(self, now: float) -> None:
        """A request starts. One that comes late lets the next one come a little early: the rate is kept."""
        self._in_flight += 1
        self._next = max(self._next, now - self._interval) + self._interval

    def end(self, now: float) -> None:
        """Its reply has come, or will not come."""
        self._in_flight -= 1
        self._ended.append(now)


class _Bucket:
    """Requests that count together: one at a time, and none before `ready_at`."""

    __slots__ = ("busy", "ready_at")

    def __init__(self) -> None:
        self.busy = False
        self.ready_at = 0.0


class Buckets:
    """Which bucket a route counts against, as far as replies have told. Not thread-safe."""

    def __init__(self) -> None:
        self._hashes: dict[tuple[str, str], str] = {}
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def find(self, route: Route) -> _Bucket:
        """The bucket of this route and guild; before the first reply, one of its own."""
        return self._buckets.setdefault((self._name(route), route.major), _Bucket())

    def learn(self, route: Route, name: str | None) -> None:
        """Discord calls this route's bucket `name`. Every guild's bucket of the route moves along."""
        old = self._name(route)
        if not name or name == old:
            return
        self._hashes[route.method, route.template] = name
        for major in [major for known, major in self._buckets if known == old]:
            moved = self._buckets.pop((old, major))
            kept = self._buckets.setdefault((name, major), moved)
            kept.ready_at = max(kept.ready_at, moved.ready_at)

    def _name(self, route: Route) -> str:
        return self._hashes.get((route.method, route.template), f"{route.method} {route.template}")


class Permit:
    """Leave for one request, and where its reply's news goes."""

    def __init__(self, limiter: RateLimiter, route: Route) -> None:
        self._limiter = limiter
        self._route = route

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take in a reply's `X-RateLimit-*` headers; missing or unreadable ones say nothing."""
        self._limiter.learn(self._route, headers)

    def hold(self, headers: Mapping[str, str], seconds: float, *, everywhere: bool) -> None:
        """A 429 with these headers asked for a rest: of every route, or of this one's bucket."""
        self._limiter.hold(self._route, headers, seconds, everywhere=everywhere)


class RateLimiter:
    """Lets each request wait until it may start; for any number of threads.

    `longest` is how many seconds a request may have to wait for Discord before RateLimited is raised instead.
    Waiting for other requests of this process is not counted.
    """

    def __init__(
        self,
        per_second: float,
        *,
        longest: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._pace = Pace(per_second)
        self._buckets = Buckets()
        self._longest = longest
        self._clock = clock
        self._sleep = sleep
        self._wall_clock = wall_clock
        self._changed = threading.Condition()
        self._gate = threading.Lock()

    @contextmanager
    def permit(self, route: Route) -> Iterator[Permit]:
        """Wait for the turn of one request and hold it until the block ends."""
        bucket = self._enter(route)
        try:
            self._start(route)
            try:
                yield Permit(self, route)
            finally:
                with self._changed:
                    self._pace.end(self._clock())
        finally:
            with self._changed:
                bucket.busy = False
                self._changed.notify_all()

    def learn(self, route: Route, headers: Mapping[str, str]) -> None:
        """What a reply on this route says about its bucket."""
        with self._changed:
            self._buckets.learn(route, headers.get("x-ratelimit-bucket"))
            if headers.get("x-ratelimit-remaining") == "0":
                self._rest(route, number(headers.get("x-ratelimit-reset-after")))

    def hold(self, route: Route, headers: Mapping[str, str], seconds: float, *, everywhere: bool) -> None:
        """A 429 on this route asked for a rest.

        Its `Reset-After` is not looked at: a sliding window has room again after `Retry-After`, long before
        it is full.
        """
        with self._changed:
            self._buckets.learn(route, headers.get("x-ratelimit-bucket"))
            if everywhere:
                self._pace.pause(self._clock() + seconds + OFFSET)
            else:
                self._rest(route, seconds)

    def _rest(self, route: Route, seconds: float) -> None:
        bucket = self._buckets.find(route)
        bucket.ready_at = max(bucket.ready_at, self._clock() + seconds + OFFSET)

    def _enter(self, route: Route) -> _Bucket:
        """Become the one request that uses this route's bucket, once it has something left."""
        while True:
            with self._changed:
                # Looked up each time: a reply may have moved the route to another bucket meanwhile.
                bucket = self._buckets.find(route)
                while bucket.busy:
                    self._changed.wait()
                    bucket = self._buckets.find(route)
                delay = bucket.ready_at - self._clock()
                if delay <= 0:
                    bucket.busy = True
                    return bucket
            self._refuse_long(route, delay, "user")
            self._sleep(delay)

    def _start(self, route: Route) -> None:
        """Wait for the pace: one thread at a time, the others behind it, so that none is passed over."""
        with self._gate:
            while True:
                with self._changed:
                    now = self._clock()
                    paused = self._pace.paused(now)
                    delay = self._pace.wait(now)
                    if delay is None:
                        self._changed.wait()
                        continue
                    if delay <= 0:
                        self._pace.start(now)
                        return
                self._refuse_long(route, paused, "global")
                self._sleep(delay)

    def _refuse_long(self, route: Route, delay: float, kind: str) -> None:
        if delay > self._longest + 1:  # the offset and jitter on top of what Discord asked for are ours
            raise RateLimited(
                f"asked to wait {duration(delay)}, longer than the {duration(self._longest)} to wait for",
                scope=route.scope,
                kind=kind,
                retry_after=delay,
                now=self._wall_clock(),
            )


def number(text: object) -> float:
    """A header's or body's count of seconds; 0 where there is none or it is not a positive finite number."""
    try:
        value = float(text)  # type: ignore[arg-type]  # whatever Discord sent; what float() refuses is 0
    except (TypeError, ValueError):
        return 0.0
    return value if 0 < value < float("inf") else 0.0
