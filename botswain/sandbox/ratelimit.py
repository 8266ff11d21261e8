"""Rate limits as clients meet them: buckets, the limit over all routes, the ban of those who do not listen.

They live in this process only: a new process starts with full buckets.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botswain.discord import limits
from botswain.sandbox.answers import LimitedError, html

if TYPE_CHECKING:
    from botswain.sandbox.model import Response, Settings

_HAIR = 1e-9
_TICK = 1e-5
"""Seconds below which two times count as one: sums of floats that large are no better."""

BucketKey = tuple[str, str, str]
"""Group of routes, application, guild or the empty text: guild ids are major parameters."""


@dataclass
class Meter:
    """Counts requests against (limit, seconds): in fixed windows, or leaking one slot after the other.

    Clients cannot tell the two apart: for a sliding one `reset_after` is the time to a full refill, and
    `retry_after` the time to one free slot.
    """

    limit: int
    seconds: float
    sliding: bool
    used: float = 0.0
    since: float = 0.0

    def take(self, now: float) -> float:
        """Uses a slot and returns 0, or returns the seconds until there is one."""
        if self.sliding:
            self.used = max(0.0, self.used - (now - self.since) * self.limit / self.seconds)
            self.since = now
        elif now >= self.since + self.seconds - _TICK:
            self.used, self.since = 0.0, now
        if self.used + 1 <= self.limit + _HAIR:
            self.used += 1
            return 0.0
        if self.sliding:
            return (self.used + 1 - self.limit) * self.seconds / self.limit
        return self.since + self.seconds - now

    def remaining(self) -> int:
        """Free slots."""
        return max(0, int(self.limit - self.used + _HAIR))

    def reset_after(self, now: float) -> float:
        """Seconds until every slot is free."""
        if self.sliding:
            return self.used * self.seconds / self.limit
        return self.since + self.seconds - now


class Limiter:
    """The meters of every application, and the count of refused requests."""

    def __init__(self) -> None:
        self._meters: dict[tuple[str, ...], Meter] = {}
        self._salt = 0
        self._refused = 0
        self._refused_since = 0.0

    def banned(self, now: float) -> Response | None:
        """Cloudflare's page while there were too many 401, 403 and 429 answers; it has no `Via`."""
        most, seconds = limits.INVALID_REQUESTS
        if now >= self._refused_since + seconds:
            self._refused, self._refused_since = 0, now
        if self._refused < most:
            return None
        wait = int(self._refused_since + seconds - now) + 1
        return html(429, "Error 1015: You are being rate limited", {"Retry-After": str(wait)})

    def note(self, response: Response) -> None:
        """Counts a refused request; shared limits are nobody's fault."""
        shared = response.headers.get("X-RateLimit-Scope") == "shared"
        if response.status in {401, 403} or (response.status == 429 and not shared):
            self._refused += 1

    def take_global(self, owner: str, now: float, settings: Settings) -> None:
        """Counts against all requests of one application, or of the address when nobody is known."""
        wait = self._meter(("", owner), (limits.REQUESTS_PER_SECOND, 1.0), settings.global_window).take(now)
        if wait:
            raise LimitedError(wait, "global")

    def take(
        self, key: BucketKey, now: float, size: tuple[int, float], settings: Settings
    ) -> tuple[float, dict[str, str]]:
        """Counts against a route's bucket: seconds to wait (0: go on) and the headers that tell its state."""
        meter = self._meter(key, size, settings.window)
        wait = meter.take(now)
        reset_after = meter.reset_after(now)
        return wait, {
            "X-RateLimit-Limit": str(meter.limit),
            "X-RateLimit-Remaining": str(meter.remaining() if not wait else 0),
            "X-RateLimit-Reset": f"{now + reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{reset_after:.3f}",
            "X-RateLimit-Bucket": self.bucket(key[0]),
        }

    def bucket(self, group: str) -> str:
        """The hash that names a bucket; it says nothing about the top-level resource."""
        return hashlib.sha256(f"{group}/{self._salt}".encode()).hexdigest()[:32]

    def rename_buckets(self) -> None:
        """From now on every bucket has another hash, and is empty."""
        self._salt += 1
        self._meters.clear()

    def _meter(self, key: tuple[str, ...], size: tuple[int, float], window: str) -> Meter:
        sliding = window == "sliding"
        meter = self._meters.get(key)
        if meter is None or (meter.limit, meter.seconds, meter.sliding) != (*size, sliding):
            meter = self._meters[key] = Meter(*size, sliding)
        return meter
