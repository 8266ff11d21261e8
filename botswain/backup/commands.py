"""The commands, each answering with one document that holds its exit code."""

from __future__ import annotations

from typing import Any

from botswain.backup import checking, documents, restoring, taking
from botswain.backup.catalogue import Catalogue
from botswain.backup.errors import DONE, FAILED, BackupError
from botswain.backup.folder import Folder
from botswain.backup.keeping import Say
from botswain.backup.settings import Settings

Document = dict[str, Any]


def run(settings: Settings, say: Say, *, wait: float = 0, prune: bool = True) -> Document:
    """Make a backup."""
    taken = taking.take(settings, say, wait, prune=prune)
    found = Catalogue(Folder(settings.folder)).see(taken.entry.id)
    return _told("run", settings, documents.of_run(taken, found), FAILED if taken.problems else DONE)


def list_(settings: Settings) -> Document:
    """What there is."""
    folder = Folder(settings.folder)
    return _told("list", settings, documents.of_list(settings, Catalogue(folder).look(), folder.last_run()), DONE)


def verify(
    settings: Settings, identity: str, say: Say, *,
    copies: bool = True, accept: bool = False, restore: bool = False, wait: float = 0,
) -> Document:  # fmt: skip
    """Read one backup or all back, or restore one into a scratch database, too."""
    checked = checking.verify(settings, identity, say, copies=copies, accept=accept, restore=restore, wait=wait)
    document = documents.of_verify(checked)
    if restore:
        document["restored"] = checked.found[0].id
    return _told("verify", settings, document, FAILED if checked.problems else DONE)


def restore(settings: Settings, order: restoring.Order, say: Say, *, dry: bool = False) -> Document:
    """Restore a backup, or say what that would do."""
    if dry:
        would = restoring.preview(settings, order)
        return _told("restore", settings, {"dryRun": True, "would": would}, DONE)
    done = restoring.restore(settings, order, say)
    return _told("restore", settings, documents.of_restore(done), FAILED if done.differing else DONE)


def discard(settings: Settings, identity: str) -> Document:
    """Remove a backup that was made for a restore which then changed nothing."""
    kept = checking.discard(settings, identity)
    return _told("prune", settings, documents.of_prune(kept), DONE)


def prune(settings: Settings, *, dry: bool = False, wait: float = 0) -> Document:
    """Remove what nobody needs, or say what that would be."""
    kept = checking.prune(settings, dry=dry, wait=wait)
    if dry:
        would = f"would remove {', '.join(kept.removed)}" if kept.removed else "nothing to remove"
        return _told("prune", settings, {"dryRun": True, "would": would}, DONE)
    return _told("prune", settings, documents.of_prune(kept), DONE)


def failed(verb: str, environment: str, error: BackupError) -> Document:
    """A command that failed, or was refused."""
    told = documents.of_failure(error)
    return {"task": f"backup.{verb}", "environment": environment or None, **told, "exitCode": error.code}


def _told(verb: str, settings: Settings, document: Document, code: int) -> Document:
    return {"task": f"backup.{verb}", "environment": settings.environment, **document, "exitCode": code}
