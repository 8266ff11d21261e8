"""A controller that is killed: whatever it left, the next `deploy` ends with one good bot and records that agree."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from desk import ROOT
from shipyard import yard

pytestmark = pytest.mark.slow
KILLING = ROOT / "tests/killing_service.py"
MANY = 200
"""More points than any run has."""


@pytest.fixture
def sailing(tmp_path):
    """A project whose first version is deployed and runs."""
    with yard(tmp_path) as made:
        ran = made.deploy()
        assert ran.code == 0, ran
        made.first = ran.document["deployment"]["deploymentId"]
        yield made


def killed(ship, number, *arguments):
    """Runs a task and kills it at that point; the point, or None when it got through."""
    where = ship.where()
    argv = [sys.executable, str(KILLING), str(number), *arguments, "--env", "dev"]
    path = f"{ROOT / 'tests'}:{ROOT}"
    done = subprocess.run(
        argv, cwd=where["cwd"], env={**where["env"], "PYTHONPATH": path}, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode == -9:
        return done.stdout.splitlines()[-1]
    assert done.returncode == 0, done
    return None


def healed(ship, name, point):
    """`deploy` once more brings everything in order, with one bot of this name."""
    ran = ship.deploy()
    assert ran.code == 0, (point, str(ran))
    assert ship.runs() == name, point
    assert {key: one["description"] for key, one in ship.live().items()} == {"ping": name}, point
    ship.agree()


def test_a_deployment_that_is_killed_anywhere_is_settled_by_the_next(sailing):
    """At every change of records or target: afterwards one bot runs, it is the one on record, nothing is locked."""
    points = []
    for number in range(1, MANY):
        name = f"v{number}"
        sailing.define("ping", name)
        sailing.version(name)
        point = killed(sailing, number, "deploy")
        healed(sailing, name, point)
        if point is None:
            break
        points.append(point)
    told = " ".join(points)
    assert "after Local.deploy" in told
    assert "after Local.confirm" in told
    assert "before Local.prepare" in told
    assert len(points) > 15


@pytest.mark.exhaustive
def test_a_rollback_that_is_killed_anywhere_is_settled_by_the_next(sailing):
    """A way back that was cut off leaves nothing that the next deployment cannot put in order."""
    points = []
    for number in range(1, MANY):
        for name in (f"old{number}", f"new{number}"):
            sailing.define("ping", name)
            sailing.version(name)
            assert sailing.deploy().code == 0
        point = killed(sailing, number, "rollback", "--yes")
        sailing.define("ping", f"next{number}")
        sailing.version(f"next{number}")
        healed(sailing, f"next{number}", point)
        if point is None:
            break
        points.append(point)
    assert any(point.startswith("after Local.back") for point in points)


BOTH = ("bot", "ping")
TAKES_BACK = {"": BOTH, "--only service": ("bot",), "--only commands": ("ping",), "--to": BOTH}
"""By the arguments of a rollback: what it takes back."""
LATE = [
    ("", "after Local.back", ""),
    ("", "before _Person.finished", "--only service"),
    ("--only service", "after Local.back", "--only service"),
    ("--only service", "before HeldFile.release", ""),
    ("--only commands", "before _Person.finished", ""),
    ("--to", "after Local.back", ""),
]
"""What is killed, where, and what is typed after it."""


def back_and_killed(ship, arguments, point, name):
    """Deploys old and new versions, and kills a rollback from the new one; its point, and what it was to leave."""
    for version in (f"old {name}", f"new {name}"):
        ship.define("ping", version)
        ship.version(version)
        ran = ship.deploy()
        assert ran.code == 0, ran
        ship.first = ran.document["deployment"]["deploymentId"] if version.startswith("old") else ship.first
    to = ["--to", ship.first] if arguments == "--to" else arguments.split()
    met = killed(ship, point, "rollback", "--yes", *to)
    parts = TAKES_BACK[arguments]
    return met, {part: f"old {name}" if part in parts else f"new {name}" for part in BOTH}


def versions(ship):
    """Which version of each part is there."""
    return {"bot": ship.runs(), "ping": ship.live()["ping"]["description"]}


@pytest.mark.parametrize(("arguments", "point", "again"), LATE)
def test_rollback_killed_late_is_finished_and_not_repeated(sailing, arguments, point, again):
    """The next `rollback` settles it, says so, and goes no further; the one after that does."""
    met, wanted = back_and_killed(sailing, arguments, point, "one")
    assert met is not None
    ran = sailing.rollback(*again.split())
    assert (ran.code, versions(sailing)) == (0, wanted), (ran, met)
    assert "was cut off" in ran.err + str(ran.document["notes"]), ran
    sailing.agree()
    ran = sailing.rollback(*again.split())
    assert (ran.code, versions(sailing) != wanted) == (0, True), (ran, met)
    sailing.agree()


@pytest.mark.exhaustive
@pytest.mark.parametrize("arguments", [*TAKES_BACK])
def test_rollback_killed_anywhere_is_finished_and_not_repeated(sailing, arguments):
    """At every point, of every kind: one step back, and none further. One to a named state may say that none was."""
    for number in range(1, MANY):
        met, wanted = back_and_killed(sailing, arguments, number, str(number))
        ran = sailing.rollback(*(() if arguments == "--to" else arguments.split()))
        told = str(ran.document["notes"])
        if arguments == "--to" and "before it changed anything" in told:
            assert f"run `./inv rollback --to {sailing.first}` for it" in told, met
            wanted = dict.fromkeys(BOTH, f"new {number}")
        elif met is None:
            break
        assert (ran.code, versions(sailing)) == (0, wanted), (ran, met)
        sailing.agree()
    assert number > 10


def test_service_rollback_killed_in_an_outage_is_finished_and_not_repeated(sailing):
    """While Discord is down and an earlier deployment is not settled, typing it again goes no further either."""
    sailing.define("ping", "two")
    sailing.version("two")
    assert sailing.deploy().code == 0
    sailing.define("ping", "three")
    sailing.version("three")
    assert killed(sailing, "after Local.confirm", "deploy") is not None
    sailing.outage(down=True)
    assert killed(sailing, "after Local.back", "rollback", "--only", "service", "--yes") is not None
    assert sailing.runs() == "two"
    ran = sailing.rollback("--only", "service")
    assert (ran.code, sailing.runs()) == (0, "two"), ran
    assert "is complete: nothing else was done" in str(ran.document["notes"])
    sailing.outage(down=False)
    healed(sailing, "three", "outage")


def test_a_bot_that_a_killed_run_left_unconfirmed_is_told(sailing):
    """The run that finds it says what it found, and counts it in the history."""
    old = sailing.current()
    sailing.version("two")
    number = next(
        one for one in range(1, MANY) if (point := killed(sailing, one, "deploy")) and "after Local.deploy" in point
    )
    assert number > 1
    new, run = sailing.current(), sailing.inv("history", "--env", "dev", "--json").document["deployments"][0]
    assert (run["outcome"], run["detail"]) == ("interrupted", "cut off; the next deploy or rollback settles it")
    dry = sailing.deploy("--dry-run").document
    why = f"the switch that was cut off (release {new}) is settled first, and release {old} runs then"
    service = dry["plan"]["service"]
    assert (service["action"], service["live"], service["why"]) == ("deploy", old, why)
    assert (
        f"deploy {run['deploymentId']} by tester was cut off; the next deploy or rollback settles it" in dry["notes"][0]
    )
    assert sailing.inv("diff", "--env", "dev", "--check").code == 2
    assert sailing.runs() == "two"
    ran = sailing.inv("rollback", "--env", "dev", "--yes", "--json")
    assert "was cut off" in ran.err
    assert (sailing.runs(), sailing.current()) == ("one", old)
    sailing.agree()


def test_a_release_that_a_killed_run_had_confirmed_is_undone_by_a_rollback(sailing):
    """Whoever types it after a run that was killed before its commands means the bot that this run left."""
    sailing.define("ping", "two")
    sailing.version("two")
    assert killed(sailing, "after Local.confirm", "deploy") is not None
    assert sailing.runs() == "two"
    ran = sailing.rollback()
    assert (ran.code, ran.document["outcome"], sailing.runs()) == (0, "done", "one"), ran
    sailing.agree()


def test_an_incident_does_not_wait_for_an_earlier_run_to_be_settled(sailing):
    """With Discord down, `rollback --only service` goes back although a killed deployment is on the books."""
    sailing.define("ping", "two")
    sailing.version("two")
    assert any("after Local.confirm" in (killed(sailing, one, "deploy") or "") for one in range(1, MANY))
    assert sailing.runs() == "two"
    sailing.outage(down=True)
    ran = sailing.rollback("--only", "service", "--to", sailing.first)
    assert (sailing.runs(), ran.document["outcome"]) == ("one", "partial"), ran
    assert "is settled by the next run" in str(ran.document["notes"])
    sailing.outage(down=False)
    healed(sailing, "two", "incident")
    assert sailing.manifest()["service"]["commit"] == sailing.git("rev-parse", "HEAD")


def test_a_run_that_loses_its_lock_confirms_nothing(sailing):
    """Whoever broke the lock owns what is left: the switch stays unconfirmed, and the next run settles it."""
    here = f"http://127.0.0.1:{sailing.port}"
    urls = {"alive": f"{here}/healthz", "ready": f"{here}/readyz"}
    sailing.ship(health={**urls, "deadline": 10, "stable_for": 3})
    sailing.define("ping", "two")
    sailing.version("two")
    with subprocess.Popen(
        sailing.argv("deploy", "--env", "dev"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, **sailing.where(),
    ) as run:  # fmt: skip
        end = time.monotonic() + 20
        while sailing.runs() != "two":
            assert time.monotonic() < end
            time.sleep(0.05)
        assert sailing.inv("lock.break", "--env", "dev", "--why", "it hangs").code == 0
        told, _ = run.communicate(timeout=40)
    assert run.returncode == 1, told
    status = sailing.inv("status", "--env", "dev", "--json").document
    assert status["service"]["unconfirmed"] == sailing.current()
    assert {name: one["description"] for name, one in sailing.live().items()} == {"ping": "Pong"}
    healed(sailing, "two", "lock")
