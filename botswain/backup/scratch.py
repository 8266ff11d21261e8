"""Tries a restore: into a database of our own on the server that was dumped, which is removed whatever happens.

Its name says whose it is, and is always the same for one folder of backups; a file in that folder says that there may
be one. What a killed run left goes with the next run.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from botswain.backup import sql, tools
from botswain.backup.archive import Archive
from botswain.backup.catalogue import Catalogue, Entry
from botswain.backup.errors import BackupError, Refused, explained
from botswain.backup.folder import Folder, store
from botswain.backup.keeping import Say
from botswain.backup.lines import megabytes
from botswain.backup.programs import Runner
from botswain.backup.restoring import NotRestored, Order, bring
from botswain.backup.session import Session
from botswain.backup.settings import Settings

MARK = ".scratch"
_ATTEMPTS = 5
_ROOM = 1.2
_LEAVE = 1_000_000_000
"""Bytes that are left on the server's disk, where that is this machine's."""
_MAY = """
SELECT rolcreatedb OR rolsuper, quote_ident(current_user), pg_database_size(current_database()),
    coalesce((SELECT setting FROM pg_settings WHERE name = 'data_directory'), '')
FROM pg_roles WHERE rolname = current_user;
"""


@dataclass
class Tried:
    """What a trial showed."""

    problem: str = ""
    """Why the backup cannot be restored."""
    unknown: str = ""
    """Why that could not be found out."""
    notes: list[str] = field(default_factory=list)


def name_of(settings: Settings) -> str:
    """The name of the scratch database: the same for every trial from one folder of one machine."""
    place = hashlib.sha256(f"{socket.gethostname()}:{settings.folder}".encode()).hexdigest()[:8]
    return f"botswain_scratch_{settings.environment.replace('-', '_')}_{place}"


def attempt(settings: Settings, catalogue: Catalogue, entry: Entry, say: Say) -> Tried:
    """Restore a backup into the scratch database, count its rows there, and remove that. Needs the lock."""
    say(f"restoring {entry.id} into a scratch database")
    try:
        return _attempt(settings, catalogue, entry)
    except NotRestored as error:
        told = "; ".join(
            filter(None, [error.error.message, error.fix.removesuffix("; leave --create out from now on")])
        )
        return Tried(problem=told) if error.error.is_of_the_backup else Tried(unknown=told)
    except BackupError as error:
        return Tried(unknown=str(error))


def _attempt(settings: Settings, catalogue: Catalogue, entry: Entry) -> Tried:
    runner = Runner(settings.server.variables(), settings.run_as)
    clients = tools.for_restore(tools.found(runner, settings.bin), entry.client_version)
    path = catalogue.folder.backup(entry.id) / entry.dump.name
    with _scratch(settings, catalogue.folder, runner, clients) as name:
        into = settings.server.at(name)
        order = Order(entry.id, into, run_as=settings.run_as, create=True)
        there = Runner(into.variables(), settings.run_as)
        with explained(path, "read it"), path.open("rb") as file:
            # A subscription would reach out to its publisher's slot, and keep the database from being removed.
            done = bring(there, clients, Archive(there, clients, entry, file), order, _silent, ("SUBSCRIPTION",))
    return Tried(problem="; ".join(done.differing), notes=[one for one in done.notes if one not in into.notes])


@contextlib.contextmanager
def _scratch(settings: Settings, folder: Folder, runner: Runner, clients: tools.Tools) -> Iterator[str]:
    """The name of a database that may be made, and is gone afterwards. Raises Refused where this role makes none."""
    name = name_of(settings)
    with Session(runner, clients.path("psql")) as session:
        may, role, size, data = session.ask(_MAY)[0].split("|", 3)
        if may != "t":
            what = f"the role {role} may not make a scratch database"
            raise Refused(what, where=str(settings.server), fix=f"have a superuser run: ALTER ROLE {role} CREATEDB")
        _room(settings, int(size), data)
        with explained(folder.root / MARK, "write it"):
            store(folder.root / MARK, f"{name}\n".encode())
    _remove(runner, clients, name)
    try:
        yield name
    finally:
        _remove(runner, clients, name)
        (folder.root / MARK).unlink(missing_ok=True)


def sweep(settings: Settings, folder: Folder, runner: Runner, clients: tools.Tools) -> list[str]:
    """Remove the scratch database that a killed run left, if any; returns notes."""
    if not (folder.root / MARK).exists():
        return []
    name = name_of(settings)
    try:
        _remove(runner, clients, name)
    except BackupError as error:
        return [f"the scratch database {name}, which an earlier run left, could not be removed: {error}"]
    (folder.root / MARK).unlink(missing_ok=True)
    return [f"an earlier run was cut off; the scratch database that it left ({name}) was removed"]


def _remove(runner: Runner, clients: tools.Tools, name: str) -> None:
    """Remove it. Plainly first: that ends autovacuum, which a role that is no superuser may not end by force.

    By force where sessions of a killed run are in there; autovacuum may come again between the two.
    """
    for attempts in range(_ATTEMPTS, -1, -1):
        force = attempts % 2 == 0
        with Session(runner, clients.path("psql")) as session:
            how = " WITH (FORCE)" if force and tools.major(session.facts().version) >= 13 else ""
            try:
                session.ask(f"DROP DATABASE IF EXISTS {sql.identifier(name)}{how};")
            except BackupError:
                if not attempts:
                    raise
            else:
                return


def _room(settings: Settings, size: int, data: str) -> None:
    """Raises Refused where the server is on this machine, and its disk has no room for the database once more."""
    host = settings.server.host
    if not data or not (host == "" or host.startswith("/")) or not Path(data).exists():
        return
    with contextlib.suppress(OSError):
        free, needed = shutil.disk_usage(data).free, int(size * _ROOM) + min(_LEAVE, size * 10)
        if free < needed:
            what = f"{megabytes(free)} are free for a scratch database that may need {megabytes(needed)}"
            raise Refused(what, where=data, fix="free some space; the database that runs needs it, too")


def _silent(_text: str) -> None:
    """What goes on in a trial is not told by itself."""
