"""The plan: desired x recorded x live -> what an apply would do, per scope and command.

Three sides, because two cannot tell an intended change from an edit made by other hands: what the sources want, what
was recorded at the last deployment, and what is live now. Pure: nothing here reads or writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from botswain.commands.canonical import (
    LEFT_TO_DISCORD,
    Command,
    canonical,
    definition,
    differences,
    key,
    tolerate,
)
from botswain.discord.enums import GLOBAL, ContextType, IntegrationType
from botswain.manifest import ScopeRecord

_ENTRY_POINT = "primary_entry_point/"


class Action(StrEnum):
    """What an apply does with a command."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    KEEP = "keep"
    """Live, not ours: sent back as it is."""


@dataclass(frozen=True)
class FieldChange:
    """One field that an apply would change from `live` to `wanted`; None stands for an absent value."""

    path: str
    live: Any
    wanted: Any
    intended: bool
    """The sources changed it since the last deployment."""
    drift: bool
    """Other hands changed it since the last deployment."""


@dataclass(frozen=True)
class CommandPlan:
    """What happens to one command."""

    key: str
    action: Action
    fields: tuple[FieldChange, ...] = ()
    drift: bool = False
    """Other hands edited, deleted or (for a command of ours) added it."""
    managed: bool = True
    """Whether Botswain deployed it, or is about to."""


@dataclass(frozen=True)
class ScopePlan:
    """What happens in one scope. `live` is the raw answer as JSON text, so that 500 scopes fit in memory."""

    scope: str
    wanted: Mapping[str, Command]
    live: bytes
    commands: tuple[CommandPlan, ...]
    unchanged: int
    record: ScopeRecord | None
    orphan: bool = False
    """The scope left the profile; what we deployed to it is still there."""
    unavailable: str | None = None
    """Why the scope could not be read; nothing is planned for it."""

    def having(self, *actions: Action) -> list[CommandPlan]:
        """The commands with one of these actions."""
        return [command for command in self.commands if command.action in actions]

    @property
    def changed(self) -> bool:
        """Whether a write is needed."""
        return bool(self.having(Action.CREATE, Action.UPDATE, Action.DELETE))

    @property
    def live_count(self) -> int:
        """How many commands the scope has now."""
        return self.unchanged + len(self.having(Action.UPDATE, Action.DELETE, Action.KEEP))

    @property
    def unrecorded(self) -> bool:
        """Whether the record has to change although nothing is to be written."""
        recorded = self.record.commands if self.record else None
        return self.unavailable is None and not self.changed and recorded != dict(self.wanted)

    def live_commands(self) -> list[dict[str, Any]]:
        """The raw commands that the scope has now."""
        commands: list[dict[str, Any]] = json.loads(self.live)
        return commands

    def payload(self) -> list[dict[str, Any]]:
        """The body of the scope's bulk PUT: what changes as wanted, everything else as it is live, known ids kept.

        So a command that is not in the plan stays to the letter: not even its version changes on Discord.
        """
        live = {key(raw): raw for raw in self.live_commands()}
        changing = {command.key for command in self.having(Action.CREATE, Action.UPDATE)}
        deleted = {command.key for command in self.having(Action.DELETE)}
        ours = [{**command, **_id(live.get(name))} for name, command in self.wanted.items() if name in changing]
        rest = [raw for name, raw in live.items() if name not in changing | deleted]
        return ours + [{**definition(raw), **_id(raw)} for raw in rest]

    def mismatches(self, live: Iterable[Mapping[str, Any]]) -> list[str]:
        """What differs between the plan's result and what was read back; empty when the write took effect."""
        found = {key(raw): canonical(raw, self.scope) for raw in live}
        before = {key(raw): raw for raw in self.live_commands()}
        expected = dict(self.wanted)
        expected |= {c.key: canonical(before[c.key], self.scope) for c in self.having(Action.KEEP)}
        problems = [f"{name} is missing" for name in expected if name not in found]
        problems += [f"{name} is still there" for name in found if name not in expected]
        for name in expected.keys() & found.keys():
            problems += [f"{name} {change.path}" for change in _compare(expected[name], found[name], None, None, None)]
        return sorted(problems)


@dataclass(frozen=True)
class Plan:
    """All scopes, in the order in which they are shown."""

    scopes: tuple[ScopePlan, ...]
    notes: tuple[str, ...] = ()
    created_today: Mapping[str, int] = field(default_factory=dict)
    """By scope: how many commands we created there in the last 24 hours, where this plan creates more."""

    @property
    def changed(self) -> tuple[ScopePlan, ...]:
        """Scopes that need a write; orphans are apart, since they are only cleared when asked for."""
        return tuple(scope for scope in self.scopes if scope.changed and not scope.orphan)

    @property
    def orphans(self) -> tuple[ScopePlan, ...]:
        """Scopes that left the profile and still hold commands of ours."""
        return tuple(scope for scope in self.scopes if scope.orphan and scope.changed)

    @property
    def unavailable(self) -> tuple[ScopePlan, ...]:
        """Scopes that could not be read because the bot may not."""
        return tuple(scope for scope in self.scopes if scope.unavailable)

    @property
    def unrecorded(self) -> tuple[ScopePlan, ...]:
        """Scopes where only the record is behind."""
        return tuple(scope for scope in self.scopes if scope.unrecorded)

    @property
    def creates(self) -> int:
        """Creates of the scope nearest to Discord's daily limit: of today, with this plan's."""
        each = ((scope.scope, len(scope.having(Action.CREATE))) for scope in self.scopes if not scope.orphan)
        return max((self.created_today.get(scope, 0) + new for scope, new in each if new), default=0)

    def count(self, action: Action) -> int:
        """How many commands of all scopes, orphans left out, have this action."""
        return sum(len(scope.having(action)) for scope in self.scopes if not scope.orphan)

    @property
    def drifted(self) -> list[tuple[str, CommandPlan]]:
        """(scope, command) for every managed command that other hands changed."""
        return [(scope.scope, command) for scope in self.scopes for command in scope.commands if command.drift]


