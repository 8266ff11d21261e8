"""The files of a bot's repository that are worth a look: code of its own, of a sensible size."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_OTHERS = frozenset(
    ["node_modules", "venv", "env", "__pycache__", "site-packages", "dist", "build", "out", "target", "coverage",
     "vendor", "test", "tests", "__tests__", "examples", "docs"]
)  # fmt: skip
"""Folders that hold no source of the bot."""
_MOST_FILES = 3000
_MOST_BYTES = 400_000
_MOST_DEPTH = 6


def walk(folder: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    """The files below a folder with one of these endings, sorted, nearest first; what cannot be read is left out."""
    level, count = [folder], 0
    for _ in range(_MOST_DEPTH):
        below: list[Path] = []
        for one in level:
            for entry in _entries(one):
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith(".") and entry.name not in _OTHERS:
                        below.append(Path(entry.path))
                elif entry.name.endswith(endings) and count < _MOST_FILES:
                    count += 1
                    yield Path(entry.path)
        level = below


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:
        return []


def text_of(path: Path) -> str:
    """What a file says; nothing where it cannot be read, is no text, or is too large to be written by hand."""
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return ""
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ""
