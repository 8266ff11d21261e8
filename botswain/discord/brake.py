"""When a client must not send anything more, although somebody asks it to."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from botswain.discord.errors import TooManyInvalidRequests
from botswain.discord.limits import INVALID_REQUESTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from botswain.discord.errors import DiscordError

INVALID_BUDGET = INVALID_REQUESTS[0] // 10
"""Refused requests of one client before it stops. The address is shared with the bot and other processes."""
WINDOW = float(INVALID_REQUESTS[1])
"""Seconds over which they are counted."""


class Brake:
    """Refuses requests after a wrong token, during a ban, and once `budget` is spent. Thread-safe."""

    def __init__(self, clock: Callable[[], float], budget: int = INVALID_BUDGET) -> None:
        self._clock = clock
        self._budget = budget
        self._lock = threading.Lock()
        self._invalid: deque[float] = deque(maxlen=budget)
        self._reason: Callable[[str], DiscordError] | None = None
        self._until = 0.0

    def invalid(self) -> None:
        """A request was answered 401, 403 or 429; the 429s of a shared limit do not count."""
        with self._lock:
            self._invalid.append(self._clock())

    def pull(self, reason: Callable[[str], DiscordError], *, seconds: float = float("inf")) -> None:
        """Refuse everything for so long, with the error that `reason` makes for a scope."""
        with self._lock:
            until = self._clock() + seconds
            if until > self._until:
                self._reason, self._until = reason, until

    def check(self, scope: str) -> None:
        """Raise what stands in the way of a request for this scope, if anything does."""
        with self._lock:
            now = self._clock()
            reason = self._reason if now < self._until else None
            spent = len(self._invalid) == self._budget and self._invalid[0] > now - WINDOW
        if reason:
            raise reason(scope)
        if spent:
            raise TooManyInvalidRequests(self._budget, scope=scope, window=WINDOW)
