"""The audit log: every attack of which a chain can tell, and the crashes that are none."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from botswain.audit.log import AuditLog
from botswain.audit.verify import Anchor, Verdict
from botswain.secrets import redaction

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Memory:
    """A store of lines, with what was read at each chaining."""

    def __init__(self) -> None:
        self.data = b""

    def read(self, name: str) -> bytes | None:
        """Return everything."""
        return self.data or None

    def chain(self, name: str, build: Callable[[bytes], bytes]) -> None:
        """Add to the end, showing the last line and what is torn."""
        start = self.data.rfind(b"\n", 0, max(self.data.rfind(b"\n"), 0)) + 1
        self.data += build(self.data[start:])

    @property
    def lines(self) -> list[bytes]:
        """The lines, with their ends."""
        return self.data.splitlines(keepends=True)

    @lines.setter
    def lines(self, lines: list[bytes]) -> None:
        self.data = b"".join(lines)


@pytest.fixture
def store() -> Memory:
    """Give a log of ten records: five deployments."""
    memory = Memory()
    fill(memory)
    return memory


def log(memory: Memory, env: str = "dev") -> AuditLog:
    """Give a writer with a clock that stands."""
    return AuditLog(memory, env, clock=lambda: NOON)


def fill(memory: Memory, deployments: int = 5, env: str = "dev") -> None:
    """Write deployments, each an intent and its outcome."""
    writer = log(memory, env)
    for number in range(deployments):
        writer.outcome(writer.intent("deploy", "anna@ship", {"n": number}), "done")


def kinds(verdict: Verdict) -> list[tuple[int, str]]:
    """Name what was found, and where."""
    return [(finding.seq, finding.kind) for finding in verdict.findings]


def sealed(record: dict[str, Any]) -> bytes:
    """Seal a record as an attacker would who knows the format."""
    body = {key: value for key, value in record.items() if key != "hash"}

    def canonical(value: dict[str, Any]) -> bytes:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    return canonical({**body, "hash": sha256(canonical(body)).hexdigest()}) + b"\n"


def test_an_honest_log_has_no_findings(store: Memory) -> None:
    """The verdict is an empty list, and the anchor for the next verification."""
    verdict = log(store).verify()
    assert verdict.findings == []
    assert verdict.anchor is not None
    assert verdict.anchor.n == 10
    fill(store)
    assert log(store).verify(verdict.anchor).findings == []


def test_an_empty_log_is_good_unless_one_was_anchored(store: Memory) -> None:
    """A deleted log looks new to whoever kept no anchor."""
    anchor = log(store).verify().anchor
    store.data = b""
    assert log(store).verify() == Verdict([], None)
    verdict = log(store).verify(anchor)
    assert kinds(verdict) == [(1, "cut")]
    assert str(verdict.findings[0]) == (
        "record 1: the log ends after 0 of the 10 anchored records: its end was cut off"
    )


def test_the_format_is_the_published_one() -> None:
    """Another program can check the chain: this record was sealed by hand, from the description alone."""
    memory = Memory()
    log(memory).intent("deploy", "anna@ship", {"b": [1, None], "a": "e\u0301"})
    record = json.loads(memory.data)
    assert memory.data == sealed(record)
    assert record["data"] == {"a": "\u00e9", "b": [1, None]}
    assert (record["schema"], record["seq"], record["prev"]) == (1, 1, "0" * 64)
    assert record["at"] == "2026-11-22T12:00:00.000Z"


def test_what_json_cannot_say_becomes_text() -> None:
    """A record in other words beats a deployment that dies of its own log."""
    memory = Memory()
    data = {
        "seconds": 1.5,
        "id": 2**60,
        "path": Path("/a"),
        "nan": float("nan"),
        "half": "\ud800",
        "set": {"b", "a"},
        5: True,
    }
    log(memory).intent("deploy", "anna@ship", data)
    assert json.loads(memory.data)["data"] == {
        "seconds": "1.5",
        "id": str(2**60),
        "path": "/a",
        "nan": "nan",
        "half": "?",
        "set": ["a", "b"],
        "5": True,
    }
    assert [finding.kind for finding in log(memory).verify().findings] == ["unfinished"]


def test_an_edited_field_is_found(store: Memory) -> None:
    """Whoever changes a record without sealing it is told by its own hash."""
    store.data = store.data.replace(b'"n":2', b'"n":7')
    verdict = log(store).verify()
    assert kinds(verdict) == [(5, "hash")]
    assert str(verdict.findings[0]) == "record 5: was changed: its hash does not fit"


def test_an_edit_with_its_own_hash_is_found(store: Memory) -> None:
    """Sealing the changed record anew breaks the link of the next."""
    lines = store.lines
    lines[4] = sealed({**json.loads(lines[4]), "actor": "mallory"})
    store.lines = lines
    verdict = log(store).verify()
    assert kinds(verdict) == [(6, "prev")]
    assert "does not follow the record before it: that one was changed" in str(verdict.findings[0])


def test_other_spelling_of_the_same_record_is_found(store: Memory) -> None:
    """A second value under the same key, which a reader may prefer, cannot hide behind a fitting hash."""
    store.data = store.data.replace(b'{"n":2}', b'{"n":9,"n":2}')
    assert kinds(log(store).verify()) == [(5, "canonical")]


@pytest.mark.parametrize("kind", ["delete", "swap", "duplicate", "first"])
def test_missing_moved_and_repeated_records_are_found(store: Memory, kind: str) -> None:
    """The first place that is wrong is named."""
    lines = store.lines
    if kind == "delete":
        del lines[4]
    elif kind == "swap":
        lines[4], lines[5] = lines[5], lines[4]
    elif kind == "duplicate":
        lines.insert(5, lines[4])
    else:
        del lines[:2]
    store.lines = lines
    found = log(store).verify().broken
    assert min(finding.seq for finding in found) == {"first": 3, "duplicate": 5}.get(kind, 5 + (kind != "swap"))
    assert "seq" in {finding.kind for finding in found}


@pytest.mark.parametrize("kept", range(10))
def test_a_cut_end_is_found_against_an_anchor(store: Memory, kept: int) -> None:
    """However much was cut off, the anchor tells; without it a cut log looks whole."""
    anchor = log(store).verify().anchor
    store.lines = store.lines[:kept]
    assert log(store).verify().broken == []
    assert [finding.kind for finding in log(store).verify(anchor).broken] == ["cut"]


def test_a_rewritten_history_is_found_against_an_anchor(store: Memory) -> None:
    """A chain computed anew is flawless by itself; only what was kept elsewhere shows the fork."""
    anchor = log(store).verify().anchor
    lines, prev = store.lines, "0" * 64
    for number, line in enumerate(lines):
        record = json.loads(line)
        lines[number] = sealed({**record, "actor": "mallory", "prev": prev})
        prev = json.loads(lines[number])["hash"]
    store.lines = lines
    assert log(store).verify().findings == []
    fill(store)
    verdict = log(store).verify(anchor)
    assert kinds(verdict) == [(10, "fork")]
    assert "is not the record that was anchored: the history was rewritten" in str(verdict.findings[0])


def test_the_log_of_another_environment_is_found(store: Memory) -> None:
    """A valid log that belongs elsewhere is none of ours, with and without an anchor."""
    anchor = log(store).verify().anchor
    other = Memory()
    fill(other, 6, "prod")
    assert kinds(log(other, "dev").verify()) == [(1, "log")]
    assert kinds(log(other, "prod").verify(anchor)) == [(1, "log")]


def test_a_record_of_another_log_is_found(store: Memory) -> None:
    """A record cannot be spliced in from a sibling log, although its seq fits."""
    other = Memory()
    fill(other)
    store.lines = [*store.lines[:4], *other.lines[4:]]
    found = log(store).verify().findings
    assert {(5, "log"), (5, "prev")} <= {(finding.seq, finding.kind) for finding in found}


def test_a_newer_schema_is_named(store: Memory) -> None:
    """A record that this version cannot judge is not called forged, nor good."""
    last = json.loads(store.lines[-1])
    store.lines = [*store.lines[:-1], sealed({**last, "schema": 2})]
    verdict = log(store).verify()
    assert kinds(verdict) == [(10, "schema")]
    assert "has schema 2, and this version knows 1; use the newer one" in str(verdict.findings[0])


def test_time_may_step_back_a_little_only() -> None:
    """Two machines' clocks differ by seconds; an hour back is a finding."""
    memory = Memory()
    for offset in (0, -60, -3600, 10):
        writer = AuditLog(memory, "dev", clock=lambda offset=offset: NOON + timedelta(seconds=offset))
        writer.outcome(writer.intent("deploy", "anna@ship"), "done")
    assert kinds(writer.verify()) == [(5, "time"), (6, "time")]


