"""Removes releases that nobody needs any more, and what killed builds left. A removal that fails is told, no more."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from botswain.host import credentials
from botswain.host.commands import end_leftovers, git
from botswain.host.errors import HostError
from botswain.host.ledger import GOOD, Ledger, Release
from botswain.host.place import Place, Service, explained
from botswain.host.underway import unfinished

_FAILED_KEPT = 1
"""Failed releases that are kept for whoever wants to see why."""
_GONE = ".gone-"
"""What the folder of a release is called from the moment on at which it is none."""


def prune(place: Place, service: Service) -> list[str]:
    """Remove releases that nobody needs; returns what could not be removed, since that fails no deployment.

    Kept are the live one, those of a switch under way, the one that a rollback returns to, the newest `keep` that were
    ever well, the newest that never ran, and the last failed one if there is room for it. What a rollback left was well
    once: whoever undoes that rollback wants it.
    """
    named = credentials.named(place)
    try:
        ledger, needed = Ledger(place), _needed(place)
        known = [one for one in ledger.releases() if one.id not in needed]
        failed = _beyond_the_last(place, service, known)
    except HostError as error:
        return [str(error)]
    good = sorted((one for one in known if _once_well(one)), key=lambda one: one.order)
    ready = [one for one in known if one.state == "ready"]
    extra = len([one for one in ledger.releases() if one.id in needed - {place.live()} and _once_well(one)])
    spare = max(0, service.keep - extra)
    old = [*good[: max(0, len(good) - spare)], *failed, *ready[:-1]]
    return [*_sweep(place), *remove(place, old), *credentials.forget(place, named)]


def discard_failed(place: Place, service: Service) -> None:
    """Remove failed releases but the last: whoever tries ten times has no ten of them.

    One that filled the disk goes, too: it would stand in the way of the release that mends it.
    """
    needed = _needed(place)
    known = [one for one in Ledger(place).releases() if one.id not in needed]
    remove(place, _beyond_the_last(place, service, known))


def missing(place: Place, service: Service) -> str:
    """What is to be said of a disk that is too full for another release; empty when it is not."""
    folder = next(one for one in (place.root, *place.root.parents) if one.exists())
    with explained(folder, "look at the disk"):
        room = os.statvfs(folder)
    free = room.f_bavail * room.f_frsize
    if free >= service.free_space:
        return ""
    return f"has {free // 1_000_000} MB free, and a release wants {service.free_space // 1_000_000}"


def _beyond_the_last(place: Place, service: Service, known: Sequence[Release]) -> Sequence[Release]:
    failed = [one for one in known if one.state == "bad" and not _once_well(one)]
    return failed if missing(place, service) else failed[:-_FAILED_KEPT]


def _once_well(one: Release) -> bool:
    """Whether a release was ever confirmed: it is good, or was left by a rollback."""
    return one.state in GOOD or (one.state == "bad" and one.order > 0)


def discard_unfinished(place: Place) -> None:
    """Remove what a killed build left, its processes first."""
    needed, ledger = _needed(place), Ledger(place)
    for one in ledger.releases():
        if one.state == "building" and one.id not in needed:
            end_leftovers(place.release(one.id))
            ledger.add(one.id, "bad", why="its build was cut off")
            remove(place, [one])
            with contextlib.suppress(OSError):
                (place.releases / f".{one.id}.index").unlink()


def remove(place: Place, releases: Sequence[Release]) -> list[str]:
    """Remove releases; returns what could not be removed, and why."""
    left, ledger = [], Ledger(place)
    for one in releases:
        folder, gone = place.release(one.id), place.releases / f"{_GONE}{one.id}"
        try:
            with contextlib.suppress(FileNotFoundError):
                folder.rename(gone)  # from now on it is no release, also when the rest is cut off
            ledger.add(one.id, "removed")
            _clear(gone)
            for path in (place.logs / f"build-{one.id}.log", place.services / f"{one.id}.json"):
                path.unlink(missing_ok=True)
        except (OSError, HostError) as error:
            left.append(f"{one.id}: {error}")
            continue
        if all(other.commit != one.commit for other in ledger.releases()) and place.mirror.is_dir():
            with contextlib.suppress(HostError):
                git(place, "update-ref", "-d", f"refs/releases/{one.commit}")
    return left


def _needed(place: Place) -> set[str]:
    """Releases that may not go: what runs, what may run in a moment, and where a rollback leads."""
    live, switch = place.live(), unfinished(place)
    back = Ledger(place).before(live)
    names = [live, back.id if back else None]
    if switch is not None:
        names += [switch.to, switch.back]
    return {one for one in names if one}


def _sweep(place: Place) -> list[str]:
    """Remove what earlier removals left."""
    left = []
    with contextlib.suppress(OSError):
        for path in place.releases.glob(f"{_GONE}*"):
            try:
                _clear(path)
            except OSError as error:
                left.append(f"{path.name}: {error}")
    return left


def _clear(folder: Path) -> None:
    """Remove a directory, also one with parts that forbid it. No link in it is followed, also none made meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        try:
            shutil.rmtree(folder)
        except PermissionError:
            if os.geteuid() == 0:  # nothing forbids root but the system, and by its name a file may be another's by now
                raise
            for path, names, _ in os.walk(folder):
                for one in (path, *(os.path.join(path, name) for name in names)):  # noqa: PTH118 - as os.walk gives them
                    if not os.path.islink(one):  # noqa: PTH114
                        os.chmod(one, 0o700)  # noqa: PTH101
            shutil.rmtree(folder)
