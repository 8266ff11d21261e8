"""The stored snapshots: the raw live commands of each scope that a deployment was about to write."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botswain.deployment.history import STANDING
from botswain.errors import BotswainError

if TYPE_CHECKING:
    from botswain.deployment.history import Deployment
    from botswain.deployment.records import Records

_FOLDER = "snapshots/"


@dataclass(frozen=True)
class Stored:
    """What was live before one deployment, in the scopes that it wrote."""

    entry: Deployment
    names: tuple[str, ...]
    """The documents, one a scope."""
    commands: int
    """In all scopes together."""
    size: int
    """In bytes."""
    undone_next: bool
    """Whether a plain `rollback` would restore it."""
    restorable: bool
    """Whether `rollback --to` the deployment before would, together with what that one left elsewhere."""

    @property
    def scopes(self) -> int:
        """How many scopes were stored."""
        return len(self.names)

    def to_json(self) -> dict[str, Any]:
        """The snapshot as scripts see it."""
        return {
            "deploymentId": self.entry.id,
            "kind": self.entry.kind,
            "outcome": self.entry.outcome,
            "startedAt": self.entry.started_at,
            "previous": self.entry.previous,
            "documents": list(self.names),
            "commands": self.commands,
            "bytes": self.size,
            "undoneByRollback": self.undone_next,
            "restorableBefore": self.entry.previous if self.restorable else None,
        }


def stored(records: Records, limit: int = 0) -> list[Stored]:
    """The snapshots of the newest `limit` deployments that have some, newest first; 0 for all."""
    names: dict[str, list[str]] = {}
    for name in records.store.names(_FOLDER):
        names.setdefault(name.removeprefix(_FOLDER).partition("/")[0], []).append(name)
    history = records.deployments()
    having = records.told([entry for entry in history if entry.id in names])
    last = records.last_standing()
    whole = {entry.id for entry in history if entry.outcome in STANDING and records.manifest_of(entry.id) is not None}
    return [
        _stored(records, entry, names[entry.id], undone_next=last is not None and last.id == entry.id, whole=whole)
        for entry in (having[:limit] if limit else having)
    ]


def _stored(records: Records, entry: Deployment, names: list[str], *, undone_next: bool, whole: set[str]) -> Stored:
    commands = size = 0
    for name in names:
        data = records.store.read(name)
        if data is None:
            raise BotswainError("is gone since it was listed", where=name, fix="try again")
        try:
            commands += len(json.loads(data))
        except (ValueError, TypeError) as error:
            what = f"is no whole JSON document ({error})"
            raise BotswainError(what, where=name, fix="restore the file, or move it away") from None
        size += len(data)
    return Stored(entry, tuple(names), commands, size, undone_next, entry.previous in whole)
