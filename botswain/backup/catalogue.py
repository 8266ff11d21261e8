"""The catalogue: one entry a backup, in a file beside it, sealed so that a change of it shows.

The seal is a hash, so it finds accidents and careless hands, not somebody who knows how to seal.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from botswain.backup.errors import BackupError, explained
from botswain.backup.folder import ENTRY, LAST_GOOD, Folder, store, wanted

SCHEMA = 2
GOOD = "good"
SUSPICIOUS = "suspicious"
"""Whole, but so much smaller than the one before that a person should look."""
CHANGED = "changed"
"""Its files were touched since it was verified: it is good again once that has been repeated."""
DAMAGED = "damaged"
UNKNOWN = "unknown"
"""Made by a newer version: neither judged nor removed here."""
LATEST = "latest"
"""A name for the newest good backup."""


@dataclass(frozen=True)
class Stored:
    """One file of a backup."""

    name: str
    role: str
    """database or globals."""
    bytes: int
    sha256: str
    """Of the bytes as they are stored."""
    filters: tuple[str, ...] = ()
    """What was done to it, in order, and has to be undone the other way round: zstd."""
    modified: str = ""
    """The file's time when it was verified last, in nanoseconds: another one means that it was touched."""


LEAVING = "is being removed"


@dataclass(frozen=True)
class Copy:
    """What became of the copy in a second place."""

    place: str
    at: str
    verified_at: str | None = None
    """When its bytes were hashed there and agreed."""
    problem: str | None = None


@dataclass(frozen=True)
class Entry:
    """What is known about one backup."""

    id: str
    environment: str
    database: str
    system: str
    """The server's system identifier: with the name, it says which database this is, whatever its address."""
    started_at: str
    finished_at: str
    server_version: str
    client_version: str
    """Of pg_dump, and of the pg_restore that read it back."""
    database_bytes: int
    """What the database took on its disk."""
    encoding: str
    collate: str
    ctype: str
    lsn: str
    """Where the server's log was when the snapshot was taken."""
    rows: Mapping[str, int] = field(hash=False)
    """By table: rows in the snapshot that was dumped."""
    schema_sha256: str = ""
    """Of the definitions alone: the same as long as they are."""
    files: tuple[Stored, ...] = ()
    verified_at: str | None = None
    """When it was last read back whole."""
    suspicious: str | None = None
    accepted_by: str | None = None
    """Who looked at a suspicious one and found it right."""
    damaged: str | None = None
    copies: tuple[Copy, ...] = ()
    globals_problem: str | None = None
    """Why the server's roles are not in it."""
    search_path: str = ""
    """Where the database's owner looks for what is named without a schema. Since schema 2, as is the rest."""
    restored_at: str | None = None
    """When it was last restored into a scratch database, and every row counted there."""
    restore_problem: str | None = None
    """Why it could not be restored there; such a one counts as suspicious."""

    def file(self, role: str) -> Stored | None:
        """The file with that role."""
        return next((one for one in self.files if one.role == role), None)

    @property
    def dump(self) -> Stored:
        """The dump itself."""
        return next(one for one in self.files if one.role == "database")

    @property
    def was_good(self) -> bool:
        """Whether it counted as a backup once, whatever became of its files."""
        doubted = self.suspicious or self.restore_problem
        return self.verified_at is not None and (doubted is None or self.accepted_by is not None)

    @property
    def total_rows(self) -> int:
        """Rows in all tables together."""
        return sum(self.rows.values())

    def copied_to(self, place: str) -> bool:
        """Whether there is a copy in that place whose bytes agreed."""
        return any(one.place == place and one.verified_at and not one.problem for one in self.copies)

    def with_copy(self, copy: Copy) -> Entry:
        """The entry with that copy in the place of an earlier one there."""
        others = tuple(one for one in self.copies if one.place != copy.place)
        return replace(self, copies=(*others, copy))


@dataclass(frozen=True)
class Found:
    """One backup as it is seen without reading all of it."""

    id: str
    state: str
    why: str = ""
    entry: Entry | None = None

    @property
    def good(self) -> bool:
        """Whether it counts as a backup."""
        return self.state == GOOD


