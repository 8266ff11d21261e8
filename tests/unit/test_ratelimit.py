"""The limiter against a clock that only moves when somebody sleeps, and against simulated Discords."""

from __future__ import annotations

import heapq
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Event, Thread
from typing import Any

import pytest
from discord_fakes import FakeTime
from hypothesis import given, settings
from hypothesis import strategies as st

from botswain.discord.errors import RateLimited
from botswain.discord.ratelimit import Buckets, Pace, RateLimiter, Route, number

GUILDS = "/applications/{application_id}/guilds/{guild_id}/commands"


def route(guild: str = "1", method: str = "GET", template: str = GUILDS) -> Route:
    """A guild's commands."""
    return Route(method, template, "/x", guild)


def headers(remaining: int, reset_after: float, bucket: str = "hash") -> dict[str, str]:
    """What a reply tells of its bucket."""
    return {
        "x-ratelimit-bucket": bucket,
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset-after": str(reset_after),
    }


def limiter(time: FakeTime, per_second: float = 1000.0, **more: Any) -> RateLimiter:
    """A limiter whose pace hardly matters unless told."""
    return RateLimiter(per_second, clock=time, wall_clock=time, sleep=time.sleep, **more)


def waited(time: FakeTime, subject: RateLimiter, where: Route) -> float:
    """Seconds that one request had to wait."""
    before = time.now
    with subject.permit(where):
        pass
    return round(time.now - before, 2)


def test_requests_are_evenly_spaced() -> None:
    """A burst at the start of each second would leave nothing to the running bot for the rest of it."""
    time = FakeTime()
    subject = limiter(time, per_second=20)
    starts = []
    for guild in range(20):
        with subject.permit(route(str(guild))):
            starts.append(time.now)
    gaps = [later - earlier for earlier, later in pairwise(starts[1:])]
    assert min(gaps) == pytest.approx(1 / 19, rel=0.01)
    assert max(gaps) == pytest.approx(1 / 19, rel=0.01)


def test_an_empty_bucket_rests_until_its_reset() -> None:
    """Waiting before the request costs nothing; a 429 counts towards a ban."""
    time = FakeTime()
    subject = limiter(time)
    with subject.permit(route()) as permit:
        permit.learn(headers(1, 20))
    assert waited(time, subject, route()) < 0.1
    with subject.permit(route()) as permit:
        permit.learn(headers(0, 20))
    assert waited(time, subject, route("2")) < 0.1
    assert waited(time, subject, route(method="PUT")) < 0.1
    assert waited(time, subject, route()) == pytest.approx(20.05, abs=0.02)


def test_routes_with_one_hash_share_a_bucket_per_guild() -> None:
    """Discord may count two routes together; it says so by giving both the same hash."""
    time = FakeTime()
    subject = limiter(time)
    for method in ("POST", "PATCH"):
        with subject.permit(route("1", method)) as permit:
            permit.learn(headers(3, 20, "shared"))
    with subject.permit(route("1", "POST")) as permit:
        permit.learn(headers(0, 20, "shared"))
    assert waited(time, subject, route("2", "PATCH")) < 0.1
    assert waited(time, subject, route("1", "PATCH")) == pytest.approx(20.05, abs=0.02)


def test_a_changed_hash_takes_the_rests_along() -> None:
    """Discord renames buckets at any time; a rest that was told under the old name still holds."""
    time = FakeTime()
    subject = limiter(time)
    with subject.permit(route("1")) as permit:
        permit.learn(headers(0, 20, "old"))
    with subject.permit(route("2")) as permit:
        permit.learn(headers(4, 20, "new"))
    assert waited(time, subject, route("1")) == pytest.approx(20.05, abs=0.02)


def test_a_429_is_held_for_its_retry_after_not_until_the_window_is_full() -> None:
    """In a sliding window `Retry-After` is the time to one free place, `Reset-After` that to all of them."""
    time = FakeTime()
    subject = limiter(time)
    with subject.permit(route()) as permit:
        permit.hold(headers(0, 20), 4, everywhere=False)
    assert waited(time, subject, route("2")) < 0.1
    assert waited(time, subject, route()) == pytest.approx(4.05, abs=0.02)


def test_a_global_pause_holds_everything() -> None:
    """After a global 429 each further request is another 429."""
    time = FakeTime()
    subject = limiter(time)
    with subject.permit(route()) as permit:
        permit.hold({}, 7, everywhere=True)
    assert waited(time, subject, Route("GET", "/gateway/bot", "/gateway/bot")) == pytest.approx(7.05, abs=0.02)


