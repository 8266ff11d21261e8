"""The journal of the run under way: what it was to do and what it did, for the next run to finish or undo.

A journal that is there means a run that did not end. Each event is on the disk before the next step begins.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botswain.errors import BotswainError
from botswain.secrets import redaction
from botswain.state.ids import timestamp
from botswain.state.store import JOURNAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botswain.state.store import Store


class Journal:
    """The journal in `store`, kept by the holder of the environment's lock."""

    def __init__(self, store: Store, name: str = JOURNAL) -> None:
        self._store = store
        self._name = name
        self._next: int | None = None

    def start(self, header: Mapping[str, Any]) -> None:
        """Begin a journal with its first event. Raises BotswainError when an unfinished one is there."""
        if self._store.read(self._name) is not None:
            fix = "finish or undo that run first"
            raise BotswainError("an earlier run left a journal", where=self._name, fix=fix)
        self._store.write({self._name: _line(0, header) + b"\n"})
        self._next = 1

    def record(self, event: Mapping[str, Any]) -> None:
        """Add one event, durably; `seq` and `at` are added to it. It goes on where a killed run stopped."""
        if self._next is None:
            self._next = self._resume()
        self._store.append(self._name, _line(self._next, event))
        self._next += 1

    def read(self) -> list[dict[str, Any]] | None:
        """Return the events in order; None when no run was left unfinished.

        A torn last line is what a crash leaves of an event that had not happened yet: it is passed over.
        Anything else unreadable raises BotswainError, because guessing what a run did is worse than asking a
        person.
        """
        data = self._store.read(self._name)
        return None if data is None else self._events(data)

    def _events(self, data: bytes) -> list[dict[str, Any]]:
        complete, _, _ = data.rpartition(b"\n")
        events = []
        for number, line in enumerate(complete.split(b"\n") if complete else (), 1):
            event = _parsed(line)
            if event is None or event.get("seq") != number - 1:
                what = f"line {number} is damaged; what that run did cannot be told from it"
                fix = "compare `diff` with what you expect, then move the file away"
                raise BotswainError(what, where=self._name, fix=fix)
            events.append(event)
        return events

    def _resume(self) -> int:
        data = self._store.read(self._name)
        if data is None:
            return 0
        count = len(self._events(data))
        complete, end, torn = data.rpartition(b"\n")
        if torn:
            self._store.write({self._name: complete + end})
        return count

    def close(self) -> None:
        """Remove the journal: the run has ended, and everything it did is recorded elsewhere."""
        self._store.delete([self._name])
        self._next = None


def left_behind(store: Store) -> str | None:
    """The id of a deployment that is under way, or was cut off and is not settled yet."""
    events = Journal(store).read()
    return str(events[0].get("deployment")) if events else None


def _line(seq: int, event: Mapping[str, Any]) -> bytes:
    known = {"seq": seq, "at": timestamp(), **redaction.clean_structure(dict(event))}
    return json.dumps(known, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "replace")


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
