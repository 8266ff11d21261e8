"""One scope of a sandbox, written and read the way a deployment does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from sandbox_client import GUILD, Client

from botswain import manifest
from botswain.commands.canonical import Command, canonical, key
from botswain.discord.enums import GLOBAL
from botswain.manifest import ScopeRecord
from botswain.plan import Action, FieldChange, ScopePlan, plan_scope
from botswain.sandbox.model import Settings
from botswain.sandbox.record import content
from tests.strategies import mutations

Raw = dict[str, Any]


@dataclass
class Place:
    """A scope of an application with these defaults; `contexts` None is what older applications show."""

    scope: str = GLOBAL
    contexts: tuple[int, ...] | None = (0, 1, 2)
    installs: tuple[int, ...] = (0, 1)
    client: Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.client = Client(Settings(limits=False, contexts_default=self.contexts, integration_types=self.installs))

    def fitting(self, commands: list[Raw]) -> list[Raw]:
        """The commands with only those install types that the application has."""
        allowed = set(self.installs)
        return [
            {**one, "integration_types": sorted(set(one["integration_types"]) & allowed) or [*self.installs]}
            if one.get("integration_types")
            else one
            for one in commands
        ]

    def put(self, payload: list[Raw]) -> None:
        """Replaces the scope."""
        answer = self.client.put(payload, self.scope)
        assert answer.status == 200, answer.data

    def live(self) -> list[Raw]:
        """What Discord shows, as every survey reads it."""
        raw: list[Raw] = self.client.get(self.scope, query="with_localizations=true").data
        return raw

    def wanted(self, commands: list[Raw]) -> dict[str, Command]:
        """The canonical definitions of what a source holds."""
        return {key(one): canonical(one, self.scope) for one in commands}

    def plan(self, wanted: dict[str, Command], record: ScopeRecord | None = None, **options: Any) -> ScopePlan:
        """The plan against what is live."""
        installs = self.installs if self.scope == GLOBAL else None
        return plan_scope(self.scope, wanted, self.live(), record, install_types=installs, **options)

    def record(self, wanted: dict[str, Command]) -> ScopeRecord:
        """The record of what was deployed, as read back."""
        return manifest.record(wanted, manifest.read_back(self.live(), self.scope))

    def apply(self, plan: ScopePlan) -> ScopeRecord:
        """Writes a plan, verifies it, and returns its record."""
        self.put(plan.payload())
        assert plan.mismatches(self.live()) == []
        return self.record(dict(plan.wanted))

    def deploy(self, commands: list[Raw], record: ScopeRecord | None = None) -> ScopeRecord:
        """Plans and applies what a source holds."""
        return self.apply(self.plan(self.wanted(commands), record))


PLACES: list[dict[str, Any]] = [
    {"scope": scope, "contexts": contexts, "installs": installs}
    for scope in (GLOBAL, GUILD)
    for contexts in (None, (0, 1, 2))
    for installs in ((0,), (0, 1))
]
"""Every kind of scope, as arguments of `Place`."""


def places() -> st.SearchStrategy[Place]:
    """Places with nothing in them yet."""
    return st.sampled_from(PLACES).map(lambda values: Place(**values))


def updates(plan: ScopePlan) -> dict[str, FieldChange]:
    """The changed fields of a plan that only updates, by path."""
    assert {one.action for one in plan.commands} <= {Action.UPDATE}, plan.commands
    return {change.path: change for one in plan.commands for change in one.fields}


def settled(raw: Raw) -> Any:
    """What a command says, with its sets in order: Discord keeps the order of `file_types` as it was sent."""

    def sets(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: sorted(one) if name == "file_types" else sets(one) for name, one in value.items()}
        return [sets(one) for one in value] if isinstance(value, list) else value

    return sets(content(raw))


def variant(data: st.DataObject, command: Raw, place: Place) -> Raw:
    """The command with one field changed, but of the same name."""
    changes = [one for path, one in mutations(command, place.scope) if not path.startswith("name (")]
    changes = [one for one in changes if place.fitting([one]) == [one]]
    return changes[data.draw(st.integers(0, len(changes) - 1))]
