"""Remembers what was worked out from files that have not changed since.

Only start-up time depends on it: the folder may be deleted at any time, and an entry that cannot be read or written is
simply worked out again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from botswain import __version__
from botswain.secrets import redaction

FOLDER = Path(".botswain/cache")


@cache
def _ourselves() -> str:
    """What tells this Botswain from one that was pulled or edited meanwhile, and may mean something else."""
    newest = count = 0
    for folder, _, files in os.walk(Path(__file__).parent):
        for name in files:
            if name.endswith(".py"):
                newest = max(newest, os.stat(f"{folder}/{name}").st_mtime_ns)  # noqa: PTH116 - Path doubles the time
                count += 1
    return f"{__version__} {count} {newest}"


def digest(parts: Iterable[str | bytes]) -> str:
    """A digest of the parts in their order, and of this Botswain."""
    total = hashlib.sha256(_ourselves().encode())
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big"))
        total.update(data)
    return total.hexdigest()


def remembered(name: str, key: str, build: Callable[[], Any]) -> Any:
    """The JSON value that `build` made for this `key`, made again if `key` is not the one remembered.

    What holds a secret is not written.
    """
    path = FOLDER / f"{name}.json"
    try:
        entry = json.loads(path.read_bytes())
        if entry["key"] == key:
            return entry["value"]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    value = build()
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        text = json.dumps({"key": key, "value": value}, separators=(",", ":"))
        if not redaction.is_clean(text):
            return value
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
    return value
