"""Restores a backup into another database: all of it or nothing, and then counts what arrived."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from botswain.backup import creating, loading, replacing, tools
from botswain.backup.archive import Archive
from botswain.backup.catalogue import DAMAGED, UNKNOWN, Catalogue, Entry
from botswain.backup.errors import BackupError, Damaged, Refused, explained
from botswain.backup.folder import Folder
from botswain.backup.keeping import Say
from botswain.backup.loading import Load, Loaded
from botswain.backup.programs import Runner, chunks
from botswain.backup.server import Server
from botswain.backup.session import Facts, Session, Survey
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
    cascade: bool = False
    """What depends on what is replaced, and is not in the backup, is dropped with it."""
    in_use: bool = False
    """Others may use that very database while it is written over."""
    no_owner: bool = False
    """Everything belongs to the user who restores; owners and grants are left out."""
    without_extensions: tuple[str, ...] = ()
    """Extensions that are left out."""


@dataclass
class Restored:
    """What arrived."""

    entry: Entry
    database: str
    rows: Mapping[str, int]
    differing: list[str] = field(default_factory=list)
    """Tables whose rows are not as many as the catalogue says."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Target:
    """The database to restore into, as it was found."""

    facts: Facts
    occupied: int
    others: Sequence[str]
    survey: Survey
    drops: tuple[str, ...] = ()
    dependents: Sequence[str] = ()


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
        return bring(runner, clients, Archive(runner, clients, entry, file), order, say)


def bring(
    runner: Runner, clients: tools.Tools, archive: Archive, order: Order, say: Say, kinds: tuple[str, ...] = ()
) -> Restored:
    """Bring an archive into the database of an order, and count. `kinds` of things are left out."""
    entry, notes = archive.entry, list(order.into.notes)
    if order.create:
        notes += _create(clients, archive, order)
    target = _seen(runner, clients, archive, order)
    _allowed(entry, order, target)
    say(f"restoring {entry.id} into {target.facts.database}")
    loaded = _load(runner, clients, archive, order, target, kinds)
    notes += [*loaded.notes, *_of_database(runner, clients, archive, order, target)]
    say("counting")
    try:
        done = _counted(runner, clients, entry, target.facts, loaded.search_path)
    except BackupError as error:
        what = f"{entry.id} is restored, but its rows could not be counted: {error.what}"
        raise BackupError(what, where=str(order.into), fix=error.fix, log=error.log) from None
    except KeyboardInterrupt:
        raise BackupError(f"stopped; {entry.id} is restored, but its rows were not counted") from None
    done.notes = [*notes, *done.notes]
    return done


def _chosen(catalogue: Catalogue, identity: str) -> Entry:
    """The entry of a backup that can be trusted to be whole."""
    found = catalogue.see(catalogue.meant(identity))
    if found.state in (DAMAGED, UNKNOWN) or found.entry is None:
        raise Refused(f"{found.id} is {found.state}: {found.why}", fix="choose another, or bring it back from a copy")
    return found.entry


def _seen(runner: Runner, clients: tools.Tools, archive: Archive, order: Order) -> _Target:
    """What database that is, what it holds, who else is there. Raises Refused where there is none."""
    try:
        session = Session(runner, clients.path("psql"))
        with session:
            found = _Target(session.facts(), session.objects(), session.others(), session.survey())
            if not (order.replace and found.occupied):
                return found
            _allowed(archive.entry, order, found)
            drops = replacing.drops(archive, found.survey)
            depending = replacing.dependents(session, drops, str(order.into))
            return _Target(found.facts, found.occupied, found.others, found.survey, drops, depending)
    except BackupError as error:
        if f'database "{order.into.database}" does not exist' not in error.what:
            raise
        what = f"there is no database {order.into.database}"
        raise NotThere(what, where=str(order.into), fix="--create makes it; or correct the name") from None


def _intact(entry: Entry, file: IO[bytes]) -> None:
    digest = hashlib.sha256()
    for data in chunks(file):
        digest.update(data)
    if digest.hexdigest() != entry.dump.sha256:
        what = f"the bytes of {entry.id} are not those that were stored (SHA-256); nothing was restored"
        raise Damaged(what, fix="run verify, then choose another or bring it back from a copy")


def _elsewhere(clients: tools.Tools, order: Order) -> Session:
    """A session on the same server, in a database that is always there."""
    return Session(Runner(order.into.at(_MAINTENANCE).variables(), order.run_as), clients.path("psql"))


