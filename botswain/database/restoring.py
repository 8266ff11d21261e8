"""Restores with a way back: what a restore writes over is backed up first."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from botswain.database.base import Backups, Document, Restore, Say
from botswain.errors import BotswainError, Refused

LATEST = "latest"


def restored(backups: Backups, wanted: Restore, say: Say) -> Document:
    """Restore; over the source only once what is there now is a backup itself.

    Raises Refused when that cannot be had, BotswainError when the restore failed and all was rolled back.
    """
    if not wanted.over_source or wanted.without_backup or wanted.create:  # what is made anew is written over nothing
        return backups.restore(wanted, say, dry=False)
    chosen = replace(wanted, backup=_now(backups, wanted.backup))
    backups.restore(chosen, say, dry=True)  # what would be refused is, before another backup is the latest
    say("backing up what is there now")
    try:
        made = backups.run(say, 0, prune=False)["backup"]  # nothing goes: least of all what is to be restored
    except BotswainError as error:
        what = f"what is there now could not be backed up first: {error}"
        raise Refused(what, fix="nothing was changed; if it need not be kept, say --without-backup") from None
    try:
        document = backups.restore(chosen, say, dry=False)
    except BotswainError as error:
        if "all was rolled back" in str(error) or isinstance(error, Refused):
            _discard(backups, made)
        raise
    told = f"what was there before is backup {made['id']}"
    told += ", which is the latest now" if made["state"] == "good" else f", which is {made['state']}"
    return {**document, "notes": [*document["notes"], told]}


def _discard(backups: Backups, made: Document) -> None:
    """Nothing was changed, so what was backed up is still there; as `latest` the next try would restore it."""
    with suppress(BotswainError):
        backups.discard(str(made["id"]))


def _now(backups: Backups, name: str) -> str:
    """The backup that `latest` means before another one is made."""
    if name != LATEST:
        return name
    good = [one["id"] for one in backups.look()["backups"] if one["state"] == "good"]
    if not good:
        raise BotswainError("there is no good backup", where=backups.where, fix="backup.list shows what there is")
    return str(good[-1])
