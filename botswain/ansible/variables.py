"""Hands variables to Ansible in a file that only this user can read, in memory where the system has such a place.

A run that is killed leaves its file; the kernel ends the lock on it, and by that the next run knows what to remove.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_NAME = "variables-"
_TEMPLATE = re.compile(r"\{[{%#]")
"""What Ansible would take for a template."""


@contextmanager
def handed(variables: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """A file with variables, for as long as the block lasts."""
    clear(folder)
    descriptor, name = tempfile.mkstemp(prefix=_NAME, suffix=".json", dir=folder)  # 0600
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, json.dumps(literal(variables)).encode())
        yield Path(name)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)  # noqa: PTH108 - as it was made
        os.close(descriptor)


def clear(folder: Path) -> None:
    """Remove what killed runs left."""
    for path in folder.glob(f"{_NAME}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(descriptor)


def literal(value: Any) -> Any:
    """A value in which nothing is a template: a bot's secret may hold braces."""
    if isinstance(value, str):
        return {"__ansible_unsafe": value} if _TEMPLATE.search(value) else value
    if isinstance(value, Mapping):
        return {str(name): literal(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [literal(one) for one in value]
    return value
