"""What is written down about a switch while it is under way, and the lock that lets one process switch at a time.

`switch.json` waits to be confirmed. Whoever confirms it, or takes it back, renames it, and a file is renamed once: so
either the new release stays or the one before comes back, never both, never neither. `reverting.json` and
`confirmed.json` stay until that is done, for whoever finds them after a kill.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from botswain.host.errors import HostError, Refused
from botswain.host.ledger import Ledger
from botswain.host.place import Place, explained, store, sync

_PAUSE = 0.02


@dataclass(frozen=True)
class Switch:
    """A switch under way."""

    token: str
    to: str
    """The release that is tried, or left for good."""
    back: str | None
    """The release to return to: the one that was live before; None for the first deployment."""
    until: float
    """Unix time until which it has to be confirmed."""
    by: str
    deployment: str
    why: str = "never confirmed"
    """What is wrong with `to` once it is taken back; empty when nothing is."""


class _Held(threading.local):
    def __init__(self) -> None:
        self.places: dict[str, int] = {}


_HELD = _Held()
"""By place: how many times this thread is inside `alone`."""


@contextlib.contextmanager
def alone(place: Place, wait: float = 30.0) -> Iterator[None]:
    """Keep others, the guard above all, from switching meanwhile; may be entered again inside.

    Raises HostError when another process takes longer than `wait` seconds.
    """
    key = str(place.root)
    outer = _HELD.places.get(key, 0)
    if outer:
        _HELD.places[key] = outer + 1
        try:
            yield
        finally:
            _HELD.places[key] = outer
        return
    with explained(place.root, "lock it"):
        place.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place.root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)  # readers could hold it
    try:
        _lock(descriptor, place, time.monotonic() + wait)
        _HELD.places[key] = 1
        yield
    finally:
        _HELD.places.pop(key, None)
        os.close(descriptor)


def _lock(descriptor: int, place: Place, end: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                what = "another switch is under way here"
                raise Refused(what, where=str(place.root), fix="wait for it, then try again") from None
            time.sleep(_PAUSE)
        else:
            return


def write(path: Path, switch: Switch) -> None:
    """Write a switch down. Raises HostError."""
    with explained(path, "write the switch down"):
        store(path, json.dumps(asdict(switch)).encode())


def pending(place: Place) -> Switch | None:
    """The switch that waits to be confirmed."""
    return read(place, place.switch)


def unfinished(place: Place) -> Switch | None:
    """The switch that is not confirmed, or a way back that did not come to its end; None if all is done."""
    return read(place, place.reverting) or read(place, place.switch)


def read(place: Place, path: Path) -> Switch | None:
    """A switch that was written down. For one that is damaged, the ledger says what was live before."""
    try:
        return Switch(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HostError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except (ValueError, TypeError):
        before, live = Ledger(place).live(), place.live()
        if before is None and live is not None:
            fix = "look which release is well; deploy one after removing this file"
            raise HostError("is damaged, and the ledger does not say what was live", where=str(path), fix=fix) from None
        return Switch("", live or "", before.id if before else None, 0.0, "", "")


def claim(place: Place, token: str, to: Path) -> bool:
    """Rename the switch with this token, which one can do once; True for whoever did."""
    found = pending(place)
    if found is None or found.token != token:
        return False
    with explained(place.switch, "settle the switch"):
        try:
            place.switch.rename(to)
        except FileNotFoundError:
            return False
        sync(place.root)
    return True


def forget(place: Place, path: Path) -> None:
    """A switch is done, and what was made for it goes."""
    with explained(path, "remove it"):
        path.unlink(missing_ok=True)
        for draft in place.root.glob(".to-*"):
            draft.unlink(missing_ok=True)
        sync(place.root)
