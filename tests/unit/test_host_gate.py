"""The health gate, with a clock that is moved by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from botswain.host import gate, probe
from botswain.host.errors import HostError, Stopped, Unhealthy
from botswain.host.gate import Process
from botswain.host.place import Health
from botswain.host.probe import Answer

HEALTH = Health(ready="http://bot/readyz", deadline=10.0, stable_for=5.0, interval=0.5, timeout=2.0)


class World:
    """A bot whose readiness and process are functions of the time since its start."""

    def __init__(self, monkeypatch, ready=lambda _now: True, process=lambda _now: Process(running=True, pid=7)) -> None:
        self.now = 0.0
        self.asked = 0
        self._process = process
        self.trouble: str | None = None
        monkeypatch.setattr(probe, "look", lambda _health, _timeout: Answer(good=ready(self.now), told="503"))

    def process(self) -> Process:
        """What the process does now."""
        return self._process(self.now)

    def start(self, *, restarts: bool = True) -> None:
        """Nothing to do."""

    stop = start

    def log(self, _lines: int) -> str:
        """The end of the log."""
        return "its last words"

    def outage(self) -> str | None:
        """What is wrong with Discord."""
        self.asked += 1
        return self.trouble

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def wait(self, health: Health = HEALTH) -> gate.Verdict:
        """Ask the gate."""
        return gate.wait(self, health, self.outage, clock=lambda: self.now, sleep=self.sleep)


def test_good(monkeypatch):
    """Ready in time and for long enough is good; the time it took is known to a sixteenth of it."""
    world = World(monkeypatch, ready=lambda now: now >= 3.2)
    verdict = world.wait()
    assert (verdict.good, verdict.certain) == (True, True)
    assert verdict.ready_after is not None
    assert 3.2 <= verdict.ready_after <= 3.2 * 17 / 16
    assert verdict.ready_after + HEALTH.stable_for <= world.now <= verdict.ready_after + HEALTH.stable_for + 0.5
    assert world.asked == 0


def test_a_quick_bot_is_not_kept_waiting(monkeypatch):
    """A bot that is ready in a quarter of a second has to wait for no interval."""
    world = World(monkeypatch, ready=lambda now: now >= 0.25)
    verdict = world.wait(replace(HEALTH, stable_for=0.0))
    assert verdict.ready_after is not None
    assert verdict.ready_after < 0.27


def test_late(monkeypatch):
    """What is not ready within the deadline is bad, with the last answer and the end of the log."""
    world = World(monkeypatch, ready=lambda _now: False)
    with pytest.raises(Unhealthy, match="was not ready within 10 s: 503") as caught:
        world.wait()
    assert caught.value.log == "its last words"
    assert (world.now, world.asked) == (pytest.approx(10.0, abs=0.02), 1)


@pytest.mark.parametrize("ready", [lambda _now: False, lambda now: now < 4.0])
def test_cannot_tell(monkeypatch, ready):
    """While Discord is down, a bot that runs is not called bad, whether it was ready before or not."""
    world = World(monkeypatch, ready=ready)
    world.trouble = "major outage"
    verdict = world.wait()
    assert (verdict.good, verdict.certain) == (False, False)
    assert "503; Discord: major outage" in verdict.why


@pytest.mark.parametrize("end", [0.0, 2.0, 6.0, 7.9])
def test_an_exit_is_bad_at_once(monkeypatch, end):
    """A process that ends is bad at once, also while it is to stay ready, and whatever Discord does."""
    world = World(
        monkeypatch, ready=lambda now: now >= 3.0, process=lambda now: Process(now < end, pid=7, told="exited with 4")
    )
    world.trouble = "major outage"
    with pytest.raises(Unhealthy, match=r"process (ended|did not start) \(exited with 4\)") as caught:
        world.wait()
    assert world.now <= end + HEALTH.interval
    assert world.asked == 0
    assert caught.value.log == "its last words"


@pytest.mark.parametrize("after", [Process(running=True, pid=8), Process(running=True, pid=7, since=4.0)])
def test_started_again_is_ended(monkeypatch, after):
    """A process that the manager started again has ended once."""
    first = Process(running=True, pid=7)
    world = World(monkeypatch, process=lambda now: first if now < 4.0 else after)
    with pytest.raises(Unhealthy, match="was started again"):
        world.wait()


def test_not_ready_any_more(monkeypatch):
    """A bot that was ready and is not so for longer than an answer may take is bad."""
    world = World(monkeypatch, ready=lambda now: now < 2.0)
    with pytest.raises(Unhealthy, match="was ready, and did not stay so: 503"):
        world.wait()
    assert world.now == 3.5  # 2 s after it was ready last


def test_a_blink_is_forgiven(monkeypatch):
    """One that is away for a moment, as when it resumes its session, is good once it is back."""
    world = World(monkeypatch, ready=lambda now: not 3.0 <= now < 4.0)
    assert world.wait().good


def test_a_blink_at_the_end_is_waited_for(monkeypatch):
    """Nobody is called good who is not ready at the end."""
    world = World(monkeypatch, ready=lambda now: not 4.8 <= now < 6.0)
    assert world.wait().good
    assert world.now >= 6.0


def test_without_urls_running_is_all(monkeypatch):
    """A bot without health URLs is good when its process stays."""
    monkeypatch.setattr(probe, "ask", lambda *_: pytest.fail("nothing to ask"))
    assert probe.look(Health(), 1.0).good


@pytest.mark.parametrize(
    "url", ["", "ftp://x/", "http://", "127.0.0.1:80/x", "http://a b/", "http://x:port/", "http://[/"]
)
def test_urls(url):
    """What is no URL is told with an example."""
    with pytest.raises(HostError, match=r"is no URL; write it like http://127\.0\.0\.1:8080/healthz"):
        probe.check_url(url)


def test_good_urls():
    """Both schemes, with and without a port."""
    for url in ("http://127.0.0.1:8080/healthz", "https://bot.example.org", "http://[::1]:80/x?y=1"):
        probe.check_url(url)


@pytest.mark.parametrize("ready", [lambda _now: False, lambda _now: True])
def test_told_to_stop(monkeypatch, ready):
    """Whoever is told to stop ends at once, before a verdict and between long intervals, and blames nobody."""
    world = World(monkeypatch, ready=ready)
    with pytest.raises(Stopped, match="stopped by hand before it was known"):
        gate.wait(
            world, replace(HEALTH, interval=60.0, stable_for=90.0), world.outage, lambda: world.now >= 3.0,
            clock=lambda: world.now, sleep=world.sleep,
        )  # fmt: skip
    assert 3.0 <= world.now <= 3.3
    assert world.asked == 0


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (Process(running=True, pid=8, told="starting", ended="ended with exit code 1"),
         "its process ended with exit code 1, and was started again"),
        (Process(running=True, pid=8, told="running"), "its process ended, and was started again"),
        (Process(running=False, told="ended with exit code 1"), "its process ended with exit code 1"),
        (Process(running=False, told="stopped"), "its process ended (stopped)"),
    ],
)  # fmt: skip
def test_how_a_process_ended(monkeypatch, after, told):
    """In words that fit together, and never with the state of the process that runs now."""
    world = World(monkeypatch, process=lambda now: Process(running=True, pid=7) if now < 4.0 else after)
    with pytest.raises(Unhealthy) as caught:
        world.wait()
    assert caught.value.what == told
