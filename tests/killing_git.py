"""Runs a deployment with `state: git` again and again, each time killed one point later, until it gets through.

    python tests/killing_git.py <folder with remote.git and the clones one and two> <where to put the copies>

A point is before each git process that changes something, which is after the one before it, and in the middle of each
push, which goes on by itself then, as it would; and before and after each write to Discord. Prints one JSON line a run,
as killing.py does.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from deployments import Project, hasten
from killing import Points

from botswain.deployment import transaction
from botswain.sandbox.transport import SandboxTransport
from botswain.state.git import process


def install(points: Points) -> None:
    """Puts points around every git process and every request."""
    real = process.start

    def start(command, *rest, **options):
        what = next(word for word in command[1:] if word not in process._ALWAYS and "mirror=" not in word)
        changing = what in ("fast-import", "push", "update-ref")
        if changing:  # what only looks leaves the world as it was
            points.pass_(f"before git {what}")
        started = real(command, *rest, **options)
        if what == "push":
            points.pass_("during git push")
        return started

    process.start = start
    request, put = SandboxTransport.handle_request, "PUT"

    def handle(this, asked):
        if asked.method == put:
            points.pass_(f"before PUT {asked.url.path}")
        answer = request(this, asked)
        if asked.method == put:
            points.pass_(f"after PUT {asked.url.path}")
        return answer

    SandboxTransport.handle_request = handle


def main() -> None:
    """Forks one run after another until one gets through."""
    template, out = Path(sys.argv[1]), Path(sys.argv[2])
    hasten(lambda name, value: setattr(sys.modules[name.rpartition(".")[0]], name.rpartition(".")[2], value))
    workers = transaction.workers
    transaction.workers = lambda _: workers(1)
    os.chdir(template / "one")
    Project(template / "one").diff()  # imports and remembers now what every run would otherwise import for itself
    number, killed = 0, True
    while killed:
        number += 1
        folder, note = out / str(number), out / f"{number}.point"
        shutil.copytree(template, folder, symlinks=True)
        child = os.fork()
        if child == 0:
            try:
                install(Points(number, note))
                os.chdir(folder / "one")
                os._exit(int(Project(folder / "one").deploy(allow_delete=9).code))
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
