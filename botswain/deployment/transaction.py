"""Writes scopes and takes them back: the part of a deployment that changes Discord.

Each scope is one bulk PUT and one GET that verifies it, several scopes at a time, journaled before and after. The first
failure stops what has not begun; what was written is then undone, last first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from botswain.commands.canonical import Command, canonical, definition, key
from botswain.deployment.session import workers
from botswain.discord.errors import LostReply, ScopeUnavailable
from botswain.errors import BotswainError, Interrupted
from botswain.manifest import ScopeRecord
from botswain.plan import ScopePlan, label, plan_scope

if TYPE_CHECKING:
    from botswain.discord.client import DiscordClient
    from botswain.state.journal import Journal
    from botswain.state.store import Held

_WRITES = 3
"""How often one scope is written at most, when replies get lost."""
_LOOKS = (0.0, 0.5, 1.0, 2.0)
"""Seconds before each look at what was written; Discord may take a moment to show it."""

Live = list[dict[str, Any]]


@dataclass
class Writing:
    """What became of a set of scopes."""

    written: dict[str, Live] = field(default_factory=dict)
    """By scope: the raw commands as they were read back."""
    mismatched: dict[str, list[str]] = field(default_factory=dict)
    """By scope: where Discord shows something else than what it accepted."""
    skipped: dict[str, str] = field(default_factory=dict)
    """By scope: why the application may not write there."""
    unsure: set[str] = field(default_factory=set)
    """Scopes whose write failed in a way that may have left it done."""
    failure: BaseException | None = None


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

    def apply(self, plans: Sequence[ScopePlan]) -> Writing:
        """Writes every scope, until one fails or a person interrupts."""
        result = Writing()
        with workers(len(plans)) as pool:
            futures = {pool.submit(self._one, plan, result): plan for plan in plans}
            try:
                wait(futures)
            except (KeyboardInterrupt, Interrupted) as error:
                result.failure = error
                self._stop.set()
                self._say("stopping; what is under way is finished first")
        for future in futures:
            result.failure = result.failure or _failure(future)
        return result

    def undo(self, plans: Iterable[ScopePlan], result: Writing) -> dict[str, BaseException]:
        """Restores every scope that was, or may have been, written. Returns what could not be restored, and why."""
        self._stop.clear()
        stuck: dict[str, BaseException] = {}
        touched = [plan for plan in plans if plan.scope in result.written or plan.scope in result.unsure]
        for plan in reversed(touched):
            try:
                self._say(f"undoing {label(plan.scope)}")
                live = self.client.commands(plan.scope)
                back = restoring(plan.scope, touched_keys(plan), before(plan), live, plan.record)
                if back.changed:
                    self.write(back, "undo")
                result.written.pop(plan.scope, None)
            except Exception as error:  # noqa: BLE001 - whatever it is, the other scopes are still to be restored
                stuck[plan.scope] = error
        return stuck

    def _one(self, plan: ScopePlan, result: Writing) -> None:
        if self._stop.is_set():
            return
        try:
            live, mismatches = self.write(plan, "write")
        except ScopeUnavailable as error:
            with self._lock:
                result.skipped[plan.scope] = error.what
            return
        except BaseException as error:
            self._stop.set()
            with self._lock:
                if not _surely_unwritten(error):
                    result.unsure.add(plan.scope)
            raise
        with self._lock:
            result.written[plan.scope] = live
            if mismatches:
                result.mismatched[plan.scope] = mismatches

    def write(self, plan: ScopePlan, event: str) -> tuple[Live, list[str]]:
        """Writes one scope and reads it back; returns that and what differs from the plan."""
        self._record({"event": f"{event} begins", "scope": plan.scope})
        self._held.check()
        self._put(plan)
        self._record({"event": f"{event} done", "scope": plan.scope})
        live: Live = []
        mismatches: list[str] = []
        for pause in _LOOKS:
            if pause:
                self._sleep(pause)
            live = self.client.commands(plan.scope)
            mismatches = plan.mismatches(live)
            if not mismatches:
                break
        self._record({"event": f"{event} verified", "scope": plan.scope, "mismatches": mismatches})
        self._say(
            f"{label(plan.scope)}: {'written, but it reads back differently' if mismatches else 'written'}"
        )
        return live, mismatches

    def _put(self, plan: ScopePlan) -> None:
        payload = plan.payload()
        for attempt in range(1, _WRITES + 1):
            try:
                self.client.put_commands(plan.scope, payload)
            except LostReply:
                live = self.client.commands(plan.scope)
                if not plan.mismatches(live):
                    return
                if not _same(live, plan.live_commands(), plan.scope):
                    what = "the reply to the write was lost, and the commands are neither the old nor the new ones"
                    raise BotswainError(
                        what, where=label(plan.scope), fix="somebody else writes there too"
                    ) from None
                if attempt == _WRITES:
                    raise
                self._say(f"{label(plan.scope)}: the reply was lost and nothing was written; writing again")
            else:
                return

    def _record(self, event: Mapping[str, Any]) -> None:
        with self._lock:
            self._journal.record(event)


def touched_keys(plan: ScopePlan) -> tuple[str, ...]:
    """The commands that the plan creates, updates or deletes."""
    return tuple(command.key for command in plan.commands if command.action != "keep")


def before(plan: ScopePlan) -> dict[str, Command]:
    """The commands of the plan's scope as they were before it, ready to be wanted again."""
    return restorable(plan.live_commands(), plan.scope)


def restorable(raw: Live, scope: str) -> dict[str, Command]:
    """A raw snapshot as definitions by key, with all that Discord had chosen pinned."""
    return {key(one): canonical(definition(one), scope) for one in raw}


def restoring(
    scope: str, keys: Iterable[str], old: Mapping[str, Command], live: Live, record: ScopeRecord | None
) -> ScopePlan:
    """The plan that brings the commands called `keys` back to what they are in `old`, and leaves all others alone."""
    touched = set(keys)
    wanted = {name: command for name, command in old.items() if name in touched}
    recorded = record.commands if record else {}
    ours = {name: recorded.get(name, wanted.get(name, {})) for name in touched}
    return plan_scope(scope, wanted, live, replace(record or ScopeRecord(), commands=ours))


def holds(scope: str, present: Mapping[str, Command], absent: Iterable[str], live: Live) -> bool:
    """Whether a scope has these commands as they are defined here, and none called as in `absent`."""
    names = {key(raw) for raw in live}
    return names.isdisjoint(absent) and not plan_scope(scope, present, live, None).changed


def _same(one: Live, other: Live, scope: str) -> bool:
    left, right = ({key(raw): canonical(raw, scope) for raw in side} for side in (one, other))
    return left == right


def _failure(future: Future[None]) -> BaseException | None:
    return None if future.cancelled() else future.exception()


def _surely_unwritten(error: BaseException) -> bool:
    from botswain.discord.errors import Rejected

    return isinstance(error, Rejected)
