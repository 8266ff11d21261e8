"""A bot that a person stopped stays stopped: no switch, guard or reboot starts it, only another word of a person.

The launcher looks for the same file, so that a start which is under way at that very moment is refused, too.
"""

from __future__ import annotations

import contextlib
import json
import time

from botswain.host.errors import HostError
from botswain.host.place import Place, explained, store


class Halted(HostError):
    """Somebody stopped the bot by hand in the middle of a switch, and so it stays stopped."""

    def __init__(self, told: str, release: str) -> None:
        fix = "start the bot, or deploy again, when it may run again"
        super().__init__(f"{told} meanwhile, so it was not started", where=f"release {release}", fix=fix)


def halt(place: Place, by: str) -> None:
    """Note that a person stops the bot. A disk that is full, or a folder that is gone, hinders no stop."""
    with contextlib.suppress(OSError):
        store(place.halted, json.dumps({"at": round(time.time(), 3), "by": by}).encode())


def lift(place: Place) -> None:
    """A person wants the bot to run. Raises HostError."""
    with explained(place.halted, "remove it"):
        place.halted.unlink(missing_ok=True)


def told(place: Place, since: float = 0.0) -> str:
    """Who stopped the bot by hand, and when, in words; empty where nobody did, or not after `since` (Unix seconds)."""
    try:
        found = json.loads(place.halted.read_bytes())
        at, by = float(found["at"]), str(found["by"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, TypeError, KeyError):
        return "somebody stopped the bot by hand"
    if at < since:
        return ""
    return f"{by or 'somebody'} stopped the bot by hand at {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(at))}"
