"""Who keeps the bot's process: supervisord on a developer's machine, systemd on a server."""

from __future__ import annotations

import contextlib
import os
import re
import select
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from botswain.host import endings
from botswain.host.commands import mark, tail
from botswain.host.endings import EXPECTED
from botswain.host.errors import HostError
from botswain.host.gate import Manager, Process
from botswain.host.place import Service
from botswain.host.rpc import Rpc
from botswain.host.systemd import Systemd

_RUNNING = {"STARTING", "RUNNING"}
_NOT_RUNNING = 70
"""supervisord's fault for stopping what does not run."""
_ALREADY = 60
"""Its fault for starting what runs."""
_PAUSE = 0.02
_BAD_EXIT = "Bad exit code"
"""What supervisord calls an error of its own and is the program's."""
_END = re.compile(r"exited: (\S+) \((?:exit status (\d+)|terminated by (\w+))")
"""How its log tells an end."""
_JOURNAL = 4096
"""Bytes of its log that are read for the last one."""
_SHORTEST = 0.9
"""Seconds before which supervisord, which counts whole ones, kills nobody."""
_GRACE = 10.0
"""Seconds beyond the bot's own `stop_timeout` that a manager may take."""


def manager_of(service: Service) -> Manager:
    """The manager that a service names. Raises HostError for an unknown one."""
    kind = service.manager.get("kind")
    if kind == "supervisor":
        where = service.manager
        patience = service.stop_timeout + _GRACE
        return Supervisor(Path(where["socket"]), where["program"], Path(where["log"]), patience)
    if kind == "systemd":
        return Systemd(service.manager["unit"], service.stop_timeout)
    raise HostError(f'"{kind}" is no manager of processes', where="service.json", fix="deploy again")


class Supervisor:
    """A program of a supervisord, asked through its Unix socket."""

    def __init__(self, path: Path, program: str, log: Path, patience: float = 25.0) -> None:
        self._patience = patience
        self._path = path
        self._program = program
        self._log = log
        self._since = (0, 0)
        """Where the log ended before the last start."""
        self._pid = 0
        """The process that was seen after it."""

    def start(self, *, restarts: bool = True) -> None:  # noqa: ARG002 - our launcher counts the starts
        """Start the program; returns as soon as its process is there, or has failed to be."""
        self._since, self._pid = mark(self._log), 0
        self._ask("startProcess", False, forgive=_ALREADY)

    def stop(self) -> bool:
        """Stop the program; returns when it is gone for good. Raises HostError when that takes too long.

        True when it did not heed SIGTERM, and was killed.

        A program that ended by itself and is about to be started again "does not run", so supervisord refuses to stop
        it and then starts it: it is told again. Waiting for the process itself is quicker than for the answer:
        supervisord looks at its children once a second, and whenever it is asked something.
        """
        began = time.monotonic()
        end = began + self._patience
        pid = int(self._ask("getProcessInfo")["pid"])
        with _awaited(pid) as gone:
            self._ask("stopProcess", False, forgive=_NOT_RUNNING)
            gone(self._patience)
        while not _at_rest(found := self._ask("getProcessInfo")):
            if time.monotonic() >= end:
                raise HostError(f"did not end within {self._patience:g} s", where=self._program)
            if found["statename"] in {*_RUNNING, "EXITED", "BACKOFF"}:
                self._ask("stopProcess", False, forgive=_NOT_RUNNING)
            else:
                time.sleep(_PAUSE)
        return time.monotonic() - began > _SHORTEST and f" ({pid}) with SIGKILL" in self._journal()

    def process(self) -> Process:
        """What the process does."""
        found = self._ask("getProcessInfo")
        pid, running = int(found["pid"]), str(found["statename"]) in _RUNNING
        self._pid = self._pid or pid
        ended = self._last_end() if running and pid != self._pid else ""
        return Process(running, pid, float(found["start"]), told(found), ended)

    def log(self, lines: int) -> str:
        """The last lines of what the program printed, since it was started here."""
        return tail(self._log, lines, self._since)

    def _last_end(self) -> str:
        """How the program's last process ended, by the log of supervisord, which keeps it nowhere else."""
        ends = [one for one in _END.findall(self._journal()) if one[0] == self._program]
        if ends:
            return endings.told(int(ends[-1][1])) if ends[-1][1] else f"ended by {ends[-1][2]}"
        return ""

    def _journal(self) -> str:
        """The end of supervisord's log; empty where it cannot be had."""
        with contextlib.suppress(HostError), Rpc(self._path) as rpc:
            return str(rpc.ask("readLog", -_JOURNAL, 0))
        return ""

    def _ask(self, method: str, *arguments: bool, forgive: int = 0) -> dict[str, Any]:
        with Rpc(self._path) as rpc:
            answer = rpc.ask(method, self._program, *arguments, forgive=forgive)
        return answer if isinstance(answer, dict) else {}


def told(found: Mapping[str, Any]) -> str:
    """What supervisord says of a program, in words."""
    state, error = str(found["statename"]).lower(), str(found.get("spawnerr") or "")
    if found["pid"] or state not in {"exited", "backoff", "fatal"}:
        return state
    if error and not error.startswith(_BAD_EXIT):
        return f"{state}: {error}"
    return endings.told(int(found["exitstatus"]))


@contextlib.contextmanager
def _awaited(pid: int) -> Iterator[Callable[[float], None]]:
    """What waits until a process has ended, so many seconds at most; not at all where the system cannot tell."""
    try:
        descriptor = os.pidfd_open(pid)
    except (OSError, AttributeError, ValueError):
        yield lambda _seconds: None
        return

    def wait(seconds: float) -> None:
        select.select([descriptor], [], [], seconds)

    try:
        yield wait
    finally:
        os.close(descriptor)


def _at_rest(found: Mapping[str, Any]) -> bool:
    """Whether a program does not run, and does not start by itself in a moment."""
    if found["statename"] == "EXITED":
        return found["exitstatus"] in EXPECTED
    return not found["pid"] and found["statename"] != "BACKOFF"
