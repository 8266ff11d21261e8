"""Files that are new: all of them appear or none, and none takes the place of another.

The bytes are on the disk under temporary names first; then each gets its own name by a link, which fails where a file
of that name is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from botswain.errors import BotswainError
from botswain.state import atomic

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}
"""What file systems without hard links answer."""

_HALF_WRITTEN = re.compile(rf"\..+\.yaml\.[0-9a-f]{{8}}{re.escape(atomic.TEMPORARY)}")


def create_files(files: Sequence[tuple[Path, bytes]]) -> list[Path]:
    """Creates the files; returns the folders that this needed.

    Raises BotswainError; then, as after Ctrl-C, there is none of them.
    """
    made: list[Path] = []
    pairs: list[tuple[Path, Path]] = []
    done: list[Path] = []
    try:
        for path, data in files:
            with atomic.explained(path, "write it"):
                made += [one for one in _missing(path.parent) if one not in made]
                atomic.make_folder(path.parent)
                pairs.append((atomic.temporary(path), path))
                _write(pairs[-1][0], data)
        for source, path in pairs:
            with atomic.explained(path, "write it"):
                _appear(source, path, done)
        for folder in {path.parent for _, path in pairs}:
            atomic.sync_folder(folder)
    except BaseException:
        for source, path in pairs:
            if path in done or _same(source, path):
                _unlink(path)
        _clean(source for source, _ in pairs)
        remove_folders(made)
        raise
    _clean(source for source, _ in pairs)
    return made


def remove_files(files: Iterable[Path], folders: Iterable[Path] = ()) -> None:
    """Takes back what was created just now; never fails."""
    _clean(files)
    remove_folders(folders)


def sweep(folder: Path) -> None:
    """Removes what a killed run left half-written in a folder of definitions; never fails."""
    with contextlib.suppress(OSError):
        _clean([one for one in folder.iterdir() if _HALF_WRITTEN.fullmatch(one.name)])


def remove_folders(folders: Iterable[Path]) -> None:
    """Removes those of the folders that are empty, the deepest first; never fails."""
    for folder in sorted(folders, key=lambda one: len(one.parts), reverse=True):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _missing(folder: Path) -> Iterator[Path]:
    while not folder.exists():
        yield folder
        folder = folder.parent


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        atomic.write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _appear(source: Path, path: Path, done: list[Path]) -> None:
    try:
        path.hardlink_to(source)
    except FileExistsError:
        what = "appeared meanwhile, and existing files are left alone"
        raise BotswainError(what, where=str(path), fix="run the same command again") from None
    except OSError as error:
        if error.errno not in _NO_LINKS or path.exists():
            raise
        source.rename(path)
    done.append(path)


def _same(source: Path, path: Path) -> bool:
    """Whether the file is ours although nobody came to note it."""
    with contextlib.suppress(OSError):
        return source.samefile(path)
    return False


def _clean(paths: Iterable[Path]) -> None:
    for path in paths:
        _unlink(path)


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
