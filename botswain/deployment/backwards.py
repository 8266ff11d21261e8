"""The service's way back: to the release before, or to a named state; without a word to Discord where that is asked.

No guard stands in the way of an incident (rule 5): no budget, no outage and no missing credential keeps an earlier
release from starting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from botswain.deployment.checkout import Checkout, build_id
from botswain.deployment.history import Outcome
from botswain.deployment.outage import outage_of
from botswain.deployment.recording import BESIDE
from botswain.deployment.recovery import service_now, settle_beside
from botswain.deployment.result import Result
from botswain.deployment.run import Run, carry_out, settle_earlier, tell, unfinished, with_late_notes, would_need
from botswain.deployment.service import Work
from botswain.deployment.undoing import state_after, target_of, unfinished_business
from botswain.errors import BotswainError
from botswain.host.launch import STARTS
from botswain.host.ledger import earlier
from botswain.plan import Plan, ServicePlan
from botswain.state.ids import actor, deployment_id
from botswain.state.journal import left_behind
from botswain.state.store import JOURNAL, Owner
from botswain.targets.base import ServiceError

if TYPE_CHECKING:
    from botswain.deployment.history import Deployment
    from botswain.deployment.run import Options, Person
    from botswain.deployment.session import Session
    from botswain.discord.client import DiscordClient
    from botswain.host.ledger import Release
    from botswain.manifest import Manifest
    from botswain.state.store import Held
    from botswain.targets.base import Target


@dataclass(frozen=True)
class Way:
    """A way back that was looked for."""

    plan: ServicePlan
    work: Callable[[], Work] | None
    """Prepares it; None when there is nothing to do, or nothing was to be done yet."""
    notes: tuple[str, ...] = ()


def way_back(
    session: Session,
    run: Run | None,
    *,
    undo: Deployment | None = None,
    to: Manifest | None = None,
    named: str | None = None,
    logins: DiscordClient | None = None,
) -> Way:
    """How the service gets to where it was before `undo`, as of the manifest `to`, or to the release `named`.

    `logins` may tell how many logins are left; with too few, the old release is started once and not again. Without a
    `run` nothing is prepared. Raises ServiceError when there is no such release any more.
    """
    target = session.target
    outage = outage_of(session.profile)
    if run is not None:
        target.settle(outage)
    state = target.state()
    wanted = named or _wanted(undo, to)

    def plan(action: str, release: Release | None = None, why: str = "") -> ServicePlan:
        commit = release.commit if release else None
        return ServicePlan(
            action, state.target, state.release, state.commit, commit, release.id if release else None, why
        )

    release = None if wanted is None else _release(target, wanted, state.release, walk=undo is not None)
    if release is not None and release.id == state.release and state.running and target.healthy() is None:
        known = run.manifest.service if run and run.manifest else None
        found = plan("none" if known and known.release == release.id else "record", release, "it runs already")
    elif release is None:
        found = plan("withdraw" if state.release else "record", why="" if state.release else "no release is live")
    else:
        found = plan("back", release)
    few, notes = _few_logins(logins, outage) if run is not None and found.action == "back" else (False, ())
    if session.profile.database is not None and found.action in {"back", "withdraw"}:
        notes = (
            *notes,
            f"the database stays as it is; ./inv backup.list --env {session.profile.name} shows its backups",
        )
    if run is None or found.action == "none":
        return Way(found, None, notes)

    def work() -> Work:
        return Work(
            target=target,
            plan=found,
            state=state,
            by=run.actor,
            deployment=run.id,
            outage=outage,
            release=release if found.action == "back" else None,
            why=f"rolled back by {run.actor}",
            restarts=not few,
        )

    return Way(found, work, notes)


def _wanted(undo: Deployment | None, to: Manifest | None) -> str | None:
    """The release to return to; None for none."""
    if to is not None:
        return to.service.release if to.service else None
    return undo.service.previous if undo is not None and undo.service is not None else None


def _passed_over(known: Mapping[str, Release], wanted: str, live: str | None) -> bool:
    """Whether a rollback goes further back than to the release that ran before: that is gone, or was left as bad."""
    return wanted != live and (wanted not in known or known[wanted].state == "bad")


def leads_to(releases: Sequence[Release], wanted: str, live: str | None) -> Release | None:
    """The release to which a rollback leads that is to bring `wanted` back; None where it would find none."""
    known = {one.id: one for one in releases}
    return earlier(releases, live) if _passed_over(known, wanted, live) else known.get(wanted)


def _release(target: Target, wanted: str, live: str | None, *, walk: bool) -> Release:
    """The release called `wanted`; with `walk` the last good one if that was left for being bad, or is gone."""
    known = {one.id: one for one in target.releases()}
    if walk and _passed_over(known, wanted, live):
        try:
            return target.candidate(None)
        except ServiceError:
            if wanted not in known:
                raise
            what = f"release {wanted}, which ran before, was left for being bad, and there is no earlier good one"
            fix = "./inv rollback --to names a deployment, or deploy a commit that works"
            raise ServiceError(what, fix=fix) from None
    return target.candidate(wanted)


def _few_logins(client: DiscordClient | None, outage: Callable[[], str | None]) -> tuple[bool, tuple[str, ...]]:
    """Whether automatic restarts are off, and what to say of it. Nothing here can fail."""
    if client is None or outage() is not None:
        return False, ()
    from botswain.deployment.budget import remaining

    left = remaining(client)
    if left is None or left >= STARTS:
        return False, ()
    return True, (f"the bot may log in {left} more times today, so the old release is started once and not restarted",)


class _Offline:
    """Stands where a client of Discord would be in a run that asks nothing of it."""

    def __init__(self, application_id: str) -> None:
        self.application_id = application_id

    def __getattr__(self, name: str) -> Any:
        raise BotswainError(f"this run asks nothing of Discord, and it wanted {name}")


def rollback_service(session: Session, options: Options, person: Person, to: str | None) -> Result:
    """Takes the service alone back, without anything from Discord; `to` may also be a release, or its commit."""
    if session.profile.service is None:
        what = "this profile has no service: it is about commands alone"
        raise BotswainError(what, where=session.profile.file, fix="leave --only service out")
    if options.dry_run:
        way = _way(session, None, to)
        plan = Plan((), service=way.plan)
        notes = (*way.notes, *unfinished(session, undoing=to is None), *would_need(session, plan, options))
        return Result(session.profile.name, "rollback", plan, None, True, notes)
    identity, who = deployment_id(), actor()
    command = f"rollback --to {to} --only service" if to else "rollback --only service"
    with session.records.store.lock(Owner(identity, who, command), wait=options.wait) as held:
        held.unsettled = bool(held.cut_off)
        settled, told = _settled(session, held, who)
        cut = None if settled else _cut_off(session)
        manifest = session.records.manifest()
        client = cast("DiscordClient", _Offline(manifest.application_id if manifest else ""))
        run = Run(session, client, held, identity, "rollback", who, options, person, settled or cut, manifest)
        result = _rollback(run, to, JOURNAL if left_behind(session.records.store) is None else BESIDE)
        result = tell(session, held, person, replace(result, settled=settled, notes=(*told, *result.notes)))
    return with_late_notes(session, result)


def _settled(session: Session, held: Held, who: str) -> tuple[Deployment | None, tuple[str, ...]]:
    """Settles what an earlier run left, if Discord lets us; a way back does not wait for that."""
    if left_behind(session.records.store) is None and held.left_behind is None:
        return None, ()
    manifest, cut = session.records.manifest(), left_behind(session.records.store)
    why = outage_of(session.profile)()  # else every request would be tried again and again first
    if why is None:
        try:
            with session.connect(manifest.application_id if manifest else None) as client:
                return settle_earlier(session, client, held, who, manifest), ()
        except BotswainError as error:
            why = str(error)
    with session.records.store.together():
        beside = settle_beside(session)
    return beside, (f"deployment {cut} was cut off, and is settled by the next run: {why}",)


def _cut_off(session: Session) -> Deployment | None:
    """A run that is still to be settled, as its service alone shows it; None where it had no business with that."""
    cut = left_behind(session.records.store)
    draft = session.records.deployment(cut) if cut is not None else None
    if draft is None or draft.service is None or draft.outcome is not Outcome.RUNNING:
        return None
    service = service_now(session, draft)
    stands = service is not None and service.state != "undone"
    return replace(draft, service=service, outcome=Outcome.INTERRUPTED if stands else Outcome.FAILED)


def _rollback(run: Run, to: str | None, journal: str) -> Result:
    found = unfinished_business(run, "service") if to is None else None
    if isinstance(found, str):
        return Result(run.session.profile.name, run.kind, Plan(()), notes=(found,))
    if found is not None:
        run.session.say(found.note)
        to = found.to
    return go_back(run, to, journal)


def go_back(run: Run, to: str | None, journal: str = JOURNAL) -> Result:
    """Takes the service alone back, after whatever was cut off."""
    cut = run.settled if journal == BESIDE and run.settled and run.settled.kind != "rollback" else None
    undo = None if to else cut or target_of(run.session.records, "service")
    way = _way(run.session, run, to, undo)
    if to is not None and way.plan.action == "none":
        note = f"release {way.plan.release} runs already, and is the one on record: nothing was done"
        return Result(run.session.profile.name, run.kind, Plan((), service=way.plan), notes=(*way.notes, note))
    before = run.manifest
    commit = Checkout(before.git_sha if before else None, build_id())
    return carry_out(
        run,
        Plan((), service=way.plan),
        {},
        lambda: commit,
        notes=way.notes,
        undoes=(undo.id,) if undo else (),
        restores=_restored(run.session, to, way),
        only="service",
        service=way.work,
        journal=journal,
    )


def _restored(session: Session, to: str | None, way: Way) -> str | None:
    """The deployment whose state comes back: the one that was named, or the last that made the named release live.

    So a later rollback goes further back from there, and not from what was left.
    """
    if to is None or _deployed(session, to):
        return to
    found = (
        one.id
        for one in session.records.deployments()
        if one.service is not None and one.service.state == "live" and one.service.release == way.plan.release
    )
    return next(found, None)


def _way(session: Session, run: Run | None, to: str | None, undo: Deployment | None = None) -> Way:
    if to is not None and _deployed(session, to):
        return way_back(session, run, to=state_after(session.records, to))
    if to is not None:
        return way_back(session, run, named=to)
    return way_back(session, run, undo=undo or target_of(session.records, "service"))


def _deployed(session: Session, name: str) -> bool:
    """Whether a deployment is called so; what is called otherwise is a release, or a commit."""
    return session.records.deployment(name) is not None
