"""A throw-away copy of a bot's folder: what runs in it finds its files, and leaves no trace on live data.

Installed packages and git's own folder are linked, not copied. A link that leads out of the folder to where it may,
such as one into `shared`, becomes a copy of what it leads to; any other is left out, since whoever wrote the repository
chose where it leads. What is large is left out.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

LINKED = frozenset({"node_modules", ".venv", "venv", ".git"})
"""Folders that are linked by their name; so is every virtual environment."""
LARGEST = 32_000_000
"""Bytes of one file that is copied."""
TOTAL = 256_000_000
OUTSIDE = 64_000_000
"""Bytes of all that links to the outside lead to."""
FILES = 50_000


@dataclass
class View:
    """What a copy consists of."""

    folder: Path
    origin: Path
    linked: dict[str, Path] = field(default_factory=dict)
    """What is linked, by its path in the copy: where it really is."""
    left_out: list[str] = field(default_factory=list)
    """Files that are too large, or cannot be read."""


@dataclass
class _Room:
    """What may still be copied."""

    size: int
    files: int = FILES


def copy(
    origin: Path, into: Path, *, hidden: Collection[Path] = (), outside: Collection[Path] = (), links: bool = True
) -> View:
    """Copy a folder to `into`, which is not there yet. `hidden` paths do not appear; links lead to `outside` at most.

    Without `links`, what would be linked is an empty folder, for something to be mounted on it.
    """
    view = View(into, Path(os.path.realpath(origin)))
    work = _Copying(view, _real(hidden), _real(outside), links=links)
    work.folder(str(view.origin), str(into), "", _Room(TOTAL))
    return view


def seed(source: Path, target: Path) -> None:
    """Copy what is shared, a file or a folder, to where a build may look for it."""
    view = View(target, source)
    work = _Copying(view, set(), set(), links=False)
    if source.is_dir():
        work.folder(str(source), str(target), "", _Room(OUTSIDE))
    else:
        work.file(str(source), str(target), "", _Room(OUTSIDE))


class _Copying:
    """One copy under way."""

    def __init__(self, view: View, hidden: Collection[str], allowed: Collection[str], *, links: bool) -> None:
        self.view, self.hidden, self.allowed, self.links = view, hidden, allowed, links
        self.outside = _Room(OUTSIDE)
        self.entered: set[str] = set()

    def folder(self, source: str, target: str, name: str, room: _Room) -> None:
        """A folder and what is in it; `name` is its path in the copy."""
        os.mkdir(target)
        try:
            entries = sorted(os.scandir(source), key=lambda one: one.name)
        except OSError:
            self.view.left_out.append(name)
            return
        for one in entries:
            self.entry(one.path, f"{target}/{one.name}", f"{name}/{one.name}".lstrip("/"), room)

    def entry(self, source: str, target: str, name: str, room: _Room) -> None:
        """Whatever a folder holds."""
        try:
            mode = os.lstat(source).st_mode
        except OSError:
            return
        if source in self.hidden:
            return
        if _installed(source):
            self.link(source, target, name)
        elif stat.S_ISLNK(mode):
            self.follow(source, target, name)
        elif stat.S_ISDIR(mode):
            if room.files > 0:
                self.folder(source, target, name, room)
        elif stat.S_ISREG(mode):
            self.file(source, target, name, room)

    def link(self, source: str, target: str, name: str) -> None:
        """What is used as it is."""
        real = os.path.realpath(source)
        self.view.linked[name] = Path(real)
        if self.links:
            os.symlink(real, target)
        elif os.path.isdir(real):
            os.mkdir(target)
        else:
            with open(target, "wb"):
                pass

    def follow(self, source: str, target: str, name: str) -> None:
        """A link: as it is where it stays inside, else a copy of what it leads to where it may."""
        origin, real = str(self.view.origin), os.path.realpath(source)
        if _within(real, self.hidden):
            return
        if _within(real, (origin,)):
            here = f"{self.view.folder}{real[len(origin) :]}"
            os.symlink(os.path.relpath(here, os.path.dirname(target)), target)
        elif not _within(real, self.allowed):
            self.view.left_out.append(name)
        elif os.path.isdir(real):
            if self.outside.files > 0 and not f"{origin}/".startswith(f"{real}/") and real not in self.entered:
                self.entered.add(real)
                self.folder(real, target, name, self.outside)
                self.entered.remove(real)
        elif os.path.isfile(real):
            self.file(real, target, name, self.outside)

    def file(self, source: str, target: str, name: str, room: _Room) -> None:
        """A file, if there is room for it."""
        try:
            size = os.stat(source).st_size
            if size > min(LARGEST, room.size) or room.files <= 0:
                self.view.left_out.append(name)
                return
            shutil.copyfile(source, target)
            shutil.copymode(source, target)
        except OSError:
            self.view.left_out.append(name)
            with contextlib.suppress(OSError):
                os.unlink(target)
            return
        room.size -= size
        room.files -= 1


def _real(paths: Collection[Path]) -> set[str]:
    return {os.path.realpath(one) for one in paths}


def _within(path: str, folders: Collection[str]) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in folders)


def _installed(source: str) -> bool:
    """Whether this is linked: by its name, and a link by where it leads, since a name is easily given."""
    if os.path.exists(f"{source}/pyvenv.cfg"):
        return True
    name = os.path.basename(source)
    if not os.path.islink(source):
        return name in LINKED
    return name in ("node_modules", ".git") and os.path.basename(os.path.realpath(source)) == name
