"""The lines of a log that is rotated while somebody reads it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

_PAUSE = 0.1
"""Seconds between looks."""
_CHUNK = 65_536


def lines_of(path: Path, count: int, *, follow: bool = False) -> Iterator[str]:
    """The last `count` lines; with `follow` also what is written from now on, without end."""
    while True:
        try:
            file = path.open("rb")
            break
        except FileNotFoundError:
            if not follow:
                return
            time.sleep(_PAUSE)
    while True:
        with file:
            _to_last(file, count)
            yield from _lines(file, path, follow=follow)
        if not follow:
            return
        file, count = path.open("rb"), -1  # rotated: all of the new one is new


def _lines(file: BufferedReader, path: Path, *, follow: bool) -> Iterator[str]:
    """Whole lines until the end or, with `follow`, until the file is not the log any more."""
    rest, last = b"", False
    while True:
        data = file.read(_CHUNK)
        *whole, rest = (rest + data).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in whole)
        if data:
            continue
        if not follow or last:
            break
        last = _replaced(file, path)  # then one more look: it was written to until it was moved
        time.sleep(0 if last else _PAUSE)
    if rest:
        yield rest.decode("utf-8", "replace")


def _replaced(file: BufferedReader, path: Path) -> bool:
    try:
        known, now = os.fstat(file.fileno()), path.stat()
    except FileNotFoundError:
        return False  # about to be made
    return (known.st_dev, known.st_ino) != (now.st_dev, now.st_ino) or now.st_size < file.tell()


def _to_last(file: BufferedReader, count: int) -> None:
    """Go to where the last `count` lines begin; -1: to the beginning."""
    if count < 0:
        return
    position = file.seek(0, os.SEEK_END)
    wanted, found = count + 1, 0  # the newline at the end closes the last line
    while position > 0:
        step = min(_CHUNK, position)
        position -= step
        file.seek(position)
        data = file.read(step)
        if position + step == file.seek(0, os.SEEK_END) and not data.endswith(b"\n"):
            found += 1
        index = len(data)
        while (index := data.rfind(b"\n", 0, index)) >= 0:
            found += 1
            if found >= wanted:
                file.seek(position + index + 1)
                return
    file.seek(0)
