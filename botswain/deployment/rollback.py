"""`rollback`: undoes the last deployment's own parts, from the raw state that was stored before it.

Only the commands that a deployment touched are restored. Everything else in the scope, the entry point and commands of
other hands included, comes from what is live. Said again, it walks further back; `--to` restores a known state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from botswain.deployment.checkout import Checkout, build_id
from botswain.deployment.history import STANDING, Deployment, Outcome
from botswain.deployment.records import Records
from botswain.deployment.result import Result
from botswain.deployment.run import Options, Person, Run, carry_out, holding
from botswain.deployment.session import Session, workers
from botswain.deployment.survey import identify, survey
from botswain.deployment.transaction import restorable, restoring
from botswain.deployment.wanted import Wanted
from botswain.discord.errors import ScopeUnavailable
from botswain.errors import BotswainError
from botswain.manifest import Manifest
from botswain.plan import Plan, ScopePlan, unavailable

if TYPE_CHECKING:
    from botswain.discord.client import DiscordClient


def next_to_undo(records: Records) -> Deployment | None:
    """The newest deployment whose change still stands."""
    return next(iter(standing(records.deployments())), None)


def standing(history: Sequence[Deployment]) -> list[Deployment]:
    """The deployments whose changes stand, newest first, from a history that is newest first too."""
    stack: list[Deployment] = []
    after: dict[str, list[Deployment]] = {}
    for entry in reversed(history):
        if entry.outcome in (Outcome.DONE, Outcome.PARTIAL) and entry.kind == "rollback":
            stack = [one for one in stack if one.id not in entry.undoes]
            stack = list(after.get(entry.restores, stack)) if entry.restores else stack
        elif entry.kind != "rollback" and entry.outcome in STANDING and entry.changed_scopes:
            stack = [*stack, entry]
        after[entry.id] = stack
    return stack[::-1]


def rollback(session: Session, options: Options, person: Person, to: str | None = None) -> Result:
    """Undoes the newest deployment that stands, or (`to`) restores the state after a deployment."""
    if options.dry_run:
        return _preview(session, to)
    command = f"rollback --to {to}" if to else "rollback"
    return holding(session, "rollback", command, options, person, lambda run: _rollback(run, to))


def _rollback(run: Run, to: str | None) -> Result:
    records = run.session.records
    if to is not None:
        state = _state(records, to)
        plan = survey(run.session, run.client, _wanted(state), run.manifest)
        commit = Checkout(state.git_sha, build_id())
        return carry_out(run, plan, _wanted(state).scopes, lambda: commit, restores=to)
    target = _target(records)
    earlier = _earlier(records, target)
    plan = _plan(run.session, run.client, target)
    recorded = {
        scope.scope: earlier.scopes[scope.scope].commands
        for scope in plan.scopes
        if earlier is not None and scope.scope in earlier.scopes
    }
    commit = Checkout(earlier.git_sha if earlier else None, build_id())
    return carry_out(run, plan, recorded, lambda: commit, undoes=(target.id,))


def _preview(session: Session, to: str | None) -> Result:
    manifest = session.records.manifest()
    with session.connect(manifest.application_id if manifest else None) as client:
        if to is not None:
            plan = survey(session, client, _wanted(_state(session.records, to)), manifest)
        else:
            plan = _plan(session, client, _target(session.records))
    return Result(session.profile.name, "rollback", plan, dry_run=True, requests=client.requests.by_method())


def _target(records: Records) -> Deployment:
    target = next_to_undo(records)
    if target is None:
        raise BotswainError(
            "there is nothing to go back to: no deployment on record has a change that still stands",
            where=records.where,
            fix="./inv history shows them all",
        )
    return target


def _earlier(records: Records, target: Deployment) -> Manifest | None:
    """The manifest as it was before the deployment that is undone."""
    return records.manifest_of(target.previous) if target.previous else None


def _state(records: Records, to: str) -> Manifest:
    entry, state = records.deployment(to), records.manifest_of(to)
    if entry is None or state is None or entry.outcome not in STANDING:
        known = ", ".join(one.id for one in records.deployments() if one.outcome in STANDING) or "none"
        raise BotswainError(f"no deployment {to} whose state could be restored", fix=f"there are: {known}")
    return state


def _wanted(state: Manifest) -> Wanted:
    return Wanted({scope: record.commands for scope, record in state.scopes.items()})


def _plan(session: Session, client: DiscordClient, target: Deployment) -> Plan:
    manifest = session.records.manifest()

    def one(scope: str) -> ScopePlan:
        record = manifest.scopes.get(scope) if manifest else None
        try:
            live = client.commands(scope)
        except ScopeUnavailable as error:
            return unavailable(scope, error.what, record)
        old = restorable(session.records.snapshot(target.id, scope), scope)
        return restoring(scope, target.scopes[scope].touched, old, live, record)

    with workers(len(target.changed_scopes) + 1) as pool:
        application = identify(session, client, manifest, pool)
        plans = tuple(pool.map(one, target.changed_scopes))
        application.result()
    return Plan(plans)
