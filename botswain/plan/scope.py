"""Makes the plan of one scope from its three sides."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from botswain.commands.canonical import Command, canonical, key
from botswain.manifest import ScopeRecord
from botswain.plan.compare import compare
from botswain.plan.model import Action, CommandPlan, ScopePlan
from botswain.plan.renames import Known, lookalikes

_ENTRY_POINT = "primary_entry_point/"


def unavailable(scope: str, reason: str, record: ScopeRecord | None, *, orphan: bool = False) -> ScopePlan:
    """The plan of a scope that could not be read."""
    return ScopePlan(scope, {}, b"[]", (), 0, record, orphan=orphan, unavailable=reason)


def plan_scope(
    scope: str,
    wanted: Mapping[str, Command],
    live: list[dict[str, Any]],
    record: ScopeRecord | None,
    *,
    renames: Mapping[str, str] | None = None,
    ids: Mapping[str, str] | None = None,
    delete_unmanaged: bool = False,
    install_types: Iterable[int] | None = None,
    orphan: bool = False,
    exact: bool = False,
) -> ScopePlan:
    """What an apply of `wanted` (canonical definitions by key) does in one scope.

    `renames` holds, by key, the key that a wanted command had before; None when what is wanted comes from no sources
    that could say so. `ids` are the ids that wanted commands are known to have had, beside those of the record.
    `install_types` are the application's configured integration types: what Discord fills in where a global command
    names none. `exact` is for a snapshot, which names all that Discord had chosen. Live commands that are
    neither wanted nor recorded are kept, unless `delete_unmanaged`.
    """
    by_key = {key(raw): raw for raw in live}
    if len(by_key) < len(live):
        return unavailable(scope, _twins(live), record, orphan=orphan)
    recorded = record.commands if record else {}
    known = Known(wanted, by_key, record or ScopeRecord(), renames or {}, ids or {})
    moved = known.renames()

    def compared(name: str, now: str, origin: str | None) -> CommandPlan | None:
        """The command `name`, which is live as `now` and recorded as `origin`; None when nothing is to change."""
        found, before = canonical(by_key[now], scope), recorded.get(origin) if origin is not None else None
        if now != name:
            found = {**found, "name": wanted[name]["name"]}
        defaults = _defaults(record, origin)
        fields = tuple(compare(wanted[name], found, before, defaults, install_types, exact=exact))
        drift = any(field.drift for field in fields)
        if now == name:
            return CommandPlan(name, Action.UPDATE, fields, drift) if fields else None
        theirs = origin not in (None, now)
        return CommandPlan(
            name, Action.RENAME, fields, drift or theirs, origin is not None, renamed_from=now, renamed_by_others=theirs
        )

    commands: list[CommandPlan] = []
    for name in wanted:
        if name in moved:
            one = compared(name, moved[name], known.origin(moved[name]))
        elif name in by_key:
            one = compared(name, name, name)
        else:
            one = CommandPlan(name, Action.CREATE, drift=name in recorded)
        commands += [one] if one else []
    unchanged = len(wanted) - len(commands)
    left = by_key.keys() - wanted.keys() - {*moved.values()}
    commands += [_unwanted(name, known, delete=delete_unmanaged) for name in by_key if name in left]
    if renames is not None:
        commands = _hinted(scope, commands, wanted, by_key)
    raw = json.dumps(live, separators=(",", ":"), ensure_ascii=False).encode()
    return ScopePlan(scope, wanted, raw, tuple(commands), unchanged, record, orphan=orphan)


def _twins(live: list[dict[str, Any]]) -> str:
    """Why a scope cannot be planned in which two commands of a kind have names that differ in their spaces alone."""
    keys = [key(raw) for raw in live]
    name = next(raw["name"] for index, raw in enumerate(live) if keys[index] in keys[:index])
    return (
        f"two live commands are called {json.dumps(name, ensure_ascii=False)} but for their spaces; rename one of them"
    )


def _unwanted(name: str, known: Known, *, delete: bool) -> CommandPlan:
    ours = known.ours(name)
    if name.startswith(_ENTRY_POINT) or not (ours or delete):
        return CommandPlan(name, Action.KEEP, managed=ours)
    return CommandPlan(name, Action.DELETE, managed=ours, name_taken=known.name_taken(name))


def _hinted(
    scope: str, commands: list[CommandPlan], wanted: Mapping[str, Command], live: Mapping[str, Mapping[str, Any]]
) -> list[CommandPlan]:
    """The commands, with a hint at those that are created while one that looks alike is deleted."""
    created = {one.key: wanted[one.key] for one in commands if one.action is Action.CREATE}
    deleted = [one.key for one in commands if one.action is Action.DELETE]
    if not (created and deleted):
        return commands
    alike = lookalikes(created, {name: canonical(live[name], scope) for name in deleted})
    return [replace(one, looks_like=alike[one.key]) if one.key in alike else one for one in commands]


def _defaults(record: ScopeRecord | None, name: str | None) -> Mapping[str, Any] | None:
    if record is None or name is None or name not in record.commands:
        return None
    return {field: _settled(value) for field, value in record.defaults.get(name, {}).items()}


def _settled(value: Any) -> Any:
    """A recorded default in its canonical form."""
    return sorted(value) if isinstance(value, list) else value