@pytest.mark.parametrize(("everywhere", "kind"), [(False, "user"), (True, "global")])
def test_a_rest_above_the_longest_wait_is_told(everywhere: bool, kind: str) -> None:
    """The request is refused before it is sent, and the bucket is free for others afterwards."""
    time = FakeTime()
    subject = limiter(time, longest=60)
    with subject.permit(route()) as permit:
        permit.hold({}, 90, everywhere=everywhere)
    for _ in range(2):
        with pytest.raises(RateLimited) as caught, subject.permit(route()):
            pass
        assert (caught.value.kind, caught.value.scope) == (kind, "1")
    time.now += 91
    assert waited(time, subject, route()) < 0.1


@pytest.mark.parametrize("reset", ["nan", "inf", "-3", "soon", ""])
def test_unreadable_headers_are_no_crash(reset: str) -> None:
    """Nothing guarantees these headers; a wait of `nan` seconds would end the run."""
    time = FakeTime()
    subject = limiter(time)
    with subject.permit(route()) as permit:
        permit.learn({"x-ratelimit-remaining": "0", "x-ratelimit-reset-after": reset})
    assert waited(time, subject, route()) < 0.1
    assert number(reset) == 0


def test_the_application_is_no_major_parameter_but_the_guild_is() -> None:
    """Source: Discord's rate limits page. Routes without a guild have one bucket each."""
    assert route("global").major == ""
    assert route("77").major == "77"
    assert Route("GET", "/gateway/bot", "/gateway/bot").major == ""


def test_learning_a_hash_moves_every_guild() -> None:
    """The hash belongs to the route: one guild's reply tells it for all, and nobody gets a second bucket."""
    buckets = Buckets()
    first, second = buckets.find(route("1")), buckets.find(route("2"))
    buckets.learn(route("1"), "hash")
    assert buckets.find(route("1")) is first
    assert buckets.find(route("2")) is second
    assert buckets.find(route("1", "PUT")) is not first


def test_one_request_at_a_time_uses_a_bucket_and_guilds_run_in_parallel() -> None:
    """Two at once in one bucket cannot both know what is left; four guilds at once need not care."""
    subject = RateLimiter(10_000)
    active: dict[str, int] = {}
    most: dict[str, int] = {}
    lock = threading.Lock()
    together = threading.Barrier(4, timeout=10)

    def work(guild: str) -> None:
        with subject.permit(route(guild)) as permit:
            with lock:
                active[guild] = active.get(guild, 0) + 1
                most[guild] = max(most.get(guild, 0), active[guild])
            together.wait()  # four at once, or the barrier breaks
            permit.learn(headers(5, 1))
            with lock:
                active[guild] -= 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, [guild for _ in range(4) for guild in "abcd"]))
    assert most == dict.fromkeys("abcd", 1)


def test_a_failed_request_gives_its_place_back() -> None:
    """An exception must not leave a bucket or the pace occupied, or the next request waits for ever."""
    time = FakeTime()
    subject = limiter(time)
    for _ in range(60):
        with pytest.raises(ZeroDivisionError), subject.permit(route()):
            raise ZeroDivisionError
    assert waited(time, subject, route()) < 1


# A simulated Discord: it counts the moment at which a request arrives, somewhere between start and end.


