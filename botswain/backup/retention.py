"""Which backups may go. The newest good one never does, and nothing that is newer than it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from botswain.backup.catalogue import DAMAGED, SUSPICIOUS, Found
from botswain.backup.settings import Keep

_BAD = (SUSPICIOUS, DAMAGED)
_LOOKED_AT = 2
"""A suspicious or damaged one goes once so many newer ones are good: until then somebody may want to look at it."""


def removable(found: Sequence[Found], keep: Keep) -> list[Found]:
    """What may go, oldest first. Backups that are neither good nor bad are kept."""
    good = sorted((one for one in found if one.good), key=lambda one: one.id, reverse=True)
    wanted = _wanted(good, keep)
    old = [one for one in good if one.id not in wanted]
    bad = [one for one in found if one.state in _BAD and sum(other.id > one.id for other in good) >= _LOOKED_AT]
    return sorted([*old, *bad], key=lambda one: one.id)


def _wanted(good: Sequence[Found], keep: Keep) -> set[str]:
    """Of the good ones, newest first: those that one of the rules keeps."""
    wanted = {one.id for one in good[: max(1, keep.last)]}
    for count, period in ((keep.daily, "%Y-%m-%d"), (keep.weekly, "%G-%V"), (keep.monthly, "%Y-%m")):
        wanted |= set(_newest_of_each(good, period, count))
    return wanted


def _newest_of_each(good: Iterable[Found], period: str, count: int) -> list[str]:
    newest: dict[str, str] = {}
    for one in good:
        newest.setdefault(f"{made_at(one):{period}}", one.id)
    return list(newest.values())[:count]


def made_at(one: Found) -> datetime:
    """When a backup was begun.

    Its id says so, too, but after a clock that was ahead it says the time of the one before, for months.
    """
    if one.entry is not None:
        with suppress(ValueError):
            return datetime.strptime(one.entry.started_at, "%Y-%m-%dT%H:%M:%S%z")
    return datetime.strptime(f"{one.id[:15]}Z", "%Y%m%d-%H%M%S%z")
