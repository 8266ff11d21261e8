"""The tasks for records that clones share: state.pull, state.accept, state.restore."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from botswain.cli.recorded import _agree, _only_told
from botswain.cli.task import dry, emit, environment, task
from botswain.errors import BotswainError, ExitCode
from botswain.wording import many

if TYPE_CHECKING:
    from collections.abc import Callable

    from botswain.deployment.session import Session
    from botswain.state.git.mend import Dispute
    from botswain.state.git.store import GitStore

_WHY = "the reason, for the audit log"


@task(collection="state")
def pull(
    context: Any,
    env: str = "",
    dry_run: bool = False,
    yes: bool = False,
    json: bool = False,
    debug: bool = False,
) -> ExitCode:
    """Copy shared records to manifest_path and its folder.

    For reading, and for going on with `state: folder` when the remote is gone for good.
    """
    from botswain.deployment.copies import pull as copy

    session, store = _shared(env)
    if store is None:
        return _nothing(session, "state.pull", json=json)
    path = session.profile.manifest_path
    preview = dry(context, dry_run=dry_run)
    done = copy(store, path, overwrite=yes, dry_run=preview)
    _say(store.notes)
    aside = f"; what was there {'would be' if preview else 'is'} put aside as {done.aside}" if done.aside else ""
    if preview:
        return _only_told(session, "state.pull", f"{many(done.documents, 'record')} would be written{aside}", json=json)
    if json:
        told = {"documents": done.documents, "path": str(path), "aside": str(done.aside) if done.aside else None}
        emit({**_document(session, "state.pull"), **told, "notes": list(store.notes), "exitCode": 0})
    else:
        print(f"{path}: {many(done.documents, 'record')} written{aside}")
    return ExitCode.DONE


@task(collection="state", why=_WHY)
def accept(
    context: Any,
    env: str = "",
    why: str = "",
    dry_run: bool = False,
    yes: bool = False,
    json: bool = False,
    debug: bool = False,
) -> ExitCode:
    """Take the remote's records for the truth, after its history was rewritten.

    What this clone knew is kept under a local ref.
    """
    from botswain.state.git import mend

    def told(found: Dispute, kept: str | None) -> str:
        there = found.there[:12] if found.there else "an empty history"
        return f"{there} is the truth now; {found.here[:12]} is kept as {kept}"

    return _choose(context, "state.accept", env, why, mend.accept, told, dry_run=dry_run, yes=yes, json=json)


@task(collection="state", why=_WHY)
def restore(
    context: Any,
    env: str = "",
    why: str = "",
    dry_run: bool = False,
    yes: bool = False,
    json: bool = False,
    debug: bool = False,
) -> ExitCode:
    """Put this clone's records back on the remote, after its history was rewritten.

    What the remote had is kept under a local ref.
    """
    from botswain.state.git import mend

    def told(found: Dispute, kept: str | None) -> str:
        there = f"; {found.there[:12]} is kept as {kept}" if found.there else ""
        return f"{found.here[:12]} is back{there}"

    return _choose(context, "state.restore", env, why, mend.restore, told, dry_run=dry_run, yes=yes, json=json)


def _choose(
    context: Any,
    name: str,
    env: str,
    why: str,
    do: Callable[[GitStore, Dispute, str, str], str | None],
    told: Callable[[Dispute, str | None], str],
    *,
    dry_run: bool,
    yes: bool,
    json: bool,
) -> ExitCode:
    from botswain.state.git import mend
    from botswain.state.ids import actor

    if not why.strip():
        raise BotswainError("which history is true is decided for a reason", fix='say it: --why "…"')
    session, store = _shared(env)
    if store is None:
        return _nothing(session, name, json=json)
    found = mend.dispute(store)
    if dry(context, dry_run=dry_run) or found is None:
        nothing = "nothing to decide: the remote continues what this clone knows"
        return _only_told(session, name, found.what if found else nothing, json=json)
    _agree(session, f"replace the shared records ({found.what}) of", yes=yes, json=json)
    kept = do(store, found, why, actor())
    if json:
        emit({**_document(session, name), "here": found.here, "there": found.there, "kept": kept, "exitCode": 0})
    else:
        print(told(found, kept))
    return ExitCode.DONE


def _shared(env: str) -> tuple[Session, GitStore | None]:
    from botswain.deployment.session import Session

    session = Session.open(environment(env), records_only=True)
    store: Any = session.records.store
    return session, store if session.profile.state.kind == "git" else None


def _nothing(session: Session, name: str, *, json: bool) -> ExitCode:
    told = f"nothing to do: {session.profile.name} keeps its records in a folder, {session.records.where}"
    return _only_told(session, name, told, json=json)


def _document(session: Session, name: str) -> dict[str, Any]:
    return {"task": name, "environment": session.profile.name}


def _say(notes: tuple[str, ...]) -> None:
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
