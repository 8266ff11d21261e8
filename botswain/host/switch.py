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

from botswain.host import halt, moves, ports, probe, running
from botswain.host.errors import HostError, Stopped, Unhealthy
from botswain.host.gate import Manager
from botswain.host.halt import Halted
from botswain.host.ledger import Ledger, Release
from botswain.host.moves import Outage, Stop, Stuck, Switched
from botswain.host.place import Place, Service
from botswain.host.underway import Switch, alone, claim, forget, pending, read, unfinished, write

__all__ = [
    "Failed", "Halted", "Outage", "Settled", "Stop", "Stuck", "Switch", "Switched", "alone", "back", "confirm",
    "deploy", "pending", "planned", "ports_free", "revert", "settle", "unfinished", "withdraw",
]  # fmt: skip

_SLACK = 10.0
"""Seconds that a switch may take beyond what its parts may."""


class Failed(Unhealthy):
    """The new release is bad, and the one before runs again."""

    def __init__(
        self, cause: HostError, previous: str | None, seconds: float | None = None, *, killed: bool = False
    ) -> None:
        super().__init__(cause.what, where=cause.where, fix=cause.fix, log=cause.log)
        self.previous = previous
        self.seconds = seconds
        """From the beginning of the stop until the one before was ready again; None where nothing is."""
        self.killed = killed
        """As of Switched."""


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
    stopped: Stop | None = None,
    since: float | None = None,
) -> Switched:
    """Make a release the live one and wait until it is well; it then has to be confirmed.

    Raises Failed when it is bad, or `stopped` says that nobody waits for it any more, and the one before runs again;
    Stuck when that did not come back; Halted when somebody stopped the bot by hand after the time `since`, by default
    meanwhile; and HostError before anything was stopped.
    """
    with alone(place):
        settle(place, service, manager, outage)
        spec = place.spec(release.id, service)
        moves.there(place, release.id, spec)
        ports_free(place, spec, manager)
        told = "" if since is None else halt.told(place, since)
        if told:
            raise Halted(told, release.id)
        halt.lift(place)
        switch = replace(switch, back=place.live())
        write(place.switch, switch)
        try:
            moves.ready(place, switch)
            guard(switch)
        except BaseException:
            claim(place, switch.token, place.reverting)
            forget(place, place.reverting)
            raise
        away = moves.Away()
        try:
            switched = moves.go(place, service, manager, release.id, outage, stopped=stopped, away=away)
        except HostError as error:
            raise _failed(place, service, manager, switch, outage, error, away) from error
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
    stopped: Stop | None = None,
    since: float | None = None,
    anew: bool = False,
) -> Switched:
    """Go to an earlier release on purpose, and wait until it is well. The one that is left is marked bad.

    Where the release is a later one (a rollback that is undone), nothing is wrong with the one that is left. Killed on
    the way, `settle` finishes it. Without `restarts` the bot is started once and never again by itself. With `anew` the
    release is what `service` makes: that says how it is judged, and is kept with it once it is well. Where somebody
    stopped the bot by hand after the time `since`, or does so meanwhile, it is not started.
    Raises Stuck when it is not well: then nothing is tried any more, since going back and forth helps nobody. Raises
    HostError before anything was stopped for what is seen by then: a port that somebody has, a program that is gone.
    """
    with alone(place):
        made = place.spec(release.id, service)
        spec = replace(made, health=service.health) if anew else made
        moves.there(place, release.id, spec)
        running.check_ports(place, spec, manager)
        ports_free(place, spec, manager)
        if since is None or not halt.told(place, since):
            halt.lift(place)
        moves.record(place, by)
        left = place.live()
        if anew and left == release.id and unfinished(place) is None and manager.process().running:
            return _judged(place, service, manager, release.id, outage, stopped)
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
            switched = moves.finish(
                place, service, manager, way, outage, restarts=restarts, stopped=stopped, health=spec.health
            )
        except Stuck as stuck:
            if place.live() == release.id != left:
                Ledger(place).add(release.id, "bad", why=stuck.what)
            raise
        if anew and switched.verdict.good:
            place.store(service, release.id)
        return replace(switched, previous=left)


def _judged(
    place: Place, service: Service, manager: Manager, release: str, outage: Outage, stopped: Stop | None
) -> Switched:
    """Judge the release that runs by what the profile says now; nothing is stopped, whatever comes of it."""
    try:
        verdict = moves.judge(manager, service.health, outage, stopped)
    except Unhealthy as error:
        fix = "it runs on; correct service.health if the bot is well, restart it or roll back if it is not"
        raise Unhealthy(error.what, where=error.where or f"release {release}", fix=fix, log=error.log) from error
    if verdict.good:
        place.store(service, release)
    return Switched(release, release, verdict, 0.0)


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
    """Raise HostError when another program answers where the bot is to be asked how it is."""
    for url in probe.urls(service.health):
        strangers = running.in_the_way(place, service, manager, ports.addresses([url]))
        if strangers and probe.stranger([url]) is not None:
            what = f"is answered by another program: {strangers[0].process}"
            fix = "stop it, or correct service.health; if it passes requests on to the bot, stop the bot, then deploy"
            raise HostError(what, where=url, fix=fix)


def _failed(
    place: Place, service: Service, manager: Manager, switch: Switch, outage: Outage, error: HostError, away: moves.Away
) -> HostError:
    """Bring the release before back after a bad one; returns what the caller is to be told.

    What nobody waited for is not held against the release, nor that somebody stopped the bot by hand.
    """
    halted = halt.told(place)
    with contextlib.suppress(HostError):  # the guard may have claimed it; whoever has the lock does the work
        claim(place, switch.token, place.reverting)
    if switch.to == switch.back:
        forget(place, place.reverting)
        if halted or isinstance(error, Stopped):
            return Halted(halted, switch.to) if halted else Failed(error, switch.back)
        what = f"release {switch.to}, which ran before too, is not well: {error.what}"
        return Stuck(what, where=error.where, fix="look at its log, or roll back", log=error.log)
    try:
        why = "" if halted or isinstance(error, Stopped) else error.what
        gone = time.monotonic() - away.since
        back = moves.finish(place, service, manager, replace(switch, why=why), outage)
    except Stuck as stuck:
        return Stuck(f"{error.what}; and {stuck.what}", where=stuck.where, fix=stuck.fix, log=stuck.log or error.log)
    if told := halt.told(place):
        return Halted(told, switch.to)
    seconds = gone + back.seconds if switch.back and back.verdict.good else None
    return Failed(error, switch.back, seconds, killed=away.killed)


def _tried(place: Place, switch: Switch, why: str = Switch.why) -> Switch:
    """The switch with what is to be held against its release: nothing where that was never linked."""
    return replace(switch, why=why if place.live() == switch.to else "")


def _reverted(place: Place, service: Service, manager: Manager, way: Switch, outage: Outage) -> Settled:
    moves.finish(place, service, manager, way, outage)
    return Settled(way.back, way.to, way.why)


def _nothing() -> str | None:
    return None
