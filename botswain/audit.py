"""The audit log: every intent to change something and its outcome, each record sealed with the one before.

A record is one line of canonical JSON: keys sorted, no spaces, text in NFC, whole numbers within 2^53 only;
what JSON cannot say so is written as text. `hash` is SHA-256 over the record without `hash`; `prev` is the
hash before. So an edit, a missing or a moved record shows by itself. That the end was cut off, or that
everything was written anew, shows only against an anchor `(log_id, n, head)` that was kept elsewhere, under
other credentials.

Nothing can be scrubbed from such a log: text is redacted before it is sealed.
"""

from __future__ import annotations

import json
import os
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from botswain.secrets import redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SCHEMA = 1
NAME = "audit.jsonl"
GENESIS = "0" * 64
"""`prev` of the first record."""
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
_WHOLE = 2**53
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


class Lines(Protocol):
    """What the log needs of a store."""

    def read(self, name: str) -> bytes | None:
        """Return the file whole."""

    def chain(self, name: str, build: Callable[[bytes], bytes]) -> None:
        """Add what `build` makes of the last line, with no other writer in between."""


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


class AuditLog:
    """The log of environment `env` in `store`."""

    def __init__(
        self, store: Lines, env: str, *, name: str = NAME, clock: Callable[[], datetime] | None = None
    ) -> None:
        self._store = store
        self._env = env
        self._name = name
        self._clock = clock or (lambda: datetime.now(UTC))
        self._actors: dict[str, str] = {}

    def intent(self, action: str, actor: str, data: Mapping[str, Any] | None = None) -> str:
        """Record what is about to be done, durably; return the id that its outcome names."""
        intent = os.urandom(8).hex()
        self._actors[intent] = actor
        self._add({"event": "intent", "id": intent, "action": action, "actor": actor, "data": data or {}})
        return intent

    def outcome(self, intent: str, result: str, data: Mapping[str, Any] | None = None, *, actor: str = "") -> None:
        """Record how it ended. `actor` is for an intent of another process: who settled it."""
        who = actor or self._actors.pop(intent, "")
        self._add({"event": "outcome", "id": intent, "result": result, "actor": who, "data": data or {}})

    def unfinished(self) -> list[dict[str, Any]]:
        """Return the intents that have no outcome yet, oldest first."""
        waiting: dict[str, dict[str, Any]] = {}
        for record in self.records():
            if record["event"] == "intent":
                waiting[record["id"]] = record
            elif record["event"] == "outcome":
                waiting.pop(record["id"], None)
        return list(waiting.values())

    def records(self) -> Iterator[dict[str, Any]]:
        """Return the readable records in order, unverified."""
        for line in (self._store.read(self._name) or b"").splitlines():
            record = _parsed(line)
            if record is not None:
                yield record

    def verify(self, anchor: Anchor | None = None) -> Verdict:
        """Check the whole log, and what it was at `anchor`. Raises BotswainError if it cannot be read."""
        return _Verifier(self._env).run(self._store.read(self._name) or b"", anchor)

    def _add(self, entry: dict[str, Any]) -> None:
        clean = _plain(redaction.clean_structure(entry))
        self._store.chain(self._name, lambda end: self._build(end, clean))

    def _build(self, end: bytes, entry: dict[str, Any]) -> bytes:
        """Seal `entry` onto the last record; after a crash or damage, a record that says so comes between."""
        line, newline, torn = end.partition(b"\n")
        if not newline:
            line, torn = b"", end
        last = _parsed(line)
        before = b""
        if torn and (complete := _parsed(torn)) is not None:  # only its newline is missing
            last, torn, before = complete, b"", b"\n"
        records = []
        if line and last is None:
            last = self._last_readable()
            records.append(_recovery("damaged", line))
        if torn:
            before = b"\n"
            records.append(_recovery("torn", torn))
        return before + b"".join(self._sealed(last, [*records, entry]))

    def _sealed(self, last: Mapping[str, Any] | None, entries: list[dict[str, Any]]) -> Iterator[bytes]:
        seq, prev = (last["seq"], last["hash"]) if last else (0, GENESIS)
        log_id = last["log_id"] if last else f"{self._env}-{os.urandom(8).hex()}"
        now = self._clock().astimezone(UTC)
        at = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"
        for entry in entries:
            seq += 1
            record = {"schema": SCHEMA, "log_id": log_id, "seq": seq, "prev": prev, "at": at, **entry}
            record["hash"] = prev = _hash(record)
            yield _ENCODER.encode(record).encode() + b"\n"

    def _last_readable(self) -> dict[str, Any] | None:
        last = None
        for record in self.records():
            last = record
        return last


class _Verifier:
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
        *lines, torn = data.split(b"\n")
        for line in lines:
            self._line(line, anchor)
        if torn and _parsed(torn) is not None:
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
        record = _parsed(line)
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
        if _hash({key: value for key, value in record.items() if key != "hash"}) != record["hash"]:
            self._find("hash", "was changed: its hash does not fit")
        elif _encoded(record) != line:
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


def _recovery(kind: str, line: bytes) -> dict[str, Any]:
    data = {"kind": kind, "bytes": len(line), "sha256": sha256(line).hexdigest()}
    return {"event": "recovery", "actor": "botswain", "data": data}


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Read a line as far as chaining needs it; None when it is no record."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    usable = (
        isinstance(record, dict)
        and isinstance(record.get("seq"), int)
        and all(isinstance(record.get(key), str) for key in ("hash", "prev", "log_id", "event"))
    )
    return record if usable else None


def _hash(record: Mapping[str, Any]) -> str:
    return sha256(_encoded(record)).hexdigest()


def _encoded(record: Mapping[str, Any]) -> bytes:
    try:
        return _ENCODER.encode(record).encode()
    except ValueError:  # NaN or half a surrogate pair: nothing that was ever written here
        return b""


def _plain(value: Any) -> Any:
    """Turn a value into what canonical JSON can say. It never fails: a record in other words beats none."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and -_WHOLE <= value <= _WHOLE:
        return int(value)
    if isinstance(value, dict):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(str(item)) for item in value)
    return unicodedata.normalize("NFC", str(value).encode("utf-8", "replace").decode())


def _moment(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo else None
