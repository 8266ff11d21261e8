"""Runs one command of the bot's code, and ends everything that it started: a process between that code and us.

    python keeper.py ORDER        ORDER: the number of an open file with a JSON object (see kept.py)

It holds no secret: its environment is the code's own. What the command leaves behind becomes its child (Linux calls it
a subreaper), also from a session of its own, and is killed with it; so it is when whoever started this process dies.
Started by its path or as `-c`, it imports nothing of Botswain.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # each command that is run would wait for it
    from collections.abc import Callable
    from typing import Any

_PDEATHSIG, _DUMPABLE, _BOUNDING, _SUBREAPER, _NO_NEW_PRIVILEGES = 1, 4, 24, 36, 38
_CAPABILITIES = 64
_FILES = frozenset({1, 2})
"""CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: root reads what belongs to others."""
_BUILDING = frozenset({0, 1, 2, 3, 4, 5, 6, 7, 10, 18, 23})
"""What root's builds use: owners and modes of files, other users, low ports, chroot, nice."""
_LONGEST = 10.0
"""Seconds in which killed processes have to be gone."""
_STEP = 0.005


class _Stopped(Exception):
    """Whoever started this wants it to end, or died."""


def unreadable() -> None:
    """Keep other processes of the same user from reading this one's environment and memory; Linux alone can."""
    prctl(_DUMPABLE, 0)


def prctl(what: int, value: int) -> None:
    """Set one thing of this process, where the system has it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(what, ctypes.c_ulong(value), 0, 0, 0)


def restrict(*, building: bool) -> None:
    """Take from root's commands what would let them read processes that have more; nobody else has any of it.

    The kernel shows no process to another that has fewer capabilities than it.
    """
    if os.geteuid() == 0:
        for one in set(range(_CAPABILITIES)) - (_BUILDING if building else _FILES):
            prctl(_BOUNDING, one)
    if not building:
        prctl(_NO_NEW_PRIVILEGES, 1)


def _stop(_number: int, _frame: object) -> None:
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    raise _Stopped


def main(number: int) -> None:
    """Carry out an order."""
    with open(number, encoding="utf-8") as file:
        order = json.load(file)
    answers = order["answers"]
    os.set_inheritable(answers, False)
    prctl(_SUBREAPER, 1)
    unreadable()
    child = 0
    try:
        for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(one, _stop)
        prctl(_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != order["parent"]:
            return
        child, failed = _start(order)
        if failed:
            _answer(answers, {"errno": failed})
            return
        _answer(answers, {"started": child})
        while True:
            ended, status = os.waitpid(-1, 0)
            if ended == child:
                break
        sweep(child)
        _answer(answers, {"code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)})
    except _Stopped:
        sweep(child)


def _start(order: dict[str, Any]) -> tuple[int, int]:
    """A process of the command in a session of its own, and the error that kept it from starting.

    As another user, who can then not even kill this process.
    """
    inside, outside = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            for one in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(one, signal.SIG_DFL)
            if order["user"]:
                uid, gid, groups = order["user"]
                os.setgroups(groups)
                os.setgid(gid)
                os.setuid(uid)
                os.umask(0o022)
            else:
                restrict(building=order["building"])
            _become(order["argv"], order["environment"])
        except OSError as error:
            os.write(outside, str(error.errno).encode())
        finally:
            os._exit(127)
    os.close(outside)
    told = os.read(inside, 16)
    os.close(inside)
    return child, int(told or 0)


def _become(argv: list[str], environment: dict[str, str]) -> None:
    """Execute a command; os.execvpe would import a module, which another user may not be able to read."""
    failed: OSError = FileNotFoundError(2, "No such file or directory")
    folders = [""] if "/" in argv[0] else [f"{one or '.'}/" for one in environment.get("PATH", os.defpath).split(":")]
    for folder in folders:
        try:
            os.execve(folder + argv[0], argv, environment)
        except (FileNotFoundError, NotADirectoryError) as error:
            failed = failed if isinstance(failed, PermissionError) else error
        except PermissionError as error:
            failed = error
    raise failed


def _answer(number: int, answer: dict[str, int]) -> None:
    try:
        os.write(number, json.dumps(answer).encode() + b"\n")
    except OSError:  # nobody listens any more
        pass


def sweep(child: int) -> None:
    """Kill what is left: all of it is a child of this process by now, or becomes one as its parent dies."""
    end = time.monotonic() + _LONGEST
    if child:
        _kill(os.killpg, child)
    while time.monotonic() < end:
        try:
            if os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return
        for one in _children():
            _kill(os.kill, one)
        time.sleep(_STEP)


def _kill(how: Callable[[int, int], None], whom: int) -> None:
    try:
        how(whom, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _children() -> list[int]:
    """This process's children, by what the kernel says of every process."""
    found, own = [], str(os.getpid())
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                if file.read().rpartition(")")[2].split()[1] == own:
                    found.append(int(name))
        except (OSError, IndexError):
            continue
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]))
