"""What a rollback undoes: the newest deployment that stands, or everything after one that is named.

A rollback that follows one which was cut off finishes that one: it never goes one deployment too far.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botswain.deployment.history import STANDING, Deployment, Outcome
from botswain.errors import BotswainError

if TYPE_CHECKING:
    from botswain.deployment.records import Records
    from botswain.deployment.run import Run
    from botswain.manifest import Manifest
    from botswain.state.store import Holder

_MORE = "nothing else was done; run the same command again to go further back"


@dataclass(frozen=True)
class Continued:
    """A rollback that was cut off in the middle, and that is finished now."""

    to: str | None
    only: str | None
    note: str
    with_edits: bool = False


def unfinished_business(run: Run, only: str | None) -> str | Continued | None:
    """What a run that was cut off means for a `rollback` that names no deployment.

    A text is what to say instead of going further back: that run is complete, or has left nothing to undo. `Continued`
    is a rollback to finish; None where the newest deployment that stands is the one to undo.
    """
    if run.settled is not None:
        return _after(run.settled, only)
    for left in run.held.cut_off:
        entry = run.session.records.deployment(left.deployment)
        if entry is not None:
            return _after(entry, only)
        if left.command in ("deploy", "apply"):
            return f"{left.command} {left.deployment} by {left.actor} was cut off before it changed anything: {_MORE}"
        if left.command.startswith("rollback") and (never := _never_began(left)) is not None:
            return never  # one without `--to` had done nothing, so this run stands for it
    return None


def _after(entry: Deployment, only: str | None) -> str | Continued | None:
    """What the entry of a run that was cut off, as it is settled now, means for a rollback."""
    if entry.kind == "rollback":
        return _after_rollback(entry, only)
    stands = entry.changed_scopes or (entry.service is not None and entry.service.changed)
    if stands and entry.outcome in STANDING:
        return None
    return f"{entry.kind} {entry.id} by {entry.actor} has left nothing to undo: {_MORE}"


def _after_rollback(entry: Deployment, only: str | None) -> str | Continued | None:
    if only is not None and entry.only is not None and only != entry.only:
        return None  # that one was about the other part
    name = f"rollback {entry.id} by {entry.actor}"
    if _complete(entry, only):
        of = f" of the {only}" if only and entry.only is None else ""
        return f"{name}, which was cut off, is complete{of}: {_MORE}"
    if entry.undoes and entry.restores is None:
        same = (only is not None or entry.only is None) and not entry.with_edits
        note = f"finishing {name}, which was cut off"
        return None if same else Continued(None, only or entry.only, note, entry.with_edits)
    to = entry.restores or (entry.service.release if entry.service else None)
    limits = f" --only {entry.only}" if entry.only else ""
    if entry.outcome is Outcome.INTERRUPTED:
        return Continued(to, only or entry.only, f"finishing {name} (--to {to}{limits}), which was cut off")
    return f"{name} was cut off before it changed anything; run `./inv rollback --to {to}{limits}` for it: {_MORE}"


def _complete(entry: Deployment, only: str | None) -> bool:
    """Whether a rollback has done all that was asked for, or the part of it that is asked for now."""
    service = entry.service is None or entry.service.state == "live"
    commands = all(one.state in ("written", "skipped") for one in entry.scopes.values())
    if only == "service" and entry.service is not None:
        return service
    if only == "commands" and entry.scopes:
        return commands
    return entry.outcome in (Outcome.DONE, Outcome.PARTIAL) and service and commands


def _never_began(left: Holder) -> str | None:
    """What to say of a rollback to a named state that was cut off before its first record; None for any other."""
    _, to, named = left.command.partition(" --to ")
    if not to:
        return None
    what = f"rollback {left.deployment} by {left.actor} was cut off before it changed anything"
    return f"{what}; run `./inv rollback --to {named}` for it: {_MORE}"


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
