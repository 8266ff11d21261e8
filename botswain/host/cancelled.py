"""A run that nobody waits for any more: its controller says so while the engine still looks whether a release is well.

The word is a file, since whoever brings it is another process. It may come before the order that it is about.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from botswain.host.errors import Stopped
from botswain.host.place import Place, explained, store


def cancel(place: Place, run: str) -> None:
    """Call a run off. Raises HostError."""
    with explained(place.cancelled, "write it"):
        store(place.cancelled, run.encode())


def heard(place: Place, run: str) -> Callable[[], bool] | None:
    """What tells whether a run was called off; None for one without a name, which nobody can call off."""
    return (lambda: _named(place) == run) if run else None


def check(stopped: Callable[[], bool] | None) -> None:
    """Raise Stopped for a run that was called off before it began."""
    if stopped is not None and stopped():
        raise Stopped("stopped by hand before the bot was touched")


def _named(place: Place) -> str:
    with contextlib.suppress(OSError):
        return place.cancelled.read_text(encoding="utf-8", errors="replace")
    return ""
