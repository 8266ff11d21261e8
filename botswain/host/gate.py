"""The health gate: whether a release that was just started is well, and stays so.

Three answers: good, bad, and "cannot tell". Only a bad one has consequences. A process that is not there, or ends, is
bad at once, and so is one that was started again in the meantime. An endpoint that does not answer is bad when its time
is up; but before a bot that runs is called bad, somebody looks whether Discord itself is well.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from botswain.host import probe
from botswain.host.errors import Stopped, Unhealthy
from botswain.host.place import Health

_SHOWN = 30
"""Last lines of the bot's log that a verdict carries."""
_CLOSEST = 0.01
"""Seconds between the first looks."""
_ATTENTION = 0.2
"""Seconds after which a word to stop is heard at the latest, beyond what an answer may take."""


@dataclass(frozen=True)
class Process:
    """What the manager says of the bot's process."""

    running: bool
    pid: int = 0
    since: float = 0.0
    """When it was started, on a clock of the manager's."""
    told: str = ""
    """In words: running, stopped, ended with exit code 1, …"""
    ended: str = ""
    """Of a process that its manager started again by itself: how the one before ended, where that is known."""


class Manager(Protocol):
    """Who keeps the bot's process."""

    def start(self, *, restarts: bool = True) -> None:
        """Start the bot; returns as soon as its process is there, or has failed to be.

        Without `restarts` nobody starts it again when it ends.
        """

    def stop(self) -> bool:
        """Stop the bot, and everything that it started, and return when it is gone: whether it had to be killed."""

    def process(self) -> Process:
        """What the process does."""

    def log(self, lines: int) -> str:
        """The last lines of what the bot printed; after a start by this manager those since then alone."""


@dataclass(frozen=True)
class Verdict:
    """What the gate found."""

    good: bool
    certain: bool = True
    """False for "cannot tell": the process runs, and something outside keeps it from being ready."""
    why: str = ""
    ready_after: float | None = None
    """Seconds from the start until it was ready."""


def wait(
    manager: Manager,
    health: Health,
    outage: Callable[[], str | None],
    stopped: Callable[[], bool] | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Verdict:
    """Wait until the bot is ready and has stayed so. `outage` tells what is wrong with Discord, or None.

    Raises Unhealthy, with the end of the bot's log, for a release that is bad, and Stopped once `stopped` says so.
    """

    def rest(seconds: float) -> None:
        _heed(stopped)
        while stopped is not None and seconds > _ATTENTION:
            sleep(_ATTENTION)
            seconds -= _ATTENTION
            _heed(stopped)
        sleep(seconds)

    began = clock()
    first = manager.process()
    if not first.running:
        raise Unhealthy(f"its process did not start ({first.told})", log=manager.log(_SHOWN))
    while True:
        answer = probe.look(health, _within(health.timeout, began + health.deadline - clock()))
        _same(manager, first)
        if answer.good:
            break
        if clock() - began >= health.deadline:
            return _blame(f"was not ready within {health.deadline:g} s: {answer.told}", manager, outage, None)
        passed = clock() - began
        rest(min(_pause(health.interval, passed), max(_CLOSEST, health.deadline - passed)))
    ready_after = last_good = clock() - began
    while not answer.good or clock() - began < ready_after + health.stable_for:
        rest(health.interval)
        _same(manager, first)
        answer = probe.look(health, health.timeout)
        now = clock() - began
        if answer.good:
            last_good = now
        elif now - last_good >= health.timeout:
            _same(manager, first)
            return _blame(f"was ready, and did not stay so: {answer.told}", manager, outage, ready_after)
    _same(manager, first)
    return Verdict(good=True, ready_after=ready_after)


def _heed(stopped: Callable[[], bool] | None) -> None:
    if stopped is not None and stopped():
        raise Stopped("stopped by hand before it was known whether the release is well")


def _pause(interval: float, passed: float) -> float:
    """Closer looks while the bot starts: a bot of a quarter of a second is not waited for twice as long."""
    return min(interval, max(_CLOSEST, passed / 16))


def _within(timeout: float, left: float) -> float:
    return max(0.1, min(timeout, left))


def _blame(told: str, manager: Manager, outage: Callable[[], str | None], ready_after: float | None) -> Verdict:
    """The answer "cannot tell" when Discord is not well either. Raises Unhealthy when it is."""
    trouble = outage()
    if trouble is not None:
        return Verdict(good=False, certain=False, why=f"{told}; Discord: {trouble}", ready_after=ready_after)
    raise Unhealthy(told, log=manager.log(_SHOWN))


def _same(manager: Manager, first: Process) -> None:
    """The very process that was started: one that was started again in the meantime has died once."""
    found = manager.process()
    if not found.running or (found.pid, found.since) != (first.pid, first.since):
        raise Unhealthy(f"its process {_end(found)}", log=manager.log(_SHOWN))


def _end(found: Process) -> str:
    """What became of a process, whoever runs now."""
    how = found.ended if found.running else found.told
    told = how if how.startswith("ended") else f"ended ({how})" if how else "ended"
    return f"{told}, and was started again" if found.running else told
