"""What the commands tell, as JSON documents for scripts; lines.py has the same for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from botswain.backup.catalogue import Copy, Found, latest
from botswain.backup.checking import Checked
from botswain.backup.errors import BackupError, Refused
from botswain.backup.keeping import Kept
from botswain.backup.restoring import Restored
from botswain.backup.settings import Settings
from botswain.backup.taking import Taken

Document = dict[str, Any]


def of_found(found: Found) -> Document:
    """One backup of the catalogue."""
    entry = found.entry
    told: Document = {"id": found.id, "state": found.state, "why": found.why or None}
    if entry is None:
        return told
    return {
        **told,
        "database": entry.database,
        "startedAt": entry.started_at,
        "finishedAt": entry.finished_at,
        "verifiedAt": entry.verified_at,
        "serverVersion": entry.server_version,
        "clientVersion": entry.client_version,
        "bytes": sum(one.bytes for one in entry.files),
        "sha256": entry.dump.sha256,
        "tables": len(entry.rows),
        "rows": entry.total_rows,
        "schemaSha256": entry.schema_sha256,
        "lsn": entry.lsn,
        "globals": entry.file("globals") is not None,
        "acceptedBy": entry.accepted_by,
        "restoredAt": entry.restored_at,
        "restoreProblem": entry.restore_problem,
        "copies": [_of_copy(one) for one in entry.copies],
    }


def _of_copy(copy: Copy) -> Document:
    known = asdict(copy)
    return {"place": known["place"], "at": known["at"], "verifiedAt": known["verified_at"], "problem": known["problem"]}


def of_run(taken: Taken, found: Found) -> Document:
    """A backup that was made."""
    return {
        "outcome": "partial" if taken.problems else "done",
        "backup": of_found(found),
        "removed": list(taken.removed),
        "problems": taken.problems,
        "notes": taken.notes,
        "seconds": dict(taken.seconds),
    }


def of_list(settings: Settings, found: Sequence[Found], last: Document | None) -> Document:
    """The catalogue."""
    run = {key: last.get(key) for key in ("outcome", "told", "startedAt", "at")} if last else None
    backups = [of_found(one) for one in found]
    return {"folder": str(settings.folder), "backups": backups, "latest": latest(found), "lastRun": run}


def of_verify(checked: Checked) -> Document:
    """A verification."""
    outcome = "failed" if checked.problems else "done"
    backups = [of_found(one) for one in checked.found]
    return {"outcome": outcome, "backups": backups, "problems": list(checked.problems), "notes": list(checked.notes)}


def of_restore(done: Restored) -> Document:
    """A restore that went through."""
    return {
        "outcome": "failed" if done.differing else "done",
        "backupId": done.entry.id,
        "database": done.database,
        "tables": len(done.rows),
        "rows": sum(done.rows.values()),
        "problems": done.differing,
        "notes": done.notes,
    }


def of_prune(kept: Kept) -> Document:
    """A removal."""
    return {"outcome": "done", "removed": list(kept.removed), "notes": list(kept.problems)}


def of_failure(error: BackupError) -> Document:
    """A command that failed, or was refused."""
    outcome = "refused" if isinstance(error, Refused) else "failed"
    return {"outcome": outcome, "error": str(error), "problems": [str(error)], "log": error.log.splitlines()}
