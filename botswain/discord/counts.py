"""What was asked of Discord, counted: for `--json` and benchmarks."""

from __future__ import annotations

import threading
from collections import Counter


class RequestLog:
    """Requests that were sent, repeats included, by method and by status; for any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._methods: Counter[str] = Counter()
        self._statuses: Counter[int] = Counter()

    def sent(self, method: str) -> None:
        """A request leaves."""
        with self._lock:
            self._methods[method] += 1

    def answered(self, status: int) -> None:
        """Its answer came, with this HTTP status."""
        with self._lock:
            self._statuses[status] += 1

    @property
    def total(self) -> int:
        """All requests."""
        with self._lock:
            return self._methods.total()

    @property
    def rate_limited(self) -> int:
        """How many 429s were seen."""
        with self._lock:
            return self._statuses[429]

    def by_method(self) -> dict[str, int]:
        """Such as `{"GET": 3, "PUT": 1}`."""
        with self._lock:
            return dict(sorted(self._methods.items()))

    def by_status(self) -> dict[int, int]:
        """Such as `{200: 3, 429: 1}`; requests without an answer are missing."""
        with self._lock:
            return dict(sorted(self._statuses.items()))
