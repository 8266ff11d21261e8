"""The documents of the commands as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

_HEADING = ("backup", "state", "made (UTC)", "size", "rows", "verified (UTC)", "copies")
Document = Mapping[str, Any]


def of(document: Document) -> Iterator[str]:
    """What a command told, in lines; `task` says which it was."""
    if document.get("dryRun"):
        yield str(document["would"])
        return
    yield from _TASKS[str(document["task"])](document)


def _run(document: Document) -> Iterator[str]:
    made = document["backup"]
    state = "read back whole" if made["state"] == "good" else made["state"]
    if made.get("restoredAt") and made["state"] == "good":
        state += ", restored into a scratch database"
    contents = _contents(made)
    yield f"backup {made['id']} of {made['database']}: {megabytes(made['bytes'])}, {contents}, {state}"
    for copy in made["copies"]:
        if not copy["problem"]:
            yield f"copied to {copy['place']}, and hashed there"
    if document["removed"]:
        yield f"removed {', '.join(document['removed'])}"
    yield from _remarks(document)


def _contents(one: Document) -> str:
    rows, tables = one["rows"], one["tables"]
    return f"{rows:,} row{'' if rows == 1 else 's'} in {tables:,} table{'' if tables == 1 else 's'}"


def _list(document: Document) -> Iterator[str]:
    backups = document["backups"]
    if not backups:
        yield "no backup yet"
    else:
        heading = _columns(backups)
        yield from aligned(heading, [_row(one, document.get("latest"))[: len(heading)] for one in backups])
        yield from (f"{one['id']}: {one['why']}" for one in backups if one["why"])
    last = document["lastRun"]
    if last and last["outcome"] != "done":
        yield f"the last run ({last['startedAt']}): {last['outcome']}" + (f": {last['told']}" if last["told"] else "")


def _columns(backups: Sequence[Document]) -> tuple[str, ...]:
    tried = any(one.get("restoredAt") for one in backups)
    return (*_HEADING, "restored (UTC)") if tried else _HEADING


def _row(one: Document, latest: str | None) -> tuple[str, ...]:
    state = f"{one['state']}, latest" if one["id"] == latest else one["state"]
    if "bytes" not in one:
        return (one["id"], state, "", "", "", "", "", "")
    good = sum(1 for copy in one["copies"] if copy["verifiedAt"] and not copy["problem"])
    copies = f"{good} of {len(one['copies'])}" if one["copies"] else "none"
    verified = (one["verifiedAt"] or "never")[:16].replace("T", " ")
    made = one["startedAt"][:16].replace("T", " ")
    restored = (one.get("restoredAt") or "never")[:16].replace("T", " ")
    return (one["id"], state, made, megabytes(one["bytes"]), f"{one['rows']:,}", verified, copies, restored)


def _verify(document: Document) -> Iterator[str]:
    yield from _remarks(document)
    states = [one["state"] for one in document["backups"]]
    parts = [f"{states.count('good')} of {len(states)} good"]
    parts += [f"{states.count(state)} {state}" for state in sorted({*states} - {"good"})]
    yield ", ".join(parts) if states else "no backup yet"
    if document.get("restored") and not document["problems"]:
        told = "restored into a scratch database: every table has the rows that the catalogue says"
        yield f"{document['restored']} {told}"


def _restore(document: Document) -> Iterator[str]:
    contents = _contents(document)
    yield f"restored {document['backupId']} into {document['database']}: {contents}"
    yield from _remarks(document)
    if not document["problems"]:
        yield "every table has the rows that the catalogue says"


def _prune(document: Document) -> Iterator[str]:
    yield f"removed {', '.join(document['removed'])}" if document["removed"] else "nothing to remove"
    yield from _remarks(document)


def _remarks(document: Document) -> Iterator[str]:
    yield from (f"note: {one}" for one in document.get("notes", ()))
    yield from (f"problem: {one}" for one in document.get("problems", ()))


_TASKS = {
    "backup.run": _run,
    "backup.list": _list,
    "backup.verify": _verify,
    "backup.accept": _verify,
    "backup.restore": _restore,
    "backup.prune": _prune,
}


def aligned(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows as lines with columns."""
    lines = [heading, *rows]
    widths = [max(len(row[column]) for row in lines) for column in range(len(heading))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in lines]  # noqa: B905 - 3.9


def megabytes(count: float) -> str:
    """`1.2 GB`, `34.0 MB`, `5 kB`."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"
