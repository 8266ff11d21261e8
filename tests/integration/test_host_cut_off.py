"""The engine on a server is killed, or finds a full disk: one good release runs afterwards, and everything agrees."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hosting import until
from serving import Served

from botswain.host import forms, orders
from botswain.hosts.engine import PATH

KILLER = f"""
import json, os, signal, sys
sys.path.insert(0, {PATH!r})
from pathlib import Path
from botswain.host import answers, guard, ledger, moves, place, systemd

left = int(sys.argv[2])
# A token that is known beforehand.
answers.switch.secrets = type("secrets", (), {{"token_hex": staticmethod(lambda _: f"t{{sys.argv[2]}}")}})

def passed(last=lambda: None):
    global left
    left -= 1
    if left == 0:
        last()
        os.kill(os.getpid(), signal.SIGKILL)

def before(owner, *names):
    for name in names:
        def call(*arguments, real=getattr(owner, name), **options):
            passed()
            return real(*arguments, **options)
        setattr(owner, name, call)

before(Path, "replace", "rename", "unlink", "symlink_to")
before(systemd.Systemd, "stop", "start")
before(guard.Timer, "arm", "disarm")
before(moves.gate, "wait")
write = os.write

def half(descriptor, data):
    passed(lambda: write(descriptor, data[: len(data) // 2]))
    return write(descriptor, data)

ledger.os = type("os", (), {{**vars(os), "write": staticmethod(half)}})
print(json.dumps(answers.answer(place.Place(Path(sys.argv[1])), json.load(sys.stdin))))
"""
"""Kills the engine before one of its changes, or half-way through a line of the ledger."""


@pytest.fixture(scope="module")
def machine(lab):
    """One machine for all tests of this file."""
    made = lab.start("host")
    made.write("/opt/killer.py", KILLER)
    yield made
    made.stop()


@pytest.fixture
def served(machine):
    """A bot's place on a machine."""
    made = Served(machine)
    yield made
    made.remove()


def killed(served: Served, number: int, *asked: orders.Order) -> bool:
    """Carry orders out in an engine that is killed at a point; False when it got through before."""
    text = json.dumps(orders.request(asked))
    done = served.machine.run(f"python3 -IS /opt/killer.py {served.root} {number}", text=text, check=False)
    if done.returncode:
        assert (done.returncode, done.stderr) == (-9, "") or done.returncode == 137, done
        return True
    assert json.loads(done.stdout)["error"] is None, done.stdout
    return False


def final(served: Served, release: str) -> bool:
    """Whether a release was confirmed."""
    return served.look().confirmed or served.states()[release] == "live"


def test_the_controllers_engine_in_a_deploy(served):
    """Killed before it is confirmed, the old release runs after the next run's `settle`; killed later, the new one."""
    served.ship("well 0")
    number, went = 1, True
    while went:
        live, new = served.look().state.live, served.prepare(f"well {number}")
        deploy = served.deploying(new)
        went = killed(served, number, deploy, orders.Confirm(f"t{number}", "ann"))
        expected = new if final(served, new) else live
        served.one(orders.Settle())
        served.well(expected)
        number += 2
    assert expected == new
    assert number > 12


@pytest.mark.exhaustive
def test_the_guard_after_the_engine_was_killed(served):
    """The timer alone brings the release before back after the engine was killed in the middle of a switch."""
    good = served.ship()
    served.service = replace(served.service, stop_timeout=0.5)
    served.configure(deadline=0.3, stable_for=0.1, timeout=0.1)
    armed = 0
    for number in range(4, 12):
        new = served.prepare(f"well {number}")
        assert killed(served, number, served.deploying(new, confirm_within=0.0))
        if "guard" in served.machine.run("systemctl list-timers --no-pager").stdout:
            armed += 1
            until(lambda: served.look().switch is None, "the guard", 30)
        else:
            served.one(orders.Settle())
        served.well(good)
        assert served.states()[new] in {"bad", "ready"}
        if armed == 4:
            break
    assert armed == 4


def test_the_guard_is_killed(served):
    """A guard that is killed while it brings the release before back is finished by whoever is next."""
    good = served.ship()
    for number in (1, 3, 5, 7):
        done = served.deploy(served.prepare(f"well {number}"))
        killed(served, number, orders.Revert(done.token))
        served.hand("settle")
        served.well(good)


def test_a_rollback_is_gone_to_its_end(served):
    """Killed half-way, it is finished and never undone."""
    one = served.ship("well 0")
    for number in (3, 5, 7, 9):
        two = served.ship(f"well {number}")
        killed(served, number, orders.Back("ann", release=one))
        view = served.look()
        begun = view.switch is not None or view.state.live == one
        served.one(orders.Settle())
        served.well(one if begun else two)


def test_a_full_disk(served):
    """A full disk is told before anything stops; after the stop nothing needs room; the bot runs throughout."""
    good = served.ship()
    ready = served.prepare("well 2")
    tight = "cat /dev/zero > /srv/botswain/ballast"
    move_to_small(served)
    served.machine.run(tight, check=False)
    error = served.fails(served.deploying(ready))
    assert "No space left on device" in error["what"], error
    served.machine.run("rm -f /srv/botswain/ballast")
    served.well(good)
    done = served.deploy(ready)
    served.machine.run(tight, check=False)
    assert forms.settled(served.one(orders.Revert(done.token))).release == good
    assert served.look().state.live == good
    assert served.look().health is None
    served.machine.run("rm -f /srv/botswain/ballast")
    served.one(orders.Settle())
    served.well(good)
    assert served.states()[ready] == "bad"


def move_to_small(served: Served) -> None:
    """Have the place on a small file system of its own, while its bot runs."""
    served.machine.run(f"""
set -e
systemctl stop {served.unit}
mkdir -p /small && mount -t tmpfs -o size=8M,mode=0755 small /small
cp -a /srv/botswain/. /small/ && mount --bind /small /srv/botswain
systemctl start {served.unit}
""")
    until(lambda: served.look().health is None, "the bot")
