"""The records of one deployment, from its journal's first line to its outcome."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from botswain import __version__
from botswain import manifest as manifests
from botswain.audit.log import AuditLog
from botswain.commands.canonical import Command
from botswain.deployment.checkout import Checkout
from botswain.deployment.history import Deployment, Outcome, ScopeResult, ServiceResult
from botswain.deployment.session import Session
from botswain.deployment.transaction import Writing
from botswain.errors import BotswainError
from botswain.manifest import Manifest, Readback, ServiceRecord
from botswain.plan import Plan, ScopePlan
from botswain.state.ids import timestamp
from botswain.state.journal import Journal
from botswain.state.store import JOURNAL, LockLost

if TYPE_CHECKING:
    from botswain.deployment.service import Work
    from botswain.state.store import Held

BESIDE = "journal-service.jsonl"
"""The journal of a way back of the service that could not wait for an earlier run to be settled."""
_STORE_TRIES = 3
_PER_DOCUMENT = 2
"""Room to ask for before starting, as a multiple of the documents that will be written."""


@dataclass(frozen=True)
class Order:
    """What is to be carried out."""

    id: str
    kind: str
    actor: str
    plan: Plan
    writes: tuple[ScopePlan, ...]
    """The scopes to write; the plan's other scopes are only recorded."""
    recorded: Mapping[str, Mapping[str, Command]]
    """By scope: the definitions to record there once it is done. A scope of the plan that is not here is dropped."""
    before: Manifest | None
    application_id: str
    checkout: Checkout
    undoes: tuple[str, ...] = ()
    restores: str | None = None
    only: str | None = None
    """commands or service: the part that a rollback is limited to."""
    with_edits: bool = False
    """Whether a rollback brings back what other hands had made of the commands."""
    service: Work | None = None
    """What is to be done with the service, before the commands."""


@dataclass
class Done:
    """How it ended."""

    deployment: Deployment
    error: str = ""
    notes: list[str] = field(default_factory=list)
    unrecorded: BotswainError | None = None
    log: str = ""
    """The last lines of what failed on the target."""
    lost: bool = False
    """Somebody else has the lock now, and with it the records."""


class Recording:
    """Writes the records of one order, before and after Discord is written."""

    def __init__(self, session: Session, held: Held, order: Order, journal: str = JOURNAL) -> None:
        """`journal` names another one where that of an earlier run has to stay."""
        self.session = session
        self.order = order
        self.journal = Journal(session.records.store, journal)
        self.draft = _draft(session, order)
        self._held = held
        self._audit = AuditLog(session.records.store, session.profile.name)
        self._intent = ""

    def check_room(self) -> None:
        """Raises Refused when the outcome could not be recorded."""
        needed = _PER_DOCUMENT * sum(len(plan.live) for plan in self.order.writes)
        self.session.records.store.check_writable(needed)
        self._held.check()

    def begin(self) -> None:
        """Records what is about to be done, and what is live. If that fails, nothing of it is left behind."""
        order, records = self.order, self.session.records
        header = {"event": "begins", "deployment": order.id, "delayed": records.store.delayed}
        try:
            with records.store.together():
                self.journal.start(header)  # first: no intent is ever forgotten
                data: dict[str, object] = {"deployment": order.id, "scopes": [plan.scope for plan in order.writes]}
                if self.draft.service is not None:
                    data["service"] = {"action": self.draft.service.action, "release": self.draft.service.release}
                self._intent = self._audit.intent(order.kind, order.actor, data)
                records.save(self.draft, _manifest(self.session, order, self.draft, {}))
                records.save_snapshots(order.id, order.writes)
        except BotswainError:
            self._forget()
            raise

    def end(self, done: Done, writing: Writing) -> None:
        """Records how it ended. Past the point of no return: what fails here is completed by the next run."""
        if done.lost:
            return
        try:
            self._held.check()
            with self.session.records.store.together():
                self._save(done, writing)
                self._held.check()
                self._audit.outcome(self._intent, done.deployment.outcome, {"deployment": self.order.id})
                self.journal.close()
        except BotswainError as error:
            done.unrecorded = error
            done.notes.append("the records are incomplete; the next deploy or rollback completes them")

    def note(self, event: Mapping[str, Any]) -> None:
        """Journals what happens to the service, if the disk lets us: whoever settles it looks at the target anyway."""
        try:
            self.journal.record(event)
        except LockLost:
            raise
        except BotswainError as error:
            self.session.say(str(error))

    def _forget(self) -> None:
        """Takes back what was recorded of a deployment that could not begin; else the next run settles it."""
        store, identity = self.session.records.store, self.order.id
        with suppress(BotswainError), store.together():
            store.delete([name for part in ("history", "snapshots") for name in store.names(f"{part}/{identity}")])
            if self._intent:
                self._audit.outcome(self._intent, Outcome.FAILED, {"deployment": identity})
            self.journal.close()

    def _save(self, done: Done, writing: Writing) -> None:
        """Stores the outcome; tried again if the store fails for a moment, since nothing may be reverted now."""
        stands = done.deployment.outcome in (Outcome.DONE, Outcome.PARTIAL)
        manifest = None
        if stands:
            manifest = _manifest(self.session, self.order, done.deployment, writing.written, {*writing.skipped})
        elif self.order.before is not None and writing.restored:
            manifest = _restored(self.order.before, writing.restored)
        for attempt in range(1, _STORE_TRIES + 1):
            try:
                if attempt == 1:
                    self.journal.record({"event": "recording", "outcome": done.deployment.outcome})
                self.session.records.save(done.deployment, manifest, current=manifest is not None)
            except BotswainError:
                if attempt == _STORE_TRIES:
                    raise
                time.sleep(attempt / 5)
            else:
                return