class Catalogue:
    """The entries of a folder."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    def look(self) -> list[Found]:
        """Every backup, oldest first. Nothing is hashed; what is known to be bad, changed or gone is told."""
        return [self.see(one) for one in self.folder.ids()]

    def see(self, identity: str) -> Found:
        """One backup."""
        try:
            entry = self.read(identity)
        except _Unknown as error:
            return Found(identity, UNKNOWN, str(error))
        except BackupError as error:
            return Found(identity, DAMAGED, error.what)
        state, why = self._state(entry)
        return Found(identity, state, why, entry)

    def read(self, identity: str) -> Entry:
        """An entry that nobody changed. Raises BackupError for any other."""
        path = self.folder.backup(identity) / ENTRY
        return _entry(_document(path), identity, path)

    def meant(self, name: str) -> str:
        """The id that a name means: an id, the beginning of one, or `latest`. Raises BackupError naming the choices."""
        if name != LATEST:
            return wanted(name, self.folder.ids(), self.folder.root)
        found = latest(self.look())
        if found is None:
            raise BackupError("there is no good backup", where=str(self.folder.root), fix="list shows what there is")
        return found

    def last_good(self) -> Entry | None:
        """What the newest backup held that was good once, also where it is damaged, or gone, by now."""
        found = [one.entry for one in self.look() if one.entry and one.entry.was_good]
        path = self.folder.root / LAST_GOOD
        with contextlib.suppress(BackupError):
            document = _document(path)
            identity = str(document.get("id")) if isinstance(document, dict) else ""
            found.append(_entry(document, identity, path))
        return max(found, key=lambda one: one.id, default=None)

    def keep_last_good(self) -> None:
        """Keep that apart from the backup. The entries that can be read decide, not what was kept before."""
        found = [one.entry for one in self.look() if one.entry and one.entry.was_good]
        with contextlib.suppress(BackupError):  # a full disk: an older one is still there
            if found:
                self.write(found[-1], self.folder.root / LAST_GOOD)

    def write(self, entry: Entry, path: Path | None = None) -> None:
        """Store an entry, sealed; `path` is that of a backup which is still being made. Raises BackupError."""
        path = path or self.folder.backup(entry.id) / ENTRY
        document = {"schema": SCHEMA, **asdict(entry)}
        with explained(path, "write the catalogue entry"):
            store(path, json.dumps({**document, "seal": _seal(document)}, indent=1).encode() + b"\n")

    def _state(self, entry: Entry) -> tuple[str, str]:
        if entry.damaged:
            return DAMAGED, entry.damaged
        changed = ""
        for one in entry.files:
            try:
                found = (self.folder.backup(entry.id) / one.name).stat()
            except OSError as error:
                return DAMAGED, f"{one.name}: {error.strerror}"
            if found.st_size != one.bytes:
                return DAMAGED, f"{one.name} has {found.st_size:,} bytes; {one.bytes:,} were stored"
            if str(found.st_mtime_ns) != one.modified:
                changed = f"{one.name} was touched since it was verified"
        if changed or entry.verified_at is None:
            return CHANGED, f"{changed or 'never verified'}; verify it"
        doubt = entry.suspicious or (entry.restore_problem and f"it cannot be restored: {entry.restore_problem}")
        return (SUSPICIOUS, doubt) if doubt and not entry.accepted_by else (GOOD, "")


def latest(found: Iterable[Found]) -> str | None:
    """The id that the name `latest` means."""
    return max((one.id for one in found if one.good), default=None)


class _Unknown(BackupError):
    """An entry of a newer version."""


def _document(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BackupError("has no catalogue entry", where=str(path)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", "") or "it is no JSON document"
        raise BackupError(f"its catalogue entry cannot be read: {reason}", where=str(path)) from None


def _entry(document: Any, identity: str, path: Path) -> Entry:
    changed = "its catalogue entry was changed after it was written"
    if not isinstance(document, dict):
        raise BackupError(changed, where=str(path))
    seal, schema = document.pop("seal", None), document.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise _Unknown(f"its catalogue entry has schema {schema}; this version knows {SCHEMA}", where=str(path))
    if seal != _seal(document):
        raise BackupError(changed, where=str(path), fix="the entry of a copy may still be as it was")
    del document["schema"]
    try:
        document["files"] = tuple(Stored(**{**one, "filters": tuple(one["filters"])}) for one in document["files"])
        document["copies"] = tuple(Copy(**one) for one in document["copies"])
        entry = Entry(**document)
    except (TypeError, KeyError):
        raise BackupError(changed, where=str(path)) from None
    if entry.id != identity or not any(one.role == "database" for one in entry.files):
        raise BackupError(f"its catalogue entry is that of {entry.id}", where=str(path))
    return entry


def _seal(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
