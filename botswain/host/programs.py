"""Whether what a release is started with is there: seen before anything stops, not by a bot that is down."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from botswain.host.errors import HostError

_HEAD = 256
"""Bytes of a script's first line that are looked at, as the kernel does."""


def check(folder: Path, run: Sequence[str]) -> None:
    """Raise HostError when the first word of `run` names a file, in the release's folder or elsewhere, that cannot run.

    A bare word is looked for on the PATH of whoever starts the bot, which nobody here knows.
    """
    if "/" not in run[0]:
        return
    program = folder / run[0]
    if not program.exists():
        target = f" (a link to {os.readlink(program)})" if program.is_symlink() else ""  # noqa: PTH115 - as it is written
        raise HostError(
            f"{run[0]}{target}, which the release is started with, is not there", where=str(folder), fix=_FIX
        )
    if not program.is_file() or not os.access(program, os.X_OK):
        raise HostError(f"{run[0]}, which the release is started with, is no program", where=str(folder), fix=_FIX)
    needed = interpreter(program)
    if needed and not Path(needed).exists():
        what = f"{run[0]} is a script of {needed}, which is not there"
        raise HostError(what, where=str(folder), fix=_FIX)


_FIX = "correct service.run or what builds it, or go to another release (./inv releases)"


def interpreter(program: Path) -> str:
    """The absolute path in a script's first line; empty for what is no such script."""
    try:
        with program.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return ""
    words = head[2:].split(b"\n", 1)[0].split() if head.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words and words[0].startswith(b"/") else ""
