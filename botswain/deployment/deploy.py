"""`deploy` and `apply`: from the sources to Discord, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from botswain.commands.canonical import Command
from botswain.deployment import recovery
from botswain.deployment.checkout import Checkout, checkout
from botswain.deployment.consent import check_creates, consent, require
from botswain.deployment.execute import Order, execute
from botswain.deployment.result import Card, Result
from botswain.deployment.session import Session
from botswain.deployment.survey import survey
from botswain.deployment.wanted import Wanted, wanted
from botswain.errors import Refused
from botswain.plan import Action, Plan, label
from botswain.state.ids import actor, deployment_id
from botswain.state.store import Owner

if TYPE_CHECKING:
    from botswain.deployment.records import Deployment
    from botswain.discord.client import DiscordClient
    from botswain.state.store import Held


class Person(Protocol):
    """Whoever started the run."""

    def see(self, plan: Plan) -> None:
        """Shows the plan, before anything is done about it."""

    def confirm(self, question: str) -> bool:
        """Asks whether to go on. Called only when the options say that somebody can answer."""


@dataclass(frozen=True)
class Options:
    """What the user said on the command line."""

    dry_run: bool = False
    yes: bool = False
    allow_delete: int | None = None
    force: bool = False
    interactive: bool = False


@dataclass(frozen=True)
class Run:
    """One mutating run that holds the lock and is connected."""

    session: Session
    client: DiscordClient
    held: Held
    id: str
    kind: str
    actor: str
    options: Options
    person: Person
    settled: Deployment | None


def preview(session: Session, want: Wanted, kind: str) -> Result:
    """The plan alone: nothing is written, neither to Discord nor to the records."""
    manifest = session.records.manifest()
    with session.connect(manifest.application_id if manifest else None) as client:
        plan = survey(session, client, want, manifest)
        requests = client.requests.by_method()
    notes = []
    if (cut := recovery.left_behind(session)) is not None:
        notes.append(f"deployment {cut} was cut off or is under way; the next deploy settles it")
    return Result(session.profile.name, kind, plan, dry_run=True, notes=tuple(notes), requests=requests)


def holding(
    session: Session, kind: str, command: str, options: Options, person: Person, do: Callable[[Run], Result]
) -> Result:
    """Runs `do` with the lock held, connected, and whatever an earlier run left settled."""
    identity, who = deployment_id(), actor()
    with session.records.store.lock(Owner(identity, who, command)) as held:
        manifest = session.records.manifest()
        with session.connect(manifest.application_id if manifest else None) as client:
            settled = settle_first(session, client, held, who)
            result = do(Run(session, client, held, identity, kind, who, options, person, settled))
            return replace(result, settled=settled, requests=client.requests.by_method())


def settle_first(session: Session, client: DiscordClient, held: Held, who: str) -> Deployment | None:
    """Settles an earlier run; that needs the application's id, so the credentials are checked before it."""
    if recovery.left_behind(session) is None and held.left_behind is None:
        return None
    from botswain.deployment.session import workers
    from botswain.deployment.survey import identify

    with workers(1) as pool:
        identify(session, client, session.records.manifest(), pool).result()
    settled = recovery.settle(session, client, held, who)
    if settled is not None:
        session.say(recovery.describe(settled))
    return settled


def deploy(session: Session, options: Options, person: Person, kind: str = "deploy") -> Result:
    """Deploys what the profile wants."""
    want = wanted(session.profile)
    if options.dry_run:
        return preview(session, want, kind)
    return holding(session, kind, kind, options, person, lambda run: _deploy(run, want))


def _deploy(run: Run, want: Wanted) -> Result:
    manifest = run.session.records.manifest()
    plan = survey(run.session, run.client, want, manifest)
    _refuse_unmanaged(run.session, plan)
    plan, notes = _orphans(run, plan)
    commit = (
        checkout(run.session.profile)
        if plan.changed or plan.unrecorded or run.options.force
        else Checkout(None, None)
    )
    return carry_out(run, plan, want.scopes, commit, notes=notes)


def carry_out(
    run: Run,
    plan: Plan,
    recorded: Mapping[str, Mapping[str, Command]],
    commit: Checkout,
    *,
    notes: tuple[str, ...] = (),
    undoes: tuple[str, ...] = (),
    restores: str | None = None,
) -> Result:
    """Asks for what the plan needs, carries it out, and says what came of it."""
    session, profile = run.session, run.session.profile
    writes = tuple(
        scope
        for scope in plan.scopes
        if scope.changed or (run.options.force and not scope.unavailable and not scope.orphan)
    )
    gone = [scope for scope in plan.unavailable if scope.orphan]
    if not writes and not plan.unrecorded and not gone and not undoes and not restores:
        run.person.see(plan)
        notes += tuple(f"skipped {label(scope.scope)}: {scope.unavailable}" for scope in plan.unavailable)
        return Result(profile.name, run.kind, plan, notes=notes)
    run.person.see(plan)
    need = consent(writes, production=profile.production, environment=profile.name)
    options = run.options
    asks = require(need, yes=options.yes, allow_delete=options.allow_delete, interactive=options.interactive)
    if not undoes and not restores:  # a way back is not refused for what Discord may still allow
        check_creates(writes, session.records.creates(datetime.now(UTC)))
    if asks and not run.person.confirm(need.question or ""):
        raise Refused("not confirmed; nothing was changed")
    manifest = session.records.manifest()
    done = execute(
        session,
        run.client,
        run.held,
        Order(
            id=run.id,
            kind=run.kind,
            actor=run.actor,
            plan=plan,
            writes=writes,
            recorded=recorded,
            before=manifest,
            application_id=run.client.application_id or "",
            checkout=commit,
            undoes=undoes,
            restores=restores,
        ),
    )
    return Result(
        profile.name,
        run.kind,
        plan,
        done.deployment,
        notes=(*notes, *done.notes),
        error=done.error,
        unrecorded=done.unrecorded,
        card=_card(session, done.deployment),
    )


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
        return plan, ()
    notes = tuple(
        f"{label(scope.scope)} left the profile and still has {len(scope.having(Action.DELETE))} commands of ours;"
        f" --allow-delete {total} clears it"
        for scope in plan.orphans
    )
    kept = tuple(scope for scope in plan.scopes if scope not in plan.orphans)
    return replace(plan, scopes=kept), notes


def _card(session: Session, deployment: Deployment) -> Card | None:
    from botswain.deployment.rollback import next_to_undo

    manifest = session.records.manifest()
    if manifest is None:
        return None
    target = next_to_undo(session.records)
    commands = len({name for record in manifest.scopes.values() for name in record.commands})
    runs = f"{commands} commands in {_many(manifest.scopes)}, deployed by {manifest.deployment_id}"
    if target is None:
        return Card(runs, None)
    scopes = target.scopes.values()
    return Card(
        runs=runs,
        back=target.previous or "",
        deletes=tuple(sorted({name for one in scopes for name in one.created})),
        recreates=tuple(sorted({name for one in scopes for name in one.deleted})),
        seconds=target.seconds or deployment.seconds or 0.0,
        command=f"./inv rollback --env {session.profile.name}",
    )


def _many(scopes: Mapping[str, object]) -> str:
    return label(next(iter(scopes))) if len(scopes) == 1 else f"{len(scopes)} scopes"
