"""Carries out an agreed plan: records first, then Discord, then records again; undone if it fails on the way."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from botswain import __version__
from botswain import manifest as manifests
from botswain.audit import AuditLog
from botswain.commands.canonical import LEFT_TO_DISCORD, Command
from botswain.deployment.checkout import Checkout
from botswain.deployment.history import Deployment, Outcome, ScopeResult
from botswain.deployment.interrupts import orderly
from botswain.deployment.session import Session
from botswain.deployment.transaction import Live, Transaction, Writing
from botswain.discord.enums import GLOBAL
from botswain.errors import BotswainError
from botswain.manifest import Manifest
from botswain.plan import Plan, ScopePlan, label
from botswain.state.ids import timestamp
from botswain.state.journal import Journal
from botswain.state.store import LockLost

if TYPE_CHECKING:
    from botswain.discord.client import DiscordClient
    from botswain.state.store import Held

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


@dataclass
class Done:
    """How it ended."""

    deployment: Deployment
    error: str = ""
    notes: list[str] = field(default_factory=list)
    unrecorded: BotswainError | None = None
    lost: bool = False
    """Somebody else has the lock now, and with it the records."""


def execute(session: Session, client: DiscordClient, held: Held, order: Order) -> Done:
    """Carries out the order. Whatever happens, the records say afterwards what is live, or the journal does.

    Raises only before anything was written: then nothing was changed.
    """
    started = time.monotonic()
    records, environment = session.records, session.profile.name
    draft = _draft(session, order)
    records.store.check_writable(_PER_DOCUMENT * sum(len(plan.live) for plan in order.writes))
    audit = AuditLog(records.store, environment)
    held.check()
    journal = Journal(records.store)
    transaction = Transaction(client, journal, held, session.say)
    with orderly(transaction.stop, session.say):
        intent = None
        try:
            journal.start({"event": "begins", "deployment": order.id})  # first, so that no intent is ever forgotten
            intent = audit.intent(
                order.kind, order.actor, {"deployment": order.id, "scopes": [s.scope for s in order.writes]}
            )
            records.save(draft, _manifest(session, order, draft, {}))
            records.save_snapshots(order.id, order.writes)
        except BotswainError:
            _forget(session, journal, audit, order, intent)
            raise
        writing = transaction.apply(order.writes)
        done = _finish(transaction, order, draft, writing)
        seconds = round(time.monotonic() - started, 3)
        done.deployment = replace(done.deployment, finished_at=timestamp(), seconds=seconds)
        _settle_records(session, held, journal, audit, order=order, done=done, writing=writing, intent=intent)
    return done


def _settle_records(
    session: Session,
    held: Held,
    journal: Journal,
    audit: AuditLog,
    *,
    order: Order,
    done: Done,
    writing: Writing,
    intent: str,
) -> None:
    """Records how it ended. Past the point of no return: what fails here is completed by the next run."""
    if done.lost:
        return
    try:
        held.check()
        _record(session, journal, order, done, writing)
        held.check()
        audit.outcome(intent, done.deployment.outcome, {"deployment": order.id})
        journal.close()
    except BotswainError as error:
        done.unrecorded = error
        done.notes.append("the records are incomplete; the next deploy or rollback completes them")


def _forget(session: Session, journal: Journal, audit: AuditLog, order: Order, intent: str | None) -> None:
    """Takes back what was recorded of a deployment that could not begin; if that fails, the next run settles it."""
    with suppress(BotswainError):
        store = session.records.store
        store.delete([name for part in ("history", "snapshots") for name in store.names(f"{part}/{order.id}")])
        if intent is not None:
            audit.outcome(intent, Outcome.FAILED, {"deployment": order.id})
        journal.close()


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
    )


def _finish(transaction: Transaction, order: Order, draft: Deployment, writing: Writing) -> Done:
    """Decides how it ended, and undoes what was written if it failed."""
    states = dict.fromkeys(writing.written, "written") | dict.fromkeys(writing.skipped, "skipped")
    notes = [f"skipped {label(scope)}: {reason}" for scope, reason in writing.skipped.items()]
    if writing.failure is None:
        notes += [f"{label(scope)} reads back differently: {'; '.join(w)}" for scope, w in writing.mismatched.items()]
        notes += [
            f"{label(scope)} was written, but could not be read back: {why}"
            for scope, why in writing.unverified.items()
        ]
        unavailable = [plan for plan in order.plan.unavailable if not plan.orphan]
        notes += [f"skipped {label(plan.scope)}: {plan.unavailable}" for plan in unavailable]
        partial = writing.skipped or writing.mismatched or writing.unverified or unavailable
        outcome = Outcome.PARTIAL if partial else Outcome.DONE
        return Done(replace(draft.with_states(states), outcome=outcome), notes=notes)

    error = _reason(writing.failure)
    touched = {*writing.written, *writing.unsure}
    try:
        if isinstance(writing.failure, LockLost):
            raise writing.failure
        stuck = transaction.undo(order.writes, writing)
    except LockLost as lost:
        return _lost(draft, lost, states, {*writing.written, *writing.unsure})
    states |= dict.fromkeys(touched, "undone") | dict.fromkeys(stuck, "failed")
    if stuck:
        outcome = Outcome.STUCK
        notes += [f"{label(scope)} could not be restored: {_reason(one)}" for scope, one in stuck.items()]
    else:
        outcome = Outcome.ROLLED_BACK if touched else Outcome.FAILED
    return Done(replace(draft.with_states(states), outcome=outcome, detail=error), error, notes)


def _lost(draft: Deployment, lost: LockLost, states: Mapping[str, str], left: set[str]) -> Done:
    """The end without a lock: nothing may be undone or recorded any more."""
    outcome = Outcome.INTERRUPTED if left else Outcome.FAILED
    notes = [
        f"{label(scope)} stays as this run left it; the next deploy or rollback settles it" for scope in sorted(left)
    ]
    return Done(replace(draft.with_states(states), outcome=outcome), str(lost), notes, lost=True)


def _record(session: Session, journal: Journal, order: Order, done: Done, writing: Writing) -> None:
    """Stores the outcome; a store that fails for a moment is tried again, since nothing may be reverted any more."""
    stands = done.deployment.outcome in (Outcome.DONE, Outcome.PARTIAL)
    manifest = None
    if stands:
        written = {scope: live for scope, live in writing.written.items() if scope not in writing.skipped}
        skipped = {*writing.skipped}
        manifest = _manifest(session, order, done.deployment, written, skipped)
    elif order.before is not None and writing.restored:
        manifest = _restored(order.before, writing.restored)
    for attempt in range(1, _STORE_TRIES + 1):
        try:
            if attempt == 1:
                journal.record({"event": "recording", "outcome": done.deployment.outcome})
            session.records.save(done.deployment, manifest, current=manifest is not None)
        except BotswainError:
            if attempt == _STORE_TRIES:
                raise
            time.sleep(attempt / 5)
        else:
            return


def _restored(before: Manifest, restored: Mapping[str, Live]) -> Manifest:
    """The manifest as it was, with the new ids of what had to be created anew."""
    scopes = dict(before.scopes)
    for scope, live in restored.items():
        if scope in scopes:
            left = LEFT_TO_DISCORD if scope == GLOBAL else ()
            scopes[scope] = manifests.record(scopes[scope].commands, live, left)
    return replace(before, scopes=scopes)


def _manifest(
    session: Session,
    order: Order,
    deployment: Deployment,
    written: Mapping[str, Live],
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
            left = LEFT_TO_DISCORD if plan.scope == GLOBAL else ()
            live = written[plan.scope] if plan.scope in written else plan.live_commands()
            scopes[plan.scope] = manifests.record(commands, live, left)
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
    )


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
