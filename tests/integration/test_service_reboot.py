"""A restart of this machine: nothing runs any more, wherever it was, and the next word brings the right bot back."""

from __future__ import annotations

import contextlib
import os
import signal

import pytest
from shipyard import yard
from test_service_killed import killed

from botswain.targets import processes

pytestmark = pytest.mark.slow


@pytest.fixture
def ship(tmp_path):
    """A project whose first version is deployed and runs."""
    with yard(tmp_path) as made:
        ran = made.deploy()
        assert ran.code == 0, ran
        yield made


def reboot(ship):
    """What it leaves of an environment: files, and no process."""
    for _ in range(50):
        found = [*processes.guards(ship.place), *processes.of(ship.place)]
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            break
    assert ship.asked() is None
    assert (ship.place / "supervisor.sock").exists(), "as the machine leaves it"


def told(ship, row):
    """A row of `status`."""
    lines = ship.inv("status", "--env", "dev").out.splitlines()
    return next((line for line in lines if line.startswith(row)), "")


def test_after_a_restart_one_word_brings_everything_back(ship):
    """Status says what is so, a dry run what a deployment would do; start and deploy both start bot and sandbox."""
    release = ship.current()
    reboot(ship)
    hint = "supervisord is gone, as after a restart of this machine (./inv service.start --env dev starts it)"
    assert told(ship, "service").endswith(hint)
    dry = ship.deploy("--dry-run").document["plan"]["service"]
    assert (dry["action"], "as after a restart of this machine" in dry["why"]) == ("start", True)
    ran = ship.inv("service.start", "--env", "dev")
    assert (ran.code, "well after" in ran.out, ran.err) == (0, True, ""), ran
    assert (ship.runs(), ship.current()) == ("one", release)
    ship.agree()
    reboot(ship)
    ran = ship.deploy()
    assert (ran.code, ran.document["deployment"]["service"]["action"]) == (0, "start"), ran
    ship.agree()
    assert ship.inv("service.stop", "--env", "dev").code == 0
    reboot_stopped = told(ship, "service")
    reboot(ship)
    assert "stopped the bot by hand" in told(ship, "service")
    assert "stopped the bot by hand" in reboot_stopped
    assert ship.deploy().code == 0
    ship.agree()


@pytest.mark.parametrize("word", ["service.start", "deploy", "rollback"])
def test_a_restart_in_the_middle_of_a_switch(ship, word):
    """Nobody confirms it any more, and no guard is left: whatever is said next, the release before comes back first."""
    old = ship.current()
    ship.version("two")
    assert killed(ship, "after Local.deploy", "deploy") is not None
    assert "by itself it is taken back" in told(ship, "switch")
    reboot(ship)
    assert told(ship, "switch").endswith("is not confirmed; the next deploy or rollback settles it")
    if word == "service.start":
        ran = ship.inv(word, "--env", "dev")
        assert (ran.code, "was cut off; it is settled first" in ran.err) == (0, True), ran
        assert (ship.runs(), ship.current()) == ("one", old)
    elif word == "rollback":
        ran = ship.rollback()
        assert (ran.code, "was cut off" in ran.err, ship.runs()) == (0, True, "one"), ran
    assert ship.deploy().code == 0
    assert ship.runs() == "two"
    ship.agree()