def test_an_intent_without_outcome_is_found(store: Memory) -> None:
    """A run that was killed shows, but is no tampering; its outcome can be told later by another."""
    intent = log(store).intent("rollback", "ben@shore")
    verdict = log(store).verify()
    assert kinds(verdict) == [(11, "unfinished")]
    assert verdict.broken == []
    assert "rollback by ben@shore at 2026-11-22T12:00:00.000Z has no outcome" in str(verdict.findings[0])
    assert [record["id"] for record in log(store).unfinished()] == [intent]
    log(store).outcome(intent, "abandoned", actor="anna@ship")
    assert log(store).verify().findings == []
    assert json.loads(store.lines[-1])["actor"] == "anna@ship"


def test_an_outcome_of_nothing_is_found(store: Memory) -> None:
    """An outcome told twice, or without intent, does not pass unseen."""
    log(store).outcome("0123456789abcdef", "done")
    assert kinds(log(store).verify()) == [(11, "id")]


def test_a_torn_line_is_repaired_by_the_next_writer(store: Memory) -> None:
    """Cut at any byte of the last record: it shows until the next writer explains it."""
    whole = store.data
    last = len(store.lines[-1])
    anchor = Anchor(json.loads(store.lines[8])["log_id"], 9, json.loads(store.lines[8])["hash"])
    for missing in range(1, last + 1):
        store.data = whole[:-missing]
        torn = log(store).verify()
        expected = [] if missing == 1 else ["unfinished"] if missing == last else ["torn", "unfinished"]
        assert sorted(finding.kind for finding in torn.findings) == expected
        fill(store, 1)
        verdict = log(store).verify(anchor)
        assert verdict.broken == [], missing
        events = [record["event"] for record in log(store).records()]
        assert events.count("recovery") == (0 if missing in (1, last) else 1)


