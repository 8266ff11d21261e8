"""`deploy` and `apply`: from the sources to Discord, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from botswain.deployment.result import Result
from botswain.deployment.run import Options, Person, Run, carry_out, holding, preview
from botswain.deployment.session import Session
from botswain.deployment.staleness import warned
from botswain.deployment.survey import survey
from botswain.deployment.wanted import Wanted, wanted
from botswain.errors import BotswainError, Refused
from botswain.plan import Action, Plan, ScopePlan, label
from botswain.wording import many

if TYPE_CHECKING:
    from botswain.deployment.checkout import Checkout
    from botswain.profile.settings import Profile


_ENTRY_POINT = "primary_entry_point/"


def deploy(session: Session, options: Options, person: Person, kind: str = "deploy") -> Result:
    """Deploys what the profile wants: with `apply` the commands, with `deploy` also the service, if it has one."""
    if kind == "deploy" and session.profile.service is not None:
        from botswain.deployment.release import deploy_both

        return deploy_both(session, options, person)
    profile = _readable(session.profile)
    want, hidden = (wanted(profile), False) if options.dry_run else _committed(profile)
    if options.dry_run:
        return preview(session, want, kind, options, lambda plan: shaped(session, options, plan))
    return holding(session, kind, kind, options, person, lambda run: _deploy(run, want, hidden=hidden))


def _committed(profile: Profile) -> tuple[Wanted, bool]:
    """What is to be deployed, and whether it took files that are in no commit, which only a sandbox may."""
    from botswain.deployment.checkout import clean_commit
    from botswain.deployment.committed import wanted_of_commit

    commit = clean_commit(profile) if profile.source.runs_code else None
    if commit is None:  # of a dirty tree, or none, it is said before anything is written
        return wanted(profile), False
    try:
        return wanted_of_commit(profile, commit), False
    except BotswainError:
        if not profile.rehearsal:
            raise
        return wanted(profile), True


def _readable(profile: Profile) -> Profile:
    """The profile; code in the work tree that has nothing installed is read with what the live release has."""
    if profile.service is None or not profile.source.runs_code:
        return profile
    from botswain.deployment.readable import at_hand

    return at_hand(profile)


def _deploy(run: Run, want: Wanted, *, hidden: bool) -> Result:
    def commit() -> Checkout:
        from botswain.deployment.checkout import checkout

        found = checkout(run.session.profile)
        return replace(found, sha=f"{found.sha}+dirty") if hidden and found.sha else found

    plan, notes = shaped(run.session, run.options, survey(run.session, run.client, want, run.manifest))
    plan = warned(plan, run.session.profile.source.repo, run.manifest)
    return carry_out(run, plan, want.scopes, commit, notes=notes)


def shaped(session: Session, options: Options, plan: Plan) -> tuple[Plan, tuple[str, ...]]:
    """The plan as this run would carry it out, and what to say of the rest."""
    _refuse_unmanaged(session, plan)
    _refuse_second_entry_point(plan)
    return _orphans(options, plan)


def _refuse_unmanaged(session: Session, plan: Plan) -> None:
    if session.profile.unmanaged != "refuse":
        return
    strangers = [
        f"{command.key} in {label(scope.scope)}"
        for scope in plan.scopes
        for command in scope.having(Action.KEEP)
        if not command.managed and not command.key.startswith(_ENTRY_POINT)
    ]
    if strangers:
        raise Refused(
            f"live commands that Botswain did not deploy: {', '.join(strangers)}",
            where=f"{session.profile.file}: commands.unmanaged",
            fix="add them to the sources, or set it to keep or delete",
        )


def _refuse_second_entry_point(plan: Plan) -> None:
    for scope in plan.scopes:
        new, live = (
            [command.key.partition("/")[2] for command in scope.having(action) if command.key.startswith(_ENTRY_POINT)]
            for action in (Action.CREATE, Action.KEEP)
        )
        if new and live:
            raise Refused(
                f'has the entry point "{live[0]}" already, and an application has one',
                where=label(scope.scope),
                fix=f'call yours "{live[0]}", say renamed_from: {live[0]} in it, or leave it out of the sources',
            )


def _orphans(options: Options, plan: Plan) -> tuple[Plan, tuple[str, ...]]:
    """The plan without the orphan scopes that are not to be cleared now, and how to clear them.

    They are cleared when `--allow-delete` covers all of the plan's deletions, theirs included. Raises Refused when it
    covers more than the others and still not them: something was meant that this would not do.
    """
    if not plan.orphans:
        return plan, ()
    allowed, other, theirs = options.allow_delete or 0, _deletions(plan.changed), _deletions(plan.orphans)
    if allowed >= other + theirs:
        cleared = (replace(scope, orphan=False) if scope in plan.orphans else scope for scope in plan.scopes)
        return replace(plan, scopes=tuple(cleared)), ()
    yes = "" if options.interactive else "--yes "
    if allowed > other:
        raise Refused(
            f"clearing {', '.join(label(scope.scope) for scope in plan.orphans)} deletes {theirs} commands",
            fix=f"say {yes}--allow-delete {other + theirs}, not {allowed}",
        )
    notes = tuple(
        f"{label(scope.scope)} left the profile and still has {many(_deletions([scope]), 'command')} of ours;"
        f" {yes}--allow-delete {theirs + (other if options.dry_run else 0)} clears it"
        for scope in plan.orphans
    )
    kept = tuple(scope for scope in plan.scopes if scope not in plan.orphans)
    return replace(plan, scopes=kept), notes


def _deletions(scopes: Iterable[ScopePlan]) -> int:
    return sum(len(scope.having(Action.DELETE)) for scope in scopes)
