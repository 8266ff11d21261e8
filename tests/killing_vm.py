"""Runs a task of a project whose bot is on a host, and kills it at a chosen point.

    python tests/killing_vm.py <number or name of the point> <arguments of the task…>

Points are before each change of the records and before the end is told, and for each order that changes something on
the host: before it leaves, when half of it is told, and when the host has heard all of it and nobody listens any more.
A playbook is heard when its task begins. Prints the point's name before it dies; a run that gets through ends with the
task's own exit code.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from botswain.ansible import process
from botswain.ansible.events import Followed
from botswain.cli.deploying import _Person
from botswain.hosts import ssh
from botswain.state.folder import FolderStore


class Points:
    """Counts the points, and dies at the one that was chosen."""

    def __init__(self, chosen: str) -> None:
        self._chosen = chosen
        self._number = 0
        self._met: Counter[str] = Counter()

    def pass_(self, name: str, last_words: Callable[[], None] = lambda: None) -> None:
        """Is a point: dies here if this is the one."""
        self._number += 1
        self._met[name] += 1
        told = name if self._met[name] == 1 else f"{name}, time {self._met[name]}"
        if self._chosen in {str(self._number), told}:
            os.write(1, f"\n{told}".encode())
            last_words()
            os.kill(os.getpid(), signal.SIGKILL)

    def records(self) -> None:
        """Has points before the changes of the records; `append` is a `chain`."""
        write, append, chain, delete = FolderStore.write, FolderStore.append, FolderStore.chain, FolderStore.delete
        event = [""]

        def writing(store, documents):
            self.pass_(f"before {', '.join(documents)} is written")
            write(store, documents)

        def appending(store, name, line):
            event[0] = f" ({json.loads(line)['event']})"
            append(store, name, line)
            event[0] = ""

        def chaining(store, name, build):
            self.pass_(f"before a line in {name}{event[0]}")
            chain(store, name, build)

        def deleting(store, names):
            self.pass_(f"before {', '.join(names)} is deleted")
            delete(store, names)

        FolderStore.write, FolderStore.append = writing, appending
        FolderStore.chain, FolderStore.delete = chaining, deleting
        finished = _Person.finished

        def finishing(person, result):
            self.pass_("before the end is told")
            finished(person, result)

        _Person.finished = finishing

    def orders(self) -> None:
        """Has points around what ssh carries to the host."""
        run = ssh.subprocess.run

        def running(argv, **options):
            text = options.get("input")
            verbs = [one["verb"] for one in json.loads(text)["orders"]] if text else []
            if not {*verbs} - {"look"}:
                return run(argv, **options)
            told = " and ".join(verbs)
            self.pass_(f"before {told} leaves")
            self.pass_(f"half of {told} is told", lambda: _tell(argv, text[: len(text) // 2], options["env"]))
            self.pass_(f"{told} is heard", lambda: _tell(argv, text, options["env"]))
            return run(argv, **options)  # its answer changes nothing for whoever comes next

        ssh.subprocess = type("subprocess", (), {**vars(subprocess), "run": staticmethod(running)})

    def playbooks(self) -> None:
        """Has points around the playbooks that carry orders."""
        start, hear = process._start, Followed.hear

        def starting(argv, *rest):
            self.pass_(f"before playbook {argv[-1].rpartition('/')[2]} {argv[-2]} starts")
            return start(argv, *rest)

        def hearing(followed, event):
            hear(followed, event)
            if event["event"] == "task":
                self.pass_(f"task {event['task']} of the playbook has begun")

        process._start, Followed.hear = starting, hearing


def _tell(argv: Sequence[str], text: str, environment: Any) -> None:
    """Give a command its input, and do not wait for it: it has a session of its own, and goes on."""
    child = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
        start_new_session=True,
    )  # fmt: skip
    assert child.stdin
    child.stdin.write(text.encode())
    child.stdin.flush()


def main() -> None:
    """Puts the points in place, and runs the task."""
    points = Points(sys.argv[1])
    points.records()
    points.orders()
    points.playbooks()
    sys.argv = ["inv", *sys.argv[2:]]
    from botswain.cli.__main__ import main as run

    run()


if __name__ == "__main__":
    main()
