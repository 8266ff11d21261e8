"""The release engine with a real supervisord, the launcher, and bots that answer at a port."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from desk import ROOT
from hosting import Host, Supervised, bots, release_of, until

from botswain.host import guard, releases, running, single, switch
from botswain.host.errors import HostError
from botswain.host.managers import manager_of
from botswain.host.probe import ask

pytestmark = pytest.mark.slow


@pytest.fixture
def host(tmp_path):
    """A place with a supervisord; its socket has a short path, since sockets' paths have to be."""
    made = Host(tmp_path, stop_timeout=3.0)
    made.answering()
    folder = Path(tempfile.mkdtemp())
    made.supervised = Supervised(folder / "s", made)
    made.place.store(made.service)
    yield made
    made.supervised.end()
    shutil.rmtree(folder)


def ship(host: Host, mode: str = "well", **options) -> switch.Switched:
    """Build and deploy a bot that behaves so."""
    return host.ship(manager_of(host.service), host.prepare(host.bot(mode)), **options)


def well(host: Host, release: str) -> None:
    """Exactly one process runs, it is this release's, and everything says so."""
    (pid,) = bots(host.place)
    assert release_of(pid) == release == host.place.live()
    assert [name for name, state in host.states().items() if state == "live"] == [release]
    assert manager_of(host.service).process().pid == pid
    assert ask(host.service.health.ready, 1.0).good
    assert not [one.name for one in host.place.root.iterdir() if one.name in {"switch.json", "reverting.json"}]


def test_one_release_after_another_and_back(host):
    """A deploy replaces the process, a rollback brings the release before back, twice, and then there is none."""
    one, two, three = (ship(host, f"well {number}").release for number in range(3))
    well(host, three)
    for expected in (two, one):
        found = releases.candidate(host.place, host.service)
        switch.back(host.place, host.service, manager_of(host.service), found, "ann", lambda: None)
        well(host, expected)
    with pytest.raises(HostError, match="no earlier release"):
        releases.candidate(host.place, host.service)


@pytest.mark.parametrize(
    ("mode", "why", "log"),
    [
        ("exits", r"process (ended|did not start)", "cannot do this"),
        ("never", r"not ready within 1 s: .*/readyz answers 503 \(not logged in\)", "mode never"),
        ("dies 0.5", "process ended", "out of ideas"),
    ],
)
def test_a_bad_release_is_taken_back(host, mode, why, log):
    """A release that exits, is never ready, or dies soon gives way to the one before, with the end of its log."""
    good = ship(host).release
    host.answering(deadline=1.0, stable_for=1.0)
    with pytest.raises(switch.Failed, match=why) as caught:
        ship(host, mode)
    assert caught.value.previous == good
    assert log in caught.value.log
    host.supervised.log.read_text()
    (pid,) = bots(host.place)
    assert release_of(pid) == good
    assert sorted(host.states().values()) == ["bad", "live"]


def test_the_way_back_keeps_its_own_command(host):
    """A broken `run` in the profile breaks the release that it was deployed with, not the one to return to."""
    good = ship(host).release
    host.service = replace(host.service, run=("/bin/false",))
    host.place.store(host.service)
    with pytest.raises(switch.Failed):
        ship(host)
    host.service = replace(host.service, run=(sys.executable, "-S", "bot.py"))
    well(host, good)


def test_discord_down_holds(host):
    """A bot that runs and cannot log in while Discord is down stays, and is not called bad."""
    ship(host)
    host.answering(deadline=0.5)
    done = ship(host, "never", outage=lambda: "major outage")
    assert not done.verdict.good
    assert not done.verdict.certain
    assert "major outage" in done.verdict.why
    (pid,) = bots(host.place)
    assert release_of(pid) == done.release


def test_sigterm_ignored(host):
    """A bot that ignores SIGTERM is killed after its time, and never runs beside the next one."""
    ship(host, "deaf")
    (deaf,) = bots(host.place)
    began = time.monotonic()
    done = ship(host, "well")
    assert time.monotonic() - began >= 2.5
    well(host, done.release)
    assert not Path(f"/proc/{deaf}").exists()
    assert (done.killed, ship(host, "well").killed) == (True, False)


def test_a_child_in_a_session_of_its_own_goes_too(host):
    """What the bot started, and its manager does not know, ends before the next release starts."""
    ship(host, "parent")
    assert len(bots(host.place)) == 2
    well(host, ship(host, "well").release)


def test_a_child_that_kept_nothing_of_the_bot_may_have_its_port_and_goes_too(host):
    """A child with a session, an environment and files of its own is found by its descent, and ends with the bot."""
    ship(host, "nested")
    (parent,) = bots(host.place)
    manager = manager_of(host.service)
    assert running.in_the_way(host.place, host.service, manager) == []
    switch.ports_free(host.place, host.service, manager)
    children = single.family(host.place, parent)
    assert children
    well(host, ship(host, "well").release)
    assert not [pid for pid in children if alive(pid)]