def unavailable(scope: str, reason: str, record: ScopeRecord | None, *, orphan: bool = False) -> ScopePlan:
    """The plan of a scope that could not be read."""
    return ScopePlan(scope, {}, b"[]", (), 0, record, orphan=orphan, unavailable=reason)


def plan_scope(
    scope: str,
    wanted: Mapping[str, Command],
    live: list[dict[str, Any]],
    record: ScopeRecord | None,
    *,
    delete_unmanaged: bool = False,
    install_types: Iterable[int] | None = None,
    orphan: bool = False,
    exact: bool = False,
) -> ScopePlan:
    """What an apply of `wanted` (canonical definitions by key) does in one scope.

    `install_types` are the application's configured integration types: what Discord fills in where a global command
    names none. `exact` is for a snapshot, which names all that Discord had chosen. Live commands that are
    neither wanted nor recorded are kept, unless `delete_unmanaged`.
    """
    by_key = {key(raw): raw for raw in live}
    recorded = record.commands if record else {}
    commands: list[CommandPlan] = []
    unchanged = 0
    for name, command in wanted.items():
        if name not in by_key:
            commands.append(CommandPlan(name, Action.CREATE, drift=name in recorded))
            continue
        found = canonical(by_key[name], scope)
        fields = tuple(
            _compare(command, found, recorded.get(name), _defaults(record, name), install_types, exact=exact)
        )
        if fields:
            commands.append(CommandPlan(name, Action.UPDATE, fields, any(field.drift for field in fields)))
        else:
            unchanged += 1
    commands += [_unwanted(name, name in recorded, delete_unmanaged) for name in by_key if name not in wanted]
    raw = json.dumps(live, separators=(",", ":"), ensure_ascii=False).encode()
    return ScopePlan(scope, wanted, raw, tuple(commands), unchanged, record, orphan=orphan)


def _unwanted(name: str, recorded: bool, delete_unmanaged: bool) -> CommandPlan:
    if name.startswith(_ENTRY_POINT) or not (recorded or delete_unmanaged):
        return CommandPlan(name, Action.KEEP, managed=recorded)
    return CommandPlan(name, Action.DELETE, managed=recorded)


def _id(raw: Mapping[str, Any] | None) -> dict[str, str]:
    return {"id": raw["id"]} if raw else {}


def _defaults(record: ScopeRecord | None, name: str) -> Mapping[str, Any] | None:
    if record is None or name not in record.commands:
        return None
    return {field: _settled(value) for field, value in record.defaults.get(name, {}).items()}


def _settled(value: Any) -> Any:
    """A recorded default in its canonical form."""
    return sorted(value) if isinstance(value, list) else value


def _compare(
    wanted: Command,
    live: Command,
    recorded: Command | None,
    defaults: Mapping[str, Any] | None,
    install_types: Iterable[int] | None,
    *,
    exact: bool = False,
) -> Iterator[FieldChange]:
    expected, actual = tolerate(wanted, live), dict(live)
    if "contexts" in wanted and not exact:  # Discord ignores the older field next to the newer one
        expected.pop("dm_permission", None)
        actual.pop("dm_permission", None)
    for left in LEFT_TO_DISCORD:
        if left not in wanted and _chosen_by_discord(left, live, recorded, defaults, install_types):
            actual.pop(left, None)
    changes = list(differences(actual, expected))
    if not changes:
        return
    if recorded is None:
        yield from (FieldChange(c.path, c.before, c.after, intended=True, drift=False) for c in changes)
        return
    ours = [change.path for change in differences(recorded, wanted)]
    theirs = [change.path for change in differences({**recorded, **(defaults or {})}, live)]
    for change in changes:
        intended, drift = _touches(change.path, ours), _touches(change.path, theirs)
        yield FieldChange(change.path, change.before, change.after, intended, drift or not intended)


def _chosen_by_discord(
    field: str,
    live: Command,
    recorded: Command | None,
    defaults: Mapping[str, Any] | None,
    install_types: Iterable[int] | None,
) -> bool:
    """Whether the live value of a field that the definition leaves to Discord is Discord's own choice."""
    value = live.get(field)
    if value is None:
        return True
    if recorded is not None:  # a field that was pinned and is no longer is a change, whatever Discord will choose
        return field not in recorded and value == (defaults or {}).get(field)
    if install_types is None or field == "handler":  # nobody says which handler is the default
        return True
    if field == "contexts":  # which of the two depends on the application's age
        return bool(value == [*ContextType])
    return value in (sorted(install_types), [IntegrationType.GUILD_INSTALL])


def _touches(path: str, paths: Iterable[str]) -> bool:
    return any(
        path == other or path.startswith((f"{other}.", f"{other} ")) or other.startswith((f"{path}.", f"{path} "))
        for other in paths
    )


def label(scope: str) -> str:
    """How a scope is called in text: `global`, or `guild 81384788765712384`."""
    return scope if scope == GLOBAL else f"guild {scope}"
