"""Holds one command's three sides against each other: which fields differ, and whose doing that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botswain.commands.canonical import LEFT_TO_DISCORD, Command, differences, tolerate
from botswain.discord.enums import ContextType, IntegrationType


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


def compare(
    wanted: Command,
    live: Command,
    recorded: Command | None = None,
    defaults: Mapping[str, Any] | None = None,
    install_types: Iterable[int] | None = None,
    *,
    exact: bool = False,
) -> Iterator[FieldChange]:
    """The fields in which a live command differs from the wanted one, all in canonical form.

    `defaults` is what Discord had chosen when `recorded` was read back; `install_types` and `exact` are as for
    `plan_scope`.
    """
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
        # Neither: both sides replaced the options by the same ones in another order.
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
