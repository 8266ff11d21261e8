"""Second places: a mounted folder, or a folder on another machine over SSH.

A copy has the same layout, so that the runner works on it as on the first place. It is written under another name, read
back and hashed there, and renamed. A mark in the folder shows later that it is still the same place: a disk that is not
mounted leaves an empty folder, which would swallow copies unseen.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from botswain.backup.catalogue import Entry, Stored
from botswain.backup.errors import BackupError, disk_error, explained
from botswain.backup.folder import ENTRY, sync
from botswain.backup.programs import chunks
from botswain.backup.settings import Settings

MARK = ".botswain-backups"
_CONNECT, _SILENT = 15, 60
"""Seconds that ssh may take to connect, and that the other side may be silent."""


class Place(Protocol):
    """Where copies go."""

    name: str

    def put(self, entry: Entry, source: Path, *, known: bool) -> None:
        """Copy a backup, and read the copy back. `known`: there are copies there already. Raises BackupError."""

    def check(self, entry: Entry) -> None:
        """Hash the copy where it is. Raises BackupError when it is not as it was stored."""

    def remove(self, identity: str) -> None:
        """Remove a copy, if it is there. Raises BackupError."""


def place_of(name: str, settings: Settings) -> Place:
    """The second place of that name."""
    return Ssh(name, settings) if name.startswith("ssh://") else Mounted(name, settings.environment)


def _gone(*, known: bool) -> BackupError:
    if known:
        return BackupError("is not the folder that has the earlier copies", fix="is its disk mounted?")
    return BackupError("there is no such folder", fix="make it, or mount its disk")


def _compared(entry: Entry, hashes: dict[str, str]) -> None:
    for one in entry.files:
        if one.name not in hashes:
            raise BackupError(f"{one.name} of {entry.id} is not there")
        if hashes[one.name] != one.sha256:
            raise BackupError(f"{one.name} of {entry.id} is not what was copied (SHA-256)")


class Mounted:
    """A folder of this machine, usually on another disk."""

    def __init__(self, name: str, environment: str) -> None:
        self.name = name
        self._top = Path(name)
        self._root = self._top / environment

    def put(self, entry: Entry, source: Path, *, known: bool) -> None:
        """See Place."""
        self._marked(known=known)
        draft, done = self._root / f".partial-{entry.id}", self._root / entry.id
        with explained(self._root, "write a copy"):
            self._sweep()
            draft.mkdir(mode=0o700, parents=True)
            try:
                for name in (*(one.name for one in entry.files), ENTRY):
                    _copied(source / name, draft / name)
                _compared(entry, _hashes(draft, entry.files))
                self._set_aside(entry.id)
                draft.rename(done)
                sync(self._root)
            finally:
                self._sweep()

    def check(self, entry: Entry) -> None:
        """See Place."""
        self._marked(known=True)
        with explained(self._root, "read the copy"):
            _compared(entry, _hashes(self._root / entry.id, entry.files))

    def remove(self, identity: str) -> None:
        """See Place."""
        self._marked(known=True)
        with explained(self._root, "remove a copy"):
            self._set_aside(identity)
        self._sweep()

    def _set_aside(self, identity: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self._root / identity).rename(self._root / f".gone-{identity}")

    def _sweep(self) -> None:
        for pattern in (".partial-*", ".gone-*"):
            for path in self._root.glob(pattern):
                shutil.rmtree(path, ignore_errors=True)

    def _marked(self, *, known: bool) -> None:
        try:
            if known and not (self._top / MARK).exists():
                raise _gone(known=known)
            (self._top / MARK).touch(mode=0o600)
        except FileNotFoundError:
            raise _gone(known=known) from None
        except OSError as error:
            raise disk_error(error, self._top, "use it") from None


def _copied(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("wb") as write:
        shutil.copyfileobj(read, write, 1 << 20)
        write.flush()
        os.fsync(write.fileno())
        if hasattr(os, "posix_fadvise"):  # what is read back is the disk, not memory
            os.posix_fadvise(write.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    target.chmod(0o600)


def _hashes(folder: Path, files: Iterable[Stored]) -> dict[str, str]:
    found = {}
    for one in files:
        digest = hashlib.sha256()
        with contextlib.suppress(FileNotFoundError), (folder / one.name).open("rb") as file:
            for data in chunks(file):
                digest.update(data)
            found[one.name] = digest.hexdigest()
    return found


_MARKED = f"""
umask 077
cd -- "$top" 2>/dev/null || {{ echo gone; exit 0; }}
[ -e {MARK} ] || {{ [ "$known" = no ] || {{ echo gone; exit 0; }}; : >{MARK}; }}
mkdir -p -- "$environment" && cd -- "$environment" || exit 1
"""
_HASH = """
hash() {
    if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}
