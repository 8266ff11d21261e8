"""How many gateway sessions an application may still start: 1,000 in 24 hours, RESUMEs not counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botswain.sandbox.world import World

DAY = 86_400.0
LATER = 14_400.0
"""Seconds until a budget resets that was set to less than the whole without saying when."""


@dataclass
class Spent:
    """The ledger of one application. `epoch` is that of the settings that it counts from."""

    epoch: int
    since: float
    count: int = 0
    whole: bool = False
    """Whether the day began anew since the settings were made, so that it counts from the total."""


@dataclass(frozen=True)
class StartLimit:
    """`session_start_limit` of `/gateway/bot`; `reset_after` in milliseconds, 0 while nothing is spent."""

    total: int
    remaining: int
    reset_after: int
    max_concurrency: int


def start_limit(world: World, application: str) -> StartLimit:
    """What is left today."""
    settings = world.settings
    spent = _spent(world, application)
    remaining = _left(world, spent)
    wait = 0.0 if remaining >= settings.sessions_total else spent.since + DAY - world.now()
    return StartLimit(settings.sessions_total, remaining, round(wait * 1000), settings.max_concurrency)


def spend(world: World, application: str) -> bool:
    """Counts one IDENTIFY; False when there was none left."""
    spent = _spent(world, application)
    if not _left(world, spent):
        return False
    if not spent.count and world.settings.sessions_remaining >= world.settings.sessions_total:
        spent.since = world.now()
    spent.count += 1
    world.store.write(f"{application}/starts", vars(spent))
    return True


def _left(world: World, spent: Spent) -> int:
    first = world.settings.sessions_total if spent.whole else world.settings.sessions_remaining
    return max(0, first - spent.count)


def _spent(world: World, application: str) -> Spent:
    now = world.now()
    stored = world.store.read(f"{application}/starts")
    epoch, made = world.starts_epoch()
    spent = Spent(**stored) if stored and stored["epoch"] == epoch else Spent(epoch, (made or now) + LATER - DAY)
    if now >= spent.since + DAY:
        return Spent(epoch, now, whole=True)
    return spent
