"""`rollback`: undoes the last deployment's own parts: what was deployed before it comes back.

Only the commands that a deployment touched are restored, from the record before it, and what was never ours from the
raw state that was stored then. Everything else in the scope, the entry point and commands of
other hands included, comes from what is live. Said again, it walks further back; `--to` restores a known state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botswain.commands.canonical import Command
from botswain.deployment.checkout import Checkout, build_id
from botswain.deployment.former import edits_note, former
from botswain.deployment.history import Deployment
from botswain.deployment.result import Result
from botswain.deployment.run import Options, Person, Run, carry_out, holding, unfinished, would_need
from botswain.deployment.session import Session, workers
from botswain.deployment.survey import identify, survey
from botswain.deployment.transaction import returning
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
    session: Session,
    options: Options,
    person: Person,
    to: str | None = None,
    only: str | None = None,
    *,
    with_edits: bool = False,
) -> Result:
    """Undoes the newest deployment that stands, or (`to`) restores the state after a deployment.

    `only` the commands is less than all; the service alone is another way back (`rollback_service`). What was deployed
    before comes back, and `with_edits` what other hands had made of it.
    """
    if options.dry_run:
        return _preview(session, options, to, only, with_edits=with_edits)
    edits = ["--with-edits"] if with_edits else []
    command = " ".join(["rollback", *edits, *(["--to", to] if to else []), *(["--only", only] if only else [])])
    return holding(
        session, "rollback", command, options, person, lambda run: _rollback(run, to, only, with_edits=with_edits)
    )


def _rollback(run: Run, to: str | None, only: str | None, *, with_edits: bool) -> Result:
    if to is not None:
        return _restore(run, to, only)
    found = unfinished_business(run, only)
    if isinstance(found, str):
        return Result(run.session.profile.name, run.kind, Plan(()), notes=(found,))
    if found is None:
        return _undo(run, only, with_edits=with_edits)
    run.session.say(found.note)
    if found.only == "service":
        from botswain.deployment.backwards import go_back

        return go_back(run, found.to)
    if found.to is not None:
        return _restore(run, found.to, found.only)
    return _undo(run, found.only, with_edits=found.with_edits)


def _restore(run: Run, to: str, only: str | None) -> Result:
    """Restores the state after a deployment."""
    state = state_after(run.session.records, to)
    way = _service(run.session, run, to=state, only=only)
    plan = _commands(lambda: survey(run.session, run.client, _wanted(state), run.manifest, keep=True), way)
    if way is not None:
        plan = replace(plan, service=way.plan)
    if _there_already(plan, way):
        note = f"the state after {to} is what is live and on record: nothing was done"
        return Result(run.session.profile.name, run.kind, plan, notes=(*(way.notes if way else ()), note))
    commit = Checkout(state.git_sha, build_id())
    return _carried(run, plan, _wanted(state).scopes, commit, way, only, restores=to)


def _there_already(plan: Plan, way: Way | None) -> bool:
    """Whether there is nothing to write, to start, or to record."""
    return not (plan.changed or plan.orphans or plan.unrecorded or plan.unavailable or (way and way.work))


def _undo(run: Run, only: str | None, *, with_edits: bool) -> Result:
    """Undoes the newest deployment that stands."""
    records = run.session.records
    target = target_of(records, only)
    way = _service(run.session, run, undo=target, only=only)
    recorded: dict[str, Mapping[str, Command]] = {}
    plan = _commands(lambda: _plan(run.session, run.client, target, recorded, with_edits=with_edits), way)
    if way is not None:
        plan = replace(plan, service=way.plan)
    earlier = _earlier(records, target)
    commit = Checkout(earlier.git_sha if earlier else None, build_id())
    return _carried(run, plan, recorded, commit, way, only, undoes=(target.id,), with_edits=with_edits)


def _carried(
    run: Run,
    plan: Plan,
    recorded: Mapping[str, Mapping[str, Command]],
    commit: Checkout,
    way: Way | None,
    only: str | None,
    **meaning: Any,
) -> Result:
    return carry_out(
        run,
        plan,
        recorded,
        lambda: commit,
        notes=(*_STILL, *(way.notes if way else ())),
        only=only if run.session.profile.service else None,
        service=way.work if way else None,
        **meaning,
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


def _preview(session: Session, options: Options, to: str | None, only: str | None, *, with_edits: bool) -> Result:
    records, manifest = session.records, session.records.manifest()
    with session.connect(manifest.application_id if manifest else None) as client:
        if to is not None:
            state = state_after(records, to)
            way = _service(session, None, to=state, only=only)
            plan = survey(session, client, _wanted(state), manifest, keep=True)
        else:
            target = target_of(records, only)
            way = _service(session, None, undo=target, only=only)
            plan = _plan(session, client, target, {}, with_edits=with_edits)
    plan = replace(plan, service=way.plan) if way else plan
    notes = (*(way.notes if way else ()), *unfinished(session, undoing=to is None), *would_need(session, plan, options))
    return Result(session.profile.name, "rollback", plan, None, True, notes, requests=client.requests.by_method())


def _earlier(records: Records, target: Deployment) -> Manifest | None:
    """The manifest as it was before the deployment that is undone."""
    return records.manifest_of(target.previous) if target.previous else None


def _wanted(state: Manifest) -> Wanted:
    commands = {scope: record.commands for scope, record in state.scopes.items()}
    return Wanted(commands, ids={scope: record.ids for scope, record in state.scopes.items()})


def _plan(
    session: Session,
    client: DiscordClient,
    target: Deployment,
    recorded: dict[str, Mapping[str, Command]],
    *,
    with_edits: bool,
) -> Plan:
    """The plan that undoes a deployment; into `recorded` goes, by scope, what is to be on record then."""
    manifest, earlier = session.records.manifest(), _earlier(session.records, target)
    edits: dict[str, str] = {}

    def one(scope: str) -> ScopePlan:
        record = manifest.scopes.get(scope) if manifest else None
        before = earlier.scopes.get(scope) if earlier else None
        if before is not None:
            recorded[scope] = before.commands
        try:
            live = client.commands(scope)
        except ScopeUnavailable as error:
            return unavailable(scope, error.what, record)
        old = session.records.snapshot(target.id, scope)
        was = former(scope, target.scopes[scope].touched, old, before, live, with_edits=with_edits)
        edits.update(was.edits)
        if before is not None:
            recorded[scope] = was.recorded
        return returning(scope, was.touched, was.wanted, was.ids, live, record)

    with workers(len(target.changed_scopes) + 1) as pool:
        application = identify(session, client, manifest, pool)
        plans = tuple(pool.map(one, target.changed_scopes))
        application.result()
    creating = any(plan.having(Action.CREATE, Action.RENAME) for plan in plans)
    created = session.records.creates(datetime.now(UTC)) if creating else {}
    told = (edits_note(edits, target.id, with_edits=with_edits),) if edits else ()
    return Plan(plans, (*_elsewhere(session, target), *told), created)


def _elsewhere(session: Session, target: Deployment) -> tuple[str, ...]:
    """What to know of scopes that the deployment wrote to and that the profile does not name any more."""
    profile = session.profile
    named = {GLOBAL, *profile.guild_ids, *profile.owner_guild_ids}
    left = [scope for scope in target.changed_scopes if scope not in named]
    return tuple(
        f"{label(scope)} is no longer in the profile; the rollback writes there all the same" for scope in left
    )
