"""Files of which a commit does not hold the contents: Git LFS keeps them elsewhere, and git-crypt encrypts them.

They are known by what they hold, so that neither git-lfs nor a `.gitattributes` that came later decides. A release with
such a file in it would start and then fail, or worse.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

from botswain.host.errors import HostError
from botswain.host.place import Place, explained
from botswain.host.users import User, as_user

_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(.*\n)*?oid sha256:([0-9a-f]{64})\nsize \d+\n")
_EXTENDED = b"\next-"
"""In a pointer to what an extension of Git LFS has changed: its object is not what the file is to hold."""
_LONGEST = 1024
"""Bytes of the longest pointer."""
_ENCRYPTED = b"\0GITCRYPT\0"
_NAMED = 3
Pointer = tuple[str, Optional[str]]
"""A file, and what it points at: the SHA-256 of its contents; None for one that git-crypt encrypted."""


def complete(place: Place, folder: Path, objects: str, user: User | None) -> None:
    """Give the files of a release that Git LFS keeps their contents. Raises HostError where they are not here.

    `objects` is the store of Git LFS in the repository that the commit comes from, if that is on this machine.
    """
    with explained(folder, "read it"):
        found = list(pointers(folder))
    encrypted = [name for name, digest in found if digest is None]
    if encrypted:
        what = f"{_listed(encrypted)}: encrypted by git-crypt, and a release has no key"
        fix = f"list them in service.shared and put the plain files into {place.shared}, or use service.secrets"
        raise HostError(what, where=str(folder), fix=fix)
    missing = []
    for name, digest in found:
        kept = _kept(place, objects, digest or "")
        if kept is None:
            missing.append(name)
        else:
            _fill(folder / name, kept, user)
    if missing:
        what = f"{_listed(missing)}: kept by Git LFS, and the contents are not here"
        raise HostError(what, where=str(folder), fix=_remedy(place, objects))


def pointers(folder: Path) -> Iterator[Pointer]:
    """Every such file of a folder, by its path in there; no link is followed."""
    for path, _, names in os.walk(folder):
        for name in sorted(names):
            file = Path(path, name)
            if file.is_symlink() or not file.is_file():
                continue
            with file.open("rb") as opened:
                head = opened.read(_LONGEST + 1)
            match = _POINTER.fullmatch(head) if len(head) <= _LONGEST else None
            if match:
                yield str(file.relative_to(folder)), "" if _EXTENDED in head else match[2].decode()
            elif head.startswith(_ENCRYPTED):
                yield str(file.relative_to(folder)), None


def _kept(place: Place, objects: str, digest: str) -> Path | None:
    """Where an object is, whole."""
    for store in (objects, str(place.mirror / "lfs/objects")):
        path = Path(store, digest[:2], digest[2:4], digest)
        if store and digest and path.is_file() and _digest(path) == digest:
            return path
    return None


def _digest(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            total.update(part)
    return total.hexdigest()


def _fill(file: Path, kept: Path, user: User | None) -> None:
    with kept.open("rb") as source:  # which the user may not be able to

        def fill() -> None:
            with file.open("wb") as target:
                shutil.copyfileobj(source, target)

        with explained(file, "write it"):
            as_user(user, fill)


def _remedy(place: Place, objects: str) -> str:
    if objects:
        return f"git lfs pull in the bot's repository (sudo apt install git-lfs), which fills {objects}"
    return (
        "a host gets commits alone: keep the files in git (git lfs migrate export), download them in service.build into"
        f" other paths, or copy .git/lfs/objects of a clone to {place.mirror}/lfs/objects"
    )


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED} more" if len(names) > _NAMED else shown
