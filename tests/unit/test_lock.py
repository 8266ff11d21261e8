"""The lock of an environment, within one process; the integration tests have real rivals."""

from __future__ import annotations

import fcntl
import json
import re
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from botswain.errors import BotswainError, Refused
from botswain.state import holding
from botswain.state import lock as lock_module
from botswain.state.lock import FileLock
from botswain.state.store import LockLost, Owner

if TYPE_CHECKING:
    from pathlib import Path

    from botswain.state.store import Holder

ANNA = Owner("20261122-101530-aaaaaa", "anna@ship", "deploy")
BEN = Owner("20261122-101531-bbbbbb", "ben@shore", "rollback")


@pytest.fixture
def lock(tmp_path: Path) -> FileLock:
    """Give the lock of `stage`, held by nobody."""
    return FileLock(tmp_path / "stage" / "lock", "stage")


def test_the_second_run_is_told_who_when_what_and_what_to_do(lock: FileLock) -> None:
    """Refused, exit code 3, one line with everything that a person needs to decide."""
    with lock.acquire(ANNA), pytest.raises(Refused) as caught:
        lock.acquire(BEN)
    assert re.fullmatch(
        r"stage: is locked by anna@ship since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC for `deploy`"
        r" \(20261122-101530-aaaaaa, process \d+ on \S+\), last sign of life \d s ago;"
        r' wait, or `\./inv lock\.break --env stage --why "…"` when it hangs',
        str(caught.value),
    )
    assert caught.value.code == 3


@pytest.mark.parametrize(
    ("silent", "told"),
    [
        (110, "last sign of life 110 s ago; wait, or"),
        (130, "silent for 2 min, though it should show a sign of life every 60 s: probably dead; a lock never lapses"),
        (None, "without any sign of life, though it should show a sign of life every 60 s: probably dead; a lock"),
    ],
)
def test_two_missed_signs_of_life_are_told(silent: int | None, told: str) -> None:
    """A lock never lapses by itself, so whoever waits has to learn when waiting is in vain."""
    at = (datetime.now(UTC) - timedelta(seconds=silent)).isoformat() if silent else "nonsense"
    holder = replace(holding.holding(ANNA), heartbeat=at, place="another-boot/pid:[1]")
    said = str(holding.refusal(holder, "stage", 60))
    assert told in said
    assert '`./inv lock.break --env stage --why "…"`' in said


def test_whoever_can_be_looked_at_is_not_called_dead() -> None:
    """This process runs, as everybody on this machine can see, however long it says nothing."""
    mine = replace(holding.holding(ANNA), heartbeat="2026-01-01T00:00:00.000Z")
    assert "it hangs, or this machine slept" in holding.signs_of_life(mine, 10)


def test_what_becomes_of_a_run_is_said_for_sure_only_where_it_can_be_seen() -> None:
    """Its process is looked up on the same machine and in the same namespace; elsewhere nobody knows."""
    mine = holding.holding(ANNA)
    process = f"process {mine.pid} on {mine.host}"
    assert holding.fate(mine) == f"{process} still runs and stops before its next change"
    for place in ("another-boot/pid:[1]", ""):
        assert holding.fate(replace(mine, place=place)) == f"if {process} still runs, it stops before its next change"
    assert holding.fate(replace(mine, process_started="1")) == ""


def test_a_released_lock_leaves_nothing_behind(lock: FileLock) -> None:
    """A run that ended well is not reported to the next one as if it had died."""
    with lock.acquire(ANNA):
        pass
    assert lock.holder() is None
    with lock.acquire(BEN) as held:
        assert held.left_behind is None
        held.check()


def test_releasing_twice_is_harmless(lock: FileLock) -> None:
    """Clean-up code may release what was released; the next holder keeps its lock."""
    first = lock.acquire(ANNA)
    first.release()
    with lock.acquire(BEN) as held:
        first.release()
        held.check()
        assert lock.holder() is not None


def test_a_released_lock_fails_its_check(lock: FileLock) -> None:
    """A step that runs on after the release is stopped, even while nobody else has the lock."""
    held = lock.acquire(ANNA)
    held.release()
    with pytest.raises(LockLost, match="the lock was released"):
        held.check()


def test_waiting_gets_the_lock_when_it_is_released(lock: FileLock) -> None:
    """`wait` takes over as soon as the other run ends, and says once whom it waits for."""
    held = lock.acquire(ANNA)
    heard: list[Holder] = []
    timer = threading.Timer(0.6, held.release)
    timer.start()
    with lock.acquire(BEN, wait=20, waiting=heard.append) as second:
        assert second.left_behind is None
    timer.join()
    assert [holder.actor for holder in heard] == ["anna@ship"]


def test_waiting_ends(lock: FileLock) -> None:
    """After `wait` seconds the refusal comes, not before and not never."""
    with lock.acquire(ANNA):
        began = time.monotonic()
        with pytest.raises(Refused):
            lock.acquire(BEN, wait=0.5)
        assert 0.5 <= time.monotonic() - began < 5


def test_breaking_tells_the_old_holder_who_and_why(lock: FileLock) -> None:
    """The run that lost its lock stops at the next check and says who broke it, when and why."""
    with lock.acquire(ANNA) as held:
        done = lock.break_lock("laptop asleep", "ben@shore")
        assert done is not None
        assert (done.holder.actor, done.holder.alive) == ("anna@ship", True)
        with pytest.raises(LockLost) as caught:
            held.check()
        assert re.fullmatch(
            r"stage: the lock was broken by ben@shore at [-\d]+ [\d:]+ UTC: laptop asleep;"
            r" nothing more was changed; `\./inv status --env stage` shows what is left",
            str(caught.value),
        )


