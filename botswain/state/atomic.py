"""Files that are written whole or not at all, and errors of the disk that say what to do."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

from botswain.errors import BotswainError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

TEMPORARY = ".tmp"
"""The end of a temporary file's name; it begins with a dot and the name of the file that it becomes."""

FULL = errno.ENOSPC
_FULL = {FULL: "the disk is full", errno.EDQUOT: "your disk quota is used up"}
MEANS_FULL = frozenset({*_FULL, errno.EFBIG})
_FORBIDDEN = {errno.EACCES, errno.EPERM}


def disk_error(error: OSError, path: Path, doing: str) -> BotswainError:
    """Tell a failed file operation in one line: `<path>: cannot <doing>: <reason>; <what to do>`."""
    code = error.errno
    if code in _FULL:
        reason, fix = _FULL[code], "free some space, then run the same command again"
    elif code == errno.EFBIG:
        reason, fix = "the file would pass the size limit of this process", "raise it (ulimit -f)"
    elif code == errno.EROFS:
        reason, fix = "the file system is read-only", "mount it writable, or set another manifest_path"
    elif code in _FORBIDDEN:
        reason, fix = "permission denied", f"let this user write to {path if path.is_dir() else path.parent}"
    else:
        reason, fix = (error.strerror or str(error)), "look at the disk and the path, then run it again"
    return BotswainError(f"cannot {doing}: {reason}", where=str(path), fix=fix)


@contextlib.contextmanager
def explained(path: Path, doing: str) -> Iterator[None]:
    """Turn an OSError inside into the BotswainError that `disk_error` makes."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, path, doing) from error


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; a write may take only a part of them, for instance as the disk fills up."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Create a folder and its parents durably; the permissions are the umask's decision."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        with contextlib.suppress(FileExistsError):  # somebody else was as quick; a file there fails below
            one.mkdir()
        sync_folder(one.parent)


def replace_files(files: Sequence[tuple[Path, bytes]]) -> None:
    """Store each file whole, in this order, durably.

    All bytes are on the disk under temporary names before the first file changes, so want of space or of
    permission changes nothing. Raises BotswainError; no temporary file stays.
    """
    prepared: list[tuple[Path, Path]] = []
    try:
        for path, data in files:
            with explained(path, "store it"):
                make_folder(path.parent)
                # Replacing a symbolic link would cut it, and leave the file it means behind.
                target = path.resolve()
                prepared.append((temporary(target), target))
                _prepare(prepared[-1][0], target, data)
        while prepared:
            source, target = prepared[0]
            with explained(target, "store it"):
                source.replace(target)
                del prepared[0]
                if not prepared or prepared[0][1].parent != target.parent:
                    sync_folder(target.parent)
    finally:
        for source, _ in prepared:
            with contextlib.suppress(OSError):
                source.unlink()


def temporary(target: Path) -> Path:
    """Name a temporary file for `target`, in the same folder so that a rename suffices."""
    return target.with_name(f".{target.name}.{os.urandom(4).hex()}{TEMPORARY}")


def _prepare(source: Path, target: Path, data: bytes) -> None:
    descriptor = os.open(source, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with contextlib.suppress(FileNotFoundError):  # a new file gets what the umask leaves
            os.fchmod(descriptor, target.stat().st_mode & 0o777)
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path, name: str = "") -> list[Path]:
    """Remove what killed runs left half-written in a folder, of one file `name` or of all; return what went.

    Only for the holder of the lock. Failing to clean is no failure.
    """
    gone: list[Path] = []
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            if entry.name.startswith(f".{name}." if name else ".") and entry.name.endswith(TEMPORARY):
                found = folder / entry.name
                with contextlib.suppress(OSError):
                    found.unlink()
                    gone.append(found)
    return gone
