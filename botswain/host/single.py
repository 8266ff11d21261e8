"""One process of a bot at a time, whoever started it.

The launcher locks a file and lets the bot inherit the lock, so the kernel knows whether the bot, or anything that it
left behind, still runs, also when its manager was killed and forgot about it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from botswain.host.errors import HostError
from botswain.host.launch import PATIENCE, locked
from botswain.host.place import Place, explained

_PAUSE = 0.02


def lay(place: Place) -> None:
    """Have the lock's file there for a bot that may not make it itself."""
    with explained(place.running, "make it"):
        os.close(os.open(place.running, os.O_RDONLY | os.O_CREAT, 0o644))


def free(place: Place) -> bool:
    """Whether no process of the bot runs."""
    try:
        descriptor = os.open(place.running, os.O_RDWR)
    except FileNotFoundError:
        return True
    except OSError as error:
        raise HostError(f"cannot be looked at: {error.strerror}", where=str(place.running)) from None
    try:
        return locked(descriptor)
    finally:
        os.close(descriptor)


def holders(place: Place) -> list[int]:
    """The processes that have the lock's file open; none where the system does not tell (`/proc`)."""
    return _holders(place.running)


def seen(running: str | os.PathLike[str]) -> str:
    """The same in words, by the lock's file."""
    return ", ".join(str(one) for one in _holders(running)) or "not to be seen"


def _holders(running: str | os.PathLike[str]) -> list[int]:
    found, wanted = [], os.path.realpath(running)
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) == os.getpid():
            continue
        if _holds(folder, wanted):
            found.append(int(folder.name))
    return found


def _holds(process: Path, wanted: str) -> bool:
    with contextlib.suppress(OSError):
        return any(_leads(entry, wanted) for entry in (process / "fd").iterdir())
    return False


def family(place: Place, pid: int) -> dict[int, str]:
    """What the bot's process started, and that in turn, each with when it was started.

    Once the process has ended they are nobody's children, so they are found before. Nothing for a process that does not
    hold the bot's lock, or where the system does not tell.
    """
    if pid <= 1 or not _holds(Path(f"/proc/{pid}"), os.path.realpath(place.running)):
        return {}
    known = {int(folder.name): _stat(int(folder.name)) for folder in Path("/proc").glob("[0-9]*")}
    found: dict[int, str] = {}
    parents = {pid}
    while parents:
        children = {one for one, (parent, _) in known.items() if parent in parents and one not in found}
        found.update((one, known[one][1]) for one in children)
        parents = children
    return found


def _stat(pid: int) -> tuple[int, str]:
    """The parent of a process, and when it was started in the kernel's ticks."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if fields[0] != "Z":
            return int(fields[1]), fields[19]
    return 0, ""


def end_others(place: Place, patience: float, family: Mapping[int, str] = MappingProxyType({})) -> None:
    """End what is left of the bot after its manager stopped it: SIGTERM, and SIGKILL after `patience` seconds.

    That is what holds its lock, and what is left of its `family`. Raises HostError when something is left even then.
    """

    def left() -> list[int]:
        return [pid for pid, began in family.items() if _stat(pid)[1] == began]

    if free(place) and not left():
        return
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, PATIENCE)):
        for one in {*holders(place), *left()}:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(one, number)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if free(place) and not left():
                return
            time.sleep(_PAUSE)
    what = f"a process of the bot does not end ({seen(place.running)})"
    raise HostError(what, where=str(place.root), fix="end it by hand")


def _leads(entry: Path, wanted: str) -> bool:
    with contextlib.suppress(OSError):
        return str(entry.readlink()) == wanted
    return False
