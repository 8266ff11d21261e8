"""The card at the end of every deployment: what runs now, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botswain.errors import BotswainError
from botswain.plan import label

if TYPE_CHECKING:
    from botswain.deployment.history import Deployment
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
    if target is None:
        return Card(runs, None)
    scopes = target.scopes.values()
    deletes = [name for one in scopes for name in one.created if not name.startswith("primary_entry_point/")]
    renames = sorted({pair for one in scopes for pair in one.renamed.items()})
    command = f"./inv rollback --env {session.profile.name}"
    if (deletes or renames) and not interactive:
        command += " --yes"
    return Card(
        runs=runs,
        back=target.previous or "",
        deletes=tuple(sorted(set(deletes))),
        renames=tuple(renames),
        recreates=tuple(sorted({name for one in scopes for name in one.deleted})),
        seconds=target.seconds or deployment.seconds or 0.0,
        command=f"{command} --allow-delete {len(deletes)}" if deletes else command,
    )


def _many(scopes: Mapping[str, ScopeRecord]) -> str:
    used = [scope for scope, record in scopes.items() if record.commands]
    return label(used[0]) if len(used) == 1 else f"{len(used)} scopes"
