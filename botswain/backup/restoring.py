"""Restores a backup into another database: all of it or nothing, and then counts what arrived."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from botswain.backup import tools
from botswain.backup.catalogue import DAMAGED, UNKNOWN, Catalogue, Entry
from botswain.backup.errors import BackupError, Damaged, ProgramFailed, Refused, explained
from botswain.backup.folder import Folder
from botswain.backup.keeping import Say
from botswain.backup.programs import Pipeline, Runner, chunks, mortal, printed
from botswain.backup.server import Server
from botswain.backup.session import Facts, Session, remedy
from botswain.backup.settings import Settings

_MAINTENANCE = "postgres"
"""The database to be in while another is made."""


@dataclass(frozen=True)
class Order:
    """What is to be restored, where to, and what was said about it."""

    identity: str
    into: Server
    run_as: str = ""
    create: bool = False
    """Make the database first."""
    over_source: bool = False
    """It may be the very database that was dumped."""
    replace: bool = False
    """It may hold something: what is in the backup is dropped and made anew, the rest stays."""
    in_use: bool = False
    """Others may use that very database while it is written over."""
    no_owner: bool = False
    """Everything belongs to the user who restores; owners and grants are left out."""


@dataclass
class Restored:
    """What arrived."""

    entry: Entry
    database: str
    rows: Mapping[str, int]
    differing: list[str] = field(default_factory=list)
    """Tables whose rows are not as many as the catalogue says."""
    notes: list[str] = field(default_factory=list)


def restore(settings: Settings, order: Order, say: Say) -> Restored:
    """Restore in one transaction. Raises Refused before anything is touched, BackupError when all was rolled back.

    Only one that says so is raised for a backup that arrived and could not be counted.
    """
    catalogue = Catalogue(Folder(settings.folder))
    entry = _chosen(catalogue, order.identity)
    runner = Runner(order.into.variables(), order.run_as)
    known = tools.found(runner, settings.bin)
    clients = tools.for_restore(known, entry.client_version)
    path = catalogue.folder.backup(entry.id) / entry.dump.name
    with explained(path, "read it"), path.open("rb") as file:  # kept open: pruning cannot take it away from here on
        _intact(entry, file)
        if order.create:
            _creatable(clients, order, entry)
            _create(runner, clients, order, entry)
        facts, occupied, others = _seen(runner, clients, order)
        _allowed(entry, order, facts, occupied, others)
        say(f"restoring {entry.id} into {facts.database}")
        file.seek(0)
        _restore(runner, clients, entry, order, file, clean=order.replace and occupied > 0)
    say("counting")
    try:
        return _counted(runner, clients, entry, facts)
    except BackupError as error:
        what = f"{entry.id} is restored, but its rows could not be counted: {error.what}"
        raise BackupError(what, where=str(order.into), fix=error.fix, log=error.log) from None
    except KeyboardInterrupt:
        raise BackupError(f"stopped; {entry.id} is restored, but its rows were not counted") from None


def _chosen(catalogue: Catalogue, identity: str) -> Entry:
    """The entry of a backup that can be trusted to be whole."""
    found = catalogue.see(catalogue.meant(identity))
    if found.state in (DAMAGED, UNKNOWN) or found.entry is None:
        raise Refused(f"{found.id} is {found.state}: {found.why}", fix="choose another, or bring it back from a copy")
    return found.entry


def _seen(runner: Runner, clients: tools.Tools, order: Order) -> tuple[Facts, int, list[str]]:
    """What database that is, how many things it holds, who else is there. Raises Refused where there is none."""
    try:
        with Session(runner, clients.path("psql")) as session:
            return session.facts(), session.objects(), session.others()
    except BackupError as error:
        if f'database "{order.into.database}" does not exist' not in error.what:
            raise
        what = f"there is no database {order.into.database}"
        raise Refused(what, where=str(order.into), fix="--create makes it; or correct the name") from None


def _intact(entry: Entry, file: IO[bytes]) -> None:
    digest = hashlib.sha256()
    for data in chunks(file):
        digest.update(data)
    if digest.hexdigest() != entry.dump.sha256:
        what = f"the bytes of {entry.id} are not those that were stored (SHA-256); nothing was restored"
        raise Damaged(what, fix="run verify, then choose another or bring it back from a copy")


def _creatable(clients: tools.Tools, order: Order, entry: Entry) -> None:
    """Raises Refused where a new database could not take the backup: before there is one."""
    there = Runner(order.into.at(_MAINTENANCE).variables(), order.run_as)
    with Session(there, clients.path("psql")) as session:
        _new_enough(entry, order, session.facts())


def _create(runner: Runner, clients: tools.Tools, order: Order, entry: Entry) -> None:
    """Make the database as the one was that was dumped."""
    name = order.into.database
    argv = [clients.path("createdb"), "--no-password", f"--maintenance-db={_MAINTENANCE}", "--template=template0"]
    alike = [f"--encoding={entry.encoding}", f"--lc-collate={entry.collate}", f"--lc-ctype={entry.ctype}"]
    try:
        printed(runner, *argv, *alike, "--", name)
    except ProgramFailed as error:
        if "already exists" in error.what:
            raise _there(name) from None
        what = f"{name} could not be created: {error.what}"
        raise BackupError(what, fix=remedy(error.what), log=error.log) from None


def _there(name: str) -> Refused:
    return Refused(f"the database {name} is there already", fix="leave --create out, or name another")


def _allowed(entry: Entry, order: Order, facts: Facts, occupied: int, others: Sequence[str]) -> None:
    # What was made just now is nobody's, whatever its name.
    source = facts.system == entry.system and facts.database == entry.database and not order.create
    if source and not order.over_source:
        what = f"{facts.database} is the database that this backup was made from"
        raise Refused(what, where=str(order.into), fix="restore into another, or say --over-source if you mean it")
    if source and others and not order.in_use:
        count = f"{len(others)} other session{'' if len(others) == 1 else 's'}"
        what = f"{facts.database} is in use by {count} ({', '.join(sorted({*others}))})"
        raise Refused(what, where=str(order.into), fix="stop the bot first, or say --in-use if they may go on")
    _new_enough(entry, order, facts)
    if occupied and not order.replace:
        what = f"{facts.database} is not empty ({occupied:,} objects)"
        fix = "restore into an empty one (--create makes it), or say --replace to drop what is in the backup first"
        raise Refused(what, where=str(order.into), fix=fix)


def _new_enough(entry: Entry, order: Order, facts: Facts) -> None:
    if tools.major(facts.version) < tools.major(entry.server_version):
        what = f"the server is {facts.version}; the backup was made from {entry.server_version}"
        raise Refused(what, where=str(order.into), fix="restore into a server of that version or a newer one")


def _restore(runner: Runner, clients: tools.Tools, entry: Entry, order: Order, file: IO[bytes], *, clean: bool) -> None:
    argv = [clients.path("pg_restore"), "--exit-on-error", "--single-transaction", "--no-password"]
    argv += ["--clean", "--if-exists"] if clean else []
    argv += ["--no-owner", "--no-privileges"] if order.no_owner else []
    name = order.into.database.replace("\\", "\\\\").replace("'", "\\'")
    argv.append(f"--dbname=dbname='{name}'")  # a bare name could be read as more than one
    argv = mortal(runner, argv)  # else it would go on, and commit, when we are killed
    pipeline = Pipeline(runner, *tools.unpacking(entry.dump.filters), argv, source=file, sink=True)
    back = "all was rolled back" + (f", and {order.into.database} is there, but empty" if order.create else "")
    try:
        with pipeline:
            pipeline.finish()
    except ProgramFailed as error:
        fix = "leave --create out from now on" if order.create else ""
        if "role" in error.what and "does not exist" in error.what:
            fix = "create it first (globals.sql beside the dump has it), or say --no-owner" + (
                f"; {fix}" if fix else ""
            )
        raise BackupError(f"{error.what}; {back}", where=str(order.into), fix=fix, log=error.log) from None
    except KeyboardInterrupt:
        if pipeline.succeeded:
            back = f"{entry.id} is restored, but its rows were not counted"
        raise BackupError(f"stopped; {back}") from None


def _counted(runner: Runner, clients: tools.Tools, entry: Entry, facts: Facts) -> Restored:
    done = Restored(entry, facts.database, {})
    with Session(runner, clients.path("psql")) as session:
        session.begin_counting()
        found = session.counted()
        done.rows = {name: found[name] for name in entry.rows if name in found}
        for name, count in entry.rows.items():
            if found.get(name) != count:
                here = f"{found[name]:,}" if name in found else "not there"
                done.differing.append(f"{name}: {count:,} rows in the backup, {here} now")
        try:
            session.ask("ANALYZE;")
        except BackupError as error:
            done.notes.append(f"ANALYZE failed: {error}")
    return done


def preview(settings: Settings, order: Order) -> str:
    """What a restore would do. Raises Refused where it would."""
    catalogue = Catalogue(Folder(settings.folder))
    entry = _chosen(catalogue, order.identity)
    runner = Runner(order.into.variables(), order.run_as)
    clients = tools.for_restore(tools.found(runner, settings.bin), entry.client_version)
    try:
        facts, occupied, others = _seen(runner, clients, order)
    except Refused:
        if order.create:
            _creatable(clients, order, entry)
            return f"would create {order.into.database} and restore {entry.id} into it"
        raise
    if order.create:
        raise _there(order.into.database)
    _allowed(entry, order, facts, occupied, others)
    first = f", dropping what is in the backup from its {occupied:,} objects" if occupied else ""
    return f"would restore {entry.id} into {facts.database}{first}"
