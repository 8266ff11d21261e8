"""Runs a task of a project with a service, and kills it at a chosen point.

    python tests/killing_service.py <number or name> <arguments of the task…>

A point is before each change of the records, before and after each call of the target that changes something, before
and after the end is told, and before the lock is given back.
It is chosen by its number, or by how its name begins. Prints the point's name before it dies; a run that gets through
ends with the task's own exit code.
"""

from __future__ import annotations

import os
import signal
import sys

from botswain.cli.deploying import _Person
from botswain.state.folder import FolderStore
from botswain.state.lock import HeldFile
from botswain.targets.local import Local


class Points:
    """Counts the points, and dies at the one that was chosen."""

    def __init__(self, chosen: str) -> None:
        self._left, self._name = (int(chosen), "") if chosen.isdecimal() else (0, chosen)

    def around(self, owner: type, method: str, *, after: bool = True) -> None:
        """Has a point before each call of a method, and one after it where the next point would be too late."""
        real = getattr(owner, method)

        def call(this, *arguments, **options):
            self._pass(f"before {owner.__name__}.{method} {str(arguments)[:60]}")
            result = real(this, *arguments, **options)
            if after:
                self._pass(f"after {owner.__name__}.{method} {str(arguments)[:60]}")
            return result

        setattr(owner, method, call)

    def _pass(self, name: str) -> None:
        self._left -= 1
        if self._left == 0 or (self._name and name.startswith(self._name)):
            os.write(1, name.encode())
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Puts the points in place, and runs the task."""
    points = Points(sys.argv[1])
    for method in ("write", "append", "delete", "chain"):
        points.around(FolderStore, method, after=False)
    for method in ("prepare", "deploy", "confirm", "back", "withdraw", "prune"):
        points.around(Local, method)
    points.around(_Person, "finished")
    points.around(HeldFile, "release", after=False)
    sys.argv = ["inv", *sys.argv[2:]]
    from botswain.cli.__main__ import main as run

    run()


if __name__ == "__main__":
    main()