def test_an_explained_torn_line_cannot_be_changed(store: Memory) -> None:
    """What lies between records is sealed too, by the recovery record."""
    store.data = store.data[:-20]
    fill(store, 1)
    lines = store.lines
    lines[9] = b'{"actor":"mallory"}\n'
    store.lines = lines
    assert (10, "json") in kinds(log(store).verify())


def test_damage_at_the_end_does_not_stop_a_rollback(store: Memory) -> None:
    """A broken log is recorded on and reported for ever; it must not stand in the way of an incident."""
    lines = store.lines
    lines[9] = b"\0" * 20 + b"\n"
    store.lines = lines
    fill(store, 1)
    assert (10, "json") in kinds(log(store).verify())
    events = [record["event"] for record in log(store).records()]
    assert events[-3:] == ["recovery", "intent", "outcome"]


def test_two_unreadable_lines_are_two_findings(store: Memory) -> None:
    """Junk in the middle is named where it stands."""
    store.lines = [*store.lines[:4], b"junk\n", b"more\n", *store.lines[4:]]
    assert kinds(log(store).verify()) == [(5, "json"), (5, "json")]


def test_secrets_are_covered_before_sealing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be scrubbed later: by value, by shape and by key, in every field."""
    monkeypatch.setattr(redaction, "default", redaction.Redactor())
    redaction.register("correct-horse", "DB")
    memory = Memory()
    data = {
        "error": "postgres://bot:hunter2@db failed",
        "list": [{"client_secret": "short"}],
        "k correct-horse": 1,
    }
    log(memory).intent("deploy correct-horse", "anna@ship", data)
    for secret in (b"correct-horse", b"hunter2", b"short"):
        assert secret not in memory.data
    assert log(memory).verify().broken == []


def test_a_long_log_is_verified_in_seconds_and_extended_at_once(tmp_path: Path) -> None:
    """20,000 records verify well under 5 s; adding one reads only the end."""
    from botswain.state.folder import FolderStore

    memory = Memory()
    writer = log(memory)
    entry = {"event": "outcome", "id": "x", "result": "done", "actor": "a", "data": {}}
    memory.data = b"".join(writer._sealed(None, [entry] * 20_000))
    began = time.perf_counter()
    assert len(writer.verify().findings) == 20_000  # outcomes of nothing: the chain itself is whole
    assert time.perf_counter() - began < 5
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "audit.jsonl").write_bytes(memory.data)
    seen: list[int] = []

    class Watched(FolderStore):
        def chain(self, name: str, build: Callable[[bytes], bytes]) -> None:
            super().chain(name, lambda end: (seen.append(len(end)), build(end))[1])

    AuditLog(Watched(tmp_path / "dev.json"), "dev").intent("deploy", "anna@ship")
    assert len(seen) == 1
    assert seen[0] < 1000
