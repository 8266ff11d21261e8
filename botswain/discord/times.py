"""Times in messages: as long as a person needs them, in the local time zone."""

from __future__ import annotations

import time


def duration(seconds: float) -> str:
    """`45 s`, `12 min` or `3 h 20 min`, rounded up so that nobody comes back too early."""
    whole = -int(-seconds // 1)
    if whole < 120:
        return f"{whole} s"
    minutes = -(-whole // 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def local_time(timestamp: float, *, seconds: bool = False) -> str:
    """A Unix timestamp on this machine's clock, such as `2026-11-22 14:05 CET`."""
    pattern = "%Y-%m-%d %H:%M:%S %Z" if seconds else "%Y-%m-%d %H:%M %Z"
    return time.strftime(pattern, time.localtime(timestamp + (0.999 if seconds else 59.0)))
