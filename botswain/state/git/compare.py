"""What two commits of the records know of deployments, so that a person can choose between them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botswain.wording import many

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botswain.state.git.objects import Objects

_HISTORY = "history"
_ENDING = ".json"
_OF_MANIFESTS = ".manifest.json"
_NAMED = 5
"""Deployments that are named before they are only counted."""


@dataclass(frozen=True)
class Known:
    """The deployments that a commit knows."""

    entries: Mapping[str, str]
    """By id: the object of the entry."""
    actor: str
    """Who did the last of them."""

    def __str__(self) -> str:
        """`12 deployments, the last 20261122-145846-3f9a2c by ci`."""
        if not self.entries:
            return "no deployment"
        return f"{many(len(self.entries), 'deployment')}, the last {max(self.entries)} by {self.actor}"


@dataclass(frozen=True)
class Compared:
    """Two histories side by side."""

    here: Known
    there: Known

    @property
    def only_here(self) -> list[str]:
        """What taking the remote's history drops."""
        return sorted(set(self.here.entries) - set(self.there.entries))

    @property
    def only_there(self) -> list[str]:
        """What taking this clone's history drops."""
        return sorted(set(self.there.entries) - set(self.here.entries))

    def restoring(self) -> str:
        """What putting `here` in the place of `there` does to the remote's deployments."""
        lost, back = self.only_there, self.only_here
        deeds = [f"drop {_listed(lost)}"] if lost else []
        deeds += [f"bring back {_listed(back)}"] if back else []
        return " and ".join(deeds) or "drop no deployment"

    def __str__(self) -> str:
        """Both in numbers, and what each way out would drop and bring back."""
        told = f"the remote has {self.there}; this clone has {self.here}"
        if both := [one for one, blob in self.here.entries.items() if self.there.entries.get(one, blob) != blob]:
            told += f"; they differ about {_listed(sorted(both))}"
        lost = self.only_here
        accepting = f"drop {_listed(lost)}" if lost else "drop no deployment"
        return f"{told}; state.restore would {self.restoring()}; state.accept would {accepting}"


def compare(objects: Objects, here: str | None, there: str | None) -> Compared:
    """Compare two commits; None is one without records. Raises BotswainError when a part of one is missing."""
    return Compared(_known(objects, here), _known(objects, there))


def _known(objects: Objects, commit: str | None) -> Known:
    mode, folder = objects.tree(commit).get(_HISTORY, ("", "")) if commit else ("", "")
    names = objects.tree(folder) if mode == "40000" else {}
    entries = {
        name.removesuffix(_ENDING): blob
        for name, (_, blob) in names.items()
        if name.endswith(_ENDING) and not name.endswith(_OF_MANIFESTS)
    }
    return Known(entries, _actor(objects.blob(entries[max(entries)])) if entries else "")


def _actor(entry: bytes) -> str:
    try:
        return " ".join(str(json.loads(entry)["actor"]).split()) or "somebody"
    except (ValueError, TypeError, KeyError):
        return "somebody"


def _listed(ids: list[str]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return f"{len(ids)}: {', '.join(ids[:_NAMED])}{more}"
