"""What the commands print: one JSON document for scripts, the same as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from botswain.backup.catalogue import GOOD, Copy, Found
from botswain.backup.checking import Checked, state_of
from botswain.backup.errors import BackupError, Refused
from botswain.backup.keeping import Kept
from botswain.backup.restoring import Restored
from botswain.backup.settings import Settings
from botswain.backup.taking import Taken, megabytes

Document = dict[str, Any]
_HEADING = ("backup", "state", "made (UTC)", "size", "rows", "verified (UTC)", "copies")


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
    return {"folder": str(settings.folder), "backups": [of_found(one) for one in found], "lastRun": run}


def of_verify(checked: Checked) -> Document:
    """A verification."""
    outcome = "failed" if checked.problems else "done"
    backups = [of_found(one) for one in checked.found]
    return {"outcome": outcome, "backups": backups, "problems": list(checked.problems)}


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


def run_lines(taken: Taken, found: Found) -> Iterator[str]:
    """A backup that was made, for people."""
    entry = taken.entry
    size = megabytes(entry.dump.bytes)
    yield (
        f"backup {entry.id} of {entry.database}: {size}, {entry.total_rows:,} rows in {len(entry.rows):,} tables,"
        f" {'read back whole' if found.state == GOOD else found.state}"
    )
    for copy in entry.copies:
        if not copy.problem:
            yield f"copied to {copy.place}, and hashed there"
    if taken.removed:
        yield f"removed {', '.join(taken.removed)}"
    yield from (f"note: {one}" for one in taken.notes)
    yield from (f"problem: {one}" for one in taken.problems)


def list_lines(document: Document) -> Iterator[str]:
    """The catalogue as a table, and how the last run ended unless it was well."""
    backups = document["backups"]
    if not backups:
        yield "no backup yet"
    else:
        yield from aligned(_HEADING, [_row(one) for one in backups])
        for one in backups:
            if one["why"]:
                yield f"{one['id']}: {one['why']}"
    last = document["lastRun"]
    if last and last["outcome"] != "done":
        yield f"the last run ({last['startedAt']}): {last['outcome']}" + (f": {last['told']}" if last["told"] else "")


def _row(one: Document) -> tuple[str, ...]:
    if "bytes" not in one:
        return (one["id"], one["state"], "", "", "", "", "")
    good = sum(1 for copy in one["copies"] if copy["verifiedAt"] and not copy["problem"])
    copies = f"{good} of {len(one['copies'])}" if one["copies"] else "none"
    verified = (one["verifiedAt"] or "never")[:16].replace("T", " ")
    made = one["startedAt"][:16].replace("T", " ")
    return (one["id"], one["state"], made, megabytes(one["bytes"]), f"{one['rows']:,}", verified, copies)


def aligned(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows as lines with columns."""
    lines = [heading, *rows]
    widths = [max(len(row[column]) for row in lines) for column in range(len(heading))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in lines]  # noqa: B905 - 3.9


def verify_lines(checked: Checked) -> Iterator[str]:
    """A verification, for people."""
    yield from (f"problem: {one}" for one in checked.problems)
    yield state_of(checked.found) if checked.found else "no backup yet"


def restore_lines(done: Restored) -> Iterator[str]:
    """A restore that went through, for people."""
    rows = sum(done.rows.values())
    yield f"restored {done.entry.id} into {done.database}: {rows:,} rows in {len(done.rows):,} tables"
    yield from (f"note: {one}" for one in done.notes)
    yield from (f"problem: {one}" for one in done.differing)
    if not done.differing:
        yield "every table has the rows that the catalogue says"


def prune_lines(kept: Kept, *, dry: bool) -> Iterator[str]:
    """A removal, for people."""
    verb = "would remove" if dry else "removed"
    yield f"{verb} {', '.join(kept.removed)}" if kept.removed else "nothing to remove"
    yield from (f"note: {one}" for one in kept.problems)
