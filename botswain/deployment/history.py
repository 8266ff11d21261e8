"""One entry of the history: a deployment, what it did in each scope, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from botswain.errors import BotswainError, ExitCode
from botswain.plan import Action, ScopePlan


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

    @property
    def exit_code(self) -> ExitCode:
        """How the task ends."""
        special = {
            Outcome.DONE: ExitCode.DONE,
            Outcome.ROLLED_BACK: ExitCode.ROLLED_BACK,
            Outcome.STUCK: ExitCode.STUCK,
        }
        return special.get(self, ExitCode.FAILED)


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
    renamed: Mapping[str, str] = field(default_factory=dict)
    """By the key that a command got: the key that it had."""
    edited: tuple[str, ...] = ()
    """Of the commands that it touched those that other hands had changed before; of one that they renamed both keys."""

    @property
    def touched(self) -> tuple[str, ...]:
        """Every command key that was created, updated or deleted; of a renamed command both keys."""
        return (*self.created, *self.updated, *self.deleted, *self.renamed, *self.renamed.values())

    @classmethod
    def planned(cls, plan: ScopePlan) -> ScopeResult:
        """The scope's part of a plan, before anything was done."""
        created, updated, deleted = (
            tuple(command.key for command in plan.having(action))
            for action in (Action.CREATE, Action.UPDATE, Action.DELETE)
        )
        edited = [command.key for command in plan.commands if command.drift and command.action is not Action.KEEP]
        edited += [str(command.renamed_from) for command in plan.commands if command.renamed_by_others]
        return cls("planned", created, updated, deleted, renamed=plan.renames, edited=tuple(edited))


@dataclass(frozen=True)
class ServiceResult:
    """What a deployment did with the bot's service.

    `action` is deploy (a release), start (the one that was live), back (to an earlier one) or withdraw (the first one).
    `state` is planned, live (done), undone (what ran before runs again) or failed (neither is sure).
    """

    action: str
    state: str
    target: str
    release: str | None
    """The release that was to run; None for a withdrawal."""
    commit: str | None
    previous: str | None
    """The release that was live before; None for the first one."""
    previous_commit: str | None = None
    seconds: float | None = None
    """Time without a ready bot; of a deployment that was taken back, until the one before was ready again."""
    detail: str = ""
    killed: bool = False
    """Whether the bot that ran before did not heed SIGTERM within its `stop_timeout`, and was killed."""

    @property
    def changed(self) -> bool:
        """Whether another release than before is, or may be, the live one."""
        return self.state in ("live", "failed") and self.release != self.previous


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
    service: ServiceResult | None = None
    """None when the run had no business with the service."""
    only: str | None = None
    """commands or service: the part that a rollback was limited to."""
    with_edits: bool = False
    """Whether a rollback brought back what other hands had made of the commands, and not what was deployed."""

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
    if deployment.service is not None:
        fields["service"] = {_camel(name): value for name, value in asdict(deployment.service).items()}
    return {_camel(name): value for name, value in fields.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return "deploymentId" if name == "id" else first + "".join(part.title() for part in rest)


def from_json(document: Any, name: str) -> Deployment:
    """The deployment in a JSON document; `name` is its place, for errors."""
    try:
        return _from_json(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"is damaged: {type(error).__name__} {error}"
        raise BotswainError(what, where=name, fix="restore the file, or move it away") from None


def _from_json(document: Mapping[str, Any]) -> Deployment:
    fields = {name: document[_camel(name)] for name in Deployment.__dataclass_fields__ if _camel(name) in document}
    fields["outcome"] = Outcome(fields["outcome"])
    fields["undoes"] = tuple(fields["undoes"])
    fields["scopes"] = {name: _result(result) for name, result in fields["scopes"].items()}
    if (service := fields.get("service")) is not None:
        known = ServiceResult.__dataclass_fields__
        fields["service"] = ServiceResult(**{name: service[_camel(name)] for name in known if _camel(name) in service})
    return Deployment(**fields)


def _result(document: Mapping[str, Any]) -> ScopeResult:
    created, updated, deleted = (tuple(document[part]) for part in ("created", "updated", "deleted"))
    renamed = dict(document.get("renamed", {}))  # entries from before there were renames have none
    edited = tuple(document.get("edited", ()))
    return ScopeResult(document["state"], created, updated, deleted, document["detail"], renamed, edited)


def standing(history: Sequence[Deployment]) -> list[Deployment]:
    """The deployments whose changes stand, newest first, from a history that is newest first too.

    One of which a part was taken back is returned without that part. Of the service those stand that led to the release
    which is live: a way back may pass several over, and what somebody went back from by hand is gone as well, so that
    none of them is a step which leads to what already runs.
    """
    commands: list[str] = []
    services: list[Deployment] = []
    after: dict[str, tuple[list[str], list[Deployment]]] = {}
    for entry in reversed(history):
        service = entry.service if entry.service is not None and entry.service.state == "live" else None
        if entry.outcome in (Outcome.DONE, Outcome.PARTIAL) and entry.kind == "rollback":
            known = after.get(entry.restores) if entry.restores else None
            if entry.only != "service":
                commands = list(known[0]) if known else [one for one in commands if one not in entry.undoes]
            if entry.only != "commands":
                services = list(known[1]) if known else [one for one in services if one.id not in entry.undoes]
        elif entry.kind != "rollback" and entry.outcome in STANDING:
            commands = [*commands, entry.id] if entry.changed_scopes else commands
            if entry.service is not None and entry.service.changed:
                services = [*_leading_to(services, entry.service.previous), entry]
        if service is not None:
            services = _leading_to(services, service.release)
        after[entry.id] = (commands, services)
    live = {one.id for one in services}
    return [
        replace(
            entry,
            scopes=entry.scopes if entry.id in commands else {},
            service=entry.service if entry.id in live else None,
        )
        for entry in history
        if entry.id in commands or entry.id in live
    ]


def _leading_to(stack: list[Deployment], release: str | None) -> list[Deployment]:
    """The deployments up to the newest that made this release the live one; all where none of them did."""
    if release is None:
        return []
    made = [number for number, one in enumerate(stack, 1) if one.service and one.service.release == release]
    return stack[: made[-1]] if made else stack