def _creatable(clients: tools.Tools, order: Order, entry: Entry) -> None:
    """Raises Refused where a new database could not take the backup: before there is one."""
    with _elsewhere(clients, order) as session:
        _new_enough(entry, order, session.facts())


def _create(clients: tools.Tools, archive: Archive, order: Order) -> list[str]:
    """Make the database as the one was that was dumped; returns notes."""
    statements = archive.of_database(archive.contents())
    with _elsewhere(clients, order) as session:
        _new_enough(archive.entry, order, session.facts())
        return creating.create(session, order.into.database, archive.entry, statements)


def _of_database(runner: Runner, clients: tools.Tools, archive: Archive, order: Order, target: _Target) -> list[str]:
    """Restore what belongs to the database itself, or tell that it is not restored."""
    statements = archive.of_database(archive.contents())
    source = (target.facts.system, target.facts.database) == (archive.entry.system, archive.entry.database)
    notes = []
    if order.create:
        name, psql = order.into.database, clients.path("psql")
        notes += creating.settle(runner, psql, name, statements, no_owner=order.no_owner)
    elif not source:
        notes += creating.unsaid(statements, target.survey)
    if tools.major(archive.entry.server_version) < 15 <= tools.major(target.facts.version) and not source:
        notes.append("from PostgreSQL 15 on, only a database's owner may make things in its schema public; if the bot's"
                     " role is not that, run GRANT CREATE ON SCHEMA public TO that role")  # fmt: skip
    return notes


def _allowed(entry: Entry, order: Order, target: _Target) -> None:
    facts, others = target.facts, target.others
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
    if target.occupied and not order.replace:
        what = f"{facts.database} is not empty ({target.occupied:,} objects)"
        fix = "restore into an empty one (--create makes it), or say --replace to drop what is in the backup first"
        raise Refused(what, where=str(order.into), fix=fix)
    if target.dependents and not order.cascade:
        raise replacing.refuse(target.dependents, str(order.into))


def _new_enough(entry: Entry, order: Order, facts: Facts) -> None:
    if tools.major(facts.version) < tools.major(entry.server_version):
        what = f"the server is {facts.version}; the backup was made from {entry.server_version}"
        raise Refused(what, where=str(order.into), fix="restore into a server of that version or a newer one")


def _load(
    runner: Runner, clients: tools.Tools, archive: Archive, order: Order, target: _Target, kinds: tuple[str, ...]
) -> Loaded:
    how = Load(
        no_owner=order.no_owner, drops=target.drops, cascade=order.cascade, keep_schemas=target.occupied > 0,
        without=order.without_extensions, kinds=(*kinds, *(replacing.KEPT if target.occupied else ())),
    )  # fmt: skip
    back = "all was rolled back" + (f", and {order.into.database} is there, but empty" if order.create else "")
    try:
        return loading.load(runner, clients, archive, target.survey, how)
    except loading.Failed as failed:
        later = "leave --create out from now on" if order.create else ""
        fix = "; ".join(filter(None, [failed.fix, later]))
        raise NotRestored(f"{failed.what}; {back}", failed, where=str(order.into), fix=fix) from None
    except loading.Stopped as stopped:
        if stopped.complete:
            back = f"{archive.entry.id} is restored, but its rows were not counted"
        raise BackupError(f"stopped; {back}") from None


class NotRestored(BackupError):
    """The server would not have it, and nothing of it is there."""

    def __init__(self, what: str, failed: loading.Failed, *, where: str, fix: str) -> None:
        super().__init__(what, where=where, fix=fix, log=failed.log)
        self.error = failed.error


def _counted(runner: Runner, clients: tools.Tools, entry: Entry, facts: Facts, search_path: str) -> Restored:
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
            session.look_in(search_path)
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
    path = catalogue.folder.backup(entry.id) / entry.dump.name
    with explained(path, "read it"), path.open("rb") as file:
        try:
            target = _seen(runner, clients, Archive(runner, clients, entry, file), order)
        except NotThere:
            if order.create:
                _creatable(clients, order, entry)
                return f"would create {order.into.database} and restore {entry.id} into it"
            raise
    if order.create:
        raise creating.there(order.into.database)
    _allowed(entry, order, target)
    first = f", dropping what is in the backup from its {target.occupied:,} objects" if target.occupied else ""
    if target.dependents:
        first += f", and what is not in it and depends on that: {replacing.told(target.dependents)}"
    return f"would restore {entry.id} into {target.facts.database}{first}"


class NotThere(Refused):
    """There is no such database."""
