"""Numbers that labs hold while they live, and the removal of what a lab left, however it ended.

A lab's number names all that it has on this computer: its folder, its bridge, its control groups, its rules. So
whatever a dead one left is found without any record of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from machines import cgroups, container, network

BASE = Path("/var/tmp/botswain-machines")  # noqa: S108 - only root writes in it
NUMBERS = range(1, 250)


class Berth:
    """A number and its folder, held until `leave`, or until this process ends."""

    def __init__(self, number: int, held: IO[str]) -> None:
        self.number = number
        self.folder = BASE / str(number)
        self._held = held
        # Its input is a pipe that closes with this process, even when that is killed; then it does what `leave` does.
        with (self.folder / "alive").open("a") as own:
            self.reaper = subprocess.Popen(
                [sys.executable, "-m", "machines.reaper", str(number), str(own.fileno())],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                pass_fds=[own.fileno()], start_new_session=True, cwd=Path(__file__).parents[1],
            )  # fmt: skip

    def leave(self) -> None:
        """Removes all that the lab has; a second time does nothing."""
        assert self.reaper.stdin
        try:
            if not self._held.closed:
                _give_back(self.number, self._held)
        finally:  # what cannot be removed here is left to the reaper
            self._held.close()
            self.reaper.stdin.close()
            self.reaper.wait()


def take() -> Berth:
    """A number that nobody holds; first, what dead labs left is removed."""
    with registry():
        for number in sorted(_numbers()):
            with contextlib.suppress(BlockingIOError), (BASE / str(number) / "alive").open("a") as held:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(number)
        number = next(one for one in NUMBERS if not (BASE / str(one)).exists() and network.Network(one).free())
        folder = BASE / str(number)
        folder.mkdir(mode=0o700)
        held = (folder / "alive").open("a")
        fcntl.flock(held, fcntl.LOCK_EX)
        _open_uplinks()
    return Berth(number, held)


def _give_back(number: int, held: IO[str]) -> None:
    """Removes the lab that the open file belongs to, and no later one of the same number."""
    with registry():
        if os.fstat(held.fileno()).st_nlink:
            _remove(number)
            _close_uplinks()


def _remove(number: int) -> None:
    lab = network.Network(number)
    prefix = f"{lab.bridge}-"
    for unit in sorted(cgroups.names(prefix)):
        cgroups.end(unit)
    for place in Path("/run/systemd/nspawn").glob(f"*/{prefix}*"):
        container.forget(place.name)
    lab.remove()
    shutil.rmtree(BASE / str(number))


def _open_uplinks() -> None:
    """Remembers which interfaces did not forward before the first lab of several."""
    record = BASE / "forwarding"
    before = json.loads(record.read_text()) if record.exists() else []
    record.write_text(json.dumps([*before, *network.open_uplinks()]))


def _close_uplinks() -> None:
    record = BASE / "forwarding"
    if not _numbers() and record.exists():
        network.close_uplinks(json.loads(record.read_text()))
        record.unlink()


def _numbers() -> set[int]:
    return {int(path.name) for path in BASE.iterdir() if path.name.isdigit()}


@contextlib.contextmanager
def registry() -> Iterator[None]:
    """One process at a time takes or gives back a number."""
    BASE.mkdir(mode=0o700, exist_ok=True)
    with (BASE / "lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def await_end(number: int, alive: int) -> None:
    """Waits for the end of standard input, then removes the lab; `alive` is the lab's lock file, opened."""
    with open(alive, "a") as held:
        sys.stdin.read()
        fcntl.flock(held, fcntl.LOCK_EX)
        _give_back(number, held)
