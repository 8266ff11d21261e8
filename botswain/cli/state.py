"""The tasks for records that clones share: state.pull, state.accept, state.restore."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botswain.cli.recorded import _only_told
from botswain.cli.task import ask, dry, emit, environment, on_terminal, task
from botswain.errors import BotswainError, ExitCode, Refused
from botswain.wording import many

if TYPE_CHECKING:
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
        return _only_told(session, "state.pull", f"{many(done.documents, 'file')} would be written{aside}", json=json)
    if json:
        told = {"documents": done.documents, "path": str(path), "aside": str(done.aside) if done.aside else None}
        emit({**_document(session, "state.pull"), **told, "notes": list(store.notes), "exitCode": 0})
    else:
        print(f"{path}: {many(done.documents, 'file')} written{aside}")
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

    choice = _Choice("state.accept", why, mend.dispute, mend.accept, told, lambda found: found.compared.only_here)
    return _choose(context, env, choice, dry_run=dry_run, yes=yes, json=json)


@task(
    collection="state", why=_WHY, from_="a commit or ref of the records to bring back, instead of this clone's newest"
)
def restore(
    context: Any,
    env: str = "",
    why: str = "",
    from_: str = "",
    dry_run: bool = False,
    yes: bool = False,
    json: bool = False,
    debug: bool = False,
) -> ExitCode:
    """Put this clone's records back on the remote, after its history was rewritten.

    What the remote had is kept under a local ref; with --from that ref, or an earlier commit, it comes back.
    """
    from botswain.state.git import mend

    def told(found: Dispute, kept: str | None) -> str:
        there = f"; {found.there[:12]} is kept as {kept}" if found.there else ""
        return f"{found.here[:12]} is back{there}"

    def find(store: GitStore) -> Dispute | None:
        return mend.chosen(store, from_) if from_ else mend.dispute(store)

    choice = _Choice("state.restore", why, find, mend.restore, told, lambda found: found.compared.only_there)
    return _choose(context, env, choice, dry_run=dry_run, yes=yes, json=json)


@dataclass(frozen=True)
class _Choice:
    """One of the two ways out of a dispute."""

    name: str
    why: str
    find: Callable[[GitStore], Dispute | None]
    do: Callable[[GitStore, Dispute, str, str], str | None]
    told: Callable[[Dispute, str | None], str]
    drops: Callable[[Dispute], list[str]]
    """The deployments that the shared records would not know any more."""


def _choose(context: Any, env: str, choice: _Choice, *, dry_run: bool, yes: bool, json: bool) -> ExitCode:
    from botswain.state.ids import actor

    if not choice.why.strip():
        raise BotswainError("which history is true is decided for a reason", fix='say it: --why "…"')
    session, store = _shared(env)
    if store is None:
        return _nothing(session, choice.name, json=json)
    found = choice.find(store)
    if dry(context, dry_run=dry_run) or found is None:
        nothing = "nothing to decide: the remote continues what this clone knows"
        return _only_told(session, choice.name, found.what if found else nothing, json=json)
    _agree(session, found.what, choice.drops(found), yes=yes, json=json)
    kept = choice.do(store, found, choice.why, actor())
    if json:
        told = {"here": found.here, "there": found.there, "kept": kept, "exitCode": 0}
        emit({**_document(session, choice.name), **told})
    else:
        print(choice.told(found, kept))
    return ExitCode.DONE


def _agree(session: Session, found: str, dropped: list[str], *, yes: bool, json: bool) -> None:
    """Asks in production, and wherever deployments would be dropped. Raises Refused without a yes."""
    if yes or not (dropped or session.profile.production):
        return
    production = " (production)" if session.profile.production else ""
    deed = f"replace the shared records of {session.profile.name}{production}"
    if dropped:
        deed += f" and drop {many(len(dropped), 'deployment')}"
    if not on_terminal(json=json):
        raise Refused(
            f"this would {deed}, and there is no terminal to ask on: {found}", fix="if you mean it, say --yes"
        )
    print(found, file=sys.stderr)
    if not ask(deed):
        raise Refused("not confirmed; nothing was changed")


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
