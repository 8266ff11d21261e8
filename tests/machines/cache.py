"""Folders that are made once and kept: whole or not at all, by one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def place() -> Path:
    """The cache folder of these tests: BOTSWAIN_TEST_CACHE, else in XDG_CACHE_HOME or ~/.cache."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "botswain-tests"
    return Path(os.environ.get("BOTSWAIN_TEST_CACHE") or default) / "machines"


def digest(deciding: Any) -> str:
    """A short name for what decides a content."""
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:16]


def once(name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache; where there is none, `make` fills a new one. Waits for another that makes it."""
    folder = place() / name
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_suffix(".lock")):
        if not folder.is_dir():
            part = folder.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)  # of a run that was killed: the lock is ours
            part.mkdir()
            make(part)
            part.rename(folder)
    return folder


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock file; the lock ends with this process, however it ends."""
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
