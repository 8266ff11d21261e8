"""What runs of `./inv` did on hosts, and what took how long: by a callback for Ansible, and an `ssh` that takes notes.

Neither is Botswain's own. They cost some milliseconds, which count as Botswain's.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botswain.hosts.engine import COMMAND

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CALLBACK = Path(__file__).with_name("ansible") / "callback"
_CONTROLLER = frozenset({"assert", "debug", "fail", "include_tasks", "meta", "set_fact"})
"""Actions that send nothing to a host."""
_SSH = """#!/bin/sh
began=$(date +%s.%N)
{ssh} "$@"
code=$?
case "$*" in *{command}*) event=order ;; *) event=ssh ;; esac
printf '{{"event": "%s", "began": %s, "at": %s}}\\n' $event "$began" "$(date +%s.%N)" >>"$BENCH_TRACE"
exit $code
"""
"""An `order` goes to the engine past Ansible; what else goes by ssh is Ansible's own."""
INV, ORDERS, START, MODULES, ANSIBLE, BOT = (
    "./inv itself",
    "orders by ssh alone",
    "Ansible's start",
    "modules",
    "Ansible otherwise",
    "stop and start of the bot",
)


@dataclass(frozen=True)
class Traced:
    """One run that has ended."""

    events: Sequence[Mapping[str, Any]]
    began: float
    """Unix seconds, as are all times in the events."""
    ended: float
    document: Any
    """What it told."""

    @property
    def wall(self) -> float:
        """Seconds."""
        return self.ended - self.began

    @property
    def runs(self) -> int:
        """How often something was run on a host: modules of Ansible, and orders by ssh alone."""
        results = [one for one in self.events if one["event"] == "result" and _remote(one["action"])]
        return sum(one["runs"] for one in results) + sum(one["event"] == "order" for one in self.events)

    @property
    def changed(self) -> int:
        """How many tasks changed something on a host."""
        return sum(one["event"] == "result" and one["status"] == "changed" for one in self.events)

    def phases(self) -> dict[str, float]:
        """By phase the seconds that it took; together they are the whole run.

        The bot's own time is in a module, or in the last order by ssh.
        """
        bot = self.document["deployment"]["service"]["seconds"] or 0.0
        found = dict.fromkeys((INV, ORDERS, START, MODULES, ANSIBLE, BOT), 0.0)
        for name, seconds in _spans(self.events):
            found[name] += seconds
        found[INV] = self.wall - sum(found.values())
        found[MODULES if found[MODULES] > bot else ORDERS] -= bot
        found[BOT] = bot
        return found


@dataclass(frozen=True)
class Tracer:
    """A folder in which runs leave what they did."""

    folder: Path

    def variables(self) -> dict[str, str]:
        """With these, a child leaves its traces; those of earlier ones are gone."""
        self._path.write_text("")
        program = self.folder / "bin" / "ssh"
        if not program.exists():
            program.parent.mkdir()
            program.write_text(_SSH.format(ssh=shutil.which("ssh"), command=COMMAND))
            program.chmod(0o755)
        path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
        return {"BENCH_TRACE": str(self._path), "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACK), "PATH": path}

    def traced(self, run: Any) -> Traced:
        """Calls `run` with the variables; it returns what the child told."""
        variables = self.variables()
        began = time.time()
        document = run(**variables)
        ended = time.time()
        return Traced([json.loads(line) for line in self._path.read_text().splitlines()], began, ended, document)

    @property
    def _path(self) -> Path:
        return self.folder / "trace"


def shares(what: str, runs: Sequence[Traced]) -> None:
    """Tells on stderr how the time of these runs is shared out, by medians."""
    every = [one.phases() for one in runs]
    middle = {name: statistics.median(one[name] for one in every) for name in every[0]}
    total = sum(middle.values())
    told = ", ".join(f"{name} {1e3 * one:.0f} ms ({one / total:.0%})" for name, one in middle.items() if one)
    print(f"{what}: {told}", file=sys.stderr, flush=True)


def _remote(action: str) -> bool:
    return action.rpartition(".")[2] not in _CONTROLLER


def _spans(events: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, float]]:
    """What took how long; what is not in it is ./inv's own."""
    last = 0.0
    task = False
    for one in sorted(events, key=lambda one: one["at"]):
        at = one["at"]
        if one["event"] == "order":
            yield ORDERS, at - one["began"]
        elif one["event"] == "start":
            yield START, at - one["began"]
            last, task = at, False
        elif one["event"] in {"task", "result", "end"}:
            yield (MODULES if task and one["event"] == "result" else ANSIBLE), at - last
            last, task = at, one["event"] == "task"
