"""The processes of a folder, found by what their environment says: no file that a crash could leave behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from botswain.host.place import Place

_PROC = Path("/proc")
_LAST = 10.0
"""Seconds that a process takes to go after SIGKILL at most."""
_STEP = 0.05
"""Seconds between looks."""


def of(root: Path) -> list[int]:
    """Every process that was started for the folder `root`: supervisord, the sandbox, the bot, and their children."""
    return _with(*(os.fsencode(f"BOTSWAIN_SERVICE={one}") for one in Place(root).roots()), *_bot(root))


def of_bot(root: Path) -> list[int]:
    """The bot's process, and those that it started and that kept its environment."""
    return _with(*_bot(root))


def _bot(root: Path) -> list[bytes]:
    return [os.fsencode(f"CREDENTIALS_DIRECTORY={one / 'credentials'}") for one in Place(root).roots()]


def _with(*marks: bytes) -> list[int]:
    if _PROC.joinpath("self/environ").exists():
        return sorted(pid for pid in _numbers() if pid != os.getpid() and _marked(pid, marks))
    listed = subprocess.run(["ps", "-axwwEo", "pid=,command="], capture_output=True, check=False).stdout  # macOS
    lines = (line.split() for line in listed.splitlines())
    return sorted(int(line[0]) for line in lines if line and any(mark in line for mark in marks))


def end(look: Callable[[], list[int]], seconds: float) -> list[int]:
    """End what `look` finds: SIGTERM, and SIGKILL after so many seconds; what is left even then."""
    left: list[int] = []
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, _LAST)):
        for pid in look():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        left = wait_for_end(look, patience)
    return left


def guards(root: Path) -> list[int]:
    """The processes that wait for a switch of the folder to be confirmed."""
    if not _PROC.joinpath("self").exists():
        return []
    wanted = [os.fsencode(one) + b"\0guard\0" for one in Place(root).roots()]
    return sorted(pid for pid in _numbers() if any(one in _read(pid, "cmdline") for one in wanted))


def wait_for_end(look: Callable[[], list[int]], seconds: float) -> list[int]:
    """Wait until `look` finds nothing any more; what it still finds after `seconds`."""
    end = time.monotonic() + seconds
    while left := look():
        if time.monotonic() >= end:
            break
        time.sleep(_STEP)
    return left


def _numbers() -> list[int]:
    return [int(one) for one in os.listdir(_PROC) if one.isdigit()]  # noqa: PTH208 - names are enough


def _marked(pid: int, marks: tuple[bytes, ...]) -> bool:
    return any(mark in marks for mark in _read(pid, "environ").split(b"\0"))


def _read(pid: int, what: str) -> bytes:
    try:
        return (_PROC / str(pid) / what).read_bytes()  # empty for a zombie
    except OSError:  # gone, or of another user
        return b""
