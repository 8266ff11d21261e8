"""The two ways out when the remote's history is no continuation of what this clone knows. A person chooses.

Either way the other history is kept under a local ref, and the records say who chose, why, and between what.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botswain.audit.log import AuditLog
from botswain.errors import BotswainError
from botswain.state import holding
from botswain.state.git.head import Disputed
from botswain.state.git.lock import LOCK, holder_in
from botswain.state.git.objects import Documents

if TYPE_CHECKING:
    from botswain.state.git.store import GitStore


@dataclass(frozen=True)
class Dispute:
    """Two histories of one ref."""

    what: str
    """For people."""
    here: str
    """The commit that this clone knows."""
    there: str | None
    """The commit that the remote is at; None when the ref is gone."""


def dispute(store: GitStore) -> Dispute | None:
    """Look at the remote; None when there is nothing to choose. Raises BotswainError when it cannot be reached."""
    with store.changes.alone():
        try:
            store.changes.look()
        except Disputed as problem:
            assert store.head.commit is not None  # noqa: S101 - else there is nothing to disagree with
            here, there = store.head.commit, store.head.found
            taken = holder_in(Documents(store.objects, there).read(LOCK) or b"")
            more = f"; there it is locked by {taken.actor} for `{taken.command}`" if taken else ""
            return Dispute(f"{problem.where}: {problem.what}{more}", here, there)
        return None


def accept(store: GitStore, found: Dispute, why: str, who: str) -> str:
    """Take what the remote has for the truth; return the local ref that keeps what this clone knew."""
    _reason(why, store)
    with store.changes.alone():
        kept = _keep(store, found.here)
        store.head.commit = found.there
        try:
            store.changes.publish(found.there, lambda: _audited(store, "state.accept", found, why, who))
        except BaseException:
            store.head.commit = found.here
            store.changes.drop()
            raise
        return kept


def restore(store: GitStore, found: Dispute, why: str, who: str) -> str | None:
    """Put what this clone knows in the place of what the remote has; return the local ref that keeps the latter.

    A lock that was held in what comes back is broken with it; a run that works on what goes away stops when it looks.
    """
    _reason(why, store)
    with store.changes.alone():
        kept = _keep(store, found.there) if found.there else None

        def change(view: Documents) -> None:
            holder, breaks = holding.contents(view.read(LOCK) or b"")
            if holder is not None:
                breaks = [*breaks, holding.breaking(holder, who, why)]
                view.put(LOCK, holding.document(holder, breaks))

        def changes() -> None:
            store.changes.do(change)
            _audited(store, "state.restore", found, why, who)

        store.changes.publish(found.there, changes)
        return kept


def _reason(why: str, store: GitStore) -> None:
    if not why.strip():
        raise BotswainError("this needs a reason", where=store.environment, fix='say it: --why "…"')


def _keep(store: GitStore, commit: str) -> str:
    ref = f"{store.remote.replaced}/{commit[:12]}"
    with store.git.turn():
        store.head.point(ref, commit)
    return ref


def _audited(store: GitStore, action: str, found: Dispute, why: str, who: str) -> None:
    audit = AuditLog(store, store.environment)
    data = {"why": why, "here": found.here, "there": found.there}
    audit.outcome(audit.intent(action, who, data), "done")