def alive(pid: int) -> bool:
    """Whether a process is there, and has not ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.parametrize("way", ["deploy", "back"])
def test_supervisord_was_killed(host, way):
    """A bot whose supervisord was killed is an orphan, and no stranger: a deploy or rollback ends it, and one runs."""
    ship(host)
    host.supervised.process.kill()
    host.supervised.process.wait()
    host.supervised.socket.unlink()
    assert len(bots(host.place)) == 1
    host.supervised.start()
    manager = manager_of(host.service)
    found = releases.Ledger(host.place).get(host.place.live())
    manager.start()  # its launcher sees the orphan and refuses
    until(lambda: not manager.process().running, "the second process to give up")
    assert "another process of this bot still runs" in host.supervised.log.read_text()
    if way == "back":
        switch.back(host.place, host.service, manager, found, "ann", lambda: None)
    else:
        host.ship(manager, found)
    well(host, found.id)


def test_time_without_a_bot(host):
    """From the stop until the new one is ready it takes at most 1.2 times what the bot itself takes."""
    ship(host, "slow 2.0")
    done = ship(host, "slow 2.001")
    (pid,) = bots(host.place)
    assert done.seconds <= 1.2 * 2.1, done
    assert release_of(pid) == done.release


def test_a_port_in_use(host):
    """A port that another program answers at is found before the first bot stops or starts."""
    release = host.prepare(host.bot())
    with (
        stranger(host.port),
        pytest.raises(
            HostError, match=r"which the bot needs, is used by process|is answered by another program: process"
        ) as caught,
    ):
        host.ship(manager_of(host.service), release)
    assert str(host.port) in caught.value.where
    assert bots(host.place) == []
    assert host.place.live() is None
    well(host, host.ship(manager_of(host.service), release).release)


@contextmanager
def stranger(port: int):
    """Another program that answers there."""
    process = subprocess.Popen([sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        until(lambda: ask(f"http://127.0.0.1:{port}/", 1.0).reached, "the other program to answer")
        yield
    finally:
        process.kill()
        process.wait()


def test_the_guard_outlives_the_controller(host):
    """Nobody confirms, since the controller is killed: its guard brings the release before back."""
    good = ship(host).release
    new = host.prepare(host.bot("well 2"))
    script = f"""
import functools, os, signal, sys, time
sys.path[:0] = [{str(ROOT)!r}]
from pathlib import Path
from botswain.host import guard, switch
from botswain.host.ledger import Ledger
from botswain.host.managers import manager_of
from botswain.host.place import Place
place = Place(Path({str(host.place.root)!r}))
service = place.load()
planned = switch.Switch("t", {new.id!r}, None, time.time() + 3, "ann", "d2")
switch.deploy(place, service, manager_of(service), Ledger(place).get({new.id!r}), planned,
              guard=functools.partial(guard.arm, place), outage=lambda: None)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert host.place.live() == new.id
    until(lambda: host.states()[new.id] == "bad" and not switch.unfinished(host.place), "the guard")
    well(host, good)


def test_the_guard_leaves_what_is_confirmed(host):
    """A guard whose switch was confirmed ends, and touches nothing."""
    done = ship(host, guard=functools.partial(guard.arm, host.place))
    until(lambda: [one.poll() for one in guard._ours] == [0], "the guard to end")
    well(host, done.release)


def test_too_late_to_confirm(host):
    """Once the guard has acted, confirming says so, and the release before runs."""
    good = ship(host).release
    new = host.prepare(host.bot("well 2"))
    manager = manager_of(host.service)
    planned = switch.Switch("t", new.id, None, time.time() + 2, "ann", "d2")
    arm = functools.partial(guard.arm, host.place)
    done = switch.deploy(host.place, host.service, manager, new, planned, guard=arm, outage=lambda: None)
    until(lambda: not switch.unfinished(host.place), "the guard to act")
    assert not switch.confirm(host.place, done.token, "ann")
    well(host, good)


def test_rollback_by_hand(host):
    """Without the controller, `python -m botswain.host FOLDER rollback` goes back, and `status` shows it."""
    one, two = ship(host).release, ship(host, "well 2").release
    assert by_hand(host, "rollback").returncode == 0
    well(host, one)
    assert f'"live": "{one}"' in by_hand(host, "status", "--json").stdout
    assert host.states()[two] == "bad"
    again = by_hand(host, "rollback")
    assert again.returncode == 1
    assert "no earlier release" in again.stderr


def by_hand(host: Host, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the engine by hand."""
    argv = [sys.executable, "-m", "botswain.host", str(host.place.root), *words]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_secret_is_nowhere_but_in_its_file_and_the_bot(host):
    """A secret reaches the bot's environment; no argv, log, ledger or spec holds it."""
    host.place.secret("token", "s3cret-of-the-bot\n")
    host.service = replace(host.service, secrets={"TOKEN": "token"})
    host.place.store(host.service)
    ship(host)
    (pid,) = bots(host.place)
    assert b"TOKEN=s3cret-of-the-bot\0" in Path(f"/proc/{pid}/environ").read_bytes()
    assert b"s3cret" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    holders = [
        path for path in (*host.place.root.rglob("*"), *host.supervised.folder.iterdir())
        if path.is_file() and b"s3cret" in path.read_bytes()
    ]  # fmt: skip
    assert holders == [host.place.credentials / "token"]
    assert holders[0].stat().st_mode & 0o777 == 0o600
    assert holders[0].parent.stat().st_mode & 0o777 == 0o700


def test_a_restart_loop_ends(host):
    """A bot that crashes again and again is not started more often than its start limit allows."""
    done = ship(host)
    for count in range(1, 7):
        (pid,) = bots(host.place)
        os.kill(pid, signal.SIGKILL)
        # The killed one may be seen beside its successor for a moment.
        until(lambda pid=pid: _other(bots(host.place), pid) or _given_up(host), f"restart {count}")
    until(lambda: _given_up(host), "the refusal")
    assert bots(host.place) == []
    found = releases.Ledger(host.place).get(done.release)
    switch.back(host.place, host.service, manager_of(host.service), found, "ann", lambda: None)
    well(host, done.release)


def _other(found: list[int], pid: int) -> bool:
    return len(found) == 1 and found != [pid]


def _given_up(host: Host) -> bool:
    return "spends Discord's logins" in host.supervised.log.read_text()
