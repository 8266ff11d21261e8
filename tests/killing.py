"""Runs a task of a project again and again, each time killed one point later, until it gets through.

    python tests/killing.py <project> <where to put the copies> deploy|rollback

Each run is a forked process of its own on a copy of the project. A point is where the world differs for whoever comes
next: before each change of the store and in the middle of it, before and after each request, before and after the end
is told, and before the lock is given back. Prints
one JSON line a run: the folder, and the point at which it was killed (null for the last one, which got through).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

from deployments import Project, Someone, hasten

from botswain.deployment import transaction
from botswain.sandbox.transport import SandboxTransport
from botswain.state import atomic
from botswain.state.folder import FolderStore
from botswain.state.lock import HeldFile


class Points:
    """Counts the points of this process, and kills it at the one that was chosen."""

    def __init__(self, chosen: int, note: Path) -> None:
        self._left = chosen
        self._note = note

    def pass_(self, name: str, last_words=lambda: None) -> None:
        """Is a point: dies here if this is the one."""
        self._left -= 1
        if self._left == 0:
            last_words()
            self._note.write_text(name)
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: type, method: str, describe, *, after: bool = False) -> None:
        """Has a point before each call of a method, and one after it where the next point would be too late."""
        real = getattr(owner, method)

        def call(this, *arguments):
            what = describe(*arguments)
            self.pass_(f"before {what}")
            result = real(this, *arguments)
            if after:
                self.pass_(f"after {what}")
            return result

        setattr(owner, method, call)

    def halfway(self) -> None:
        """Has a point in the middle of each write to a file, and one after each rename but the last."""
        write_all, rename = atomic.write_all, Path.replace

        def half(descriptor, data):
            self.pass_("half a write", lambda: os.write(descriptor, data[: len(data) // 2]))
            write_all(descriptor, data)

        def replace(this, target):
            if this.name.endswith(atomic.TEMPORARY):
                self.pass_(f"before {Path(target).name} appears")
            return rename(this, target)

        atomic.write_all = half
        Path.replace = replace


def install(points: Points) -> None:
    """Puts points everywhere."""
    points.around(FolderStore, "write", lambda documents: f"write {', '.join(documents)}")
    points.around(FolderStore, "chain", lambda name, _build: f"line in {name}")
    points.around(FolderStore, "delete", lambda names: f"delete {', '.join(names)}")
    points.around(
        SandboxTransport, "handle_request", lambda request: f"{request.method} {request.url.path}", after=True
    )
    points.around(Someone, "finished", lambda _result: "the end is told", after=True)
    points.around(HeldFile, "release", lambda: "the lock is given back")
    points.halfway()


def run(folder: Path, task: str) -> None:
    """Runs the task in a folder, and ends this process with its exit code."""
    os.chdir(folder)
    project = Project(folder)
    workers = transaction.workers
    transaction.workers = lambda _: workers(1)  # one scope after another, so that every run meets the same points
    result = project.deploy(allow_delete=9) if task == "deploy" else project.rollback()
    os._exit(int(result.code))


def main() -> None:
    """Forks one run after another until one gets through."""
    template, out, task = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    hasten(lambda name, value: setattr(sys.modules[name.rpartition(".")[0]], name.rpartition(".")[2], value))
    os.chdir(template)
    Project(template).diff()  # imports and remembers now what every run would otherwise import for itself
    number, killed = 0, True
    while killed:
        number += 1
        folder, note = out / str(number), out / f"{number}.point"
        shutil.copytree(template, folder)
        child = os.fork()
        if child == 0:
            try:
                install(Points(number, note))
                run(folder, task)
            finally:
                os._exit(99)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status)
        point = note.read_text() if killed else None
        code = None if killed else os.waitstatus_to_exitcode(status)
        sys.stdout.write(json.dumps({"folder": str(folder), "point": point, "code": code}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
