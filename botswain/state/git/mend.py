"""The two ways out when the remote's history is no continuation of what this clone knows. A person chooses.

Either way the other history is kept under a local ref, and the records say who chose, why, and between what. From such
a ref, or any other commit of the records, `restore` brings a history back too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botswain.audit.log import AuditLog
from botswain.audit.record import parsed
from botswain.errors import BotswainError, Refused
from botswain.state import holding
from botswain.state.git.compare import Compared, compare
from botswain.state.git.head import Disputed
from botswain.state.git.lock import LOCK, holder_in
from botswain.state.git.objects import Documents
from botswain.state.git.remote import Rejected, RemoteError
from botswain.state.store import AUDIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from botswain.state.git.store import GitStore


@dataclass(frozen=True)
class Dispute:
    """Two histories of one ref."""

    what: str
    """For people, with what both know."""
    here: str
    """The commit that this clone knows, or that is to be brought back."""
    there: str | None
    """The commit that the remote is at; None when the ref is gone."""
    compared: Compared


def dispute(store: GitStore) -> Dispute | None:
    """Look at the remote; None when there is nothing to choose. Raises Refused when it cannot be reached."""
    with store.changes.alone():
        problem = _looked(store)
        if problem is None:
            return None
        assert store.head.commit is not None  # noqa: S101 - else there is nothing to disagree with
        here, there = store.head.commit, store.head.found
        told = f"{problem.where}: {problem.what}{_locked(store, there)}"
        return Dispute(told, here, there, compare(store.objects, here, there))


def chosen(store: GitStore, name: str) -> Dispute | None:
    """Look at the remote, and hold an earlier commit of the records against it; None when it is there already.

    Raises BotswainError for a name that stands for no commit of these records, Refused when there is no remote.
    """
    with store.changes.alone():
        _looked(store)
        here, there = _records(store, name), store.head.found
        if here == there:
            return None
        compared = compare(store.objects, here, there)
        told = f"{store.remote.name}: {store.remote.ref} would go back to {here[:12]}; the remote has {compared.there}"
        told += f", and {here[:12]} has {compared.here}; this would {compared.restoring()}{_locked(store, there)}"
        return Dispute(told, here, there, compared)


def _looked(store: GitStore) -> Disputed | None:
    try:
        store.changes.look()
    except Disputed as problem:
        return problem
    except RemoteError as error:
        raise Refused(error.what, where=error.where, fix=error.fix) from error
    return None


def _locked(store: GitStore, commit: str | None) -> str:
    taken = holder_in(Documents(store.objects, commit).read(LOCK) or b"")
    return f"; there it is locked by {taken.actor} for `{taken.command}`" if taken else ""


def _records(store: GitStore, name: str) -> str:
    """The commit that a name stands for, made sure to hold records of this environment."""
    found = store.objects.resolve(name) if name.isprintable() and not name.startswith("-") else None
    fix = f"`git log {store.remote.ref}` and `git for-each-ref {store.remote.replaced}` in {store.git.repo} name some"
    if found is None:
        raise BotswainError(f"{name!r} is no commit there", where=str(store.git.repo), fix=fix)
    first = (Documents(store.objects, found).read(AUDIT) or b"").partition(b"\n")[0]
    record = parsed(first)
    if record is None or str(record["log_id"]).rpartition("-")[0] != store.environment:
        what = f"{found[:12]} holds no records of {store.environment}"
        raise BotswainError(what, where=str(store.git.repo), fix=fix)
    return found


def accept(store: GitStore, found: Dispute, why: str, who: str) -> str:
    """Take what the remote has for the truth; return the local ref that keeps what this clone knew."""
    _reason(why, store)
    with store.changes.alone():
        kept = _keep(store, found.here)
        _publish(store, found.there, found.there, lambda: _audited(store, "state.accept", found, why, who))
        return kept


def restore(store: GitStore, found: Dispute, why: str, who: str) -> str | None:
    """Put `found.here` in the place of what the remote has; return the local ref that keeps the latter.

    A lock that was held in what comes back is broken with it; a run that works on what goes away stops when it looks.
    """
    _reason(why, store)
    with store.changes.alone():
        kept = _keep(store, found.there) if found.there else None
        if store.head.commit not in (None, found.here, found.there):
            _keep(store, str(store.head.commit))

        def change(view: Documents) -> None:
            holder, breaks = holding.contents(view.read(LOCK) or b"")
            if holder is not None:
                breaks = [*breaks, holding.breaking(holder, who, why)]
                view.put(LOCK, holding.document(holder, breaks))

        def changes() -> None:
            store.changes.do(change)
            _audited(store, "state.restore", found, why, who)

        _publish(store, found.here, found.there, changes)
        return kept


def _publish(store: GitStore, base: str | None, over: str | None, changes: Callable[[], None]) -> None:
    """Push changes of `base` in the place of `over`. Raises Refused when the remote will not have it."""
    known = store.head.commit
    store.head.commit = base
    try:
        store.changes.publish(over, changes)
    except BaseException as error:
        store.head.commit = known
        store.changes.drop()
        if isinstance(error, Rejected):
            raise Refused(error.what, where=error.where, fix=error.fix) from error
        raise


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
