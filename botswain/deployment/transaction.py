"""Writes scopes and takes them back: the part of a deployment that changes Discord.

Each scope is one bulk PUT and one GET that verifies it, several scopes at a time, journaled before and after. The first
failure stops what has not begun; what was written is then undone, last first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from botswain.commands.canonical import Command, canonical, definition, key
from botswain.deployment.session import workers
from botswain.discord.errors import DiscordError, LostReply, ScopeUnavailable
from botswain.errors import BotswainError, Interrupted
from botswain.manifest import Readback, ScopeRecord, read_back
from botswain.plan import Action, ScopePlan, label, plan_scope
from botswain.state.store import LockLost

if TYPE_CHECKING:
    from botswain.discord.client import DiscordClient
    from botswain.state.journal import Journal
    from botswain.state.store import Held

_WRITES = 3
"""How often one scope is written at most, when replies get lost."""
_LOOKS = (0.0, 0.5, 1.0, 2.0)
"""Seconds before each look at what was written; Discord may take a moment to show it."""

_ATTENTION = 0.2
"""Seconds after which a signal is noticed at the latest."""

Live = list[dict[str, Any]]


@dataclass
class Writing:
    """What became of a set of scopes."""

    written: dict[str, Readback] = field(default_factory=dict)
    """By scope: what was read back."""
    mismatched: dict[str, list[str]] = field(default_factory=dict)
    """By scope: where Discord shows something else than what it accepted."""
    unverified: dict[str, str] = field(default_factory=dict)
    """By scope: why what Discord accepted could not be read back; that says nothing against it."""
    skipped: dict[str, str] = field(default_factory=dict)
    """By scope: why the application may not write there."""
    unsure: set[str] = field(default_factory=set)
    """Scopes that failed after, or while, something was written there."""
    restored: dict[str, Readback] = field(default_factory=dict)
    """By scope: what was read after what was written had been undone."""
    failure: BaseException | None = None


class _Stopped(Exception):
    """The run is to end, and this scope has not been written."""


class Transaction:
    """Writes the scopes of one deployment."""

    def __init__(
        self,
        client: DiscordClient,
        journal: Journal,
        held: Held,
        say: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.client = client
        self._journal = journal
        self._held = held
        self._say = say
        self._sleep = sleep
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._interrupted = False
        self._sent: set[str] = set()

    def stop(self) -> None:
        """Somebody wants this to end: nothing more is begun. Called from a signal handler."""
        self._interrupted = True
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether somebody wants this to end."""
        return self._interrupted

    def apply(self, plans: Sequence[ScopePlan]) -> Writing:
        """Writes every scope, until one fails or `stop` is called."""
        from concurrent.futures import wait

        result = Writing()
        with workers(len(plans)) as pool:
            futures = [pool.submit(self._one, plan, result) for plan in plans]
            while wait(futures, timeout=_ATTENTION).not_done:
                pass  # a signal that another thread took reaches Python's handler only when this one wakes up
        failures = [error for future in futures if (error := future.exception()) is not None]
        if self._interrupted:
            failures.append(Interrupted("stopped by hand"))
        lost = [error for error in failures if isinstance(error, LockLost)]
        result.failure = next(iter(lost + failures), None)
        return result

    def undo(self, plans: Iterable[ScopePlan], result: Writing) -> dict[str, BaseException]:
        """Restores every scope that was, or may have been, written. Returns what could not be restored, and why.

        Raises LockLost: what is left is then the business of whoever took the lock.
        """
        self._stop.clear()
        stuck: dict[str, BaseException] = {}
        touched = [plan for plan in plans if plan.scope in result.written or plan.scope in result.unsure]
        for plan in reversed(touched):
            try:
                self._say(f"undoing {label(plan.scope)}")
                live = self.client.commands(plan.scope)
                back = restoring(plan.scope, touched_keys(plan), plan.live_commands(), live, plan.record)
                read = self._restore(back) if back.changed else live
                result.restored[plan.scope] = read_back(read, plan.scope)
                result.written.pop(plan.scope, None)
                result.unsure.discard(plan.scope)
            except LockLost:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the other scopes are still to be restored
                stuck[plan.scope] = error
        return stuck

    def _restore(self, back: ScopePlan) -> Live:
        live, mismatches, unread = self.write(back, "undo")
        if unread:
            raise BotswainError(f"it was written back, but could not be read: {unread}", where=label(back.scope))
        if mismatches:
            raise BotswainError(f"it reads back differently: {'; '.join(mismatches)}", where=label(back.scope))
        return live

    def _one(self, plan: ScopePlan, result: Writing) -> None:
        if self._stop.is_set():
            return
        try:
            live, mismatches, unread = self.write(plan, "write")
        except _Stopped:
            return
        except ScopeUnavailable as error:
            with self._lock:
                result.skipped[plan.scope] = error.what
            return
        except BaseException:
            self._stop.set()
            with self._lock:
                if plan.scope in self._sent:
                    result.unsure.add(plan.scope)
            raise
        with self._lock:
            result.written[plan.scope] = read_back(live, plan.scope)
            if mismatches:
                result.mismatched[plan.scope] = mismatches
            if unread:
                result.unverified[plan.scope] = unread

    def write(self, plan: ScopePlan, event: str) -> tuple[Live, list[str], str]:
        """Writes one scope and reads it back; returns that, what differs from the plan, and why it could not be read.

        What cannot be read back is returned as Discord's reply to the write had it.
        """
        begins = {"event": f"{event} begins", "scope": plan.scope}
        if event == "undo":  # a full disk must not stand in the way back
            self._note(begins)
        else:
            self._record(begins)
        live = self._put(plan)
        self._note({"event": f"{event} done", "scope": plan.scope})
        live, mismatches, unread = self._read_back(plan, live)
        self._note({"event": f"{event} verified", "scope": plan.scope, "mismatches": mismatches, "unread": unread})
        done = "written" if event == "write" else "restored"
        but = f", but it could not be read back: {unread}" if unread else ""
        but = ", but it reads back differently" if mismatches else but
        self._say(f"{label(plan.scope)}: {done}{but}")
        return live, mismatches, unread

    def _read_back(self, plan: ScopePlan, live: Live) -> tuple[Live, list[str], str]:
        mismatches: list[str] = []
        for pause in _LOOKS:
            if pause:
                self._sleep(pause)
            try:
                live = self.client.commands(plan.scope)
            except DiscordError as error:
                return live, mismatches, str(error)
            mismatches = plan.mismatches(live)
            if not mismatches:
                break
        return live, mismatches, ""

    def _put(self, plan: ScopePlan) -> Live:
        payload = plan.payload()
        attempt = 0
        while True:
            attempt += 1
            try:
                live = self.client.put_commands(plan.scope, payload, before=self._check)
            except LostReply:
                self._sent.add(plan.scope)
                live = self.client.commands(plan.scope)
                if not plan.mismatches(live):
                    return live
                if not _same(live, plan.live_commands(), plan.scope):
                    what = "the reply to the write was lost, and the commands are neither the old nor the new ones"
                    raise BotswainError(what, where=label(plan.scope), fix="somebody else writes there too") from None
                self._sent.discard(plan.scope)
                if attempt == _WRITES:
                    raise
                self._say(f"{label(plan.scope)}: the reply was lost and nothing was written; writing again")
            else:
                self._sent.add(plan.scope)
                return live

    def _check(self) -> None:
        """The last look before a write leaves, which may have waited for a rate limit."""
        self._held.check()
        if self._stop.is_set():
            raise _Stopped

    def _record(self, event: Mapping[str, Any]) -> None:
        self._held.check()  # the journal may be another run's by now
        with self._lock:
            self._journal.record(event)

    def _note(self, event: Mapping[str, Any]) -> None:
        """Records what has happened, if the disk lets us: whoever settles a run looks at Discord anyway."""
        try:
            self._record(event)
        except LockLost:
            raise
        except BotswainError as error:
            self._say(str(error))


