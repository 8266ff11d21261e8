"""What there is on this machine, in one go: nothing is started, locked or changed, and nothing has to be there yet."""

from __future__ import annotations

import functools
import hashlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from botswain.host import halt, mirror, probe, running, systemd
from botswain.host.errors import HostError
from botswain.host.gate import Process
from botswain.host.ledger import Ledger, Release
from botswain.host.managers import manager_of
from botswain.host.place import Place, Service
from botswain.host.ports import Listener
from botswain.host.underway import Switch, unfinished
from botswain.host.written import to_bring, written


@dataclass(frozen=True)
class State:
    """What runs."""

    live: str | None
    commit: str | None
    running: bool
    told: str
    """About the process, in words."""
    pid: int = 0
    since: float = 0.0
    """Unix seconds; 0 when it does not run."""
    unconfirmed: str | None = None
    """The release of a switch that nobody confirmed or took back yet."""
    halted: str = ""
    """Who stopped the bot by hand, and when; nothing but a person starts it then."""
    outdated: bool = False
    """Whether the live release was judged by another health than the spec that was brought along has."""


@dataclass(frozen=True)
class View:
    """What there is."""

    state: State
    releases: list[Release]
    """Oldest first."""
    switch: Switch | None
    """The one that is not confirmed, or not taken back to its end."""
    confirmed: bool
    """Whether a switch was confirmed that is not in the ledger yet; `settle` sees to it."""
    health: str | None
    """What is wrong with the bot by one look; None when nothing is."""
    commits: list[str]
    """Those that a bundle may leave out."""
    free: int
    """Bytes that are free on the disk."""
    wanted: int
    """Bytes that must be free before a build begins; 0 where no spec says it."""
    in_the_way: list[Listener]
    """Who else has ports that the bot needs."""
    back: str | None
    """The release that a rollback returns to."""
    engine: str
    """SHA-256 of the file that this engine is; empty when it is no file."""
    at: float
    """When it was seen, in Unix seconds, by the clock here."""
    data: list[str] = field(default_factory=list)
    """What the bot wrote into the live release's own folder."""
    to_bring: list[str] = field(default_factory=list)
    """Of what the spec has all releases share: that whose data is in the live release alone."""


def stored(place: Place) -> Service | None:
    """How this bot is run; None before the first deployment."""
    return place.load() if place.service.exists() else None


def state(place: Place, service: Service | None, *, brought: bool = False) -> State:
    """What runs. `brought`: the spec is what the controller wants now."""
    live, switch = place.live(), unfinished(place)
    commit = next((one.commit for one in _releases(place) if one.id == live), None)
    process = _process(service)
    began = process.since if process.running else 0.0
    if service is not None and service.manager.get("kind") == "systemd":
        began = systemd.since(process)
    pid = process.pid if process.running else 0
    outdated = brought and service is not None and place.spec(live, service).health != service.health
    return State(
        live, commit, process.running, process.told, pid, began, switch.to if switch else None, halt.told(place),
        outdated,
    )  # fmt: skip


def look(place: Place, service: Service | None) -> View:
    """All of it. `service` is how the bot is to be run; where it is None, as it was stored here."""
    brought, service = service is not None, service or stored(place)
    found, releases = state(place, service, brought=brought), _releases(place)
    in_the_way: list[Listener] = []
    health = "nothing was ever deployed here"
    if service is not None:
        own = place.spec(found.live, service)
        in_the_way = running.in_the_way(place, service if brought else own, manager_of(service))
        health = probe.look(own.health, own.health.timeout).told if found.running else f"the bot {_gone(found.told)}"
    data = written(place)
    earlier = Ledger(place).before(found.live) if releases else None
    return View(
        found, releases, unfinished(place), place.confirmed.exists(), health or None, mirror.commits(place),
        _free(place), service.free_space if service else 0, in_the_way, earlier.id if earlier else None, digest(),
        round(time.time(), 3), data, to_bring(place, service.shared if service else (), data),
    )  # fmt: skip


@functools.cache
def digest() -> str:
    """SHA-256 of the file that this engine is; empty when it is no file."""
    path = Path(__file__).parents[2]
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _gone(told: str) -> str:
    return f"does not run ({told})"


def _releases(place: Place) -> list[Release]:
    return Ledger(place).releases() if place.ledger.exists() else []


def _process(service: Service | None) -> Process:
    if service is None:
        return Process(running=False, told="never deployed")
    try:
        return manager_of(service).process()
    except HostError as error:
        return Process(running=False, told=str(error))


def _free(place: Place) -> int:
    folder = next(one for one in (place.root, *place.root.parents) if one.exists())
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize
