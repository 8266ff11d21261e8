"""The records of an environment: the manifest, one entry a deployment, and raw snapshots of what was live before.

manifest.json                    what is deployed now
history/<id>.json                one deployment: who, when, which commit, what changed, outcome
history/<id>.manifest.json       the manifest as that deployment left it
snapshots/<id>/<scope>.json      the raw live commands of a scope before that deployment wrote to it
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from botswain import manifest as manifests
from botswain.errors import BotswainError
from botswain.manifest import Manifest
from botswain.plan import Action, ScopePlan
from botswain.state.store import Store

_MANIFEST = "manifest.json"


class Outcome(StrEnum):
    """How a deployment ended."""

    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"
    """Done, except for guilds where the bot may not work."""
    FAILED = "failed"
    """Nothing was changed."""
    ROLLED_BACK = "rolled back"
    """Failed, and what had been done was undone."""
    INTERRUPTED = "interrupted"
    """Cut off; the next run found out how far it got and recorded that."""
    STUCK = "stuck"
    """Failed, and so did the way back."""


STANDING = frozenset({Outcome.DONE, Outcome.PARTIAL, Outcome.INTERRUPTED, Outcome.STUCK})
"""Outcomes that left a change behind which `rollback` can undo."""


@dataclass(frozen=True)
class ScopeResult:
    """What a deployment did in one scope. `state` is planned, written, skipped, undone or failed."""

    state: str
    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    detail: str = ""

    @property
    def touched(self) -> tuple[str, ...]:
        """Every command key that was created, updated or deleted."""
        return (*self.created, *self.updated, *self.deleted)

    @classmethod
    def planned(cls, plan: ScopePlan) -> ScopeResult:
        """The scope's part of a plan, before anything was done."""
        created, updated, deleted = (
            tuple(command.key for command in plan.having(action))
            for action in (Action.CREATE, Action.UPDATE, Action.DELETE)
        )
        return cls("planned", created, updated, deleted)


@dataclass(frozen=True)
class Deployment:
    """One run that changed an environment, or tried to."""

    id: str
    kind: str
    environment: str
    actor: str
    started_at: str
    git_sha: str | None
    build_id: str | None
    tool_version: str
    previous: str | None
    outcome: Outcome = Outcome.RUNNING
    finished_at: str | None = None
    seconds: float | None = None
    undoes: tuple[str, ...] = ()
    restores: str | None = None
    """The deployment whose state a rollback brought back."""
    detail: str = ""
    scopes: Mapping[str, ScopeResult] = field(default_factory=dict)

    def with_states(self, states: Mapping[str, str]) -> Deployment:
        """This record with the scopes' states replaced."""
        scopes = {name: replace(one, state=states.get(name, one.state)) for name, one in self.scopes.items()}
        return replace(self, scopes=scopes)

    @property
    def changed_scopes(self) -> tuple[str, ...]:
        """The scopes that it wrote to, or may have, and did not restore."""
        return tuple(name for name, one in self.scopes.items() if one.state in ("written", "failed"))


def to_json(deployment: Deployment) -> dict[str, Any]:
    """The deployment as JSON, with the keys that scripts see."""
    fields = asdict(deployment)
    fields["scopes"] = {name: asdict(result) for name, result in deployment.scopes.items()}
    return {_camel(name): value for name, value in fields.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return "deploymentId" if name == "id" else first + "".join(part.title() for part in rest)


def _from_json(document: Mapping[str, Any]) -> Deployment:
    fields = {
        name: document[_camel(name)] for name in Deployment.__dataclass_fields__ if _camel(name) in document
    }
    fields["outcome"] = Outcome(fields["outcome"])
    fields["undoes"] = tuple(fields["undoes"])
    fields["scopes"] = {name: _result(result) for name, result in fields["scopes"].items()}
    return Deployment(**fields)


def _result(document: Mapping[str, Any]) -> ScopeResult:
    created, updated, deleted = (tuple(document[part]) for part in ("created", "updated", "deleted"))
    return ScopeResult(document["state"], created, updated, deleted, document["detail"])


class Records:
    """Typed access to one environment's store."""

    def __init__(self, store: Store, where: str) -> None:
        self.store = store
        self.where = where
        """How errors name the manifest: its path."""

    def manifest(self) -> Manifest | None:
        """What is deployed, or None before the first deployment."""
        data = self.store.read(_MANIFEST)
        return None if data is None else manifests.parse(data, self.where)

    def manifest_of(self, deployment: str) -> Manifest | None:
        """The manifest as that deployment left it."""
        name = f"history/{deployment}.manifest.json"
        data = self.store.read(name)
        return None if data is None else manifests.parse(data, name)

    def save(
        self, deployment: Deployment, manifest: Manifest | None = None, *, current: bool = False
    ) -> None:
        """Stores a deployment's entry and, if given, its manifest; as the environment's own when `current`."""
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
            raise BotswainError("the snapshot is gone, so there is no way back to before it", where=name)
        return _decode(data, name)  # type: ignore[no-any-return]  # a snapshot is what the client checked to be a list

    def deployment(self, deployment: str) -> Deployment | None:
        """One entry of the history."""
        name = f"history/{deployment}.json"
        data = self.store.read(name)
        return None if data is None else _entry(_decode(data, name), name)

    def deployments(self) -> list[Deployment]:
        """The whole history, newest first."""
        names = [name for name in self.store.names("history/") if not name.endswith(".manifest.json")]
        entries = [self.deployment(name.removeprefix("history/").removesuffix(".json")) for name in names]
        return sorted((entry for entry in entries if entry), key=lambda entry: entry.id, reverse=True)

    def creates(self, now: datetime) -> dict[str, int]:
        """How many commands were created in each scope during the last 24 hours, as far as we know."""
        since = (now.astimezone(UTC) - timedelta(days=1)).strftime("%Y%m%d-%H%M%S")
        totals: dict[str, int] = {}
        for name in self.store.names("history/"):
            identity = name.removeprefix("history/").removesuffix(".json")
            if identity < since or identity.endswith(".manifest"):
                continue
            entry = self.deployment(identity)
            for scope, result in entry.scopes.items() if entry else ():
                if result.state not in ("planned", "skipped"):
                    totals[scope] = totals.get(scope, 0) + len(result.created)
        return totals


def _encode(document: Any) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def _decode(data: bytes, name: str) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise BotswainError(
            f"is no whole JSON document ({error})", where=name, fix="restore the file"
        ) from None


def _entry(document: Any, name: str) -> Deployment:
    try:
        return _from_json(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BotswainError(
            f"is damaged: {type(error).__name__} {error}", where=name, fix="restore the file"
        ) from None
