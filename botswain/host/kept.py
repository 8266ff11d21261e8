"""Commands of the bot's code as processes that cannot read ours, and of which nothing outlives them.

On Linux a keeper (keeper.py) stands between: it has no secret, and kills whatever the command leaves behind. Elsewhere
it is a plain process with a group of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from botswain.host import keeper
from botswain.host.users import User

_GRACE = 12.0
"""Seconds that a keeper has to kill what it keeps."""


class Kept:
    """A command that runs, and everything that it starts."""

    def __init__(self, process: subprocess.Popen[bytes], answers: int | None) -> None:
        self.process = process
        self._answers = answers

    def wait(self, seconds: float | None = None) -> int:
        """Its exit code, or the negative number of a signal. Raises subprocess.TimeoutExpired."""
        code = self.process.wait(seconds)
        if self._answers is None:
            return code
        told = b""
        with open(self._answers, "rb") as file:  # noqa: PTH123 - a descriptor
            self._answers = None
            told = file.read()
        with contextlib.suppress(ValueError, KeyError, IndexError):
            code = int(json.loads(told.splitlines()[-1])["code"])
            self.process.returncode = code
        return code

    def end(self) -> None:
        """End it now, and whatever it started."""
        if self._answers is not None:
            if self.process.poll() is None:
                self.process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(_GRACE)
            os.close(self._answers)
            self._answers = None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


def start(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    building: bool,
    user: User | None = None,
    pass_fds: tuple[int, ...] = (),
    **how: Any,
) -> Kept:
    """Start a command, as another user if there is one; `how` is for Popen (cwd, stdin, stdout, stderr).

    With `building` it may do as root what builds do. Raises OSError where it cannot be started.
    """
    keeper.unreadable()
    if sys.platform != "linux":
        how |= {"user": user.uid, "group": user.gid, "extra_groups": user.groups, "umask": 0o022} if user else {}
        made = subprocess.Popen(argv, env=dict(environment), pass_fds=pass_fds, start_new_session=True, **how)
        return Kept(made, None)
    receive, send = os.pipe()
    process = None
    try:
        with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
            order = {
                "argv": list(argv), "environment": dict(environment), "building": building, "answers": send,
                "parent": os.getpid(), "user": [user.uid, user.gid, user.groups] if user else None,
            }  # fmt: skip
            json.dump(order, file)
            file.seek(0)
            handed = (*pass_fds, file.fileno(), send)
            own = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
            process = subprocess.Popen(
                [*_keeper(), str(file.fileno())], env=own, pass_fds=handed, start_new_session=True, **how
            )
        os.close(send)
        send = -1
        told = _first(receive)
        if "errno" in told:
            process.wait()
            raise OSError(told["errno"], os.strerror(told["errno"]), argv[0])  # noqa: TRY301 - as Popen would
    except BaseException:
        if send >= 0:
            os.close(send)
        if process is None:
            os.close(receive)
        else:
            Kept(process, receive).end()
        raise
    return Kept(process, receive)


def _keeper() -> list[str]:
    """The command that runs keeper.py: by its path, or as text where it is in a zip."""
    path = Path(keeper.__file__)
    if path.is_file():
        return [sys.executable, "-IS", str(path)]
    loader = cast("Any", keeper.__loader__)
    return [sys.executable, "-IS", "-c", str(loader.get_source(keeper.__name__))]


def _first(pipe: int) -> dict[str, int]:
    """The first answer; nothing where the keeper ended without one."""
    told = b""
    while not told.endswith(b"\n"):
        more = os.read(pipe, 1)
        if not more:
            return {}
        told += more
    return cast("dict[str, int]", json.loads(told))