"""
_SWEEP = "rm -rf .partial-* .gone-*"


class Ssh:
    """A folder on another machine, which needs only a POSIX shell and sha256sum (or shasum)."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        url = urlsplit(name)
        self._environment = settings.environment
        self._top = unquote(url.path)
        options = {"BatchMode": "yes", "StrictHostKeyChecking": "yes", "ConnectTimeout": str(_CONNECT),
                   "ServerAliveInterval": str(_SILENT // 3), "ServerAliveCountMax": "3"}  # fmt: skip
        if settings.ssh.known_hosts:
            options["UserKnownHostsFile"] = settings.ssh.known_hosts
        if settings.ssh.identity:
            options |= {"IdentityFile": settings.ssh.identity, "IdentitiesOnly": "yes"}
        self._argv = ["ssh", "-T", *(part for key, value in options.items() for part in ("-o", f"{key}={value}"))]
        self._argv += ["-p", str(url.port)] if url.port else []
        self._argv += [f"{unquote(url.username)}@{url.hostname}" if url.username else str(url.hostname)]

    def put(self, entry: Entry, source: Path, *, known: bool) -> None:
        """See Place."""
        draft = f".partial-{entry.id}"
        self._shell(f"{_SWEEP}; mkdir {draft}", known=known)
        try:
            for name in (*(one.name for one in entry.files), ENTRY):
                with explained(source / name, "read it"), (source / name).open("rb") as file:
                    self._shell(f"cat >{draft}/{shlex.quote(name)}", stdin=file)
            self._shell("sync")
            self._hashed(entry, draft)
            self._shell(f"{_aside(entry.id)}; mv {draft} {entry.id} && sync; {_SWEEP}")
        except BackupError:
            with contextlib.suppress(BackupError):  # the next copy would do it, too; a full disk should not wait
                self._shell(_SWEEP)
            raise

    def check(self, entry: Entry) -> None:
        """See Place."""
        self._hashed(entry, entry.id)

    def remove(self, identity: str) -> None:
        """See Place."""
        self._shell(f"{_aside(identity)}; {_SWEEP}")

    def _hashed(self, entry: Entry, folder: str) -> None:
        names = " ".join(shlex.quote(one.name) for one in entry.files)
        printed = self._shell(f"{_HASH}[ ! -d {folder} ] || {{ cd {folder}; for one in {names}; do hash $one; done; }}")
        lines = re.findall(r"^([0-9a-f]{64}) [ *](\S+)$", printed, re.MULTILINE)
        _compared(entry, {name: digest for digest, name in lines})

    def _shell(self, script: str, *, known: bool = True, stdin: Any = subprocess.DEVNULL) -> str:
        """What a script prints that runs in the place's folder. Raises BackupError."""
        values = {"top": self._top, "environment": self._environment, "known": "yes" if known else "no"}
        setting = "; ".join(f"{name}={shlex.quote(value)}" for name, value in values.items())
        argv = [*self._argv, f"sh -c {shlex.quote(f'{setting}{_MARKED}{script}')}"]
        try:
            done = subprocess.run(argv, stdin=stdin, capture_output=True, check=False, text=True, errors="replace")
        except FileNotFoundError:
            raise BackupError("ssh is not installed", fix="install it (Debian, Ubuntu: openssh-client)") from None
        if done.stdout.strip() == "gone":
            raise _gone(known=known)
        if done.returncode:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            reason = lines[-1] if lines else f"ssh ended with {done.returncode}"
            raise BackupError(reason, fix=_remedy(done.stderr), log="\n".join(lines[-5:]) if len(lines) > 1 else "")
        return done.stdout


def _aside(identity: str) -> str:
    return f"[ ! -e {identity} ] || mv {identity} .gone-{identity} || exit 1"


def _remedy(log: str) -> str:
    """What to do about the usual reasons."""
    remedies = {
        "Host key verification failed": "compare its key with the machine's own, then put it into known_hosts",
        "Permission denied (": "put this user's public key into authorized_keys there",
        "No space left": "free some space there",
    }
    return next((remedy for words, remedy in remedies.items() if words in log), "")