def test_the_old_holder_still_hears_it_after_the_new_one_ended(lock: FileLock) -> None:
    """A laptop that wakes up hours later learns who broke its lock, though others held it since."""
    old = lock.acquire(ANNA)
    lock.break_lock("laptop asleep", "ben@shore")
    with lock.acquire(BEN) as new:
        old.beat()
        old.release()
        new.check()
    with pytest.raises(LockLost, match=r"broken by ben@shore .*: laptop asleep"):
        old.check()


def test_after_breaking_the_next_run_learns_of_the_old_one(lock: FileLock) -> None:
    """The next holder gets the old one's identity, whether it lives, and the reason."""
    with lock.acquire(ANNA):
        lock.break_lock("hangs", "ben@shore")
        with lock.acquire(BEN) as held:
            left = held.left_behind
            assert left is not None
            assert (left.deployment, left.alive) == (ANNA.deployment, True)
            assert (left.broken_by, left.broken_why) == ("ben@shore", "hangs")


@pytest.mark.parametrize("why", ["", " \n"])
def test_breaking_needs_a_reason(lock: FileLock, why: str) -> None:
    """Without a reason nothing is broken."""
    with lock.acquire(ANNA) as held:
        with pytest.raises(BotswainError, match="breaking a lock needs a reason"):
            lock.break_lock(why, "ben@shore")
        held.check()


def test_breaking_nothing_does_nothing(lock: FileLock) -> None:
    """Breaking a lock that nobody holds is no event to put down."""
    assert lock.break_lock("just so", "ben@shore") is None
    lock.acquire(ANNA).release()
    before = lock.path.read_bytes()
    assert lock.break_lock("just so", "ben@shore") is None
    assert lock.path.read_bytes() == before


@pytest.mark.parametrize("text", [b"", b"\xff\0", b'{"holder": {"actor": 1}, "breaks": []}', b"[]", b"nul"])
def test_a_strange_lock_file_stops_nobody(lock: FileLock, text: bytes) -> None:
    """What the file says is information; only the kernel's lock decides."""
    lock.path.parent.mkdir()
    lock.path.write_bytes(text)
    with lock.acquire(ANNA) as held:
        assert held.left_behind is None


def test_the_end_of_a_longer_text_does_no_harm(lock: FileLock) -> None:
    """A run killed while it shortened the lock file still left its name."""
    held = lock.acquire(ANNA)
    text = lock.path.read_bytes()
    held.release()
    lock.path.write_bytes(text + b'rest of "a longer')
    with lock.acquire(BEN) as second:
        assert second.left_behind is not None
        assert second.left_behind.actor == "anna@ship"


def test_the_lock_file_can_be_deleted_by_hand(lock: FileLock) -> None:
    """`rm lock` is noticed by the holder, and does not let two runs think that both hold it."""
    with lock.acquire(ANNA) as held:
        lock.path.unlink()
        with pytest.raises(LockLost, match="the lock file was replaced"):
            held.check()
        with lock.acquire(BEN) as second:
            second.check()


def test_signs_of_life_are_shown(lock: FileLock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The heartbeat moves while the run works, from a thread that ends with the lock."""
    monkeypatch.setattr(lock_module, "HEARTBEAT", 0.01)
    before = threading.active_count()
    with lock.acquire(ANNA):
        first = json.loads(lock.path.read_bytes())["holder"]["heartbeat"]
        deadline = time.monotonic() + 5
        while (holder := lock.holder()) is None or holder.heartbeat == first:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert threading.active_count() == before


def test_a_glance_at_the_lock_refuses_nobody(lock: FileLock) -> None:
    """`status` in another window, asking all the time, never makes a deployment fail."""
    lock.acquire(ANNA).release()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            lock.holder()

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(20):
            with lock.acquire(BEN, wait=1):
                pass
    finally:
        stop.set()
        looker.join()


def test_a_glance_is_waited_out(lock: FileLock) -> None:
    """Without `wait` too: what holds the lock for a moment only does not refuse a deployment."""
    lock.acquire(ANNA).release()
    with lock.path.open() as glance:
        fcntl.flock(glance, fcntl.LOCK_SH)
        timer = threading.Timer(0.05, fcntl.flock, (glance, fcntl.LOCK_UN))
        timer.start()
        with lock.acquire(BEN) as held:
            held.check()
        timer.join()


def test_a_lock_on_a_file_that_was_just_replaced_is_none(lock: FileLock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between opening and locking the file may be broken away; then the new one is locked."""
    lock.acquire(ANNA).release()
    real, calls = fcntl.flock, []

    def flock(descriptor: int, operation: int) -> None:
        if not calls:
            lock.path.unlink()
        calls.append(descriptor)
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with lock.acquire(BEN) as held:
        held.check()
    assert len(calls) == 2


def test_another_process_with_the_same_number_is_not_the_holder(lock: FileLock) -> None:
    """After a reboot the number of a dead run may belong to anything; it does not count as alive."""
    held = lock.acquire(ANNA)
    text = lock.path.read_text()
    held.release()
    for started, alive in ((held._holder.process_started, True), ("1", False)):
        lock.path.write_text(text.replace(f'"{held._holder.process_started}"', f'"{started}"'))
        with lock.acquire(BEN) as second:
            assert second.left_behind is not None
            assert second.left_behind.alive is alive


def test_no_secret_in_the_lock_file(lock: FileLock) -> None:
    """The command line is shown to other users; a secret in it is not."""
    with lock.acquire(Owner("id", "anna@ship", "deploy --url postgres://bot:hunter2@db/x")):
        assert b"hunter2" not in lock.path.read_bytes()
