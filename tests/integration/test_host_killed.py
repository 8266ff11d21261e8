"""Whoever is killed while releases are switched: one good release runs afterwards, and everything agrees on which."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest
from hosting import Host, Supervised, bots, release_of, until
from watching import told_of_processes

from botswain.host import guard, ledger, moves, switch
from botswain.host.ledger import Ledger
from botswain.host.managers import Supervisor, manager_of
from botswain.host.probe import ask

pytestmark = pytest.mark.slow


@pytest.fixture
def host(tmp_path):
    """A place with a supervisord and one good release."""
    made = Host(tmp_path, stop_timeout=3.0)
    made.answering(stable_for=0.1, interval=0.02)
    folder = Path(tempfile.mkdtemp())
    made.supervised = Supervised(folder / "s", made)
    made.place.store(made.service)
    made.ship(manager_of(made.service), made.prepare(made.bot("well 0")))
    yield made
    made.supervised.end()
    shutil.rmtree(folder)


class Points:
    """Kills this process at the chosen point: before one of its changes, or half-way through a line of the ledger."""

    def __init__(self, chosen: int) -> None:
        self.left = chosen
        for owner, names in ((Path, ("replace", "rename", "unlink", "symlink_to")), (Supervisor, ("stop", "start"))):
            for name in names:
                setattr(owner, name, self._before(getattr(owner, name)))
        guard.arm = self._before(guard.arm)
        moves.gate.wait = self._before(moves.gate.wait)
        write = os.write

        def half(descriptor: int, data: bytes) -> int:
            self.pass_(lambda: write(descriptor, data[: len(data) // 2]))
            return write(descriptor, data)

        ledger.os = type("os", (), {**vars(os), "write": staticmethod(half)})

    def _before(self, real):
        def call(*arguments, **options):
            self.pass_()
            return real(*arguments, **options)

        return call

    def pass_(self, last=lambda: None) -> None:
        """Is a point."""
        self.left -= 1
        if self.left == 0:
            last()
            os.kill(os.getpid(), signal.SIGKILL)


def killed(number: int, work) -> bool:
    """Do something in a process of its own that is killed at a point; False when it got through before."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            Points(number)
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


def settled(host: Host) -> str:
    """The release that runs after the next run's `settle`; exactly one process, and all agree."""
    switch.settle(host.place, host.service, manager_of(host.service), lambda: None)
    live = host.place.live()
    assert live is not None
    (pid,) = bots(host.place)
    assert release_of(pid) == live
    assert manager_of(host.service).process().pid == pid
    assert [name for name, state in host.states().items() if state == "live"] == [live]
    assert ask(host.service.health.ready, 1.0).good
    assert not list(host.place.root.glob("*ing.json")) + list(host.place.root.glob("*confirmed.json"))
    assert switch.unfinished(host.place) is None
    return live


def deploy(host: Host, to: str, *, arm=lambda _switch: None, seconds: float = 60.0, confirm: bool = True) -> None:
    """Deploy and confirm a release."""
    place, service = host.place, host.service
    planned = switch.Switch("t", to, None, time.time() + seconds, "ann", "d2")
    found = Ledger(place).get(to)
    done = switch.deploy(place, service, manager_of(service), found, planned, guard=arm, outage=lambda: None)
    if confirm:
        switch.confirm(place, done.token, "ann")


def test_the_controller_in_a_deploy(host):
    """Killed before it is confirmed, the old release runs; killed later, the new one."""
    number, went = 0, True
    while went:
        number += 1
        before, new = host.place.live(), host.prepare(host.bot(f"well {number}")).id
        went = killed(number, functools.partial(deploy, host, new))
        final = host.place.confirmed.exists() or host.states()[new] == "live"
        assert settled(host) == (new if final else before), number
        assert not went or number < 60
    assert final
    assert number > 12


def test_the_controller_while_its_guard_lives(host):
    """The guard alone brings the release before back; nobody has to come by."""
    number, went = 0, True
    while went:
        number += 1
        before, new = host.place.live(), host.prepare(host.bot(f"well {number}")).id
        arm = functools.partial(guard.arm, host.place)
        went = killed(number, lambda new=new, arm=arm: deploy(host, new, arm=arm, seconds=2.0))
        final = host.place.confirmed.exists() or host.states()[new] == "live"
        armed = "guard" in _running(host)
        if armed and not final:
            until(lambda: switch.unfinished(host.place) is None, "the guard")
            (pid,) = bots(host.place)
            assert release_of(pid) == before
        assert settled(host) == (new if final else before), number
    assert number > 12


def _running(host: Host) -> str:
    """The words of all processes that work in the place."""
    found = []
    for _, line in told_of_processes("cmdline"):
        words = line.split(b"\0")
        if str(host.place.root).encode() in words:
            found.append(b" ".join(words).decode())
    return "\n".join(found)


def test_the_guard(host):
    """A guard that is killed while it brings the release before back is finished by whoever is next."""
    number, went = 0, True
    before = host.place.live()
    while went:
        number += 1
        new = host.prepare(host.bot(f"well {number}")).id
        deploy(host, new, confirm=False)
        went = killed(number, lambda: guard.watch(host.place, "t", 0.0))
        assert settled(host) == before, number
        assert host.states()[new] == "bad"
    assert number > 6


def test_whoever_settles(host):
    """Also the one who settles may be killed."""
    number, went = 0, True
    before = host.place.live()
    while went:
        number += 1
        new = host.prepare(host.bot(f"well {number}")).id
        deploy(host, new, confirm=False)
        run = functools.partial(switch.settle, host.place, host.service, manager_of(host.service), lambda: None)
        went = killed(number, run)
        assert settled(host) == before, number
    assert number > 6


def test_the_controller_in_a_rollback(host):
    """A rollback that was begun is gone to its end: nobody wants back what they left."""
    number, went = 0, True
    before = host.place.live()
    while went:
        number += 1
        new = host.prepare(host.bot(f"well {number}")).id
        deploy(host, new)
        found = Ledger(host.place).get(before)
        run = functools.partial(
            switch.back, host.place, host.service, manager_of(host.service), found, "ann", lambda: None
        )
        went = killed(number, run)
        begun = host.place.reverting.exists() or host.states()[before] == "live"
        assert settled(host) == (before if begun else new), number
        if not begun:
            switch.back(host.place, host.service, manager_of(host.service), found, "ann", lambda: None)
    assert begun
    assert number > 6
