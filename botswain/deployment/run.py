"""The frame of every run: with the lock held and an earlier run settled, ask, carry out, tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from botswain.commands.canonical import Command
from botswain.deployment.result import Result
from botswain.deployment.session import Session
from botswain.errors import Refused
from botswain.plan import Plan, label
from botswain.state.ids import actor, deployment_id
from botswain.state.journal import left_behind
from botswain.state.store import JOURNAL, Owner

if TYPE_CHECKING:
    from botswain.deployment.checkout import Checkout
    from botswain.deployment.history import Deployment
    from botswain.deployment.service import Work
    from botswain.deployment.wanted import Wanted
    from botswain.discord.client import DiscordClient
    from botswain.manifest import Manifest
    from botswain.state.store import Held, Holder


class Person(Protocol):
    """Whoever started the run."""

    def see(self, plan: Plan) -> None:
        """Shows the plan, before anything is done about it."""

    def confirm(self, question: str) -> bool:
        """Asks whether to go on. Called only when the options say that somebody can answer."""

    def finished(self, result: Result) -> None:
        """Shows how a rollback ended, while the lock is held: one that is killed before that has not told it."""


@dataclass(frozen=True)
class Options:
    """What the user said on the command line."""

    dry_run: bool = False
    yes: bool = False
    allow_delete: int | None = None
    force: bool = False
    interactive: bool = False
    wait: float = 0
    """Seconds to wait for another run's lock."""


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
    """A deployment that was cut off earlier, as it is recorded now."""
    manifest: Manifest | None
    """What is recorded as deployed before this run."""


def preview(
    session: Session,
    want: Wanted,
    kind: str,
    options: Options | None = None,
    shape: Callable[[Plan], tuple[Plan, tuple[str, ...]]] = lambda plan: (plan, ()),
) -> Result:
    """The plan alone: nothing is written, neither to Discord nor to the records.

    With `options` it is the preview of that very run, `shape` doing what the run would do to the plan.
    """
    from botswain.deployment.staleness import warned
    from botswain.deployment.survey import survey

    manifest = session.records.manifest()
    with session.connect(manifest.application_id if manifest else None) as client:
        plan = survey(session, client, want, manifest)
        requests = client.requests.by_method()
    plan, told = shape(plan)
    if kind != "drift":
        plan = warned(plan, session.profile.source.repo, manifest)
    notes = list(told)
    notes += unfinished(session)
    notes += session.records.store.notes
    if kind != "drift":
        notes += would_need(session, plan, options)
    return Result(session.profile.name, kind, plan, dry_run=True, notes=tuple(notes), requests=requests)


def unfinished(session: Session, *, undoing: bool = False) -> list[str]:
    """What to know of a run that is under way, or was cut off, before one believes a preview; of `undoing` the last."""
    store = session.records.store
    if (cut := left_behind(store)) is None:
        return []
    if (holder := store.holder()) is not None:
        return [f"{holder.command} {holder.deployment} by {holder.actor} is under way; this is what is there meanwhile"]
    entry = session.records.deployment(cut)
    what = f"{entry.kind} {cut} by {entry.actor}" if entry else f"deployment {cut}"
    does = "takes back what of its service nobody confirmed, and records the rest"
    told = [f"{what} was cut off; the next deploy or rollback settles it first: {does}"]
    if undoing:
        told.append(
            "a rollback now means that run: where nothing of it stands it stops there, and what is shown is next"
        )
    return told


def would_need(session: Session, plan: Plan, options: Options | None) -> list[str]:
    """What the real run would have to be told, or was told too little of, so that nobody learns it only then."""
    from botswain.deployment.consent import consent, require

    writes = [scope for scope in plan.scopes if scope.changed and not scope.orphan]
    production, environment = session.profile.production, session.profile.name
    need = consent(writes, production=production, environment=environment)
    if plan.service is not None:
        from botswain.deployment.consent import with_service

        need = with_service(need, plan.service, production=production, environment=environment)
    if options is not None:
        try:
            asks = require(need, yes=options.yes, allow_delete=options.allow_delete, interactive=options.interactive)
        except Refused as error:
            return [f"without --dry-run it would be refused: {error}"]
        return [f"without --dry-run it would ask, since it would {need.question}"] if asks else []
    if need.large is not None:
        return [f"{need.large}: that needs --yes --allow-delete {need.deletions}"]
    return [f"this would {need.question}: that needs --yes, or a yes on a terminal"] if need.question else []


