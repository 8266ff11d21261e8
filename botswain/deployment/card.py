"""The card at the end of every deployment: what runs now, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from botswain.deployment.history import Outcome, standing
from botswain.errors import BotswainError
from botswain.plan import label
from botswain.plan.service import short
from botswain.wording import many

if TYPE_CHECKING:
    from botswain.deployment.history import Deployment, ServiceResult
    from botswain.deployment.session import Session
    from botswain.host.ledger import Release
    from botswain.manifest import ScopeRecord, ServiceRecord
    from botswain.targets.base import ServiceState


_WATCHED = 5.0
"""Seconds that a release which was good before has to stay ready when it comes back."""
_COMMANDS = 1.0
"""Seconds that the rest of a rollback takes."""


@dataclass(frozen=True)
class Card:
    """What a person should know at the end of a deployment, above all the way back."""

    runs: str
    """What is deployed now."""
    back: str | None
    """The deployment to whose state `rollback` returns; "" for the state before the first, None if there is no way."""
    undoes: str | None = None
    """The deployment that `rollback` undoes."""
    edited: tuple[str, ...] = ()
    """Commands that other hands had changed before that deployment: `rollback` returns to what was deployed of them."""
    deletes: tuple[str, ...] = ()
    """Commands that `rollback` would delete, and with them their permission overwrites."""
    renames: tuple[tuple[str, str], ...] = ()
    """Commands that it would rename back, with the names that they get; the overwrites set since are lost."""
    recreates: tuple[str, ...] = ()
    """Commands that it would create anew; the overwrites that they once had are lost already."""
    seconds: float | None = None
    """About how long the way back takes; None where no deployment has shown it yet."""
    command: str = ""
    bot: str | None = None
    """The release of the bot's service that runs now."""
    bot_back: str | None = None
    """What `rollback` does to the service."""


def card_of(session: Session, deployment: Deployment, *, interactive: bool) -> Card | None:
    """The card after `deployment`; None as long as nothing was ever deployed."""
    try:
        return current_card(session, deployment, interactive=interactive)
    except BotswainError:  # a damaged record is told by the tasks that need it; this deployment is over
        return None


def current_card(
    session: Session, deployment: Deployment | None, *, interactive: bool, looked: bool = True
) -> Card | None:
    """The card as things are now, after `deployment` if there was one; None as long as nothing was ever deployed.

    What it says of the bot is what its target says now, not what the records hoped for, unless it cannot be `looked`
    at. Its command is complete; where somebody can be asked, it leaves the last yes to them.
    """
    manifest, history = session.records.manifest(), session.records.deployments()
    if manifest is None:
        return None
    target = next(iter(standing(history)), None)
    commands = len({name for record in manifest.scopes.values() for name in record.ids})  # that were read back
    ours = f"{many(commands, 'command')} in {_many(manifest.scopes)}" if commands else "no command of ours"
    runs = f"{ours}, as of {manifest.deployment_id}"
    state, releases = seen(session) if looked else (None, ())
    bot = _bot(deployment, manifest.service, state)
    if target is None:
        return Card(runs, None, bot=bot)
    scopes = target.scopes.values()
    deletes = {
        name
        for one in scopes
        for name in one.created
        if name not in one.edited and not name.startswith("primary_entry_point/")
    }
    renames = sorted(_renames(session, target))
    command = f"./inv rollback --env {session.profile.name}"
    first = target.service is not None and target.service.previous is None
    production = session.profile.production
    if (deletes or renames or first or production) and not interactive:
        command += " --yes"
    count = sum(len({*one.created} & deletes - {*one.edited}) for one in scopes)
    return Card(
        runs=runs,
        back=target.previous or "",
        undoes=target.id,
        edited=tuple(sorted({name for one in scopes for name in one.edited})),
        deletes=tuple(sorted(deletes)),
        renames=tuple(renames),
        recreates=tuple(sorted({name for one in scopes for name in one.deleted})),
        seconds=_seconds(session, target, history),
        command=f"{command} --allow-delete {count}" if count else command,
        bot=bot,
        bot_back=bot_back(target.service, state, releases),
    )


