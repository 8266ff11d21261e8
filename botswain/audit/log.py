"""Writes the audit log."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from botswain.audit.record import GENESIS, SCHEMA, encoded, hash_of, parsed, plain
from botswain.secrets import redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from botswain.audit.verify import Anchor, Verdict

NAME = "audit.jsonl"


class Lines(Protocol):
    """What the log needs of a store."""

    def read(self, name: str) -> bytes | None:
        """Return the file whole."""

    def chain(self, name: str, build: Callable[[bytes], bytes]) -> None:
        """Add what `build` makes of the last line, with no other writer in between."""


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
            record = parsed(line)
            if record is not None:
                yield record

    def verify(self, anchor: Anchor | None = None) -> Verdict:
        """Check the whole log, and what it was at `anchor`. Raises BotswainError if it cannot be read."""
        from botswain.audit.verify import Verifier

        return Verifier(self._env).run(self._store.read(self._name) or b"", anchor)

    def _add(self, entry: dict[str, Any]) -> None:
        clean = plain(redaction.clean_structure(entry))
        self._store.chain(self._name, lambda end: self._build(end, clean))

    def _build(self, end: bytes, entry: dict[str, Any]) -> bytes:
        """Seal `entry` onto the last record; after a crash or damage, a record that says so comes between."""
        line, newline, torn = end.partition(b"\n")
        if not newline:
            line, torn = b"", end
        last = parsed(line)
        before = b""
        if torn and (complete := parsed(torn)) is not None:  # only its newline is missing
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
            record["hash"] = prev = hash_of(record)
            yield encoded(record) + b"\n"

    def _last_readable(self) -> dict[str, Any] | None:
        last = None
        for record in self.records():
            last = record
        return last


def _recovery(kind: str, line: bytes) -> dict[str, Any]:
    data = {"kind": kind, "bytes": len(line), "sha256": sha256(line).hexdigest()}
    return {"event": "recovery", "actor": "botswain", "data": data}
