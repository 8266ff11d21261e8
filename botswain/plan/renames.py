"""Finds the live command that a wanted one was before: by its id, or by the name that its definition tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from botswain.commands.canonical import Command
from botswain.manifest import ScopeRecord

_DESCRIBED = ("description", "options")


class Known:
    """What is known of the commands of one scope beside their names."""

    def __init__(
        self,
        wanted: Mapping[str, Command],
        live: Mapping[str, Mapping[str, Any]],
        record: ScopeRecord,
        declared: Mapping[str, str],
        ids: Mapping[str, str],
    ) -> None:
        self._wanted = wanted
        self._live = live
        self._record = record
        self._declared = declared
        self._ids = ids

    def renames(self) -> dict[str, str]:
        """By wanted key: the key under which that command is live, for those that are not live under their own.

        A command that is wanted under its live name is never renamed, and none becomes two.
        """
        missing = [name for name in self._wanted if name not in self._live]
        found: dict[str, str] = {}
        for name in missing:  # by id first: that is certain, whatever a definition says
            for known in self._ids_of(name):
                self._claim(found, name, self._place(known))
        for name in missing:
            old = self._declared.get(name)
            if old is None or (name in self._record.commands and old not in self._record.commands):
                continue  # renamed long ago: what has the old name now is somebody else's
            moved = self._place(self._record.ids.get(old))
            self._claim(found, name, old if moved is None else moved)
        return found

    def _claim(self, found: dict[str, str], name: str, old: str | None) -> None:
        """Notes that `name` is live as `old`, if that can be."""
        if old is None or name in found or old not in self._live or old in self._wanted or old in found.values():
            return
        found[name] = old

    def _ids_of(self, name: str) -> Iterator[str]:
        for ids in (self._ids, self._record.ids):
            if name in ids:
                yield ids[name]

    def _place(self, known: str | None) -> str | None:
        """Under which key the command with this id is live."""
        return self._by_id.get(known) if known is not None else None

    @cached_property
    def _by_id(self) -> dict[str, str]:
        return {raw["id"]: name for name, raw in self._live.items() if "id" in raw}

    @cached_property
    def _recorded_ids(self) -> dict[str, str]:
        return {known: name for name, known in self._record.ids.items()}

    def origin(self, name: str) -> str | None:
        """The key under which the record has the command that is live as `name`; None for a stranger."""
        recorded = self._recorded_ids.get(self._live[name].get("id", ""))
        if recorded is not None:
            return recorded
        return name if self.ours(name) else None

    def ours(self, name: str) -> bool:
        """Whether the record has the live command `name`.

        By its name, unless the command that is recorded so is live under another one: then a stranger took the name.
        """
        if name not in self._record.commands:
            return False
        place = self._place(self._record.ids.get(name))
        return place in (None, name) or self._live[name].get("id") in self._recorded_ids

    def name_taken(self, name: str) -> str | None:
        """The wanted key that the unwanted live command `name` would have got if no other command had it."""
        own = self._live[name].get("id")
        for wanted in self._wanted:
            if self._declared.get(wanted) == name or own in [*self._ids_of(wanted)]:
                return wanted
        return None


def lookalikes(created: Mapping[str, Command], deleted: Mapping[str, Command]) -> dict[str, str]:
    """By key of a created command: the deleted one that it looks like, each used once.

    Alike are those that share their whole description or all their options; of a kind that has neither, the
    only two.
    """
    found: dict[str, str] = {}
    for name, new in created.items():
        kind = name.partition("/")[0]
        mine, others = ([one for one in side if one.partition("/")[0] == kind] for side in (created, deleted))
        alone = len(mine) == len(others) == 1
        for old in others:
            if old not in found.values() and _alike(new, deleted[old], alone=alone):
                found[name] = old
                break
    return found


def _alike(new: Command, old: Command, *, alone: bool) -> bool:
    if not any(part in one for part in _DESCRIBED for one in (new, old)):
        return alone
    return any(part in new and new[part] == old.get(part) for part in _DESCRIBED)
