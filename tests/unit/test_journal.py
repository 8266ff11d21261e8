"""The journal: what the next run learns of one that was killed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from botswain.errors import BotswainError
from botswain.secrets import redaction
from botswain.state.folder import FolderStore
from botswain.state.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """Give an empty store."""
    return FolderStore(tmp_path / "dev.json")


@pytest.fixture
def file(store: FolderStore) -> Path:
    """Give the journal of a run that was killed after its first step."""
    journal = Journal(store)
    journal.start({"deployment": "id"})
    journal.record({"step": "apply", "state": "begin"})
    journal.record({"step": "apply", "state": "done"})
    return store.path("journal.jsonl")


def test_events_come_back_in_order(store: FolderStore, file: Path) -> None:
    """Each event has its number and its time."""
    events = Journal(store).read()
    assert events is not None
    assert [(event["seq"], event.get("state")) for event in events] == [(0, None), (1, "begin"), (2, "done")]
    assert all(event["at"].endswith("Z") for event in events)


def test_no_journal_means_no_unfinished_run(store: FolderStore, file: Path) -> None:
    """After `close` the next run finds nothing to recover."""
    Journal(store).close()
    assert Journal(store).read() is None
    assert not file.exists()


def test_a_torn_last_line_did_not_happen(store: FolderStore, file: Path) -> None:
    """Cut at any byte, the journal tells exactly the events that were written whole."""
    whole = file.read_bytes()
    for length in range(len(whole) + 1):
        file.write_bytes(whole[:length])
        events = Journal(store).read()
        assert events is not None
        assert len(events) == whole[:length].count(b"\n")


def test_a_journal_goes_on_after_a_torn_line(store: FolderStore, file: Path) -> None:
    """Recovery adds its own events to the journal of the killed run, after the last whole one."""
    file.write_bytes(file.read_bytes()[:-5])
    journal = Journal(store)
    journal.record({"step": "undo"})
    journal.record({"step": "undone"})
    events = journal.read()
    assert events is not None
    assert [event.get("step") for event in events] == [None, "apply", "undo", "undone"]


@pytest.mark.parametrize("damage", ["bytes", "missing", "list"])
def test_damage_elsewhere_asks_a_person(store: FolderStore, file: Path, damage: str) -> None:
    """A journal that was damaged is not guessed at: the line is named, and nothing is added."""
    lines = file.read_bytes().split(b"\n")
    if damage == "missing":
        del lines[1]
    else:
        lines[1] = b"\0\0\0" if damage == "bytes" else b"[1]"
    file.write_bytes(b"\n".join(lines))
    for operation in (Journal(store).read, lambda: Journal(store).record({})):
        with pytest.raises(BotswainError, match=r"^journal\.jsonl: line 2 is damaged; what that run did"):
            operation()


def test_an_unfinished_run_is_not_overwritten(store: FolderStore, file: Path) -> None:
    """A new run cannot begin over the only account of the last one."""
    before = file.read_bytes()
    with pytest.raises(BotswainError, match="an earlier run left a journal; finish or undo that run first"):
        Journal(store).start({})
    assert file.read_bytes() == before


def test_no_secret_in_the_journal(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error text that quotes a secret is journaled without it, and stays JSON."""
    monkeypatch.setattr(redaction, "default", redaction.Redactor())
    redaction.register("step", "TOO_SHORT")
    redaction.register('pass"word', "DB")
    journal = Journal(store)
    journal.start({"error": 'cannot log in with pass"word', "client_secret": "x", "odd": {1, 2}})
    line = (store.read("journal.jsonl") or b"").decode()
    assert json.loads(line)["error"] == "cannot log in with [redacted:DB]"
    assert json.loads(line)["client_secret"] == "[redacted]"
