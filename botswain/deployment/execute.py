"""Carries out an agreed plan: records first, then Discord, then records again; undone if it fails on the way."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from botswain.deployment.history import Deployment, Outcome
from botswain.deployment.interrupts import orderly
from botswain.deployment.recording import Done, Order, Recording
from botswain.deployment.session import Session
from botswain.deployment.transaction import Transaction, Writing
from botswain.plan import label
from botswain.state.ids import timestamp
from botswain.state.store import JOURNAL, LockLost

if TYPE_CHECKING:
    from botswain.discord.client import DiscordClient
    from botswain.state.store import Held


def execute(session: Session, client: DiscordClient, held: Held, order: Order, journal: str = JOURNAL) -> Done:
    """Carries out the order. Whatever happens, the records say afterwards what is live, or the journal does.

    Raises only before anything was written: then nothing was changed.
    """
    started = time.monotonic()
    recording = Recording(session, held, order, journal)
    recording.check_room()
    transaction = Transaction(client, recording.journal, held, session.say)
    with orderly(transaction.stop, session.say):
        recording.begin()
        if order.service is None:
            writing = transaction.apply(order.writes)
            done = finish(transaction, order, recording.draft, writing)
        else:
            from botswain.deployment.both import carry_both

            done, writing = carry_both(session, transaction, recording, held)
        seconds = round(time.monotonic() - started, 3)
        done.deployment = replace(done.deployment, finished_at=timestamp(), seconds=seconds)
        recording.end(done, writing)
    return done


def finish(transaction: Transaction, order: Order, draft: Deployment, writing: Writing) -> Done:
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

    error = reason(writing.failure)
    touched = {*writing.written, *writing.unsure}
    try:
        if isinstance(writing.failure, LockLost):
            raise writing.failure
        stuck = transaction.undo(order.writes, writing)
    except LockLost as lost:
        return lost_lock(draft, lost, states, {*writing.written, *writing.unsure})
    states |= dict.fromkeys(touched, "undone") | dict.fromkeys(stuck, "failed")
    if stuck:
        outcome = Outcome.STUCK
        notes += [f"{label(scope)} could not be restored: {reason(one)}" for scope, one in stuck.items()]
    else:
        outcome = Outcome.ROLLED_BACK if touched else Outcome.FAILED
    return Done(replace(draft.with_states(states), outcome=outcome, detail=error), error, notes)


def lost_lock(draft: Deployment, lost: LockLost, states: Mapping[str, str], left: set[str]) -> Done:
    """The end without a lock: nothing may be undone or recorded any more."""
    outcome = Outcome.INTERRUPTED if left else Outcome.FAILED
    notes = [
        f"{label(scope)} stays as this run left it; the next deploy or rollback settles it" for scope in sorted(left)
    ]
    return Done(replace(draft.with_states(states), outcome=outcome), str(lost), notes, lost=True)


def reason(error: BaseException) -> str:
    """A failure in words."""
    return str(error) or type(error).__name__
