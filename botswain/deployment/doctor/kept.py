"""What the records say: whether they can be read and written, who holds the lock, whether the audit log is whole."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from botswain.deployment.doctor.look import Look, bad, good, warning
from botswain.deployment.records import Records
from botswain.deployment.session import Session
from botswain.errors import BotswainError
from botswain.state.folder import FolderStore
from botswain.state.git.lock import HEARTBEAT as SHARED_BEAT
from botswain.state.holding import overdue, signs_of_life
from botswain.state.journal import left_behind
from botswain.state.lock import HEARTBEAT as FILE_BEAT
from botswain.wording import many

if TYPE_CHECKING:
    from botswain.audit.verify import Finding
    from botswain.deployment.history import Deployment

ROOM = 100_000_000
"""Bytes below which the disk is told to be nearly full."""


def history(session: Session) -> Iterator[Look]:
    """Whether manifest and history can be read."""
    manifest = session.records.manifest()
    entries = session.records.deployments()
    if manifest is None:
        yield good("records", f"nothing deployed yet ({session.records.where})")
    else:
        yield good("records", f"{many(len(entries), 'deployment')}; {manifest.deployment_id} is deployed")
    if session.profile.state.kind == "git":
        yield from _newer_files(session, entries)


def _newer_files(session: Session, shared: Sequence[Deployment]) -> Iterator[Look]:
    """Whether files beside shared records know a later deployment: of a time with `state: folder`."""
    path, name = session.profile.manifest_path, session.profile.name
    files = Records(FolderStore(path), str(path), name)
    try:
        known, newest = {entry.id for entry in shared}, max((entry.started_at for entry in shared), default="")
        later = [entry.id for entry in files.deployments() if entry.id not in known and entry.started_at > newest]
    except BotswainError:
        return  # nobody works with these files
    if later:
        told = (
            f"{path} knows {many(len(later), 'later deployment')} than {session.records.where}, the last {later[0]}:"
            " this environment was deployed with `state: folder` meanwhile"
        )
        fix = 'docs/shared-state.md, "From files to git", has the way back; until then diff against what is live'
        yield warning("records", told, fix)


def lock(session: Session) -> Iterator[Look]:
    """Whether somebody holds the lock, and lives."""
    name, store = session.profile.name, session.records.store
    holder = store.holder()
    if holder is None:
        yield good("lock", "free")
        return
    who = f"{holder.actor} ({holder.command}) since {holder.started_at}, process {holder.pid} on {holder.host}"
    fix = f'./inv lock.break --env {name} --why "…"'
    beat = SHARED_BEAT if session.profile.state.kind == "git" else FILE_BEAT
    if not holder.alive:
        yield bad("lock", f"{who}, which does not run any more", fix)
    elif overdue(holder, beat):
        told = f"{who}; {signs_of_life(holder, beat)}"
        yield bad("lock", told, f"a lock never lapses by itself: make sure that nothing runs there, then {fix}")
    else:
        yield warning("lock", f"held by {who}", "wait for that run to end")


def cut_off(session: Session) -> Iterator[Look]:
    """Whether a run was left unfinished."""
    store = session.records.store
    cut = left_behind(store)
    if cut is None:
        yield good("unfinished run", "there is none")
    elif store.holder() is not None:
        yield good("unfinished run", f"deployment {cut} is under way")
    else:
        fix = "the next deploy or rollback finds out how far it got, and settles it"
        yield warning("unfinished run", f"deployment {cut} did not end", fix)


def audit(session: Session) -> Iterator[Look]:
    """Whether the audit log is what was written."""
    from botswain.audit.log import NAME, AuditLog

    store = session.records.store
    verdict = AuditLog(store, session.profile.name).verify()
    witnessed = [] if store.notes else store.testimony(NAME)  # of a dispute another look tells
    waiting = [finding for finding in verdict.findings if finding.kind in ("unfinished", "torn")]
    broken = [finding for finding in verdict.findings if finding not in waiting]
    for finding in waiting:
        yield warning("audit log", str(finding), "a run that is under way ends it; else the next one settles it")
    if broken or witnessed:
        yield _tampered(session, broken, [str(finding) for finding in witnessed])
    elif not waiting:
        yield good("audit log", f"whole ({many(verdict.anchor.n if verdict.anchor else 0, 'record')})")


def _tampered(session: Session, broken: list[Finding], witnessed: list[str]) -> Look:
    """One look for all that says that the log is not what was written."""
    from botswain.audit.verify import changed

    records = changed(broken)
    told = witnessed
    if len(records) == 1:
        told = [str(next(one for one in broken if one.seq == records[0])), *told]
    elif records:
        told = [f"{many(len(records), 'record')} were changed, moved or removed, first {records[0]}", *told]
    fix = f"compare it with a copy from elsewhere; ./inv audit.verify --env {session.profile.name} shows more"
    if session.profile.state.kind == "git":
        fix += ', and docs/shared-state.md, "A log that was tampered with", how to get it back'
    return bad("audit log", "; ".join(told), fix)


def room(session: Session) -> Iterator[Look]:
    """Whether a run could record anything: folders and disk, or the remote of `state: git`."""
    with _unchanged(session):
        session.records.store.check_writable()
    git = session.profile.state.kind == "git"
    place = _existing(session.profile.source.repo if git else session.profile.manifest_path)
    free = shutil.disk_usage(place).free
    can = "can be reached (whether it takes a push shows when one is made)" if git else "can be written"
    told = f"{session.records.where} {can}, {_size(free)} free"
    if free < ROOM:
        yield warning("records writable", told, "make room on this disk; a run needs some for its records")
    else:
        yield good("records writable", told)


@contextlib.contextmanager
def _unchanged(session: Session) -> Iterator[None]:
    """Folders that trying to write makes are removed again."""
    path = session.profile.manifest_path
    made = [folder for folder in (path.with_suffix(""), *path.parents) if not folder.exists()]
    try:
        yield
    finally:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _existing(path: Path) -> Path:
    path = path.absolute()
    return next(one for one in (path, *path.parents) if one.exists())


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