def touched_keys(plan: ScopePlan) -> tuple[str, ...]:
    """The commands that the plan creates, renames (by either name), updates or deletes."""
    touched = [command.key for command in plan.commands if command.action is not Action.KEEP]
    return (*touched, *plan.renames.values())


def restorable(raw: Live, scope: str) -> dict[str, Command]:
    """A raw snapshot as definitions by key, with all that Discord had chosen pinned."""
    return {key(one): canonical(definition(one), scope) for one in raw}


def restoring(scope: str, keys: Iterable[str], old: Live, live: Live, record: ScopeRecord | None) -> ScopePlan:
    """The plan that brings the commands called `keys` back to what they are in `old`, and leaves all others alone.

    `old` is a raw snapshot: what was renamed since is known by its id, and renamed back.
    """
    touched = set(keys)
    former = [raw for raw in old if key(raw) in touched]
    return returning(scope, touched, restorable(former, scope), {key(raw): raw["id"] for raw in former}, live, record)


def returning(
    scope: str,
    touched: Iterable[str],
    wanted: Mapping[str, Command],
    ids: Mapping[str, str],
    live: Live,
    record: ScopeRecord | None,
) -> ScopePlan:
    """The plan after which the commands called `touched` are as in `wanted`, where known by `ids`; no other changes."""
    recorded = record.commands if record else {}
    known = {key(raw) for raw in live} | recorded.keys()
    ours = {name: recorded.get(name, wanted.get(name, {})) for name in touched if name in known}
    plan = plan_scope(scope, wanted, live, replace(record or ScopeRecord(), commands=ours), ids=ids, exact=True)
    commands = tuple(
        replace(command, managed=command.key in recorded) if command.action is Action.KEEP else command
        for command in plan.commands
    )
    return replace(plan, commands=commands)


def holds(scope: str, present: Mapping[str, Command], absent: Iterable[str], live: Live) -> bool:
    """Whether a scope has these commands as they are defined here, and none called as in `absent`."""
    names = {key(raw) for raw in live}
    return names.isdisjoint(absent) and not plan_scope(scope, present, live, None).changed


def _same(one: Live, other: Live, scope: str) -> bool:
    left, right = ({key(raw): canonical(raw, scope) for raw in side} for side in (one, other))
    return left == right
