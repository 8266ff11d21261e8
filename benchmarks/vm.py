"""The figures of a bot on real hosts, each measured anew in every run (machines of tests/machines)."""

from __future__ import annotations

import os
import statistics
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from benchmarks import byhand, processors
from benchmarks.ansistrano import PACKAGES, plays
from benchmarks.figures import Figure, at_most, exactly, noise
from benchmarks.hosts import Shore, shore
from benchmarks.project import ENVIRONMENT
from benchmarks.traces import Traced, Tracer, shares

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROUNDS = 5
WORKERS = 3
Found = TypeVar("Found")
_ENV = ("--env", ENVIRONMENT, "--yes")


@dataclass
class Times:
    """Seconds of several things, measured in turns."""

    known: dict[str, list[float]] = field(default_factory=dict)

    def took(self, what: str, seconds: float) -> None:
        """Keeps one of them."""
        self.known.setdefault(what, []).append(seconds)

    def ratio(self, first: str, second: str) -> float:
        """Of the medians."""
        return statistics.median(self.known[first]) / statistics.median(self.known[second])

    def tell(self) -> None:
        """Tells how far single measurements are apart."""
        for what, values in self.known.items():
            noise(what, [1e3 * one for one in values])


def switches() -> list[Figure]:
    """A deploy and its rollback, after each of them what people would do otherwise on the same host, in turns.

    All share one connection. It is open when a deploy begins; each way back opens a new one, as at night.
    """
    times, deploys, rollbacks = Times(), [], []
    deploy, rollback, ssh = "./inv deploy", "./inv rollback --only service", "relink, restart and poll by one ssh"

    def anew(run: Callable[[], Found]) -> Found:
        byhand.hang_up(ashore)
        return run()

    with _provisioned(PACKAGES) as (ashore, tracer), plays(ashore) as code:
        _deploy(ashore, tracer)
        code.deploy()
        first = ashore.current(ashore.gateway), code.current
        for number in range(ROUNDS):
            ashore.commit(f"Change {number}")
            deploys.append(_deploy(ashore, tracer))
            times.took(code.deploying, code.deploy())
            later = ashore.current(ashore.gateway), code.current
            if set(first) & set(later):
                raise RuntimeError("a deploy changed nothing")
            rollbacks.append(anew(partial(_rollback, ashore, tracer)))
            times.took(code.rolling_back, anew(code.rollback))
            if (ashore.current(ashore.gateway), code.current) != first:
                raise RuntimeError("a rollback did not return to the first release")
            times.took(ssh, anew(partial(byhand.switch, ashore, later[0])))
            times.took(f"{ssh}, on an open connection", byhand.switch(ashore, first[0]))
    for what, runs in ((deploy, deploys), (rollback, rollbacks)):
        for one in runs:
            times.took(what, one.wall)
        shares(what, runs)
    times.tell()
    whole = "restart and health gate included"
    return [
        at_most(f"{deploy}, {whole} / {code.deploying}", times.ratio(deploy, code.deploying), "x", 0.5),
        at_most(f"{rollback}, {whole} / {code.rolling_back}", times.ratio(rollback, code.rolling_back), "x", 0.8),
        at_most(f"{rollback} / {ssh}, each on a new connection", times.ratio(rollback, ssh), "x", 6),
        at_most("deploy: modules and orders run on the host", max(one.runs for one in deploys), "runs", 6),
        at_most("rollback: modules and orders run on the host", max(one.runs for one in rollbacks), "runs", 2),
    ]


def fleet() -> list[Figure]:
    """Several hosts made ready twice, and then deployed to in turns with a single one.

    They are one computer's, so each gets a share of its processors that is the same with and without the others.
    """
    times, count = Times(), WORKERS + 1
    cores = min(1.0, (os.cpu_count() or 1) / (count + 1))
    several, one = f"./inv deploy to {count} hosts", "./inv deploy to one host"
    with ExitStack() as stack:
        four, tracer = stack.enter_context(_provisioned(workers=WORKERS))
        single, _ = stack.enter_context(_provisioned())
        again = tracer.traced(lambda **known: four.place.document("provision", *_ENV, **known))
        for machine in (*four.machines, *single.machines):
            stack.enter_context(processors.shared(machine, cores))
        sides = {several: four, one: single}
        for side in sides.values():
            _deploy(side, tracer)
        for number in range(ROUNDS):
            for what, side in sides.items():
                before = [side.current(machine) for machine in side.machines]
                side.commit(f"Change {number}")
                times.took(what, _deploy(side, tracer).wall)
                if set(before) & {side.current(machine) for machine in side.machines}:
                    raise RuntimeError("a deploy left a host out")
    times.tell()
    return [
        exactly(f"second provision of {count} hosts: tasks that changed something", again.changed, "tasks", 0),
        at_most(f"{several} / {one}, each with {cores:.2g} processors of its own", times.ratio(several, one), "x", 1.5),
    ]


@contextmanager
def _provisioned(packages: Sequence[str] = (), workers: int = 0) -> Iterator[tuple[Shore, Tracer]]:
    """Hosts that are ready, and nothing was deployed to them yet."""
    with shore(workers, packages) as ashore, tempfile.TemporaryDirectory(prefix="botswain-bench-") as name:
        tracer = Tracer(Path(name))
        made = tracer.traced(lambda **known: ashore.place.document("provision", *_ENV, **known))
        if not made.changed:
            raise RuntimeError("provision changed nothing on new hosts")
        yield ashore, tracer


def _deploy(ashore: Shore, tracer: Tracer) -> Traced:
    return tracer.traced(lambda **known: ashore.place.document("deploy", *_ENV, **known))


def _rollback(ashore: Shore, tracer: Tracer) -> Traced:
    return tracer.traced(lambda **known: ashore.place.document("rollback", *_ENV, "--only", "service", **known))


MEASUREMENTS = {
    "switches": switches,
    "fleet": fleet,
}
