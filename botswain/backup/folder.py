"""The folder that holds one environment's backups.

<id>/                one backup, which appears whole by one rename
  database.dump…     what pg_dump made, as it is stored
  globals.sql        roles and tablespaces of the server, without passwords
  entry.json         the catalogue entry
.partial-<id>/       a backup under way, or what a killed run left
.gone-<id>/          one that is being removed
.lock                held by whoever changes something here
.last-run.json       how the last run ended
.last-good.json      the entry of the newest good backup once more, for when that is damaged or gone
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from botswain.backup.errors import BackupError, Refused, explained

ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6}")
ENTRY = "entry.json"
LAST_GOOD = ".last-good.json"
_PARTIAL, _GONE = ".partial-", ".gone-"
_TOLD, _PAGE = 500, 4096
"""Characters of what a run told that are kept, and the bytes that all of it always takes."""
_PAUSE = 0.2
"""Seconds between looks at a lock that is waited for."""


class Folder:
    """The paths of one environment's backups, and what must hold while they change."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = root / ".lock"
        self._last = root / ".last-run.json"

    def backup(self, identity: str) -> Path:
        """The folder of one backup."""
        return self.root / identity

    def ids(self) -> list[str]:
        """Every backup that is here, oldest first. Raises BackupError when the folder cannot be read."""
        with explained(self.root, "read it"):
            try:
                return sorted(path.name for path in self.root.iterdir() if ID.fullmatch(path.name) and path.is_dir())
            except FileNotFoundError:
                return []

    @contextlib.contextmanager
    def draft(self, identity: str) -> Iterator[Path]:
        """A folder to make a backup in. What is there at the end becomes the backup; a failure leaves nothing."""
        draft = self.root / f"{_PARTIAL}{identity}"
        with explained(draft, "make it"):
            draft.mkdir(mode=0o700)
        try:
            yield draft
            with explained(draft, "rename it"):
                sync(draft)
                draft.rename(self.backup(identity))
                sync(self.root)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def remove(self, identity: str) -> None:
        """Remove a backup: at once it is none, also when the rest is cut off. Raises OSError."""
        gone = self.root / f"{_GONE}{identity}"
        self.backup(identity).rename(gone)
        sync(self.root)
        shutil.rmtree(gone)

    def sweep(self) -> list[str]:
        """Remove what killed runs left; returns the ids of backups that were never finished. Needs the lock."""
        cut = []
        with contextlib.suppress(OSError):
            for path in list(self.root.iterdir()):
                if path.name.startswith((_PARTIAL, _GONE)):
                    shutil.rmtree(path, ignore_errors=True)
                    if path.name.startswith(_PARTIAL):
                        cut.append(path.name[len(_PARTIAL) :])
                elif path.name.startswith(f".{LAST_GOOD}."):  # what `store` had begun
                    path.unlink()
        return cut

    def free(self) -> int:
        """Bytes that may still be written here."""
        with explained(self.root, "look at its disk"):
            found = os.statvfs(self.root)
        return found.f_bavail * found.f_frsize

    @contextlib.contextmanager
    def alone(self, doing: str, wait: float = 0) -> Iterator[None]:
        """Be the only one who changes something here. Raises Refused when another does for `wait` seconds.

        The kernel ends the lock with its holder, however that ends.
        """
        with explained(self.root, "make it"):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with explained(self._lock, "lock it"):
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            end = time.monotonic() + wait
            while not _locked(descriptor):
                if time.monotonic() >= end:
                    holder = os.pread(descriptor, 500, 0).decode("utf-8", "replace").strip() or "somebody"
                    fix = "wait for it (--wait SECONDS), or end it"
                    raise Refused(f"is in use: {holder}", where=str(self.root), fix=fix)
                time.sleep(_PAUSE)
            with contextlib.suppress(OSError):  # a full disk is no reason not to verify or prune
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{doing} by process {os.getpid()} since {now()}\n".encode(), 0)
            yield
        finally:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)

    def remember(self, outcome: str, told: str, began: str) -> None:
        """Keep how the last run ended. Where that cannot be written, the run's own output has to do.

        It is written over in place: that a disk became full can then still be kept there.
        """
        document = {"outcome": outcome, "told": told[:_TOLD], "startedAt": began, "at": now()}
        data = json.dumps(document).encode().ljust(_PAGE)
        with contextlib.suppress(OSError):
            descriptor = os.open(self._last, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.pwrite(descriptor, data, 0)
                os.ftruncate(descriptor, len(data))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def last_run(self) -> dict[str, Any] | None:
        """How the last run ended; `cut off` for one that was killed, `running` for one that still runs."""
        try:
            found = json.loads(self._last.read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(found, dict):
            return None
        if found.get("outcome") == "running" and not self._in_use():
            found = {**found, "outcome": "cut off", "told": "it was killed, or the machine went down"}
        return found

    def _in_use(self) -> bool:
        try:
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            return not _locked(descriptor)
        finally:
            os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def store(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, durably, for its owner alone."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    sync(path.parent)


def sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def now() -> str:
    """The time in UTC, to the second, as the catalogue writes it."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: UP017 - Python 3.9


def new_id(newest: str = "", moment: datetime | None = None) -> str:
    """The id of a new backup: the UTC second and 24 random bits; it comes after the `newest` there is.

    Where the clock is behind that one, the id has its second: which backup is the last one must never be in doubt.
    """
    moment = moment or datetime.now(timezone.utc)  # noqa: UP017 - Python 3.9
    random = int.from_bytes(os.urandom(3), "big")
    if newest and f"{moment:%Y%m%d-%H%M%S}" <= newest[:15]:
        moment = datetime.strptime(newest[:15], "%Y%m%d-%H%M%S")  # noqa: DTZ007 - it is only counted on from
        random = int(newest[16:], 16) + 1 + random % 4096
        moment, random = moment + timedelta(seconds=random >> 24), random & 0xFFFFFF
    return f"{moment:%Y%m%d-%H%M%S}-{random:06x}"


def wanted(identity: str, known: list[str], where: Path) -> str:
    """The backup that an id or the beginning of one means. Raises BackupError naming the choices."""
    found = [one for one in known if one.startswith(identity)] if identity else []
    if len(found) == 1:
        return found[0]
    what = f'"{identity}" is no backup here' if not found else f'"{identity}" is several backups here'
    names = ", ".join((found or known)[-5:]) or "none yet"
    raise BackupError(what, where=str(where), fix=f"there are: {names}")
