"""Service and commands in one deployment: first the bot, then its commands; if those fail, both are taken back.

A way back is not undone for its commands' sake: during an incident the bot that works again is worth more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from botswain.deployment.execute import finish, lost_lock, reason
from botswain.deployment.history import Deployment, Outcome
from botswain.deployment.recording import Done, Order, Recording
from botswain.deployment.service import ServiceStep
from botswain.deployment.steps import Ended, Step, run_steps
from botswain.deployment.transaction import Writing
from botswain.errors import Interrupted
from botswain.plan import label
from botswain.targets.base import ServiceRolledBack, ServiceStuck

if TYPE_CHECKING:
    from botswain.deployment.session import Session
    from botswain.deployment.transaction import Transaction
    from botswain.state.store import Held


class _StillWritten(Exception):
    """Scopes that could not be restored, with why."""

    def __init__(self, stuck: dict[str, BaseException]) -> None:
        told = (f"{label(scope)} could not be restored: {reason(one)}" for scope, one in stuck.items())
        super().__init__("; ".join(told))
        self.scopes = stuck


class _CommandsStep:
    """Writes the commands, unless the service step found Discord down."""

    name = "commands"

    def __init__(self, order: Order, transaction: Transaction, service: ServiceStep) -> None:
        self.writing = Writing()
        self.held = ""
        """Why the commands were not touched."""
        self._order = order
        self._transaction = transaction
        self._service = service

    def run(self) -> None:
        if not self._order.writes:
            return
        work = self._service.work
        if self._service.uncertain and (down := work.outage()) is not None:
            self.held = down
            self.writing.skipped = dict.fromkeys((plan.scope for plan in self._order.writes), down)
            return
        self.writing = self._transaction.apply(self._order.writes)
        if self.writing.failure is not None:
            raise self.writing.failure

    def undo(self) -> None:
        stuck = self._transaction.undo(self._order.writes, self.writing)
        if stuck:
            raise _StillWritten(stuck)


def carry_both(session: Session, transaction: Transaction, recording: Recording, held: Held) -> tuple[Done, Writing]:
    """Carries out an order that has business with the service; says how it ended and what became of the commands."""
    order = recording.order
    assert order.service is not None  # noqa: S101 - the caller looked
    service = ServiceStep(order.service, recording.note, held.check, lambda: transaction.stopped)
    commands = _CommandsStep(order, transaction, service)
    steps: list[Step] = [service, commands]
    ended = run_steps(steps, session.phases.timed)
    draft = replace(recording.draft, service=service.result)
    if ended.lost is not None:
        left = {*commands.writing.written, *commands.writing.unsure}
        done = lost_lock(draft, ended.lost, dict.fromkeys(commands.writing.written, "written"), left)
        if service.result.state != "planned":
            done.deployment = replace(done.deployment, outcome=Outcome.INTERRUPTED)
            done.notes.append("the service stays as this run left it; the next deploy or rollback settles it")
    elif ended.failure is None:
        done = _done(transaction, order, draft, service, commands)
    else:
        done = _failed(order, draft, ended, service, commands)
    done.log = service.log
    if service.result.killed:
        done.notes.append("the bot that ran before did not end within its stop_timeout after SIGTERM, and was killed")
    return done, commands.writing


def _done(
    transaction: Transaction, order: Order, draft: Deployment, service: ServiceStep, commands: _CommandsStep
) -> Done:
    done = finish(transaction, order, draft, commands.writing)
    if commands.held:
        done.notes = [f"Discord: {commands.held}; the commands were not touched, deploy again when it is well"]
    if service.uncertain:
        told = f"nobody can tell whether the bot is well ({service.uncertain}); its release stays"
        done.notes.append(told)
        done.deployment = replace(done.deployment, outcome=Outcome.PARTIAL, detail=told)
    return done


def _failed(order: Order, draft: Deployment, ended: Ended, service: ServiceStep, commands: _CommandsStep) -> Done:
    failure = ended.failure or Exception("it failed")
    error, notes, writing = reason(failure), [], commands.writing
    touched = {*writing.restored, *writing.written, *writing.unsure}
    left = getattr(ended.stuck.get("commands"), "scopes", {})
    states = dict.fromkeys(touched, "undone") | dict.fromkeys(left, "failed")
    for name, one in ended.stuck.items():
        notes.append(reason(one) if name == "commands" else f"the {name} could not be brought back: {reason(one)}")
    draft = replace(draft.with_states(states), detail=error)
    if ended.stuck or isinstance(failure, ServiceStuck):
        outcome = Outcome.STUCK
    elif isinstance(failure, ServiceRolledBack):
        notes.append(f"release {failure.previous} runs again" if failure.previous else "nothing runs, as before")
        outcome = Outcome.ROLLED_BACK
    elif service.result.state == "live" and order.kind == "rollback":
        notes.append("the service is back; its commands are not, and are as they were: say rollback again for them")
        outcome, draft = Outcome.PARTIAL, replace(draft, only="service")
    elif touched or (service.result.state == "undone" and ended.failed == "commands"):
        outcome = Outcome.ROLLED_BACK
        if service.result.state == "undone":
            back = service.work.state.release
            notes.append(f"the service went back to release {back}" if back else "the service was stopped again")
    elif isinstance(failure, Interrupted) and service.result.state == "undone":
        outcome = Outcome.ROLLED_BACK
    else:
        outcome = Outcome.FAILED
    return Done(replace(draft, outcome=outcome), error, notes)
