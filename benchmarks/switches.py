"""What a deploy and a rollback of the service cost, against the same bot started and stopped by hand."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, at_most, exactly, noise
from benchmarks.harbour import COMMANDS, ByHand, Harbour, Watch, harbour, unready
from benchmarks.project import ENVIRONMENT
from benchmarks.times import ROUNDS as QUICK
from benchmarks.times import _ratio
from tests.clients.harbour import NAMES

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 9


def switches() -> list[Figure]:
    """Both sample bots."""
    return [figure for name in NAMES for figure in _switches(name)]


def _switches(name: str) -> list[Figure]:
    """A deploy of a small change, its rollback, and after each of them a restart by hand, in turns."""
    times: dict[str, list[float]] = {}

    def took(what: str, seconds: float) -> None:
        times.setdefault(what, []).append(seconds * 1e3)

    with harbour(stable_for=0, name=name) as service, ByHand(service) as hand:

        def restart() -> None:
            stop, start = hand.stop(), hand.start()
            took("start by hand", start)
            took("stop and start by hand", stop + start)

        first = service.current
        for number in range(ROUNDS):
            service.commit(f"Change {number}")
            took("deploy, without a ready bot", _deploy(service, first))
            restart()
            took("./inv rollback --only service", _rollback(service, first))
            restart()
    for what, values in times.items():
        noise(f"{name}: {what}", values)
    middle = {what: statistics.median(values) for what, values in times.items()}
    gap = middle["deploy, without a ready bot"] / middle["start by hand"]
    back = middle["./inv rollback --only service"] / middle["stop and start by hand"]
    return [
        at_most(f"{name}, a good deploy: time without a ready bot / the bot's own start-up time", gap, "x", 1.2),
        at_most(f"{name}, ./inv rollback --only service / stop and start by hand", back, "x", 1.5),
    ]


def unchanged() -> list[Figure]:
    """A deploy with nothing new against an apply with nothing to do, in turns; the bot goes on as it is."""
    with harbour(stable_for=0) as service:
        process, logins = service.process(), service.identifies()
        ratio = _ratio(
            ("./inv deploy, nothing new", lambda: service.place.inv("deploy", "--env", ENVIRONMENT)),
            ("./inv apply, nothing to do", lambda: service.place.inv("apply", "--env", ENVIRONMENT)),
        )
        restarts = service.identifies() - logins + (service.process() != process)
    return [
        at_most(f"deploy with nothing new / apply with nothing to do, {COMMANDS} commands", ratio, "x", 1.5),
        exactly(f"{QUICK + 1} deploys with nothing new: logins and restarts of the bot", restarts, "", 0),
    ]


def _deploy(service: Harbour, first: Path) -> float:
    """Seconds without a ready bot in a deploy that puts another release in the place of the first."""
    with Watch(service.port) as watch:
        code = service.deploy()
    if code or service.current == first:
        raise RuntimeError(f"the deploy ended with {code}; {service.current.name} is live")
    return unready(watch.looks)


def _rollback(service: Harbour, first: Path) -> float:
    """Seconds that it takes to return to the first release."""
    ended = service.place.inv("rollback", "--env", ENVIRONMENT, "--only", "service", "--yes")
    if service.current != first:
        raise RuntimeError(f"{service.current.name} is live after the rollback")
    return ended.wall / 1e3
