"""Follows a run by its events: tells people how it goes, and keeps what became of each host."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from botswain.ansible.reasons import error_of
from botswain.ansible.results import Change, HostResult, Status
from botswain.errors import BotswainError

_CONTROLLER = frozenset({
    "ansible.builtin.add_host", "ansible.builtin.assert", "ansible.builtin.debug", "ansible.builtin.fail",
    "ansible.builtin.group_by", "ansible.builtin.import_role", "ansible.builtin.import_tasks",
    "ansible.builtin.include_role", "ansible.builtin.include_tasks", "ansible.builtin.include_vars",
    "ansible.builtin.meta", "ansible.builtin.set_fact", "ansible.builtin.validate_argument_spec", "meta",
})  # fmt: skip
"""Actions that send nothing to a host."""


class Followed:
    """What is known of a run so far."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._hosts: dict[str, _Host] = {}
        self._task = ""
        self._since = time.monotonic()
        self._counted: set[tuple[str, int]] = set()
        self._number = 0
        self.begun = self.ended = False

    @property
    def modules(self) -> int:
        """How many tasks were carried out on hosts."""
        return len(self._counted)

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take an event in."""
        kind = event.get("event")
        self.begun = True
        if kind == "end":
            self.ended = True
        elif kind == "task":
            self._number += 1
            self._task, self._since = _title(event), time.monotonic()
            if event.get("action") not in _CONTROLLER:
                self._say(self._task)
        elif kind == "retry":
            self._say(f"{event['host']}: again: {_title(event)}")
        elif kind == "result":
            self._result(event)

    def waiting(self) -> None:
        """Somebody waits, and nothing happened for a while."""
        self._say(f"still at it: {self._task or 'Ansible starts'} ({time.monotonic() - self._since:.0f} s)")

    def hosts(self) -> dict[str, HostResult]:
        """What became of each host."""
        return {name: one.result(name) for name, one in self._hosts.items()}

    def _result(self, event: Mapping[str, Any]) -> None:
        host = self._hosts.setdefault(event["host"], _Host())
        if event["status"] != "skipped" and event.get("action") not in _CONTROLLER:
            self._counted.add((str(event.get("task")), self._number))
        host.hear(event)


class _Host:
    def __init__(self) -> None:
        self.status: Status = "ok"
        self.error: BotswainError | None = None
        self.answer: Mapping[str, Any] | None = None
        self.message = ""
        self.changes: list[Change] = []

    def hear(self, event: Mapping[str, Any]) -> None:
        status = event["status"]
        self.answer = event.get("answer") or self.answer
        self.message = str(event.get("message") or "") if status != "skipped" else self.message
        if status == "changed":
            self.changes.append(_change(event))
        if status in {"failed", "unreachable"} and not event.get("ignored"):
            self.status = status
            self.error = error_of(event, event["host"])
        elif status == "changed" and self.status == "ok":
            self.status = "changed"

    def result(self, name: str) -> HostResult:
        return HostResult(name, self.status, self.answer, self.message, self.error, tuple(self.changes))


def _title(event: Mapping[str, Any]) -> str:
    role = event.get("role")
    return f"{role}: {event['task']}" if role else str(event["task"])


def _change(event: Mapping[str, Any]) -> Change:
    changed = [one for one in event.get("items") or () if one.get("changed")]
    lines = [line for one in event.get("diff") or () for line in _lines(one, "")]
    lines += [line for one in changed for diff in one.get("diff") or () for line in _lines(diff, str(one["item"]))]
    items = tuple(str(one["item"]) for one in changed if one.get("item"))
    return Change(str(event["task"]), event.get("role"), items, "\n".join(lines))


def _lines(diff: Mapping[str, str], name: str) -> list[str]:
    """A difference as people know it, below the name of what is different."""
    import difflib

    title = [f"{name or diff['before_header']}:"] if name or diff.get("before_header") else []
    if "prepared" in diff:
        return [*title, *diff["prepared"].splitlines()]
    before, after = diff.get("before", "").splitlines(), diff.get("after", "").splitlines()
    return [*title, *list(difflib.unified_diff(before, after, n=1, lineterm=""))[2:]]
