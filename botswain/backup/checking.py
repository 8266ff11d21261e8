"""Proves backups again, accepts suspicious ones, and removes old ones when nothing else is to be done."""

from __future__ import annotations

import getpass
from dataclasses import dataclass, replace

from botswain.backup import dumping, keeping, tools
from botswain.backup.catalogue import LATEST, Catalogue, Entry, Found
from botswain.backup.errors import BackupError, Damaged, Refused
from botswain.backup.folder import Folder, now
from botswain.backup.keeping import Kept, Say
from botswain.backup.programs import Runner
from botswain.backup.retention import removable
from botswain.backup.settings import Settings


@dataclass(frozen=True)
class Checked:
    """What a verification found."""

    found: tuple[Found, ...]
    problems: tuple[str, ...]


def verify(
    settings: Settings, identity: str, say: Say, *, copies: bool = True, accept: bool = False, wait: float = 0
) -> Checked:
    """Read backups back whole, one or all, and their copies, and note what was found in the catalogue.

    `accept`: a person looked at this suspicious one, and it is as it should be.
    """
    folder = Folder(settings.folder)
    catalogue = Catalogue(folder)
    if accept and identity in ("", LATEST):
        what = "one backup at a time can be accepted" if not identity else "latest is good already"
        raise BackupError(what, fix="name the suspicious one by its id; list shows it")
    with folder.alone("a verification", wait):
        chosen = [catalogue.meant(identity)] if identity else folder.ids()
        problems: list[str] = []
        for one in chosen:
            say(f"verifying {one}")
            problems += _verify(settings, catalogue, one, copies=copies, accept=accept)
        return Checked(tuple(catalogue.see(one) for one in chosen), tuple(problems))


def _verify(settings: Settings, catalogue: Catalogue, identity: str, *, copies: bool, accept: bool) -> list[str]:
    try:
        entry = catalogue.read(identity)
    except BackupError:
        found = catalogue.see(identity)  # a newer version's is not damaged; here it cannot be judged
        return [f"{identity}: {found.why}"]
    problems, accepted = [], False
    try:
        entry = replace(prove_again(settings, catalogue, entry), verified_at=now(), damaged=None)
        if accept and entry.suspicious:
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
