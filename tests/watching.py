"""What is there only for a moment: looked for all the time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def watched(look: Callable[[], Iterable[Any]]) -> Iterator[list[Any]]:
    """Calls `look` again and again meanwhile; the list grows by what it finds."""
    found: list[Any] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            found.extend(look())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def told_of_processes(*names: str) -> Iterator[tuple[Path, bytes]]:
    """These files of every process in /proc; one that ends meanwhile is left out.

    A pattern with the file's name in it would not do: glob looks whether it is there, and fails for such a process.
    """
    for folder in Path("/proc").glob("[0-9]*"):
        for name in names:
            with contextlib.suppress(OSError):
                yield folder / name, (folder / name).read_bytes()
