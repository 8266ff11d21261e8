"""What a plan says: per scope and command what an apply would do, and the body that it would send."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from botswain.commands.canonical import Command, canonical, definition, key
from botswain.discord.enums import GLOBAL
from botswain.manifest import ScopeRecord
from botswain.plan.compare import FieldChange, compare
from botswain.plan.service import ServicePlan
from botswain.secrets.visible import one_line


class Action(StrEnum):
    """What an apply does with a command."""

    CREATE = "create"
    RENAME = "rename"
    """Live under another name: it keeps its id, and loses its permission overwrites."""
    UPDATE = "update"
    DELETE = "delete"
    KEEP = "keep"
    """Live, not ours: sent back as it is."""


@dataclass(frozen=True)
class CommandPlan:
    """What happens to one command."""

    key: str
    action: Action
    fields: tuple[FieldChange, ...] = ()
    """What changes; of a rename, all but the name."""
    drift: bool = False
    """Other hands edited, renamed, deleted or (for a command of ours) added it."""
    managed: bool = True
    """Whether Botswain deployed it, or is about to create it."""
    renamed_from: str | None = None
    """The key under which a command that is to be renamed is live."""
    looks_like: str | None = None
    """Of a create: the deleted command that it looks like, which may be a rename that nobody told us about."""
    renamed_by_others: bool = False
    """Other hands gave it the name that it has now."""
    name_taken: str | None = None
    """Of a deletion: the key that the command would have got, were there not another command of that name."""


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
        return bool(self.having(Action.CREATE, Action.RENAME, Action.UPDATE, Action.DELETE))

    @property
    def renames(self) -> dict[str, str]:
        """By the key that a command gets: the key that it has."""
        return {command.key: command.renamed_from for command in self.commands if command.renamed_from is not None}

    @property
    def live_count(self) -> int:
        """How many commands the scope has now."""
        return self.unchanged + len(self.having(Action.RENAME, Action.UPDATE, Action.DELETE, Action.KEEP))

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
        changing = {command.key for command in self.having(Action.CREATE, Action.RENAME, Action.UPDATE)}
        renames = self.renames
        gone = {*renames.values(), *(command.key for command in self.having(Action.DELETE))}
        ours = [
            {**command, **_id(live.get(renames.get(name, name)))}
            for name, command in self.wanted.items()
            if name in changing
        ]
        rest = [raw for name, raw in live.items() if name not in changing | gone]
        return ours + [{**definition(raw), **_id(raw)} for raw in rest]

    def mismatches(self, live: Iterable[Mapping[str, Any]]) -> list[str]:
        """What differs between the plan's result and what was read back; empty when the write took effect."""
        read = {key(raw): raw for raw in live}
        found = {name: canonical(raw, self.scope) for name, raw in read.items()}
        before = {key(raw): raw for raw in self.live_commands()}
        expected = dict(self.wanted)
        expected |= {c.key: canonical(before[c.key], self.scope) for c in self.having(Action.KEEP)}
        problems = [f"{name} is missing" for name in expected if name not in found]
        problems += [f"{name} is still there" for name in found if name not in expected]
        problems += [
            f"{name} is not the command that was {old}: it has another id"
            for name, old in self.renames.items()
            if name in read and read[name]["id"] != before[old]["id"]
        ]
        for name in expected.keys() & found.keys():
            problems += [f"{name} {change.path}" for change in compare(expected[name], found[name])]
        return sorted(problems)


@dataclass(frozen=True)
class Plan:
    """All scopes, in the order in which they are shown."""

    scopes: tuple[ScopePlan, ...]
    notes: tuple[str, ...] = ()
    created_today: Mapping[str, int] = field(default_factory=dict)
    """By scope: how many commands we created or renamed there in the last 24 hours, where this plan does so too."""
    service: ServicePlan | None = None
    """What would happen to the bot's service; None where the run has no business with it."""

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
        """Creates of the scope nearest to Discord's daily limit: of today, with this plan's.

        Whether Discord counts a rename is not known, so it is counted.
        """
        each = ((one.scope, len(one.having(Action.CREATE, Action.RENAME))) for one in self.scopes if not one.orphan)
        return max((self.created_today.get(scope, 0) + new for scope, new in each if new), default=0)

    def count(self, action: Action) -> int:
        """How many commands of all scopes, orphans left out, have this action."""
        return sum(len(scope.having(action)) for scope in self.scopes if not scope.orphan)

    @property
    def drifted(self) -> list[tuple[str, CommandPlan]]:
        """(scope, command) for every managed command that other hands changed."""
        return [(scope.scope, command) for scope in self.scopes for command in scope.commands if command.drift]


def _id(raw: Mapping[str, Any] | None) -> dict[str, str]:
    return {"id": raw["id"]} if raw else {}


def label(scope: str) -> str:
    """How a scope is called in text: `global`, or `guild 81384788765712384`."""
    return scope if scope == GLOBAL else f"guild {scope}"


def called(key: str) -> str:
    """A command key as users know the command: `/ban`, `user command "Report"`."""
    kind, _, name = one_line(key).partition("/")
    if kind == "chat_input":
        return f"/{name}"
    return f'{kind.replace("primary_", "").replace("_", " ")}{"" if "entry" in kind else " command"} "{name}"'
