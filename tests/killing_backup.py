"""Runs a command of the backup runner, and kills it at a chosen point.

    python tests/killing_backup.py <number> <arguments of the command…>

A point is before each change of the file system, half-way through what is written, and before and after each step
that talks to the server. Prints the point's name before it dies; a run that gets through ends with the command's own
exit code.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

from botswain.backup import dumping, folder, keeping
from botswain.backup.__main__ import main
from botswain.backup.programs import Pipeline
from botswain.backup.session import Session


class Points:
    """Counts the points, and dies at the one that was chosen."""

    def __init__(self, chosen: int) -> None:
        self._left = chosen

    def around(self, owner, name: str, *, after: bool = False) -> None:
        """Has a point before each call, and one after it where the next point would be too late."""
        real = getattr(owner, name)

        def call(*arguments, **options):
            self._pass(f"before {name}")
            result = real(*arguments, **options)
            if after:
                self._pass(f"after {name}")
            return result

        setattr(owner, name, call)

    def halfway(self) -> None:
        """Has a point in the middle of the first piece of each file."""
        real = dumping._write_all

        def half(file, data):
            self._pass("half a write", lambda: file.write(data[: len(data) // 2]))
            real(file, data)

        dumping._write_all = half

    def _pass(self, name: str, last_words=lambda: None) -> None:
        self._left -= 1
        if self._left == 0:
            last_words()
            os.write(1, name.encode())
            os.kill(os.getpid(), signal.SIGKILL)


def start() -> int:
    """Puts the points in place, and runs the command."""
    points = Points(int(sys.argv[1]))
    for name in ("mkdir", "rename", "replace", "unlink"):
        points.around(Path, name)
    points.around(os, "fsync")
    points.around(shutil, "rmtree")
    points.around(shutil, "copyfileobj")
    points.around(folder, "store", after=True)
    points.around(Session, "freeze", after=True)
    points.around(Session, "counted")
    points.around(Pipeline, "finish", after=True)
    points.around(keeping, "prune", after=True)
    points.halfway()
    return main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(start())
