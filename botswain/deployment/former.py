"""What a rollback returns to: what was deployed before, whatever other hands had made of it meanwhile.

The snapshot holds what was live; the manifest before holds what was deployed. Where a command of ours differs between
the two, other hands had changed it: it comes back as it was deployed, and their state only where that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botswain.commands.canonical import Command, canonical, definition, key
from botswain.manifest import ScopeRecord
from botswain.plan import called, plan_scope

Live = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Former:
    """The commands of one scope that a deployment touched, as a rollback of it is to leave them."""

    wanted: Mapping[str, Command]
    ids: Mapping[str, str]
    touched: frozenset[str]
    """The keys that they have, had, or get."""
    recorded: Mapping[str, Command]
    """The definitions of all commands of ours in this scope, as they are on record afterwards."""
    edits: Mapping[str, str] = field(default_factory=dict)
    """By key: what other hands had done to it before: changed, deleted, or renamed."""


def former(
    scope: str, keys: Iterable[str], snapshot: Live, record: ScopeRecord | None, live: Live, *, with_edits: bool
) -> Former:
    """How the commands called `keys` were before a deployment that stored `snapshot` and found `record`.

    `with_edits` leaves what other hands had made of them; else only what was never ours comes from the snapshot.
    """
    record, touched = record or ScopeRecord(), {*keys}
    before = {key(raw): raw for raw in snapshot if key(raw) in touched}
    wanted = {name: canonical(definition(raw), scope) for name, raw in before.items()}
    ids = {name: str(raw["id"]) for name, raw in before.items()}
    names = {identity: name for name, identity in record.ids.items() if name in record.commands}
    ours = {name: name if name in record.commands else names.get(ids[name]) for name in before}
    edits = {name: "deleted" for name in touched if name in record.commands and name not in ours.values()}
    for name, known in ours.items():
        if known is not None and known != name:
            edits[known] = "renamed"
        elif known is not None and not _same(scope, known, before[name], record):
            edits[known] = "changed"
    touched |= edits.keys()
    if with_edits:
        kept = {name: command for name, command in record.commands.items() if name not in touched}
        return Former(wanted, ids, frozenset(touched), kept | {n: wanted[n] for n, one in ours.items() if one}, edits)
    for name, known in ours.items():
        if known in edits and known != name:
            wanted.pop(name)
            ids[known] = ids.pop(name)
    by_key = {key(raw): raw for raw in live}
    for name in edits:
        now = by_key.get(name)
        same = now is not None and _same(scope, name, now, record)
        wanted[name] = canonical(definition(now), scope) if now is not None and same else _pinned(name, record)
    return Former(wanted, ids, frozenset(touched), record.commands, edits)


def _same(scope: str, name: str, raw: Mapping[str, Any], record: ScopeRecord) -> bool:
    """Whether a raw command is what was deployed."""
    return not plan_scope(scope, {name: record.commands[name]}, [dict(raw)], record).changed


def _pinned(name: str, record: ScopeRecord) -> Command:
    """A definition with what Discord had chosen where it left something to it."""
    chosen = record.defaults.get(name, {})
    return {**{one: sorted(value) if isinstance(value, list) else value for one, value in chosen.items()},
            **record.commands[name]}  # fmt: skip


def edits_note(edits: Mapping[str, str], deployment: str, *, with_edits: bool) -> str:
    """What to say of what other hands had done before the deployment that is undone."""
    done: dict[str, list[str]] = {}
    for name, deed in sorted(edits.items()):
        done.setdefault(deed, []).append(called(name))
    what = " and ".join(f"{deed} {', '.join(names)}" for deed, names in sorted(done.items()))
    if with_edits:
        return f"other hands had {what} before deployment {deployment}; that is brought back (--with-edits)"
    return (
        f"other hands had {what} before deployment {deployment}; a rollback returns to what was deployed"
        " (--with-edits returns to theirs)"
    )
