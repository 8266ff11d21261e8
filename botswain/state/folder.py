"""`state: folder`: an environment's records as files on this machine.

`manifests/dev.json` is the manifest; `manifests/dev/` beside it holds everything else. Permissions are what
the umask leaves: nothing in here is secret (redaction sees to it), and whoever shares the folder must be able
to roll back.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from botswain.errors import BotswainError, Refused
from botswain.secrets import redaction
from botswain.state import atomic
from botswain.state.lock import FileLock
from botswain.state.store import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from botswain.audit.verify import Finding
    from botswain.state.store import Broken, Held, Holder, Owner

_LOCK = "lock"
_NAME = re.compile(r"(?:[A-Za-z0-9_][\w.+@-]*/)*[A-Za-z0-9_][\w.+@-]*", re.ASCII)
_BLOCK = 4096
_RESERVE = 1 << 20
"""Bytes that are kept free beside what a run says it needs: its journal and its audit records."""


class FolderStore:
    """The Store in a folder. It holds no files open; any number may exist for one environment.

    `clean` sees every byte that is written: the one place where redaction by value is wired for files.
    """

    def __init__(self, manifest_path: Path, *, clean: Callable[[bytes], bytes] = redaction.clean_document) -> None:
        if manifest_path.suffix != ".json":
            fix = "end it in .json; the folder beside it keeps the history"
            raise BotswainError("is not a place for a manifest", where=str(manifest_path), fix=fix)
        self.manifest_path = manifest_path
        self.folder = manifest_path.with_suffix("")
        self.environment = manifest_path.stem
        self._clean = clean

    delayed = False
    notes: tuple[str, ...] = ()

    def together(self) -> AbstractContextManager[None]:
        """Nothing to gain here: each change is on the disk when its call returns."""
        return contextlib.nullcontext()

    def path(self, name: str) -> Path:
        """Say where a document is. Raises BotswainError for a name that is not a plain relative path."""
        if name == MANIFEST:
            return self.manifest_path
        if not _NAME.fullmatch(name) or name == _LOCK:
            raise BotswainError(f"{name!r} cannot name a record", where=str(self.folder))
        return self.folder / name

    def read(self, name: str) -> bytes | None:
        """Return a document whole; None when there is none."""
        path = self.path(name)
        with atomic.explained(path, "read it"):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def write(self, documents: Mapping[str, bytes]) -> None:
        """Store documents in this order, each whole or not at all.

        All of them are on the disk before the first one appears, so a full disk changes nothing.
        """
        atomic.replace_files([(self.path(name), self._clean(data)) for name, data in documents.items()])

    def append(self, name: str, line: bytes) -> None:
        """Add one line. Raises BotswainError; a line that did not fit on the disk is taken back."""
        self.chain(name, lambda _: line + b"\n")

    def chain(self, name: str, build: Callable[[bytes], bytes]) -> None:
        """Add what `build` makes of the last line, under a lock of the kernel on the file itself."""
        path = self.path(name)
        with atomic.explained(path, "add to it"):
            atomic.make_folder(path.parent)
            fresh = not path.exists()
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                size = os.fstat(descriptor).st_size
                line = self._clean(build(_end(descriptor, size)))
                _add(descriptor, size, line)
                if fresh:
                    atomic.sync_folder(path.parent)
            finally:
                os.close(descriptor)

    def names(self, prefix: str = "") -> list[str]:
        """Return the names that begin with `prefix`, sorted."""
        found = [MANIFEST] if MANIFEST.startswith(prefix) and self.read(MANIFEST) is not None else []
        parent = prefix.rpartition("/")[0]
        below = self.path(parent) if parent else self.folder
        with atomic.explained(below, "list it"):
            found += [name for name in self._walk(below) if name.startswith(prefix) and name != _LOCK]
        return sorted(found)

    def _walk(self, folder: Path) -> Iterator[str]:
        try:
            entries = list(os.scandir(folder))
        except FileNotFoundError:
            return
        for entry in entries:
            if entry.is_dir():
                yield from self._walk(folder / entry.name)
            elif not entry.name.startswith("."):
                yield (folder / entry.name).relative_to(self.folder).as_posix()

    def delete(self, names: Iterable[str]) -> None:
        """Remove documents, and the folders that this leaves empty."""
        for path in [self.path(name) for name in names]:
            with atomic.explained(path, "remove it"):
                try:
                    path.unlink()
                except FileNotFoundError:
                    continue
                atomic.sync_folder(path.parent)
            self._drop_empty(path.parent)

    def _drop_empty(self, folder: Path) -> None:
        with contextlib.suppress(OSError):  # not empty
            while self.folder in folder.parents:
                folder.rmdir()
                folder = folder.parent

    def testimony(self, name: str) -> list[Finding]:
        """Nothing: a folder keeps no earlier versions where this machine could not change them."""
        self.path(name)
        return []

    def check_writable(self, bytes_needed: int = 0) -> None:
        """Try what recording will need: new files in both folders, and so many bytes. Raises Refused."""
        needed = bytes_needed + _RESERVE
        try:
            for folder in (self.manifest_path.parent, self.folder):
                with atomic.explained(folder, "record anything in it"):
                    atomic.make_folder(folder)
                    _try_out(folder / MANIFEST, needed)
        except BotswainError as error:
            raise Refused(error.what, where=error.where, fix=error.fix) from error

    def lock(self, owner: Owner, *, wait: float = 0, waiting: Callable[[Holder], None] | None = None) -> Held:
        """Take the lock, and remove what a killed run left half-written."""
        held = self._lock().acquire(owner, wait=wait, waiting=waiting)
        atomic.sweep(self.manifest_path.parent, self.manifest_path.name)
        for folder, _, _ in os.walk(self.folder):
            atomic.sweep(Path(folder))
        return held

    def holder(self) -> Holder | None:
        """Tell who holds the lock now, if anybody does."""
        return self._lock().holder()

    def break_lock(self, why: str, by: str) -> Broken | None:
        """Take the lock from whoever holds it, leaving `by` and `why` for it to find."""
        return self._lock().break_lock(why, by)

    def _lock(self) -> FileLock:
        return FileLock(self.folder / _LOCK, self.environment)


def _end(descriptor: int, size: int) -> bytes:
    """Read the last complete line and what follows it, without reading the whole file."""
    taken = 0
    while taken < size:
        taken = min(size, max(_BLOCK, taken * 4))
        end = os.pread(descriptor, taken, size - taken)
        line = end.rfind(b"\n", 0, max(end.rfind(b"\n"), 0))
        if line >= 0:
            return end[line + 1 :]
        if taken == size:
            return end
    return b""


def _add(descriptor: int, size: int, line: bytes) -> None:
    try:
        atomic.write_all(descriptor, line)
        os.fsync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)
        raise


def _try_out(beside: Path, size: int) -> None:
    """Make a file of `size` bytes and remove it: this finds quotas and limits that no figure shows."""
    probe = atomic.temporary(beside)
    descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        room = os.fstatvfs(descriptor)
        if room.f_bavail * room.f_frsize < size:
            raise OSError(atomic.FULL, "no space")
        if hasattr(os, "posix_fallocate"):
            _allocate(descriptor, size)
    finally:
        os.close(descriptor)
        probe.unlink()


def _allocate(descriptor: int, size: int) -> None:
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno in atomic.MEANS_FULL:  # some file systems cannot allocate ahead; that says nothing
            raise
