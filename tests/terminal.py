"""A command line on a real terminal: a pty, with somebody at its other end."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from desk import Desk


@contextmanager
def on_a_terminal(
    desk: Desk, *arguments: str, size: tuple[int, int] = (24, 80)
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A command line on a pty, stdout included; yields the process and the pty's other end. `size` is rows, columns."""
    ours, theirs = pty.openpty()
    resize(ours, *size)
    process = subprocess.Popen(
        desk.argv(*arguments), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - as the terminal's own session
        **desk.where(),
    )  # fmt: skip
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def resize(ours: int, rows: int, columns: int) -> None:
    """Gives the terminal's window another size, of which the system tells whoever runs in it."""
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def until(ours: int, text: str | None, seconds: float = 20) -> str:
    """What the terminal shows up to `text`, or to the end when that is None."""
    shown = ""
    deadline = time.monotonic() + seconds
    while text is None or text not in shown:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([ours], [], [], left)[0]:
            pytest.fail(f"it waits; shown so far: {shown!r}")
        try:
            read = os.read(ours, 4096)
        except OSError:  # the other end is closed
            return shown
        shown += read.decode(errors="replace")
    return shown