def holding(
    session: Session, kind: str, command: str, options: Options, person: Person, do: Callable[[Run], Result]
) -> Result:
    """Runs `do` with the lock held, connected, and whatever an earlier run left settled."""
    identity, who = deployment_id(), actor()

    def waiting(holder: Holder) -> None:
        session.say(f"waiting up to {options.wait:g} s for {holder.actor} ({holder.command}, {holder.deployment})")

    with session.records.store.lock(Owner(identity, who, command), wait=options.wait, waiting=waiting) as held:
        manifest, settled = session.records.manifest(), None
        with session.connect(manifest.application_id if manifest else None) as client:
            held.unsettled = bool(held.cut_off)
            if left_behind(session.records.store) is not None or held.left_behind is not None:
                settled = settle_earlier(session, client, held, who, manifest)
                manifest = session.records.manifest()
            result = do(Run(session, client, held, identity, kind, who, options, person, settled, manifest))
            result = replace(result, settled=settled, requests=client.requests.by_method())
        if kind == "rollback":
            result = tell(session, held, person, result)
        held.unsettled = False
    return with_late_notes(session, result)


def tell(session: Session, held: Held, person: Person, result: Result) -> Result:
    """Shows how a run ended, and only then counts it as ended: a rollback after it is another step back."""
    result = with_late_notes(session, result)
    person.finished(result)
    held.unsettled = False
    return result


def with_late_notes(session: Session, result: Result) -> Result:
    """The result with what its store has had to say since."""
    return replace(result, notes=tuple(dict.fromkeys((*result.notes, *session.records.store.notes))))


def settle_earlier(
    session: Session, client: DiscordClient, held: Held, who: str, manifest: Manifest | None
) -> Deployment | None:
    """Settles an earlier run; that needs the application's id, so the credentials are checked before it."""
    from botswain.deployment import recovery
    from botswain.deployment.session import workers
    from botswain.deployment.survey import identify

    with workers(1) as pool:
        identify(session, client, manifest, pool).result()
    settled = recovery.settle(session, client, held, who)
    if settled is not None:
        session.say(recovery.describe(settled))
    return settled


def carry_out(
    run: Run,
    plan: Plan,
    recorded: Mapping[str, Mapping[str, Command]],
    commit: Callable[[], Checkout],
    *,
    notes: tuple[str, ...] = (),
    undoes: tuple[str, ...] = (),
    restores: str | None = None,
    only: str | None = None,
    with_edits: bool = False,
    service: Callable[[], Work] | None = None,
    journal: str = JOURNAL,
) -> Result:
    """Asks for what the plan needs, carries it out, and says what came of it.

    `recorded` holds, by scope, the definitions to record as deployed; `commit` finds out where they come from, and may
    refuse. `service` prepares the service's part, after consent and before anything is changed.
    """
    session, profile = run.session, run.session.profile
    writes = tuple(
        scope
        for scope in plan.scopes
        if scope.changed or (run.options.force and not scope.unavailable and not scope.orphan)
    )
    run.person.see(plan)
    gone = [scope for scope in plan.unavailable if scope.orphan]
    if not writes and not plan.unrecorded and not gone and not undoes and not restores and service is None:
        notes += tuple(f"skipped {label(scope.scope)}: {scope.unavailable}" for scope in plan.unavailable)
        return Result(profile.name, run.kind, plan, notes=notes)
    from botswain.deployment.card import card_of
    from botswain.deployment.consent import check_creates, check_secrets, consent, require, with_service
    from botswain.deployment.execute import execute
    from botswain.deployment.recording import Order

    need = consent(writes, production=profile.production, environment=profile.name)
    if undoes or restores:  # what a way back wants comes from no folder
        need = replace(need, empty=False)
    if service is not None:
        need = with_service(need, plan.service, production=profile.production, environment=profile.name)
    options = run.options
    asks = require(need, yes=options.yes, allow_delete=options.allow_delete, interactive=options.interactive)
    check_secrets(writes)
    if not undoes and not restores:  # a way back is not refused for what Discord may still allow
        check_creates(writes, plan.created_today)
    origin = commit()
    if asks and not run.person.confirm(need.question or ""):
        raise Refused("not confirmed; nothing was changed")
    work = service() if service is not None else None
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
            before=run.manifest,
            application_id=run.client.application_id or "",
            checkout=origin,
            undoes=undoes,
            restores=restores,
            only=only,
            with_edits=with_edits,
            service=work,
        ),
        journal,
    )
    return Result(
        profile.name,
        run.kind,
        plan,
        done.deployment,
        notes=(*notes, *done.notes),
        error=done.error,
        log=done.log,
        phases=tuple(session.phases.known),
        unrecorded=done.unrecorded,
        card=card_of(session, done.deployment, interactive=options.interactive),
    )
