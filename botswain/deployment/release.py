"""`deploy` of a profile with a service: one commit, from which the release is built and the commands are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from botswain.deployment.budget import check_budget
from botswain.deployment.card import card_of
from botswain.deployment.checkout import Checkout
from botswain.deployment.commit import Commit, release_commit, shown_plan
from botswain.deployment.deploy import shaped
from botswain.deployment.doctor.engines import differences
from botswain.deployment.history import Outcome
from botswain.deployment.leaving import check as check_data
from botswain.deployment.leaving import left_behind
from botswain.deployment.outage import outage_of
from botswain.deployment.readable import of_release, wanted_at_hand
from botswain.deployment.run import carry_out, holding, preview
from botswain.deployment.service import Work, look, still_told
from botswain.deployment.session import workers
from botswain.deployment.staleness import warned
from botswain.deployment.survey import identify, survey
from botswain.deployment.wanted import wanted
from botswain.errors import BotswainError

if TYPE_CHECKING:
    from botswain.deployment.result import Result
    from botswain.deployment.run import Options, Person, Run
    from botswain.deployment.session import Session
    from botswain.deployment.wanted import Wanted
    from botswain.manifest import Manifest
    from botswain.plan import Plan, ServicePlan
    from botswain.profile.settings import Profile
    from botswain.targets.base import Built, Target


def deploy_both(session: Session, options: Options, person: Person) -> Result:
    """Deploys service and commands of one commit."""
    if options.dry_run:
        return diff_both(session, "deploy", options)
    # Files are read before anything waits for a lock; the bot's code is read where it is built.
    want = None if session.profile.source.runs_code else wanted(session.profile)
    return holding(session, "deploy", "deploy", options, person, lambda run: _deploy(run, want))


def diff_both(session: Session, kind: str, options: Options | None = None) -> Result:
    """What a deployment of the work tree would do to both; nothing is built, and nothing is written."""
    profile, target = session.profile, session.target
    commit = release_commit(profile, write=False)
    found = look(target, commit, outage_of(profile), force=bool(options and options.force))
    found = _recorded(session.records.manifest(), found)
    want = wanted_at_hand(profile, target, found)

    def shape(plan: Plan) -> tuple[Plan, tuple[str, ...]]:
        plan, told = (plan, ()) if options is None else shaped(session, options, plan)
        if commit.recorded.endswith("+dirty") and not profile.rehearsal:
            told = (*told, "there are changes in no commit, and a deployment would be refused for them")
        notes = (*plan.notes, *left_behind(profile, target, found))
        return replace(plan, service=_named(profile, commit, found), notes=notes), told

    return preview(session, want, kind, options, shape)


def _deploy(run: Run, want: Wanted | None) -> Result:
    session, profile = run.session, run.session.profile
    target, outage = session.target, outage_of(profile)
    target.settle(outage)
    commit = release_commit(profile)
    found = look(target, commit, outage, force=run.options.force)
    notes = []
    if found.action in ("deploy", "start") and (note := check_budget(run.client)) is not None:
        notes.append(note)
    if found.action == "deploy":
        check_data(profile, target, found)
        target.check()
        for asked, version in differences(profile):
            session.say(f"{asked.file} asks for {asked.program} {asked.wanted}, and here it is {version}")
    leaving = left_behind(profile, target, found)
    built: list[Built] = []

    def prepare() -> Built:
        if not built:
            with session.phases.timed("prepare"), still_told(target):
                made = target.prepare(commit.sha, by=run.actor, deployment=run.id, say=session.say)
            built.append(made)
        return built[0]

    if want is None and found.action == "deploy":
        with workers(1) as pool:  # whose credentials these are, and whether a guild is another's: not after a build
            identify(session, run.client, run.manifest, pool).result()
    if want is None:
        release = prepare().release if found.action == "deploy" else found.live
        want = _wanted_of(profile, target, release, commit)
    plan, told = shaped(session, run.options, survey(session, run.client, want, run.manifest))
    found = _recorded(run.manifest, found)
    result = carry_out(
        run,
        warned(
            replace(plan, service=_named(profile, commit, found), notes=(*plan.notes, *leaving)),
            profile.source.repo,
            run.manifest,
        ),
        want.scopes,
        lambda: Checkout(commit.recorded, commit.build_id),
        notes=(*notes, *told),
        service=None if found.action == "none" else lambda: _work(run, target, found, commit, prepare),
    )
    return pruned(session, target, result, interactive=run.options.interactive)


def _named(profile: Profile, commit: Commit, found: ServicePlan) -> ServicePlan:
    """The plan with its commits as records call them, also one that was never stored."""
    plan = shown_plan(profile, found)
    return replace(plan, commit=commit.recorded) if found.commit == commit.sha else plan


def _wanted_of(profile: Profile, target: Target, release: str | None, commit: Commit) -> Wanted:
    """What the code of a release wants: read there, or where its folder is not at hand in a checkout of its commit."""
    from botswain.deployment.committed import wanted_of_commit

    source = of_release(profile, target, release)
    if source.repo != profile.source.repo:
        return wanted(replace(profile, source=source))
    return wanted_of_commit(replace(profile, source=source), commit.sha)


def _recorded(manifest: Manifest | None, found: ServicePlan) -> ServicePlan:
    """The plan, or one that only brings the record up to date: the guard, or somebody by hand, may have gone back."""
    known = manifest.service if manifest else None
    if found.action != "none" or (known is not None and known.release == found.live):
        return found
    return replace(found, action="record", why=f"the record says {known.release if known else 'none'}")


def _work(run: Run, target: Target, found: ServicePlan, commit: Commit, prepare: Callable[[], Built]) -> Work:
    release = None
    if found.action == "start":
        release = target.candidate(found.live)
    return Work(
        target=target,
        plan=found,
        state=target.state(),
        by=run.actor,
        deployment=run.id,
        outage=outage_of(run.session.profile),
        recorded=commit.recorded,
        built=prepare() if found.action == "deploy" else None,
        release=release,
        why="it was started again",
    )


def pruned(session: Session, target: Target, result: Result, *, interactive: bool) -> Result:
    """The result, after old releases were removed; what could not be removed is a note.

    The card promises a way back, so it is made of the releases that are left.
    """
    entry = result.deployment
    if entry is None or entry.service is None or entry.outcome not in (Outcome.DONE, Outcome.PARTIAL):
        return result
    try:
        left = target.prune()
    except BotswainError as error:
        left = [str(error)]
    notes = (*result.notes, *(f"an old release was not removed: {one}" for one in left))
    return replace(result, notes=notes, card=card_of(session, entry, interactive=interactive))
