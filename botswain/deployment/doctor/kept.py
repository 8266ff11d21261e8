"""What the records say: whether they can be read and written, who holds the lock, whether the audit log is whole."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from botswain.deployment.doctor.look import Look, bad, good, warning
from botswain.deployment.session import Session
from botswain.state.ids import moment
from botswain.state.journal import left_behind
from botswain.wording import many

SILENT = 60.0
"""Seconds without a sign of life after which a lock counts as stale."""
ROOM = 100_000_000
"""Bytes below which the disk is told to be nearly full."""


def history(session: Session) -> Iterator[Look]:
    """Whether manifest and history can be read."""
    manifest = session.records.manifest()
    entries = session.records.deployments()
    if manifest is None:
        yield good("records", f"nothing deployed yet ({session.records.where})")
        return
    yield good("records", f"{many(len(entries), 'deployment')}; {manifest.deployment_id} is deployed")


def lock(session: Session) -> Iterator[Look]:
    """Whether somebody holds the lock, and lives."""
    name, store = session.profile.name, session.records.store
    holder = store.holder()
    if holder is None:
        yield good("lock", "free")
        return
    who = f"{holder.actor} ({holder.command}) since {holder.started_at}, process {holder.pid} on {holder.host}"
    fix = f'./inv lock.break --env {name} --why "…"'
    beat = moment(holder.heartbeat)
    silent = (datetime.now(UTC) - beat).total_seconds() if beat else SILENT
    if not holder.alive:
        yield bad("lock", f"{who}, which does not run any more", fix)
    elif silent >= SILENT:
        yield bad("lock", f"{who}; no sign of life for {silent:.0f} s", f"if it hangs: {fix}")
    else:
        yield warning("lock", f"held by {who}", "wait for that run to end")


def cut_off(session: Session) -> Iterator[Look]:
    """Whether a run was left unfinished."""
    store = session.records.store
    cut = left_behind(store)
    if cut is None:
        yield good("cut off", "no run was")
    elif store.holder() is not None:
        yield good("cut off", f"deployment {cut} is under way")
    else:
        fix = "the next deploy or rollback finds out how far it got, and settles it"
        yield warning("cut off", f"deployment {cut} did not end", fix)


def audit(session: Session) -> Iterator[Look]:
    """Whether the audit log is what was written."""
    from botswain.audit.log import AuditLog

    verdict = AuditLog(session.records.store, session.profile.name).verify()
    for finding in verdict.findings:
        if finding.kind in ("unfinished", "torn"):
            yield warning("audit log", str(finding), "a run that is under way ends it; else the next one settles it")
        else:
            fix = "compare it with a copy from elsewhere; ./inv audit.verify shows all"
            yield bad("audit log", str(finding), fix)
    if not verdict.findings:
        yield good("audit log", f"whole ({many(verdict.anchor.n if verdict.anchor else 0, 'record')})")


def room(session: Session) -> Iterator[Look]:
    """Whether a run could record anything: folders and disk, or the remote of `state: git`."""
    with _unchanged(session):
        session.records.store.check_writable()
    git = session.profile.state.kind == "git"
    place = _existing(session.profile.source.repo if git else session.profile.manifest_path)
    free = shutil.disk_usage(place).free
    told = f"{session.records.where} can be written, {_size(free)} free"
    if free < ROOM:
        yield warning("room", told, "make room on this disk; a run needs some for its records")
    else:
        yield good("room", told)


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