class Counter50:
    """Discord's global limit, by one kind of window; `refused` counts would-be 429s."""

    def __init__(self, *, sliding: bool, phase: float = 0.0) -> None:
        self.sliding = sliding
        self.phase = phase
        self.refused = 0
        self.recent: list[float] = []

    def arrive(self, now: float) -> None:
        """A request comes in; moments never go back."""
        if self.sliding:
            self.recent = [moment for moment in self.recent if moment > now - 1]
        else:
            second = (now + self.phase) // 1
            self.recent = [moment for moment in self.recent if (moment + self.phase) // 1 == second]
        self.recent.append(now)
        self.refused += len(self.recent) > 50


def simulate(pace: Pace, requests: list[tuple[float, float]], workers: int, counters: list[Counter50]) -> float:
    """Send requests, each with seconds (there, back), from so many workers; returns how long it all took."""
    now = 0.0
    arrivals: list[float] = []
    ends: list[float] = []
    waiting = list(reversed(requests))
    while waiting or ends:
        delay = pace.wait(now) if waiting and len(ends) < workers else None
        if delay is not None and (not ends or now + delay <= ends[0]):
            now += delay
            pace.start(now)
            there, back = waiting.pop()
            arrivals.append(now + there)
            heapq.heappush(ends, now + there + back)
        else:
            now = heapq.heappop(ends)
            pace.end(now)
    for moment in sorted(arrivals):
        for counter in counters:
            counter.arrive(moment)
    return now


def counters() -> list[Counter50]:
    """Every kind of window."""
    return [Counter50(sliding=True), *(Counter50(sliding=False, phase=phase / 10) for phase in range(10))]


@settings(max_examples=60, deadline=None)
@given(
    trips=st.lists(st.tuples(st.floats(0, 0.7), st.floats(0, 0.7)), min_size=120, max_size=400),
    workers=st.integers(1, 64),
    per_second=st.floats(5, 200),
)
def test_discord_never_sees_more_than_fifty_in_a_second(
    trips: list[tuple[float, float]], workers: int, per_second: float
) -> None:
    """Whatever the network does to single requests, and even with a pace above Discord's limit."""
    discord = counters()
    simulate(Pace(per_second), trips, workers, discord)
    assert [counter.refused for counter in discord] == [0] * 11


@pytest.mark.parametrize("latency", [0.002, 0.02, 0.05, 0.09])
def test_five_hundred_guilds_at_fifty_a_second(latency: float) -> None:
    """At a pace of 50/s, 500 guilds read by 16 workers take no 429 and at least 45 requests a second."""
    discord = counters()
    took = simulate(Pace(50), [(latency / 2, latency / 2)] * 500, 16, discord)
    assert [counter.refused for counter in discord] == [0] * 11
    assert 500 / took >= 45


def test_a_request_that_starts_late_does_not_cost_the_pace() -> None:
    """Threads wake up late; without catching up, 50/s would quietly become 40/s."""
    pace = Pace(50, window=10_000)
    now = 0.0
    for _ in range(500):
        now += (pace.wait(now) or 0.0) + 0.005
        pace.start(now)
        pace.end(now)
    assert 500 / now == pytest.approx(47.5, rel=0.01)


class BucketOf5:
    """Discord's buckets of 5 per 20 seconds, fixed or sliding, as replies tell of them."""

    def __init__(self, *, sliding: bool) -> None:
        self.sliding = sliding
        self.taken: list[float] = []

    def take(self, now: float) -> dict[str, str] | None:
        """The headers of a reply; None would have been a 429."""
        if self.sliding:
            self.taken = [moment for moment in self.taken if moment > now - 20]
        elif self.taken and now >= self.taken[0] + 20:
            self.taken = []
        if len(self.taken) == 5:
            return None
        self.taken.append(now)
        oldest = self.taken[-1] if self.sliding else self.taken[0]
        return headers(5 - len(self.taken), round(oldest + 20 - now, 3))


@pytest.mark.parametrize("sliding", [False, True])
@given(pauses=st.lists(st.floats(0, 30), min_size=12, max_size=40))
def test_a_learned_bucket_never_gets_a_429(sliding: bool, pauses: list[float]) -> None:
    """For fixed windows and sliding ones, which replies do not tell apart."""
    time = FakeTime()
    subject = limiter(time)
    discord = BucketOf5(sliding=sliding)
    for pause in pauses:
        time.now += pause
        with subject.permit(route()) as permit:
            reply = discord.take(time.now)
            assert reply is not None
            permit.learn(reply)


def test_one_request_at_a_time_uses_a_bucket() -> None:
    """Only so are the last reply's headers exact; another guild's bucket is not held up meanwhile."""
    limiter, entered, elsewhere = RateLimiter(50), Event(), Event()

    def use(guild: str, done: Event) -> None:
        with limiter.permit(Route("PUT", "/t/{guild}", f"/t/{guild}", guild)):
            done.set()

    threads = [Thread(target=use, args=("77", entered)), Thread(target=use, args=("78", elsewhere))]
    with limiter.permit(Route("PUT", "/t/{guild}", "/t/77", "77")):
        for thread in threads:
            thread.start()
        assert elsewhere.wait(5)
        assert not entered.wait(0.1)
    assert entered.wait(5)
    for thread in threads:
        thread.join()
