"""One process of a bot at a time, whoever started it.

The launcher locks a file and lets the bot inherit the lock, so the kernel knows whether the bot, or anything that it
left behind, still runs, also when its manager was killed and forgot about it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from pathlib import Path

from botswain.host.errors import HostError
from botswain.host.place import Place, explained

_PATIENCE = 3.0
"""Seconds that a starting bot waits for the one before to be gone: its manager says that it is."""
_PAUSE = 0.02


def claim(place: Place) -> None:
    """Be the bot's one process, and stay it through `exec`. Raises HostError when there is another."""
    with explained(place.running, "lock it"):
        descriptor = os.open(place.running, os.O_RDWR | os.O_CREAT, 0o600)
    end = time.monotonic() + _PATIENCE
    while not _locked(descriptor):
        if time.monotonic() >= end:
            who = ", ".join(str(one) for one in holders(place)) or "not to be seen"
            what = f"another process of this bot still runs ({who})"
            raise HostError(what, where=str(place.root), fix="a deploy or rollback ends it first")
        time.sleep(_PAUSE)
    os.set_inheritable(descriptor, True)


def free(place: Place) -> bool:
    """Whether no process of the bot runs."""
    try:
        descriptor = os.open(place.running, os.O_RDWR)
    except FileNotFoundError:
        return True
    except OSError as error:
        raise HostError(f"cannot be looked at: {error.strerror}", where=str(place.running)) from None
    try:
        return _locked(descriptor)
    finally:
        os.close(descriptor)


def holders(place: Place) -> list[int]:
    """The processes that have the lock's file open; none where the system does not tell (`/proc`)."""
    found, wanted = [], os.path.realpath(place.running)
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if any(_leads(entry, wanted) for entry in (folder / "fd").iterdir()):
                found.append(int(folder.name))
    return found


def end_others(place: Place, patience: float) -> None:
    """End what is left of the bot after its manager stopped it: SIGTERM, and SIGKILL after `patience` seconds.

    Raises HostError when something is left even then.
    """
    if free(place):
        return
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, _PATIENCE)):
        for one in holders(place):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(one, number)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if free(place):
                return
            time.sleep(_PAUSE)
    who = ", ".join(str(one) for one in holders(place)) or "not to be seen"
    raise HostError(f"a process of the bot does not end ({who})", where=str(place.root), fix="end it by hand")


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _leads(entry: Path, wanted: str) -> bool:
    with contextlib.suppress(OSError):
        return str(entry.readlink()) == wanted
    return False
