"""Checks the audit log: what an honest one would not have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from botswain.audit.record import GENESIS, SCHEMA, encoded, hash_of, parsed
from botswain.wording import many

SKEW = 120.0
"""Seconds by which a record may seem older than the one before: clocks of two machines differ."""
_FIELDS = {
    "schema",
    "log_id",
    "seq",
    "prev",
    "at",
    "actor",
    "event",
    "id",
    "action",
    "result",
    "data",
    "hash",
}


@dataclass(frozen=True)
class Anchor:
    """What the log was at some time, to be kept where this machine cannot change it."""

    log_id: str
    n: int
    """Records."""
    head: str
    """Hash of the last of them."""


@dataclass(frozen=True)
class Finding:
    """One thing that an honest log would not have; `seq` is the first record that it concerns."""

    seq: int
    kind: str
    """One of json, torn, schema, log, seq, prev, hash, canonical, time, id, unfinished, cut, fork."""
    message: str

    def __str__(self) -> str:
        return f"record {self.seq}: {self.message}"


@dataclass(frozen=True)
class Verdict:
    """What a verification found. An empty list is good."""

    findings: list[Finding]
    anchor: Anchor | None
    """The log as it is now, if it has records."""

    @property
    def broken(self) -> list[Finding]:
        """What says that the log is not what was written; the other findings are runs without outcome."""
        return [finding for finding in self.findings if finding.kind != "unfinished"]


_TOLD = 5
_WITNESSED = ("cut", "fork")
"""Kinds that say when, and by whom where that is known."""


def changed(findings: Sequence[Finding]) -> list[int]:
    """The records that are not what was written, in order: each once, and not those that only follow one."""
    broken = [one for one in findings if one.kind not in ("unfinished", "torn", *_WITNESSED)]
    return sorted({one.seq for one in broken if one.kind != "prev"} or {one.seq for one in broken})


def summary(findings: Sequence[Finding]) -> Iterator[str]:
    """Findings for people, a line each: what witnesses tell first, and of many only the first few and how many."""
    ordered = sorted(findings, key=lambda one: one.kind not in _WITNESSED)
    yield from map(str, ordered[:_TOLD])
    more = len(ordered) - _TOLD
    if more > 0:
        records = changed(findings)
        which = f"; {many(len(records), 'record')} changed in all, first {records[0]}" if records else ""
        yield f"and {many(more, 'more finding')}{which}; --json lists them"


class Verifier:
    """One pass over a log."""

    def __init__(self, env: str) -> None:
        self._env = env
        self._findings: list[Finding] = []
        self._seq = 0
        self._prev = GENESIS
        self._log_id = ""
        self._at: datetime | None = None
        self._waiting: dict[str, dict[str, Any]] = {}
        self._ids: set[str] = set()
        self._bad: bytes | None = None
        self._anchored = ""

    def run(self, data: bytes, anchor: Anchor | None) -> Verdict:
        """Checks all lines of a log, and what it was at `anchor`."""
        *lines, torn = data.split(b"\n")
        for line in lines:
            self._line(line, anchor)
        if torn and parsed(torn) is not None:
            self._line(torn, anchor)
            torn = b""
        if torn:
            told = "the last line is torn, as a crash leaves it; the next run that changes something repairs it"
            self._find("torn", told, self._seq + 1)
        elif self._bad is not None:
            self._unreadable()
        for record in self._waiting.values():
            told = f"{record.get('action')} by {record.get('actor')} at {record.get('at')} has no outcome"
            self._find("unfinished", told, record["seq"])
        if anchor:
            self._against(anchor)
        now = Anchor(self._log_id, self._seq, self._prev) if self._seq else None
        return Verdict(sorted(self._findings, key=lambda finding: finding.seq), now)

    def _find(self, kind: str, message: str, seq: int | None = None) -> None:
        self._findings.append(Finding(self._seq if seq is None else seq, kind, message))

    def _unreadable(self) -> None:
        self._find("json", "is not readable JSON", self._seq + 1)
        self._bad = None

    def _line(self, line: bytes, anchor: Anchor | None) -> None:
        record = parsed(line)
        if record is None:
            if self._bad is not None:
                self._unreadable()
            self._bad = line
            return
        if self._bad is not None:
            self._recovered(record, self._bad)
        expected, self._seq = self._seq + 1, record["seq"]
        if self._seq != expected:
            self._find("seq", f"stands where {expected} belongs: records were removed, moved or repeated")
        elif record["prev"] != self._prev:
            self._find("prev", "does not follow the record before it: that one was changed")
        self._seal(record, line)
        self._sense(record)
        self._prev = record["hash"]
        if anchor and self._seq == anchor.n:
            self._anchored = self._prev

    def _recovered(self, record: dict[str, Any], bad: bytes) -> None:
        """Accept a torn line that the next writer explained; it was never a record."""
        told = record.get("data")
        fits = (
            record.get("event") == "recovery"
            and isinstance(told, dict)
            and told.get("sha256") == sha256(bad).hexdigest()
        )
        if not fits or told.get("kind") != "torn":  # type: ignore[union-attr]  # `fits` says it is a dict
            self._unreadable()
        self._bad = None

    def _seal(self, record: dict[str, Any], line: bytes) -> None:
        if record.get("schema") != SCHEMA:
            told = f"has schema {record.get('schema')!r}, and this version knows {SCHEMA}; use the newer one"
            self._find("schema", told)
        elif not _FIELDS.issuperset(record):
            self._find("schema", f"has unknown fields: {', '.join(sorted(set(record) - _FIELDS))}")
        if hash_of({key: value for key, value in record.items() if key != "hash"}) != record["hash"]:
            self._find("hash", "was changed: its hash does not fit")
        elif encoded(record) != line:
            self._find("canonical", "was written anew in another form")

    def _sense(self, record: dict[str, Any]) -> None:
        log_id = str(record["log_id"])
        if not self._log_id:
            self._log_id = log_id
            if log_id.rpartition("-")[0] != self._env:
                self._find("log", f"belongs to the log {log_id}, not to one of {self._env}")
        elif log_id != self._log_id:
            self._find("log", f"belongs to the log {log_id}, not to {self._log_id}")
        at = _moment(record.get("at"))
        if at is None or (self._at and (self._at - at).total_seconds() > SKEW):
            self._find("time", f"says {record.get('at')}, before the record that precedes it")
        self._at = max(filter(None, (self._at, at)), default=None)
        self._pair(record)

    def _pair(self, record: dict[str, Any]) -> None:
        intent = str(record.get("id", ""))
        if record.get("event") == "intent":
            if intent in self._ids:
                self._find("id", f"uses the intent id {intent} a second time")
            self._ids.add(intent)
            self._waiting[intent] = record
        elif record.get("event") == "outcome" and self._waiting.pop(intent, None) is None:
            self._find("id", f"is an outcome of {intent}, which is no open intent")

    def _against(self, anchor: Anchor) -> None:
        if self._log_id and anchor.log_id != self._log_id:
            self._find("log", f"this is the log {self._log_id}; {anchor.log_id} was anchored", 1)
        elif self._seq < anchor.n:
            told = f"the log ends after {self._seq} of the {anchor.n} anchored records: its end was cut off"
            self._find("cut", told, self._seq + 1)
        elif self._anchored != anchor.head:
            self._find("fork", "is not the record that was anchored: the history was rewritten", anchor.n)


def _moment(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo else None
