"""ansible-playbook as a process: what it tells while it runs, its end, and that of whatever it started."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_GRACE = 15.0
"""Seconds that it gets to end after it was told to."""
_STEP = 0.05
_LINES = 30
_BREATH = 15.0
"""Seconds of silence after which somebody who waits is told that it goes on."""

Heard = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Ended:
    """How it ended."""

    code: int
    """Its exit code, negative for a signal. It tells little: 2 is a failed task as well as a wrong option."""
    printed: str
    """The last lines of what it printed: for people, never to be understood by us."""
    in_time: bool = True


def carried_out(
    argv: Sequence[str],
    environment: Mapping[str, str],
    heard: Heard,
    seconds: float,
    waiting: Callable[[], None] = lambda: None,
) -> Ended:
    """Run it to its end; `heard` gets each event as it happens, `waiting` is called when there was none for a while.

    Ctrl-C is passed on once, as is the end of its time. It gets a moment to end, and then is killed with all that it
    started: but for connections to hosts, which are kept for the next run.
    """
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as output, os.fdopen(reading, encoding="utf-8", errors="replace") as lines:
        try:
            child = _start(argv, {**environment, "BOTSWAIN_EVENTS": f"/dev/fd/{writing}"}, output, writing)
        finally:
            os.close(writing)
        found: queue.SimpleQueue[Mapping[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=_read, args=(lines, found), daemon=True).start()
        threading.Thread(target=_wait, args=(child, found), daemon=True).start()
        try:
            in_time = _listen(found, heard, time.monotonic() + seconds, waiting)
            if in_time:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(_GRACE)
            else:
                _interrupt(child)
        except BaseException:
            _interrupt(child)
            raise
        finally:
            _kill(child)
        return Ended(child.returncode, _tail(output), in_time)


def _start(
    argv: Sequence[str], environment: Mapping[str, str], output: IO[bytes], events: int
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, pass_fds=(events,),
        start_new_session=True,  # a terminal's Ctrl-C is ours to pass on, and nothing in there can ask on it
    )  # fmt: skip


def _read(lines: IO[str], found: queue.SimpleQueue[Mapping[str, Any] | None]) -> None:
    with contextlib.suppress(ValueError, OSError):  # closed by whoever started us
        for line in lines:
            with contextlib.suppress(ValueError):
                found.put(json.loads(line))
    found.put(None)


def _wait(child: subprocess.Popen[bytes], found: queue.SimpleQueue[Mapping[str, Any] | None]) -> None:
    """Tell the end also when something that it started still holds the pipe."""
    child.wait()
    time.sleep(1)
    found.put(None)


def _listen(
    found: queue.SimpleQueue[Mapping[str, Any] | None], heard: Heard, end: float, waiting: Callable[[], None]
) -> bool:
    """Pass events on until there are no more; False when the time was over before."""
    while (left := end - time.monotonic()) > 0:
        try:
            event = found.get(timeout=min(left, _BREATH))
        except queue.Empty:
            waiting()
            continue
        if event is None:
            return True
        heard(event)
    return False


def _interrupt(child: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C on a terminal would: once, to all of them; then end what Ansible left behind.

    Its workers have sessions of their own, and one that it started in that very moment outlives it.
    """
    end, started = time.monotonic() + _GRACE, dict[int, int]()
    if child.poll() is None:
        _open(child.pid, started)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGINT)
    while child.poll() is None and time.monotonic() < end:
        _open(child.pid, started)
        time.sleep(_STEP)
    if child.poll() is not None:
        for pid in list(started):
            _open(pid, started)
        for handle in started.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
    for handle in started.values():
        os.close(handle)


def _open(pid: int, started: dict[int, int]) -> None:
    """Keep a handle of each process below one: its number alone may be another's by the time of the kill."""
    for one in _descendants(pid):
        if one not in started:
            with contextlib.suppress(OSError):
                started[one] = os.pidfd_open(one)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End what is left, and what that started: Ansible's workers have sessions of their own."""
    if child.poll() is None:
        for pid in [*_descendants(child.pid), child.pid]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for one in map(int, path.read_text().split()):
                found += [*_descendants(one), one]
    return found


def _tail(output: IO[bytes]) -> str:
    text = (output.seek(0), output.read())[1].decode("utf-8", "replace")
    return "\n".join(line for line in text.splitlines()[-_LINES:] if line.strip())
