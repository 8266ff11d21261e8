"""Proves backups again, accepts suspicious ones, and removes old ones when nothing else is to be done."""

from __future__ import annotations

import getpass
from dataclasses import dataclass, replace

from botswain.backup import dumping, keeping, scratch, tools
from botswain.backup.catalogue import DAMAGED, LATEST, UNKNOWN, Catalogue, Entry, Found
from botswain.backup.errors import BackupError, Damaged, Refused
from botswain.backup.folder import Folder, now
from botswain.backup.keeping import Kept, Say
from botswain.backup.programs import Runner
from botswain.backup.retention import removable
from botswain.backup.scratch import Tried
from botswain.backup.settings import Settings


@dataclass(frozen=True)
class Checked:
    """What a verification found."""

    found: tuple[Found, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


def verify(
    settings: Settings, identity: str, say: Say, *,
    copies: bool = True, accept: bool = False, restore: bool = False, wait: float = 0,
) -> Checked:  # fmt: skip
    """Read backups back whole, one or all, and their copies, and note what was found in the catalogue.

    `accept`: a person looked at this suspicious one, and it is as it should be. `restore`: it is restored into a
    scratch database, too; without an identity that is the latest one.
    """
    folder = Folder(settings.folder)
    catalogue = Catalogue(folder)
    if accept and identity in ("", LATEST):
        what = "one backup at a time can be accepted" if not identity else "latest is good already"
        raise BackupError(what, fix="name the suspicious one by its id; list shows it")
    with folder.alone("a verification", wait):
        identity = identity or (LATEST if restore else "")
        chosen = [catalogue.meant(identity)] if identity else folder.ids()
        problems: list[str] = []
        for one in chosen:
            say(f"verifying {one}")
            problems += _verify(settings, catalogue, one, copies=copies, accept=accept)
        notes = []
        if restore:
            tried = _restored(settings, catalogue, chosen, say)
            problems += tried.problems
            notes = tried.notes
        return Checked(tuple(catalogue.see(one) for one in chosen), tuple(problems), tuple(notes))


@dataclass(frozen=True)
class _Trials:
    problems: list[str]
    notes: list[str]


def _restored(settings: Settings, catalogue: Catalogue, chosen: list[str], say: Say) -> _Trials:
    found = _Trials([], [])
    for one in chosen:
        seen = catalogue.see(one)
        if seen.entry is None or seen.state in (DAMAGED, UNKNOWN):
            continue  # that was told
        _, tried = try_restore(settings, catalogue, seen.entry, say)
        if tried.unknown:
            found.problems.append(f"{one}: could not be restored into a scratch database: {tried.unknown}")
        if tried.problem:
            found.problems.append(f"{one}: cannot be restored: {tried.problem}")
        found.notes.extend(f"{one}: {note}" for note in tried.notes)
    return found


def try_restore(settings: Settings, catalogue: Catalogue, entry: Entry, say: Say) -> tuple[Entry, Tried]:
    """Restore a backup into a scratch database; the entry with what came of it, which is in the catalogue then."""
    tried = scratch.attempt(settings, catalogue, entry, say)
    if tried.problem:
        entry = replace(entry, restore_problem=tried.problem)
    elif not tried.unknown:
        entry = replace(entry, restore_problem=None, restored_at=now())
    catalogue.write(entry)
    return entry, tried


def _verify(settings: Settings, catalogue: Catalogue, identity: str, *, copies: bool, accept: bool) -> list[str]:
    try:
        entry = catalogue.read(identity)
    except BackupError:
        found = catalogue.see(identity)  # a newer version's is not damaged; here it cannot be judged
        return [f"{identity}: {found.why}"]
    problems, accepted = [], False
    try:
        entry = replace(prove_again(settings, catalogue, entry), verified_at=now(), damaged=None)
        if accept and (entry.suspicious or entry.restore_problem):
            entry, accepted = replace(entry, accepted_by=getpass.getuser()), True
    except Damaged as error:
        entry = replace(entry, damaged=str(error))
        problems.append(f"{identity}: {error}")
    catalogue.write(entry)
    if accepted:
        catalogue.keep_last_good()
    if copies:
        problems += keeping.check_copies(settings, catalogue, entry)
    return problems


def prove_again(settings: Settings, catalogue: Catalogue, entry: Entry) -> Entry:
    """The entry of a backup that was read back whole. Raises BackupError for one that is not as it was stored."""
    runner = Runner(settings.server.variables(), settings.run_as)
    clients = tools.for_restore(tools.found(runner, settings.bin), entry.client_version)
    return dumping.prove(runner, clients, entry, catalogue.folder.backup(entry.id))


def discard(settings: Settings, identity: str) -> Kept:
    """Remove a backup that was made only for a restore which changed nothing: the database is still there.

    Raises Refused where it is the only good one.
    """
    folder = Folder(settings.folder)
    catalogue = Catalogue(folder)
    with folder.alone("a removal"):
        chosen = catalogue.see(catalogue.meant(identity))
        if not any(one.good and one.id != chosen.id for one in catalogue.look()):
            raise Refused(f"{chosen.id} is the only good backup", where=str(folder.root), fix="make another first")
        kept = keeping.remove(settings, catalogue, chosen)
        catalogue.keep_last_good()
        return kept


def prune(settings: Settings, *, dry: bool = False, wait: float = 0) -> Kept:
    """Remove what the rules let go, once the newest good backup has been read back: it has to stand alone.

    Raises Refused when it could not be.
    """
    folder = Folder(settings.folder)
    catalogue = Catalogue(folder)
    if dry:
        return Kept(removed=tuple(one.id for one in removable(catalogue.look(), settings.keep)))
    with folder.alone("a removal", wait):
        folder.sweep()
        found = catalogue.look()
        if not removable(found, settings.keep):
            return Kept()
        newest = [one for one in found if one.good][-1].id
        if _verify(settings, catalogue, newest, copies=False, accept=False):
            what = f"{newest}, the newest good backup, is damaged; nothing was removed"
            raise Refused(what, where=str(folder.root), fix="make a new one")
        return keeping.prune(settings, catalogue)
