"""The ledger: what became of every release on this machine. Only added to, so that a crash tears one line at most.

A release is `building`, `ready`, `live`, `superseded` (it was live, and may be again), `bad` (it failed its gate) or
`removed`. Which one is live, the link says; the ledger says who made it so, when, and what a release has passed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from botswain.host.errors import HostError
from botswain.host.place import Place, explained, sync

_STATES = frozenset({"ready", "superseded", "bad", "removed"})
"""Events that are a state at the same time."""
GOOD = frozenset({"live", "superseded"})
"""States of releases that were healthy once, and that a rollback may return to."""


@dataclass(frozen=True)
class Release:
    """One release as the ledger knows it."""

    id: str
    commit: str
    recipe: str
    """Digest of how it was built: the same commit built otherwise is another release."""
    state: str
    at: str
    """When it came into this state."""
    by: str
    deployment: str
    made_at: str = ""
    seconds: float | None = None
    """How long building and checking took."""
    passed: tuple[str, ...] = ()
    """Digests of the checks that it has passed."""
    why: str = ""
    """What was wrong with a bad one."""
    settled: float = field(default=0.0, compare=False)
    """When it was built and checked, in Unix seconds: what changed in its folder since, the bot wrote."""
    order: int = field(default=0, compare=False)
    """When it was last live, as a place in the ledger; 0 for never."""


class Ledger:
    """The ledger of one place. Several processes may add to it at once."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def add(self, release: str, event: str, **facts: Any) -> None:
        """Add one line, durably."""
        at = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
        line = json.dumps({"at": at, "release": release, "event": event, **facts}, ensure_ascii=False).encode() + b"\n"
        path = self._place.ledger
        with explained(path, "add to it"):
            fresh = not path.exists()
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)  # whoever reads it can lock it
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                size = os.fstat(descriptor).st_size
                if size and os.pread(descriptor, 1, size - 1) != b"\n":  # a crash tore the last line
                    line = b"\n" + line
                written = os.write(descriptor, line)
                if written != len(line):
                    os.ftruncate(descriptor, size)
                    raise OSError(28, "the disk is full")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if fresh:
                sync(path.parent)

    def releases(self, *, removed: bool = False) -> list[Release]:
        """Every release that is still there, oldest first; with `removed` also those that are not."""
        return [one for one in self._read().values() if removed or one.state != "removed"]

    def get(self, release: str) -> Release:
        """One release by its id, its commit, or the unique beginning of either. Raises HostError."""
        known = self.releases()
        found = _matching(known, release)
        if len(found) == 1:
            return found[0]
        gone = [] if found else _matching(self.releases(removed=True), release)
        if gone:
            what = f"release {gone[-1].id} is not on this machine any more"
            raise HostError(what, where=str(self._place.root), fix=f"deploy its commit, {gone[-1].commit}")
        what = f'"{release}" is no release here' if not found else f'"{release}" is several releases here'
        names = ", ".join(one.id for one in (found or known)) or "none"
        raise HostError(what, where=str(self._place.root), fix=f"there are: {names}")

    def live(self) -> Release | None:
        """The release that the ledger takes to be live: the last one that was confirmed or gone back to."""
        return next((one for one in self._read().values() if one.state == "live"), None)

    def before(self, live: str | None) -> Release | None:
        """The release that a rollback returns to: the one that was live last before `live`, bad ones passed over."""
        return earlier(self._read().values(), live)

    def _read(self) -> dict[str, Release]:
        found: dict[str, Release] = {}
        path = self._place.ledger
        with explained(path, "read it"):
            data = path.read_bytes() if path.exists() else b""
        for number, line in enumerate(data.split(b"\n"), 1):
            entry = _parsed(line)
            if entry is not None:
                _apply(found, entry, number)
        return found


def earlier(known: Iterable[Release], live: str | None) -> Release | None:
    """Of these releases the one that was live last before `live`, bad ones passed over."""
    found = {one.id: one for one in known}
    here = found[live].order or None if live in found else None  # one that was never confirmed has no place
    before = [
        one
        for one in found.values()
        if one.state in GOOD and one.id != live and one.order and (here is None or one.order < here)
    ]
    return max(before, key=lambda one: one.order, default=None)


def _matching(known: list[Release], name: str) -> list[Release]:
    exact = [one for one in known if name == one.id]
    return exact or [one for one in known if one.id.startswith(name) or one.commit.startswith(name)]


def _parsed(line: bytes) -> dict[str, Any] | None:
    """A line's entry; None for one that a crash tore: what it was to say had not happened yet."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(entry, dict) and all(isinstance(entry.get(name), str) for name in ("release", "event"))
    return entry if whole else None


def _apply(found: dict[str, Release], entry: dict[str, Any], number: int) -> None:
    name, event, at = entry["release"], entry["event"], entry.get("at", "")
    one = found.get(name)
    if event == "building":
        found[name] = Release(
            name, entry.get("commit", ""), entry.get("recipe", ""), "building", at, entry.get("by", ""),
            entry.get("deployment", ""), made_at=at,
        )  # fmt: skip
    elif one is None:
        return
    elif event == "passed":
        settled = one.settled if one.order else _settled(entry, at)
        found[name] = replace(one, passed=(*one.passed, entry.get("check", "")), settled=settled)
    elif event == "live":
        for other in [one for one in found.values() if one.state == "live" and one.id != name]:
            found[other.id] = replace(other, state="superseded", at=at)
        # Going back is no new turn: else two rollbacks would bounce between two releases.
        order = one.order if entry.get("back") and one.order else number
        found[name] = replace(one, state="live", at=at, by=entry.get("by", one.by), order=order, why="")
    elif event in _STATES:
        seconds = entry.get("seconds", one.seconds)
        settled = _settled(entry, at) if event == "ready" else one.settled
        found[name] = replace(one, state=event, at=at, why=entry.get("why", one.why), seconds=seconds, settled=settled)


def _settled(entry: dict[str, Any], at: str) -> float:
    """When a release was ready; earlier versions wrote the second alone."""
    with contextlib.suppress(ValueError, TypeError):
        return (
            float(entry["settled"])
            if "settled" in entry
            else datetime.fromisoformat(f"{at[:-1]}+00:00").timestamp() + 1
        )
    return 0.0
