"""The records of an environment: the manifest, one entry a deployment, and raw snapshots of what was live before.

manifest.json                    what is deployed now
history/<id>.json                one deployment: who, when, which commit, what changed, outcome
history/<id>.manifest.json       the manifest as that deployment left it
snapshots/<id>/<scope>.json      the raw live commands of a scope before that deployment wrote to it
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from botswain import manifest as manifests
from botswain.errors import BotswainError
from botswain.manifest import Manifest

if TYPE_CHECKING:
    from datetime import datetime

    from botswain.deployment.history import Deployment
    from botswain.plan import ScopePlan
    from botswain.state.store import Store

_MANIFEST = "manifest.json"


class Records:
    """Typed access to one environment's store."""

    def __init__(self, store: Store, where: str, environment: str) -> None:
        self.store = store
        self.where = where
        """How errors name the manifest: its path."""
        self.environment = environment

    def manifest(self) -> Manifest | None:
        """What is deployed, or None before the first deployment.

        Raises BotswainError for one that is gone: without it, what is ours on Discord would be a stranger's.
        """
        data = self.store.read(_MANIFEST)
        fix = f"./inv manifest.restore --env {self.environment} brings it back from the history"
        if data is None:
            if self.last_standing() is None:
                return None
            fix += "; to start anew, move the folder beside it away"
            raise BotswainError("is gone, although the history has deployments", where=self.where, fix=fix)
        manifest = manifests.parse(data, self.where, fix)
        if manifest.environment != self.environment:
            what = f"is the manifest of {manifest.environment}, not of {self.environment}"
            raise BotswainError(what, where=self.where, fix=fix)
        return manifest

    def manifest_of(self, deployment: str) -> Manifest | None:
        """The manifest as that deployment left it."""
        name = f"history/{deployment}.manifest.json"
        data = self.store.read(name)
        return None if data is None else manifests.parse(data, name)

    def save(self, deployment: Deployment, manifest: Manifest | None = None, *, current: bool = False) -> None:
        """Stores a deployment's entry and, if given, its manifest; as the environment's own when `current`."""
        from botswain.deployment.history import to_json

        documents: dict[str, bytes] = {}
        if manifest is not None:
            data = _encode(manifests.dump(manifest))
            documents[f"history/{deployment.id}.manifest.json"] = data
            documents |= {_MANIFEST: data} if current else {}
        documents[f"history/{deployment.id}.json"] = _encode(to_json(deployment))
        self.store.write(documents)

    def save_snapshots(self, deployment: str, plans: Iterable[ScopePlan]) -> None:
        """Stores the raw live state of scopes that are about to be written."""
        self.store.write({f"snapshots/{deployment}/{plan.scope}.json": plan.live for plan in plans})

    def snapshot(self, deployment: str, scope: str) -> list[dict[str, Any]]:
        """The raw live commands of a scope as they were before that deployment."""
        name = f"snapshots/{deployment}/{scope}.json"
        data = self.store.read(name)
        if data is None:
            raise BotswainError(
                "the snapshot is gone, so there is no way back to before that deployment",
                where=name,
                fix="./inv rollback --to ID restores the state after an earlier one",
            )
        return _decode(data, name)  # type: ignore[no-any-return]  # a snapshot is what the client checked to be a list

    def deployment(self, deployment: str) -> Deployment | None:
        """One entry of the history."""
        from botswain.deployment.history import from_json

        name = f"history/{deployment}.json"
        data = self.store.read(name)
        return None if data is None else from_json(_decode(data, name), name)

    def deployments(self) -> list[Deployment]:
        """The whole history, newest first."""
        names = [name for name in self.store.names("history/") if not name.endswith(".manifest.json")]
        entries = [self.deployment(name.removeprefix("history/").removesuffix(".json")) for name in names]
        # An id tells the second only, and one after the other may begin within it.
        return sorted((one for one in entries if one), key=lambda one: (one.started_at, one.id), reverse=True)

    def told(self, entries: Sequence[Deployment]) -> list[Deployment]:
        """Entries of the history as people see them: a run that was cut off, and not settled yet, is not `running`."""
        from dataclasses import replace

        from botswain.deployment.history import Outcome

        if all(one.outcome is not Outcome.RUNNING for one in entries):
            return [*entries]
        holder = self.store.holder()
        under_way = holder.deployment if holder is not None else None
        return [
            replace(one, outcome=Outcome.INTERRUPTED, detail="cut off; the next deploy or rollback settles it")
            if one.outcome is Outcome.RUNNING and one.id != under_way
            else one
            for one in entries
        ]

    def last_standing(self, only: str | None = None) -> Deployment | None:
        """The newest deployment whose change still stands: what `rollback` undoes next.

        With `only` (commands or service) the newest one that has such a part standing.
        """
        from botswain.deployment.history import standing

        return next((one for one in standing(self.deployments()) if _has(one, only)), None)

    def creates(self, now: datetime) -> dict[str, int]:
        """How many commands were created or renamed in each scope during the last 24 hours, as far as we know."""
        from datetime import UTC, timedelta

        since = (now.astimezone(UTC) - timedelta(days=1)).strftime("%Y%m%d-%H%M%S")
        totals: dict[str, int] = {}
        for name in self.store.names("history/"):
            identity = name.removeprefix("history/").removesuffix(".json")
            if identity < since or identity.endswith(".manifest"):
                continue
            entry = self.deployment(identity)
            for scope, result in entry.scopes.items() if entry else ():
                if result.state not in ("planned", "skipped"):
                    totals[scope] = totals.get(scope, 0) + len(result.created) + len(result.renamed)
        return totals


def _has(entry: Deployment, only: str | None) -> bool:
    return only is None or (entry.service is not None if only == "service" else bool(entry.changed_scopes))


def _encode(document: Any) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def _decode(data: bytes, name: str) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        what = f"is no whole JSON document ({error})"
        raise BotswainError(what, where=name, fix="restore the file, or move it away") from None
