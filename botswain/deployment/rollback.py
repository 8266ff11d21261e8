"""`rollback`: undoes the last deployment's own parts, from the raw state that was stored before it.

Only the commands that a deployment touched are restored. Everything else in the scope, the entry point and commands of
other hands included, comes from what is live. Said again, it walks further back; `--to` restores a known state.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botswain.deployment.checkout import Checkout, build_id
from botswain.deployment.history import STANDING, Deployment, Outcome
from botswain.deployment.records import Records
from botswain.deployment.result import Result
from botswain.deployment.run import Options, Person, Run, carry_out, holding, would_need
from botswain.deployment.session import Session, workers
from botswain.deployment.survey import identify, survey
from botswain.deployment.transaction import restoring
from botswain.deployment.wanted import Wanted
from botswain.discord.enums import GLOBAL
from botswain.discord.errors import ScopeUnavailable
from botswain.errors import BotswainError
from botswain.manifest import Manifest
from botswain.plan import Action, Plan, ScopePlan, label, unavailable

if TYPE_CHECKING:
    from botswain.discord.client import DiscordClient


_STILL = ("the sources still hold what was taken back; the next deploy brings it back unless they change",)


def rollback(session: Session, options: Options, person: Person, to: str | None = None) -> Result:
    """Undoes the newest deployment that stands, or (`to`) restores the state after a deployment."""
    if options.dry_run:
        return _preview(session, options, to)
    command = f"rollback --to {to}" if to else "rollback"
    return holding(session, "rollback", command, options, person, lambda run: _rollback(run, to))


def _rollback(run: Run, to: str | None) -> Result:
    records = run.session.records
    if to is not None:
        state = _state(records, to)
        plan = survey(run.session, run.client, _wanted(state), run.manifest, keep=True)
        commit = Checkout(state.git_sha, build_id())
        return carry_out(run, plan, _wanted(state).scopes, lambda: commit, notes=_STILL, restores=to)
    if (note := _already_done(run)) is not None:
        return Result(run.session.profile.name, run.kind, Plan(()), notes=(note,))
    target = _target(records)
    earlier = _earlier(records, target)
    plan = _plan(run.session, run.client, target)
    recorded = {
        scope.scope: earlier.scopes[scope.scope].commands
        for scope in plan.scopes
        if earlier is not None and scope.scope in earlier.scopes
    }
    commit = Checkout(earlier.git_sha if earlier else None, build_id())
    return carry_out(run, plan, recorded, lambda: commit, notes=_STILL, undoes=(target.id,))


def _already_done(run: Run) -> str | None:
    """What to say instead of going further back, when the run that was cut off has left nothing to do.

    Whoever types `rollback` after it means that run, and not the one before.
    """
    settled, left = run.settled, run.held.left_behind
    more = "nothing else was done; say it again to go further back"
    if settled is not None and settled.kind == "rollback":
        return f"that rollback is complete: {more}" if settled.outcome is Outcome.DONE else None
    if settled is not None:
        return None if settled.changed_scopes else f"so there is nothing of it to undo: {more}"
    if left is not None and left.command in ("deploy", "apply"):
        return f"{left.command} {left.deployment} by {left.actor} was cut off before it changed anything: {more}"
    return None


def _preview(session: Session, options: Options, to: str | None) -> Result:
    manifest = session.records.manifest()
    with session.connect(manifest.application_id if manifest else None) as client:
        if to is not None:
            plan = survey(session, client, _wanted(_state(session.records, to)), manifest, keep=True)
        else:
            plan = _plan(session, client, _target(session.records))
    notes = tuple(would_need(session, plan, options))
    return Result(session.profile.name, "rollback", plan, None, True, notes, requests=client.requests.by_method())


def _target(records: Records) -> Deployment:
    target = records.last_standing()
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
    commands = {scope: record.commands for scope, record in state.scopes.items()}
    return Wanted(commands, ids={scope: record.ids for scope, record in state.scopes.items()})


def _plan(session: Session, client: DiscordClient, target: Deployment) -> Plan:
    manifest = session.records.manifest()

    def one(scope: str) -> ScopePlan:
        record = manifest.scopes.get(scope) if manifest else None
        try:
            live = client.commands(scope)
        except ScopeUnavailable as error:
            return unavailable(scope, error.what, record)
        old = session.records.snapshot(target.id, scope)
        return restoring(scope, target.scopes[scope].touched, old, live, record)

    with workers(len(target.changed_scopes) + 1) as pool:
        application = identify(session, client, manifest, pool)
        plans = tuple(pool.map(one, target.changed_scopes))
        application.result()
    creating = any(plan.having(Action.CREATE, Action.RENAME) for plan in plans)
    created = session.records.creates(datetime.now(UTC)) if creating else {}
    return Plan(plans, _elsewhere(session, target), created)


def _elsewhere(session: Session, target: Deployment) -> tuple[str, ...]:
    """What to know of scopes that the deployment wrote to and that the profile does not name any more."""
    profile = session.profile
    named = {GLOBAL, *profile.guild_ids, *profile.owner_guild_ids}
    left = [scope for scope in target.changed_scopes if scope not in named]
    return tuple(
        f"{label(scope)} is no longer in the profile; the rollback writes there all the same" for scope in left
    )
