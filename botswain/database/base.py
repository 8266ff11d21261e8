"""What the controller asks of a database's backups, wherever they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botswain.errors import BotswainError, Refused

Document = Mapping[str, Any]
"""What the runner answered: `task`, `environment`, `exitCode` and more; botswain/backup/documents.py."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Restore:
    """A restore that is wanted."""

    backup: str
    """An id, the unique beginning of one, or `latest`."""
    into: str
    """The URL of a database, with its password."""
    create: bool = False
    replace: bool = False
    cascade: bool = False
    over_source: bool = False
    in_use: bool = False
    no_owner: bool = False
    without_extensions: tuple[str, ...] = ()
    without_backup: bool = False
    """Write over the source although what is there now is in no backup."""

    @property
    def destroys(self) -> bool:
        """Whether something that is there may go."""
        return self.replace or self.cascade or self.over_source


class Backups(Protocol):
    """The backups of one environment's database. Everything raises BotswainError, or Refused, when it fails."""

    where: str
    """In words."""

    def run(self, say: Say, wait: float, *, prune: bool = True) -> Document:
        """Make a backup, prove it, copy it, remove old ones unless that is not to be."""

    def look(self) -> Document:
        """What there is."""

    def verify(self, backup: str, say: Say, *, copies: bool, accept: bool, restore: bool = False) -> Document:
        """Read one backup back, or with an empty id all of them; `restore`: into a scratch database, too."""

    def discard(self, backup: str) -> Document:
        """Remove a backup that was made for a restore which then changed nothing."""

    def restore(self, wanted: Restore, say: Say, *, dry: bool) -> Document:
        """Restore a backup, or say what that would do."""


class BackupFailed(BotswainError):
    """A failure of the runner, with the last lines of what failed."""

    def __init__(self, what: str, *, where: str = "", fix: str = "", log: str = "") -> None:
        super().__init__(what, where=where, fix=fix)
        self.log = log


class BackupRefused(Refused):
    """The runner changed nothing, because something stood in the way."""


def insist(document: Document) -> Document:
    """The document itself; raises the failure that it tells, if it does."""
    if "error" not in document:
        return document
    if document.get("outcome") == "refused":
        raise BackupRefused(str(document["error"]))
    raise BackupFailed(str(document["error"]), log="\n".join(document.get("log") or ()))
