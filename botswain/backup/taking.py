"""Makes one backup: all of it, or nothing that looks like one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from botswain.backup import checking, dumping, keeping, scratch, tools
from botswain.backup.catalogue import DAMAGED, Catalogue, Entry
from botswain.backup.errors import BackupError, ProgramFailed, Refused
from botswain.backup.folder import ENTRY, Folder, new_id, now
from botswain.backup.keeping import Say
from botswain.backup.lines import megabytes
from botswain.backup.programs import Runner
from botswain.backup.session import Facts, Session
from botswain.backup.settings import Settings

_ROOM = 1.2
"""The free space that a dump needs, as a share of the last one."""
_LEAST_ROOM = 32_000_000
"""Bytes that must be free in any case."""
_SHOWN = 3


@dataclass
class Taken:
    """A backup that was made, and what else there is to tell."""

    entry: Entry
    problems: list[str] = field(default_factory=list)
    """What makes the outcome partial."""
    notes: list[str] = field(default_factory=list)
    removed: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


def take(settings: Settings, say: Say, wait: float = 0, *, prune: bool = True) -> Taken:
    """Dump, prove, keep, copy, prune. Raises BackupError when there is no new backup; the old ones are as they were."""
    folder = Folder(settings.folder)
    began = now()
    with folder.alone("a backup", wait):
        folder.remember("running", "", began)
        try:
            done = _take(settings, Catalogue(folder), say, prune=prune)
        except BackupError as error:
            folder.remember("refused" if isinstance(error, Refused) else "failed", str(error), began)
            raise
        except BaseException:
            folder.remember("failed", "stopped; no backup was made", began)
            raise
        outcome = "partial" if done.problems else "done"
        folder.remember(outcome, "; ".join([f"backup {done.entry.id}", *done.problems]), began)
    return done


def _take(settings: Settings, catalogue: Catalogue, say: Say, *, prune: bool) -> Taken:
    cut = catalogue.folder.sweep()
    runner = Runner(settings.server.variables(), settings.run_as)
    watch = _Watch()
    taken = _made(settings, catalogue, runner, watch, say)
    _tried(settings, catalogue, taken, watch, say)
    taken.notes += settings.server.notes
    taken.notes += [f"an earlier run was cut off; what it left ({one}) was removed" for one in cut]
    doubt = taken.entry.suspicious or taken.entry.restore_problem
    if doubt:
        told = f"{taken.entry.id} is suspicious: {doubt}"
        taken.problems.append(f"{told}; if that is right, accept it (backup.accept; by hand: verify ID --accept)")
    else:
        catalogue.keep_last_good()
    taken.problems += keeping.copy_all(settings, catalogue, say)
    watch.lap("copy")
    if prune and not doubt:  # only a good one lets older ones go
        kept = keeping.prune(settings, catalogue)
        taken.notes += kept.problems
        taken.removed = kept.removed
    with suppress(BackupError):  # it is there; only its newest notes about copies could not be read again
        taken.entry = catalogue.read(taken.entry.id)
    taken.seconds = watch.laps
    return taken


def _tried(settings: Settings, catalogue: Catalogue, taken: Taken, watch: _Watch, say: Say) -> None:
    """Restore a new backup once, where that is asked for, and note what came of it."""
    if not settings.verify_restore:
        return
    taken.entry, tried = checking.try_restore(settings, catalogue, taken.entry, say)
    taken.notes += tried.notes
    if tried.unknown:
        taken.problems.append(f"{taken.entry.id} could not be restored into a scratch database: {tried.unknown}")
    watch.lap("restore")


def _made(settings: Settings, catalogue: Catalogue, runner: Runner, watch: _Watch, say: Say) -> Taken:
    known = tools.found(runner, settings.bin)
    last = catalogue.last_good()
    began, identity = now(), new_id(max(catalogue.folder.ids(), default=""))
    with catalogue.folder.draft(identity) as draft:
        with Session(runner, known[0].path("psql")) as session:
            facts = session.facts()
            clients = tools.for_dump(known, facts.version)
            _room(catalogue.folder, last)
            left = scratch.sweep(settings, catalogue.folder, runner, clients)
            say(f"dumping {facts.database} ({megabytes(facts.bytes)}) with pg_dump {clients.version}")
            snapshot = session.freeze()
            session.begin_counting()
            packing = tools.packing(runner, clients)
            try:
                stored, warnings = dumping.dump(runner, clients, packing, snapshot, draft)
            except ProgramFailed:
                session.insist()  # else pg_dump would be blamed for the snapshot that it missed
                raise
            watch.lap("dump")
            rows = session.counted()
            watch.lap("count")
        entry = _entry(settings, identity, began, facts, clients.version, rows)
        entry = replace(entry, files=(stored,))
        entry = _with_globals(runner, clients, entry, draft)
        say("reading it back")
        entry = dumping.prove(runner, clients, entry, draft)
        schema = dumping.schema_digest(runner, clients, entry, draft)
        entry = replace(entry, schema_sha256=schema, verified_at=now(), finished_at=now())
        entry = replace(entry, suspicious=suspicion(settings, entry, last) or _forgotten(settings, catalogue, last))
        catalogue.write(entry, draft / ENTRY)
        watch.lap("verify")
    notes = [*left, *(f"pg_dump: {line}" for line in warnings)]
    if entry.globals_problem:
        notes.append(f"without the server's roles: {entry.globals_problem}")
    return Taken(entry, notes=notes)


def _entry(settings: Settings, identity: str, began: str, facts: Facts, client: str, rows: Mapping[str, int]) -> Entry:
    return Entry(
        id=identity, environment=settings.environment, database=facts.database, system=facts.system, started_at=began,
        finished_at=began, server_version=facts.version, client_version=client, database_bytes=facts.bytes,
        encoding=facts.encoding, collate=facts.collate, ctype=facts.ctype, lsn=facts.lsn, rows=rows,
        search_path=facts.search_path,
    )  # fmt: skip


def _with_globals(runner: Runner, clients: tools.Tools, entry: Entry, draft: Path) -> Entry:
    """Roles are worth having; a server that does not show them is no reason to have no backup."""
    try:
        stored = dumping.dump_globals(runner, clients, entry.database, draft)
    except BackupError as error:
        if error.where:  # the disk, not the server
            raise
        return replace(entry, globals_problem=error.what)
    return replace(entry, files=(*entry.files, stored))


def _room(folder: Folder, last: Entry | None) -> None:
    """Raises Refused when a dump as large as the last one would not fit."""
    before = last.dump.bytes if last else 0
    needed, free = max(_LEAST_ROOM, int(before * _ROOM)), folder.free()
    if free < needed:
        what = f"{megabytes(free)} are free, and a dump may need {megabytes(needed)}"
        raise Refused(what, where=str(folder.root), fix="free some space, or keep fewer backups")


def suspicion(settings: Settings, entry: Entry, before: Entry | None) -> str | None:
    """Why a backup is suspicious: too small, or much smaller than the one before it; None when it is not.

    One of another server counts, too: that may be a new and empty one, which nobody meant to be the bot's.
    """
    size = entry.dump.bytes
    if size < settings.min_size:
        return f"it has {size:,} bytes, less than min_size ({settings.min_size:,})"
    if before is None:
        return None
    name = before.id
    if (before.system, before.database) != (entry.system, entry.database):
        name += f", of {before.database}{' on another server' if before.system != entry.system else ''},"
    if size < before.dump.bytes * settings.shrink:
        return f"it has {size:,} bytes; {name} had {before.dump.bytes:,}{_lost(before, entry)}"
    if entry.total_rows < before.total_rows * settings.shrink:
        return f"it has {entry.total_rows:,} rows; {name} had {before.total_rows:,}{_lost(before, entry)}"
    return None


def _forgotten(settings: Settings, catalogue: Catalogue, before: Entry | None) -> str | None:
    """Why a backup is suspicious that cannot be compared: there were others, and what they held is forgotten."""
    if before is not None or not settings.shrink:
        return None
    lost = [one.id for one in catalogue.look() if one.state == DAMAGED and one.entry is None]
    return f"nothing says how large it should be, since the catalogue entry of {lost[-1]} is damaged" if lost else None


def _lost(before: Entry, now_: Entry) -> str:
    """The tables that lost most rows."""
    losses = {name: count - now_.rows.get(name, 0) for name, count in before.rows.items()}
    worst = sorted((name for name in losses if losses[name] > 0), key=lambda name: -losses[name])[:_SHOWN]
    told = [f"{name} had {before.rows[name]:,} rows, now {_count(now_, name)}" for name in worst]
    return f" ({'; '.join(told)})" if told else ""


def _count(entry: Entry, table: str) -> str:
    return f"{entry.rows[table]:,}" if table in entry.rows else "is gone"


class _Watch:
    """Says how long each part took, in seconds."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._at = time.monotonic()

    def lap(self, name: str) -> None:
        at = time.monotonic()
        self.laps[name], self._at = round(at - self._at, 2), at