def _renames(session: Session, target: Deployment) -> set[tuple[str, str]]:
    """What a rollback of that deployment renames, with the names that it gives: those that were deployed before."""
    pairs = {pair for one in target.scopes.values() for pair in one.renamed.items() if pair[1] not in one.edited}
    if all(old not in one.edited for one in target.scopes.values() for old in one.renamed.values()):
        return pairs
    records = session.records
    after, before = records.manifest_of(target.id), records.manifest_of(target.previous) if target.previous else None
    for scope, one in target.scopes.items():
        if after is None or before is None or scope not in after.scopes or scope not in before.scopes:
            continue
        deployed = {identity: name for name, identity in before.scopes[scope].ids.items()}
        for new, old in one.renamed.items():
            name = deployed.get(after.scopes[scope].ids.get(new, ""), new)
            pairs |= {(new, name)} if old in one.edited and name != new else set()
    return pairs


def seen(session: Session) -> tuple[ServiceState | None, Sequence[Release]]:
    """What the profile's target says of the bot; None and nothing where there is no service, or nobody answers."""
    if session.profile.service is None:
        return None, ()
    try:
        state, releases = session.target.state(), session.target.releases()
    except BotswainError:
        return None, ()
    if not session.profile.rehearsal:
        return state, releases
    from botswain.deployment.commit import shown

    profile = session.profile
    named = [replace(one, commit=shown(profile, one.commit) or "") for one in releases]
    return replace(state, commit=shown(profile, state.commit)), named


def _bot(deployment: Deployment | None, record: ServiceRecord | None, state: ServiceState | None) -> str | None:
    """The bot that runs now."""
    if state is None or state.release is None:
        return f"bot: release {record.release} of commit {short(record.commit)}" if record else None
    told = f"bot: release {state.release} of commit {short(state.commit)}"
    if not state.running:
        told += f", which does not run: {state.halted or state.told}"
    elif deployment is not None and deployment.service is not None and deployment.service.state == "failed":
        told += ", which is not well"
    return told if record and record.release == state.release else f"{told} (on record: {record and record.release})"


def bot_back(service: ServiceResult | None, state: ServiceState | None, releases: Sequence[Release]) -> str | None:
    """What a rollback of that deployment does to the bot, by the releases that are there."""
    if service is None:
        return None
    if service.previous is None:
        return "stops the bot: there was no release before"
    if state is None:
        return f"restarts the bot with release {service.previous} of commit {short(service.previous_commit)}"
    from botswain.deployment.backwards import leads_to

    found = leads_to(releases, service.previous, state.release)
    if found is None:
        return f"cannot bring the bot back: release {service.previous} is gone or bad, and no earlier good one is left"
    if found.id == state.release and state.running:
        return f"leaves the bot as it is: release {found.id} runs already"
    gone = "" if found.id == service.previous else f", since {service.previous} is gone or bad"
    return f"restarts the bot with release {found.id} of commit {short(found.commit)}{gone}"


def _seconds(session: Session, target: Deployment, history: Sequence[Deployment]) -> float | None:
    """About how long the way back takes: of a bot its start, and how long it is then watched.

    Told by deployments that went well: one that failed or was cut off shows how long a failure takes.
    """
    service = session.profile.service
    well = [one for one in history if one.outcome is Outcome.DONE]
    if service is None or target.service is None:
        return next((one.seconds for one in well if one.service is None and one.changed_scopes), None)
    switches = (one.service.seconds for one in well if one.service is not None and one.service.seconds)
    switch = next(switches, None)
    return None if switch is None else switch + min(_WATCHED, service.health.stable_for) + _COMMANDS


def card_json(card: Card) -> dict[str, Any]:
    """The card as JSON, with the keys that scripts see."""
    fields = asdict(card)
    fields["botBack"] = fields.pop("bot_back")
    return fields


def _many(scopes: Mapping[str, ScopeRecord]) -> str:
    used = [scope for scope, record in scopes.items() if record.commands]
    return label(used[0]) if len(used) == 1 else f"{len(used)} scopes"
