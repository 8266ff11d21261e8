"""What happens to backups after they were made: copies in second places, and removal of what nobody needs.

Neither fails a backup that is good: what went wrong is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from botswain.backup.catalogue import LEAVING, Catalogue, Copy, Entry, Found
from botswain.backup.errors import BackupError
from botswain.backup.folder import now
from botswain.backup.places import Place, place_of
from botswain.backup.retention import removable
from botswain.backup.settings import Keep, Settings

Say = Callable[[str], None]


@dataclass(frozen=True)
class Kept:
    """What came of it."""

    problems: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def copy_all(settings: Settings, catalogue: Catalogue, say: Say) -> tuple[str, ...]:
    """Copy every good backup to every second place that lacks it, newest first; returns what went wrong."""
    problems = []
    for name in settings.copy_to:
        place = place_of(name, settings)
        problem = _copy_to(place, catalogue, settings.keep, say)
        if problem:
            problems.append(problem)
    return tuple(problems)


def _copy_to(place: Place, catalogue: Catalogue, keep: Keep, say: Say) -> str:
    good = [one.entry for one in catalogue.look() if one.good and one.entry]
    known = any(_earlier(one, place.name).verified_at for one in good)
    leaving = {one.id for one in removable(catalogue.look(), keep)}
    for entry in sorted(good, key=lambda one: one.id, reverse=True):
        if entry.copied_to(place.name) or entry.id in leaving:
            continue
        copy = _earlier(entry, place.name)
        try:
            if not (copy.verified_at and _still_there(place, entry)):
                say(f"copying {entry.id} to {place.name}")
                copy = replace(copy, at=now())
                place.put(entry, catalogue.folder.backup(entry.id), known=known)
        except BackupError as error:  # the place would refuse the older ones, too
            catalogue.write(entry.with_copy(replace(copy, problem=str(error))))
            return f"copy to {place.name}: {str(error).removeprefix(f'{place.name}: ')}"
        catalogue.write(entry.with_copy(replace(copy, verified_at=now(), problem=None)))
        known = True
    return ""


def _earlier(entry: Entry, place: str) -> Copy:
    """What was noted about the copy in that place."""
    return next((one for one in entry.copies if one.place == place), Copy(place, ""))


def _still_there(place: Place, entry: Entry) -> bool:
    """Whether a copy that could not be reached once is as it was."""
    try:
        place.check(entry)
    except BackupError:
        return False
    return True


def check_copies(settings: Settings, catalogue: Catalogue, entry: Entry) -> list[str]:
    """Hash the copies of a backup where they are, and note what was found; returns what is wrong."""
    problems = []
    for copy in entry.copies:
        if copy.place not in settings.copy_to or not copy.verified_at or copy.problem == LEAVING:
            continue
        try:
            place_of(copy.place, settings).check(entry)
            entry = entry.with_copy(replace(copy, verified_at=now(), problem=None))
        except BackupError as error:
            problems.append(f"{entry.id}: copy in {copy.place}: {error}")
            entry = entry.with_copy(replace(copy, problem=str(error)))
    if entry.copies:
        catalogue.write(entry)
    return problems


def prune(settings: Settings, catalogue: Catalogue) -> Kept:
    """Remove what the rules let go, copies first: what cannot be removed there stays here, and is tried again."""
    removed, problems = [], []
    found = catalogue.look()
    for one in removable(found, settings.keep):
        try:
            _remove_copies(settings, catalogue, one, found)
            catalogue.folder.remove(one.id)
        except OSError as error:
            problems.append(f"{one.id} could not be removed: {error.strerror or error}")
        except BackupError as error:
            problems.append(f"{one.id} could not be removed: {error}")
        else:
            removed.append(one.id)
    return Kept(tuple(problems), tuple(removed))


def remove(settings: Settings, catalogue: Catalogue, one: Found) -> Kept:
    """Remove one backup and its copies, whatever the rules say; the caller knows that another good one is there."""
    problems = []
    for copy in one.entry.copies if one.entry else ():
        if copy.place in settings.copy_to and copy.verified_at:
            try:
                place_of(copy.place, settings).remove(one.id)
            except BackupError as error:
                problems.append(f"{one.id} is still in {copy.place}: {error}")
    try:
        catalogue.folder.remove(one.id)
    except OSError as error:
        return Kept((*problems, f"{one.id} could not be removed: {error.strerror or error}"))
    return Kept(tuple(problems), (one.id,))


def _remove_copies(settings: Settings, catalogue: Catalogue, old: Found, found: list[Found]) -> None:
    """Remove the copies of one backup, but in no place the last good one. The note before explains what a kill left."""
    for copy in old.entry.copies if old.entry else ():
        newer = [one.entry for one in found if one.good and one.entry and one.id > old.id]
        if copy.place not in settings.copy_to or not copy.verified_at:
            continue
        if not any(one.copied_to(copy.place) for one in newer):
            raise BackupError(f"its copy in {copy.place} is the newest good one there")
        catalogue.write(catalogue.read(old.id).with_copy(replace(copy, problem=LEAVING)))
        try:
            place_of(copy.place, settings).remove(old.id)
        except BackupError as error:
            raise BackupError(f"{copy.place}: {error}") from None
