"""`deploy` and `apply`: from the sources to Discord, in one transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from botswain.deployment.result import Result
from botswain.deployment.run import Options, Person, Run, carry_out, holding, preview
from botswain.deployment.session import Session
from botswain.deployment.survey import survey
from botswain.deployment.wanted import Wanted, wanted
from botswain.errors import Refused
from botswain.plan import Action, Plan, label

if TYPE_CHECKING:
    from botswain.deployment.checkout import Checkout


def deploy(session: Session, options: Options, person: Person, kind: str = "deploy") -> Result:
    """Deploys what the profile wants."""
    want = wanted(session.profile)
    if options.dry_run:
        return preview(session, want, kind)
    return holding(session, kind, kind, options, person, lambda run: _deploy(run, want))


def _deploy(run: Run, want: Wanted) -> Result:
    def commit() -> Checkout:
        from botswain.deployment.checkout import checkout

        return checkout(run.session.profile)

    plan = survey(run.session, run.client, want, run.manifest)
    _refuse_unmanaged(run.session, plan)
    plan, notes = _orphans(run, plan)
    return carry_out(run, plan, want.scopes, commit, notes=notes)


def _refuse_unmanaged(session: Session, plan: Plan) -> None:
    if session.profile.unmanaged != "refuse":
        return
    strangers = [
        f"{command.key} in {label(scope.scope)}"
        for scope in plan.scopes
        for command in scope.having(Action.KEEP)
        if not command.managed and not command.key.startswith("primary_entry_point/")
    ]
    if strangers:
        raise Refused(
            f"live commands that Botswain did not deploy: {', '.join(strangers)}",
            where=f"{session.profile.file}: commands.unmanaged",
            fix="add them to the sources, or set it to keep or delete",
        )


def _orphans(run: Run, plan: Plan) -> tuple[Plan, tuple[str, ...]]:
    """The plan without the orphan scopes that are not to be cleared now, and how to clear them.

    They are cleared when `--allow-delete` covers all of the plan's deletions, theirs included.
    """
    if not plan.orphans:
        return plan, ()
    allowed = run.options.allow_delete or 0
    total = sum(len(scope.having(Action.DELETE)) for scope in (*plan.changed, *plan.orphans))
    if allowed >= total:
        cleared = (replace(scope, orphan=False) if scope in plan.orphans else scope for scope in plan.scopes)
        return replace(plan, scopes=tuple(cleared)), ()
    yes = "" if run.options.interactive else "--yes "
    notes = tuple(
        f"{label(scope.scope)} left the profile and still has {len(scope.having(Action.DELETE))} commands of ours;"
        f" {yes}--allow-delete {total} clears it"
        for scope in plan.orphans
    )
    kept = tuple(scope for scope in plan.scopes if scope not in plan.orphans)
    return replace(plan, scopes=kept), notes
