"""`rollback`: undoes the last deployment's own parts, from the raw state that was stored before it.

Only the commands that a deployment touched are restored. Everything else in the scope, the entry point and commands of
other hands included, comes from what is live. Said again, it walks further back; `--to` restores a known state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botswain.deployment.checkout import Checkout, build_id
from botswain.deployment.history import Deployment
from botswain.deployment.result import Result
from botswain.deployment.run import Options, Person, Run, carry_out, holding, unfinished, would_need
from botswain.deployment.session import Session, workers
from botswain.deployment.survey import identify, survey
from botswain.deployment.transaction import restoring
from botswain.deployment.undoing import state_after, target_of, unfinished_business
from botswain.deployment.wanted import Wanted
from botswain.discord.enums import GLOBAL
from botswain.discord.errors import DiscordError, ScopeUnavailable
from botswain.errors import BotswainError
from botswain.manifest import Manifest
from botswain.plan import Action, Plan, ScopePlan, label, unavailable

if TYPE_CHECKING:
    from botswain.deployment.backwards import Way
    from botswain.deployment.records import Records
    from botswain.discord.client import DiscordClient


_STILL = ("the sources still hold what was taken back; the next deploy brings it back unless they change",)


def rollback(
    session: Session, options: Options, person: Person, to: str | None = None, only: str | None = None
) -> Result:
    """Undoes the newest deployment that stands, or (`to`) restores the state after a deployment.

    `only` the commands is less than all; the service alone is another way back (`rollback_service`).
    """
    if options.dry_run:
        return _preview(session, options, to, only)
    command = " ".join(["rollback", *(["--to", to] if to else []), *(["--only", only] if only else [])])
    return holding(session, "rollback", command, options, person, lambda run: _rollback(run, to, only))


def _rollback(run: Run, to: str | None, only: str | None) -> Result:
    if to is not None:
        return _go_back(run, to, only)
    found = unfinished_business(run, only)
    if isinstance(found, str):
        return Result(run.session.profile.name, run.kind, Plan(()), notes=(found,))
    if found is None:
        return _go_back(run, None, only)
    run.session.say(found.note)
    if found.only == "service":
        from botswain.deployment.backwards import go_back

        return go_back(run, found.to)
    return _go_back(run, found.to, found.only)


def _go_back(run: Run, to: str | None, only: str | None) -> Result:
    records = run.session.records
    undoes: tuple[str, ...] = ()
    if to is not None:
        state = state_after(records, to)
        way = _service(run.session, run, to=state, only=only)
        plan = _commands(lambda: survey(run.session, run.client, _wanted(state), run.manifest, keep=True), way)
        recorded, commit = _wanted(state).scopes, Checkout(state.git_sha, build_id())
    else:
        target = target_of(records, only)
        earlier = _earlier(records, target)
        way = _service(run.session, run, undo=target, only=only)
        plan = _commands(lambda: _plan(run.session, run.client, target), way)
        recorded = {
            scope.scope: earlier.scopes[scope.scope].commands
            for scope in plan.scopes
            if earlier is not None and scope.scope in earlier.scopes
        }
        commit, undoes = Checkout(earlier.git_sha if earlier else None, build_id()), (target.id,)
    if way is not None:
        plan = replace(plan, service=way.plan)
    return carry_out(
        run,
        plan,
        recorded,
        lambda: commit,
        notes=(*_STILL, *(way.notes if way else ())),
        undoes=undoes,
        restores=to,
        only=only if run.session.profile.service else None,
        service=way.work if way else None,
    )


def _service(
    session: Session, run: Run | None, *, undo: Deployment | None = None, to: Manifest | None = None, only: str | None
) -> Way | None:
    """The service's part; None where it has none."""
    if session.profile.service is None or only == "commands" or (undo is not None and undo.service is None):
        return None
    from botswain.deployment.backwards import way_back

    return way_back(session, run, undo=undo, to=to, logins=run.client if run else None)


def _commands(look: Callable[[], Plan], way: Way | None) -> Plan:
    """The commands' part of the plan. Raises what keeps it from being made, and what can be done all the same."""
    try:
        return look()
    except DiscordError as error:
        if way is None or way.work is None:
            raise
        fix = "./inv rollback --only service needs nothing from Discord"
        raise BotswainError(error.what, where=error.where, fix=f"{error.fix}; {fix}" if error.fix else fix) from error


def _preview(session: Session, options: Options, to: str | None, only: str | None) -> Result:
    records, manifest = session.records, session.records.manifest()
    with session.connect(manifest.application_id if manifest else None) as client:
        if to is not None:
            state = state_after(records, to)
            way = _service(session, None, to=state, only=only)
            plan = survey(session, client, _wanted(state), manifest, keep=True)
        else:
            target = target_of(records, only)
            way = _service(session, None, undo=target, only=only)
            plan = _plan(session, client, target)
    plan = replace(plan, service=way.plan) if way else plan
    notes = (*(way.notes if way else ()), *unfinished(session, undoing=to is None), *would_need(session, plan, options))
    return Result(session.profile.name, "rollback", plan, None, True, notes, requests=client.requests.by_method())


def _earlier(records: Records, target: Deployment) -> Manifest | None:
    """The manifest as it was before the deployment that is undone."""
    return records.manifest_of(target.previous) if target.previous else None


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
