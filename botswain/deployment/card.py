"""The card at the end of every deployment: what runs now, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from botswain.errors import BotswainError
from botswain.plan import label
from botswain.plan.service import short

if TYPE_CHECKING:
    from botswain.deployment.history import Deployment, ServiceResult
    from botswain.deployment.session import Session
    from botswain.manifest import ScopeRecord


@dataclass(frozen=True)
class Card:
    """What a person should know at the end of a deployment, above all the way back."""

    runs: str
    """What is deployed now."""
    back: str | None
    """The deployment to whose state `rollback` returns; "" for the state before the first, None if there is no way."""
    deletes: tuple[str, ...] = ()
    """Commands that `rollback` would delete, and with them their permission overwrites."""
    renames: tuple[tuple[str, str], ...] = ()
    """Commands that it would rename back, with the names that they get; the overwrites set since are lost."""
    recreates: tuple[str, ...] = ()
    """Commands that it would create anew; the overwrites that they once had are lost already."""
    seconds: float = 0.0
    """About how long the way back takes: as long as the way here."""
    command: str = ""
    bot: str | None = None
    """The release of the bot's service that runs now."""
    bot_back: str | None = None
    """What `rollback` does to the service."""


def card_of(session: Session, deployment: Deployment, *, interactive: bool) -> Card | None:
    """The card after `deployment`; None as long as nothing was ever deployed.

    Its command is complete; where somebody can be asked, it leaves the last yes to them.
    """
    try:
        manifest, target = session.records.manifest(), session.records.last_standing()
    except BotswainError:  # a damaged record is told by the tasks that need it; this deployment is over
        return None
    if manifest is None:
        return None
    commands = len({name for record in manifest.scopes.values() for name in record.commands})
    ours = f"{commands} commands in {_many(manifest.scopes)}" if commands else "no command of ours"
    runs = f"{ours}, as of {manifest.deployment_id}"
    service = manifest.service
    bot = f"bot: release {service.release} of commit {short(service.commit)}" if service else None
    if target is None:
        return Card(runs, None, bot=bot)
    scopes = target.scopes.values()
    deletes = [name for one in scopes for name in one.created if not name.startswith("primary_entry_point/")]
    renames = sorted({pair for one in scopes for pair in one.renamed.items()})
    command = f"./inv rollback --env {session.profile.name}"
    first = target.service is not None and target.service.previous is None
    if (deletes or renames or first) and not interactive:
        command += " --yes"
    return Card(
        runs=runs,
        back=target.previous or "",
        deletes=tuple(sorted(set(deletes))),
        renames=tuple(renames),
        recreates=tuple(sorted({name for one in scopes for name in one.deleted})),
        seconds=target.seconds or deployment.seconds or 0.0,
        command=f"{command} --allow-delete {len(deletes)}" if deletes else command,
        bot=bot,
        bot_back=_bot_back(target.service),
    )


def _bot_back(service: ServiceResult | None) -> str | None:
    if service is None:
        return None
    if service.previous is None:
        return "stops the bot: there was no release before"
    return f"restarts the bot with release {service.previous} of commit {short(service.previous_commit)}"


def card_json(card: Card) -> dict[str, Any]:
    """The card as JSON, with the keys that scripts see."""
    fields = asdict(card)
    fields["botBack"] = fields.pop("bot_back")
    return fields


def _many(scopes: Mapping[str, ScopeRecord]) -> str:
    used = [scope for scope, record in scopes.items() if record.commands]
    return label(used[0]) if len(used) == 1 else f"{len(used)} scopes"
