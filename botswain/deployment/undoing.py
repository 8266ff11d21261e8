"""What a rollback undoes: the newest deployment that stands, or everything after one that is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botswain.deployment.history import STANDING, Deployment, Outcome
from botswain.errors import BotswainError

if TYPE_CHECKING:
    from botswain.deployment.records import Records
    from botswain.deployment.run import Run
    from botswain.manifest import Manifest


def already_done(run: Run) -> str | None:
    """What to say instead of going further back, when the run that was cut off has left nothing to do.

    Whoever types `rollback` after it means that run, and not the one before.
    """
    settled, left = run.settled, run.held.left_behind
    more = "nothing else was done; say it again to go further back"
    if settled is not None and settled.kind == "rollback":
        return f"that rollback is complete: {more}" if settled.outcome is Outcome.DONE else None
    if settled is not None:
        stands = settled.changed_scopes or (settled.service is not None and settled.service.changed)
        return None if stands else f"so there is nothing of it to undo: {more}"
    if left is not None and left.command in ("deploy", "apply"):
        return f"{left.command} {left.deployment} by {left.actor} was cut off before it changed anything: {more}"
    return None


def target_of(records: Records, only: str | None) -> Deployment:
    """The deployment to undo. Raises BotswainError when there is none."""
    target = records.last_standing(only)
    if target is None:
        of = f" of the {only}" if only else ""
        raise BotswainError(
            f"there is nothing to go back to: no deployment on record has a change{of} that still stands",
            where=records.where,
            fix="./inv history shows them all",
        )
    return target


def state_after(records: Records, to: str) -> Manifest:
    """The manifest that a deployment left. Raises BotswainError when there is none that could be restored."""
    entry, state = records.deployment(to), records.manifest_of(to)
    if entry is None or state is None or entry.outcome not in STANDING:
        known = ", ".join(one.id for one in records.deployments() if one.outcome in STANDING) or "none"
        raise BotswainError(f"no deployment {to} whose state could be restored", fix=f"there are: {known}")
    return state
