"""The moves that a switch is made of: stop, relink, start, look; and a way back, gone to its end.

The caller holds the place's lock.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from botswain.host import gate, halt, launch, ports, probe, programs, single
from botswain.host.errors import HostError, Stopped
from botswain.host.gate import Manager, Verdict
from botswain.host.halt import Halted
from botswain.host.ledger import Ledger
from botswain.host.place import Health, Place, Service, explained
from botswain.host.underway import Switch, forget, read

Outage = Callable[[], "str | None"]
Stop = Callable[[], bool]
"""Whether somebody wants the run to end."""
_BACK = 5.0
"""Seconds that a release which was good before has to stay ready when it comes back."""
_PORT = 2.0
"""Seconds that a health port of the stopped bot may still be answered."""


class Stuck(HostError):
    """A release is bad, and the one to return to did not come back either; a person is needed."""


@dataclass(frozen=True)
class Switched:
    """What a switch did."""

    release: str
    previous: str | None
    verdict: Verdict
    seconds: float
    """From the beginning of the stop until the new release was ready."""
    token: str = ""
    """What confirms it; empty when nobody has to."""
    killed: bool = False
    """Whether the bot that ran before did not heed SIGTERM in its `stop_timeout`, and was killed."""


@dataclass
class Away:
    """What is known of the time without a bot, also where the switch fails."""

    since: float = 0.0
    """When the stop began (monotonic)."""
    killed: bool = False
    """As of Switched."""


def there(place: Place, release: str, spec: Service) -> None:
    """Raise HostError for a release whose directory is gone, or what it is started with."""
    if not place.release(release).is_dir():
        what = f"release {release} is not on this machine any more"
        raise HostError(what, where=str(place.root), fix="deploy its commit")
    programs.check(place.release(release), spec.run)


def ready(place: Place, switch: Switch) -> None:
    """Write all that a switch has to write, both ways, before anything stops: later the disk may be full."""
    launch.forget(place.starts)
    single.lay(place)
    with explained(place.root, "make links in it"):
        for release in (switch.to, switch.back):
            if release:
                place.aim(release)


def go(
    place: Place,
    service: Service,
    manager: Manager,
    release: str,
    outage: Outage,
    stable: float | None = None,
    *,
    restarts: bool = True,
    stopped: Stop | None = None,
    health: Health | None = None,
    away: Away | None = None,
) -> Switched:
    """Stop what runs, relink, start, and wait until it is well: never two of them at once.

    Without `restarts` it is started once and never again by itself. `health` is what judges it, by default as it was
    made. `away` is told what went before a failure. Raises Halted when somebody stops the bot by hand meanwhile.
    """
    away = away or Away()
    health = health or place.spec(release, service).health
    if stable is not None:
        health = replace(health, stable_for=min(stable, health.stable_for))
    away.since = time.monotonic()
    away.killed = _stop(place, service, manager)
    with explained(place.root, "switch releases"):
        place.link(release)
    _silence(health)
    if told := halt.told(place):
        raise Halted(told, release)
    with contextlib.suppress(HostError):  # `ready` did it already, and what was stopped may have started since
        launch.forget(place.starts, restarts=restarts)
    manager.start(restarts=restarts)
    seconds = time.monotonic() - away.since
    verdict = gate.wait(manager, health, outage, stopped)
    return Switched(release, None, verdict, seconds + (verdict.ready_after or 0.0), killed=away.killed)


def _stop(place: Place, service: Service, manager: Manager) -> bool:
    family = single.family(place, manager.process().pid)
    killed = manager.stop()
    single.end_others(place, service.stop_timeout, family)
    return killed


def _silence(health: Health) -> None:
    """See to it that nobody answers for the stopped bot, who would then be taken for the new one."""
    end = time.monotonic() + _PORT
    while (url := probe.stranger(probe.urls(health))) is not None:
        if time.monotonic() >= end:
            who = next((one for one in ports.in_the_way(ports.addresses([url]), _nobody, ())), None)
            fix = f"end {who.process}" if who else "end the program that does"
            raise HostError("is answered although the bot is stopped", where=url, fix=fix)
        time.sleep(0.05)


def _nobody(_pid: int) -> bool:
    return False


def finish(
    place: Place,
    service: Service,
    manager: Manager,
    way: Switch,
    outage: Outage,
    *,
    restarts: bool = True,
    stopped: Stop | None = None,
    health: Health | None = None,
) -> Switched:
    """Go a way back to its end. Raises Stuck; a way that could not even be begun stays written down.

    Where a person stops the bot meanwhile, or does not wait for it, nobody can tell whether the release is well. The
    ledger comes second: where it cannot be written the bot runs all the same, and `settle` writes it later.
    """
    written = not (way.why and way.to and way.to != way.back) or _noted(place, way.to, "bad", why=way.why)
    try:
        try:
            switched = _return(place, service, manager, way.back, outage, restarts, stopped, health)
        except HostError as error:
            unseen = isinstance(error, Stopped)
            why = error.what if unseen else halt.told(place)
            if not why or (manager.process().running and not unseen):
                raise
            place.link(way.back)
            switched = Switched(way.back or "", None, Verdict(good=False, certain=False, why=why), 0.0)
    except HostError as error:
        if place.live() == way.back:
            forget(place, place.reverting)
        what = f"release {way.back}, which was to run again, is not well: {error.what}"
        if way.back is None:
            what = f"it does not stop: {error.what}"
        fix = error.fix or "look at its log; roll back to another release, or mend what all of them need"
        raise Stuck(what, where=error.where, fix=fix, log=error.log) from error
    live = Ledger(place).live()
    if way.back is not None and (live is None or live.id != way.back):
        written = _noted(place, way.back, "live", by=way.by, back=True) and written
    if written:
        forget(place, place.reverting)
    return switched


def _return(
    place: Place,
    service: Service,
    manager: Manager,
    release: str | None,
    outage: Outage,
    restarts: bool,
    stopped: Stop | None,
    health: Health | None,
) -> Switched:
    with contextlib.suppress(HostError):
        launch.forget(place.starts, restarts=restarts)
    if release is None:
        _stop(place, service, manager)
        place.link(None)
        return Switched("", None, Verdict(good=True), 0.0)
    if place.live() == release and manager.process().running:  # a stop comes before every link, so it is this one
        verdict = judge(manager, health or place.spec(release, service).health, outage, stopped)
        return Switched(release, None, verdict, 0.0)
    return go(
        place, service, manager, release, outage, _BACK, restarts=restarts, stopped=stopped, health=health
    )  # fmt: skip


def judge(manager: Manager, health: Health, outage: Outage, stopped: Stop | None) -> Verdict:
    """Whether a bot that runs already is well, by the gate; it does not have to stay so for long."""
    return gate.wait(manager, replace(health, stable_for=min(_BACK, health.stable_for)), outage, stopped)


def record(place: Place, by: str) -> None:
    """Put a confirmed switch into the ledger."""
    found = read(place, place.confirmed)
    if found is None:
        return
    live = Ledger(place).live()
    if live is None or live.id != found.to:
        Ledger(place).add(found.to, "live", by=by or found.by, deployment=found.deployment)
    forget(place, place.confirmed)


def _noted(place: Place, release: str, event: str, **facts: object) -> bool:
    with contextlib.suppress(HostError):
        Ledger(place).add(release, event, **facts)
        return True
    return False
