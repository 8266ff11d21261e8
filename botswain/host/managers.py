"""Who keeps the bot's process: supervisord on a developer's machine, systemd on a server."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from botswain.host.commands import tail
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

    def start(self, *, restarts: bool = True) -> None:  # noqa: ARG002 - our launcher counts the starts
        """Start the program; returns as soon as its process is there, or has failed to be."""
        self._ask("startProcess", False, forgive=_ALREADY)

    def stop(self) -> None:
        """Stop the program; returns when it is gone for good. Raises HostError when that takes too long.

        A program that ended by itself and is about to be started again "does not run", so supervisord refuses to stop
        it and then starts it: it is told again. Waiting for the process itself is quicker than for the answer:
        supervisord looks at its children once a second, and whenever it is asked something.
        """
        end = time.monotonic() + self._patience
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

    def process(self) -> Process:
        """What the process does."""
        found = self._ask("getProcessInfo")
        state = str(found["statename"])
        told = str(found.get("spawnerr") or "") or f"{state.lower()}, exit code {found['exitstatus']}"
        return Process(state in _RUNNING, int(found["pid"]), float(found["start"]), told)

    def log(self, lines: int) -> str:
        """The last lines of what the program printed."""
        return tail(self._log, lines)

    def _ask(self, method: str, *arguments: bool, forgive: int = 0) -> dict[str, Any]:
        with Rpc(self._path) as rpc:
            answer = rpc.ask(method, self._program, *arguments, forgive=forgive)
        return answer if isinstance(answer, dict) else {}


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
