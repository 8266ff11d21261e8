"""What the process knows of itself: whether the gateway is ready, what is under way, and the figures of both."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

from harbour import __version__

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60)
"""Bounds of the histogram; Discord drops a command that was not acknowledged after 3 seconds."""

disable_created_metrics()  # type: ignore[no-untyped-call]


class Vitals:
    """Ready or not, and why not; what is under way; the metrics."""

    def __init__(self, commit: str = "unknown") -> None:
        self.commit = commit
        self.reason: str | None = "not connected yet"
        """Why the gateway is not ready; None when it is."""
        self.closing = False
        """Whether the bot was told to stop."""
        self.latency: Callable[[], float] = lambda: float("nan")
        """Seconds between the last heartbeat and its answer."""
        self._under_way: dict[int, tuple[str, float]] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        build = Gauge("discord_bot_build_info", "Always 1; what runs here", ["version", "commit"], registry=registry)
        build.labels(__version__, commit).set(1)
        ready = Gauge("discord_gateway_ready", "1 when commands can arrive", registry=registry)
        ready.set_function(lambda: float(self.ready))
        latency = Gauge("discord_gateway_latency_seconds", "Answer time of the last heartbeat", registry=registry)
        latency.set_function(lambda: self.latency())  # noqa: PLW0108 - it is replaced later
        self.sessions = Counter("discord_gateway_sessions_total", "Sessions that were started", registry=registry)
        self.resumes = Counter("discord_gateway_resumes_total", "Sessions taken up again", registry=registry)
        self.disconnects = Counter("discord_gateway_disconnects_total", "Connections that were lost", registry=registry)
        self.commands = Counter(
            "discord_commands_total", "Commands by how they ended", ["command", "outcome"], registry=registry
        )
        self.durations = Histogram(
            "discord_command_duration_seconds",
            "Time from the arrival of a command to its end",
            ["command"],
            registry=registry,
            buckets=_SECONDS,
        )
        under_way = Gauge("discord_commands_under_way", "Commands being answered right now", registry=registry)
        under_way.set_function(lambda: len(self._under_way))
        self.lag = Gauge("event_loop_lag_seconds", "How late the event loop was, at the last look", registry=registry)

    @property
    def ready(self) -> bool:
        """Whether commands can arrive and are taken."""
        return self.reason is None and not self.closing

    def connected(self, *, resumed: bool) -> None:
        """A session is ready."""
        (self.resumes if resumed else self.sessions).inc()
        self.reason = None

    def disconnected(self, reason: str) -> None:
        """There is no session any more, or still none."""
        if self.reason is None:
            self.disconnects.inc()
        self.reason = reason

    def begin(self, interaction: int, command: str) -> None:
        """A command arrived."""
        self._under_way[interaction] = (command, time.perf_counter())
        self._idle.clear()

    def end(self, interaction: int, outcome: str) -> None:
        """A command ended: `ok`, `rejected` (the user can put it right), `unknown` or `error`."""
        known = self._under_way.pop(interaction, None)
        if known:
            command, since = known
            self.commands.labels(command, outcome).inc()
            self.durations.labels(command).observe(time.perf_counter() - since)
        if not self._under_way:
            self._idle.set()

    async def idle(self, seconds: float) -> list[str]:
        """Waits until nothing is under way; returns what still is after so many seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), seconds)
        return sorted(command for command, _ in self._under_way.values())

    async def measure_lag(self, every: float = 1.0) -> None:
        """Looks for ever how late the event loop is."""
        while True:
            due = time.perf_counter() + every
            await asyncio.sleep(every)
            self.lag.set(max(0.0, time.perf_counter() - due))