def _draft(session: Session, order: Order) -> Deployment:
    return Deployment(
        id=order.id,
        kind=order.kind,
        environment=session.profile.name,
        actor=order.actor,
        started_at=timestamp(),
        git_sha=order.checkout.sha,
        build_id=order.checkout.build_id,
        tool_version=__version__,
        previous=order.before.deployment_id if order.before else None,
        undoes=order.undoes,
        restores=order.restores,
        scopes={plan.scope: ScopeResult.planned(plan) for plan in order.writes},
        service=order.service.planned() if order.service else None,
        only=order.only,
        with_edits=order.with_edits,
    )


def _restored(before: Manifest, restored: Mapping[str, Readback]) -> Manifest:
    """The manifest as it was, with the new ids of what had to be created anew."""
    scopes = dict(before.scopes)
    for scope, live in restored.items():
        if scope in scopes:
            scopes[scope] = manifests.record(scopes[scope].commands, live)
    return replace(before, scopes=scopes)


def _manifest(
    session: Session,
    order: Order,
    deployment: Deployment,
    written: Mapping[str, Readback],
    skipped: frozenset[str] | set[str] = frozenset(),
) -> Manifest:
    """The manifest that this deployment leaves: what it wrote as read back, what it skipped as recorded before."""
    profile = session.profile
    scopes = dict(order.before.scopes) if order.before else {}
    for plan in order.plan.scopes:
        if plan.scope in skipped or (plan.unavailable and not plan.orphan):
            continue
        commands = order.recorded.get(plan.scope)
        if commands is None:
            scopes.pop(plan.scope, None)
        elif plan.scope in written or plan.scope not in scopes or scopes[plan.scope].commands != commands:
            live = written.get(plan.scope) or manifests.read_back(plan.live_commands(), plan.scope)
            scopes[plan.scope] = manifests.record(commands, live)
    return Manifest(
        environment=profile.name,
        application_id=order.application_id,
        deployment_id=deployment.id,
        deployed_at=deployment.finished_at or deployment.started_at,
        global_=profile.global_,
        guild_ids=profile.guild_ids,
        git_sha=deployment.git_sha,
        build_id=deployment.build_id,
        tool_version=deployment.tool_version,
        previous=deployment.previous,
        scopes=scopes,
        service=service_record(order.before, deployment.service),
    )


def service_record(before: Manifest | None, result: ServiceResult | None) -> ServiceRecord | None:
    """What the manifest says of the service after a deployment: what it made live, else what was live before."""
    known = before.service if before else None
    if result is None or result.state not in ("planned", "live"):
        return known
    if result.release is None or result.commit is None:
        return None
    if result.release == result.previous and known is not None and known.release == result.release:
        return known
    previous = result.previous if result.previous != result.release else None
    return ServiceRecord(result.target, result.release, result.commit, previous)
