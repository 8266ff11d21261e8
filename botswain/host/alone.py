"""Keeps foreign programs to their release: tools look upward, and along the variables, for what is not theirs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from botswain.host.place import Place, explained

_FENCE = ".env"
"""A search for this file that leaves the releases ends beside them, at an empty one."""


def fence(place: Place) -> None:
    """Have the bot's folder stop those who look upward for a .env. Raises HostError."""
    path = place.root / _FENCE
    with explained(path, "make it"):
        if not path.exists():
            os.close(os.open(path, os.O_RDONLY | os.O_CREAT, 0o444))


def variables(place: Place) -> dict[str, str]:
    """What keeps tools of a release from looking further up than that, and from holding back what they print."""
    return {"GIT_CEILING_DIRECTORIES": str(place.releases), "PYTHONUNBUFFERED": "1"}


def search_path(known: Mapping[str, str]) -> str:
    """The PATH without the programs of this Botswain: an activated environment is nobody else's."""
    ours = [Path(__file__).resolve().parents[2]]
    if sys.prefix != sys.base_prefix:
        ours.append(Path(sys.prefix).resolve())
    kept = [one for one in known.get("PATH", os.defpath).split(os.pathsep) if not _within(one, ours)]
    return os.pathsep.join(kept) or os.defpath


def _within(folder: str, ours: list[Path]) -> bool:
    found = Path(folder).resolve() if folder else None
    return found is not None and any(found.is_relative_to(one) for one in ours)
