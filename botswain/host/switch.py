"""From one release to another and back, so that whatever is killed on the way, one good release runs in the end.

A switch is written down before it begins, with the time until which somebody has to confirm it; a guard, a process of
its own, waits for that time. A way back is written down too: whoever is next finishes it. Going back on purpose (a
rollback) has no guard: nobody wants to return to what they left.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from botswain.host import moves, probe
from botswain.host.errors import HostError, Unhealthy
from botswain.host.gate import Manager
from botswain.host.ledger import Ledger, Release
from botswain.host.moves import Outage, Stuck, Switched
from botswain.host.place import Place, Service
from botswain.host.underway import Switch, alone, claim, forget, pending, read, unfinished, write

__all__ = [
    "Failed", "Outage", "Settled", "Stuck", "Switch", "Switched", "alone", "back", "confirm", "deploy", "pending",
    "planned", "ports_free", "revert", "settle", "unfinished", "withdraw",
]  # fmt: skip

_SLACK = 10.0
"""Seconds that a switch may take beyond what its parts may."""


class Failed(Unhealthy):
    """The new release is bad, and the one before runs again."""

    def __init__(self, cause: HostError, previous: str | None) -> None:
        super().__init__(cause.what, where=cause.where, fix=cause.fix, log=cause.log)
        self.previous = previous


@dataclass(frozen=True)
class Settled:
    """A switch that was taken back."""

    release: str | None
    """The release that runs now; None when there was none before."""
    left: str
    why: str


def planned(service: Service, release: Release, *, by: str, deployment: str, confirm_within: float = 30.0) -> Switch:
    """A switch to a release, to be confirmed within so many seconds after the latest time at which it can be well."""
    health = service.health
    longest = service.stop_timeout + health.deadline + health.timeout + health.stable_for + _SLACK + confirm_within
    return Switch(secrets.token_hex(8), release.id, None, time.time() + longest, by, deployment)


def deploy(
    place: Place,
    service: Service,
    manager: Manager,
    release: Release,
    switch: Switch,
    *,
    guard: Callable[[Switch], None],
    outage: Outage,
) -> Switched:
    """Make a release the live one and wait until it is well; it then has to be confirmed.

    Raises Failed when it is bad and the one before runs again, Stuck when that did not come back, and HostError before
    anything was stopped.
    """
    with alone(place):
        settle(place, service, manager, outage)
        moves.there(place, release.id)
        ports_free(place, place.spec(release.id, service), manager)
        switch = replace(switch, back=place.live())
        write(place.switch, switch)
        try:
            moves.ready(place, switch)
            guard(switch)
        except BaseException:
            claim(place, switch.token, place.reverting)
            forget(place, place.reverting)
            raise
        try:
            switched = moves.go(place, service, manager, release.id, outage)
        except HostError as error:
            raise _failed(place, service, manager, switch, outage, error) from error
        return replace(switched, previous=switch.back, token=switch.token)


def confirm(place: Place, token: str, by: str) -> bool:
    """Make a switch final; False when the guard was quicker, and brings the release before back.

    It is final also where the ledger cannot be written right now: `settle` does that later.
    """
    if not claim(place, token, place.confirmed):
        return False
    with contextlib.suppress(HostError), alone(place):
        moves.record(place, by)
    return True


def back(
    place: Place,
    service: Service,
    manager: Manager,
    release: Release,
    by: str,
    outage: Outage,
    why: str = "",
    *,
    restarts: bool = True,
) -> Switched:
    """Go to an earlier release on purpose, and wait until it is well. The one that is left is marked bad.

    Where the release is a later one (a rollback that is undone), nothing is wrong with the one that is left. Killed on
    the way, `settle` finishes it. Without `restarts` the bot is started once and never again by itself.
    Raises Stuck when it is not well: then nothing is tried any more, since going back and forth helps nobody.
    """
    with alone(place):
        moves.there(place, release.id)
        moves.record(place, by)
        left = place.live()
        known = {one.id: one for one in Ledger(place).releases()}
        later = left in known and 0 < known[left].order < release.order
        reason = "" if later or left in {None, release.id} else why or "rolled back"
        way = Switch(secrets.token_hex(8), left or "", release.id, 0.0, by, "", reason)
        moves.ready(place, way)
        found = pending(place)
        if found is not None:
            claim(place, found.token, place.reverting)
        write(place.reverting, way)
        try:
            switched = moves.finish(place, service, manager, way, outage, restarts=restarts)
        except Stuck as stuck:
            if place.live() == release.id:
                Ledger(place).add(release.id, "bad", why=stuck.what)
            raise
        return replace(switched, previous=left)


def withdraw(place: Place, service: Service, manager: Manager, by: str, why: str = "") -> str | None:
    """Undo a first deployment: stop the bot and have no live release. The release that was live."""
    with alone(place):
        moves.record(place, by)
        left = place.live()
        found = pending(place)
        if found is not None:
            claim(place, found.token, place.reverting)
        way = Switch(secrets.token_hex(8), left or "", None, 0.0, by, "", why or "rolled back")
        write(place.reverting, way)
        moves.finish(place, service, manager, way, _nothing)
        return left


def revert(
    place: Place, service: Service, manager: Manager, token: str, outage: Outage, wait: float = 30.0
) -> Settled | None:
    """Bring the release before back: the guard when the time is up, or whoever changed their mind.

    None when the switch was confirmed, or somebody else took it back already.
    """
    found = unfinished(place)
    if found is None or found.token != token:
        return None
    claim(place, token, place.reverting)
    with alone(place, wait):
        found = read(place, place.reverting)
        if found is None or found.token != token:
            return None
        return _reverted(place, service, manager, _tried(place, found, "nobody confirmed it in time"), outage)


def settle(place: Place, service: Service, manager: Manager, outage: Outage) -> Settled | None:
    """Finish what a killed run left: one good release runs afterwards, and the ledger agrees. None if nothing was left.

    A confirmed switch stays, an unconfirmed one is taken back, a way back is gone to its end. Raises Stuck.
    """
    if not any(path.exists() for path in (place.confirmed, place.switch, place.reverting)):
        return None
    with alone(place):
        moves.record(place, "")
        found = unfinished(place)
        if found is None:
            return None
        if claim(place, found.token, place.reverting):
            found = _tried(place, found)
        return _reverted(place, service, manager, found, outage)


def ports_free(place: Place, service: Service, manager: Manager) -> None:
    """Raise HostError when something else answers where the bot is to be asked how it is."""
    own = probe.urls(place.spec(place.live(), service).health) if manager.process().running else []
    url = probe.stranger([one for one in probe.urls(service.health) if one not in own])
    if url is not None:
        raise HostError("is in use by another program", where=url, fix="end that, or give the bot another port")


def _failed(
    place: Place, service: Service, manager: Manager, switch: Switch, outage: Outage, error: HostError
) -> HostError:
    """Bring the release before back after a bad one; returns what the caller is to be told."""
    with contextlib.suppress(HostError):  # the guard may have claimed it; whoever has the lock does the work
        claim(place, switch.token, place.reverting)
    if switch.to == switch.back:
        forget(place, place.reverting)
        what = f"release {switch.to}, which ran before too, is not well: {error.what}"
        return Stuck(what, where=error.where, fix="look at its log, or roll back", log=error.log)
    try:
        moves.finish(place, service, manager, replace(switch, why=error.what), outage)
    except Stuck as stuck:
        return Stuck(f"{error.what}; and {stuck.what}", where=stuck.where, fix=stuck.fix, log=stuck.log or error.log)
    return Failed(error, switch.back)


def _tried(place: Place, switch: Switch, why: str = Switch.why) -> Switch:
    """The switch with what is to be held against its release: nothing where that was never linked."""
    return replace(switch, why=why if place.live() == switch.to else "")


def _reverted(place: Place, service: Service, manager: Manager, way: Switch, outage: Outage) -> Settled:
    moves.finish(place, service, manager, way, outage)
    return Settled(way.back, way.to, way.why)


def _nothing() -> str | None:
    return None
