"""Each sample bot on a voyage: one deployed project that meets everything which can go wrong, one after the other.

What is proved here for real bots, that log in at the gateway and leave it again, is proved for a tiny one in more
ways: test_service_deploy, test_service_back, test_service_killed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import fleets
import pytest
import yaml
from clients import harbour
from desk import GUILD, ROOT

pytestmark = pytest.mark.slow

FALSE = [[sys.executable, "-c", "import sys; print('the mast is too short'); sys.exit(7)"]]
POINTS = (
    "before Local.deploy", "after Local.deploy", "after Local.confirm", "before FolderStore.delete",
)  # fmt: skip


@pytest.fixture(params=harbour.NAMES)
def ship(request, tmp_path):
    """A sample bot that is deployed and runs."""
    with fleets.fleet(tmp_path, request.param) as made:
        ran = made.deploy()
        assert ran.code == 0, ran
        made.commits = [made.git("rev-parse", "HEAD")]
        yield made


def well(ship, commit):
    """One bot runs, of this commit; it is logged in once, the records agree, and nothing is locked or left."""
    until(lambda: ship.serves() == commit[:8] and ship.sessions() == 1)
    ship.agree()
    assert ship.manifest()["service"]["commit"] == commit
    assert len(ship.live(GUILD)) == 7


def until(look):
    """Looks again and again until it is so."""
    end = time.monotonic() + 30
    while not look():
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.05)


def deployed(ship, weather="calm"):
    """Commits a version and deploys it, which goes well; the commit."""
    commit = ship.sail(weather)
    ran = ship.deploy()
    assert ran.code == 0, ran
    well(ship, commit)
    return commit


@harbour.one
def test_bad_versions_never_stay(ship):
    """Failing builds and tests, bots that never log in, die, are deaf, Discord down, a closed terminal: one runs on."""
    first = ship.commits[0]
    before = ship.asked(), ship.manifest()
    assert ship.deploy().document["outcome"] == "unchanged"
    for part in ("build", "test"):
        ship.ship(**{part: FALSE})
        ship.sail("calm")
        ran = ship.deploy()
        assert (ran.code, "the mast is too short" in ran.document["log"]) == (1, True), ran
        assert "still runs, and is well" in ran.document["error"]
        assert (ship.asked(), ship.manifest()) == before
    here = f"http://127.0.0.1:{ship.port}"
    health = {"alive": f"{here}/healthz", "ready": f"{here}/readyz"}
    for weather, deadline, stable_for, told in (
        ("lost", 6, 0.3, "was not ready"),
        ("short", 20, 8, "its process ended"),
    ):
        ship.ship(health={**health, "deadline": deadline, "stable_for": stable_for})
        ship.sail(weather)
        ran = ship.deploy()
        assert (ran.code, ran.document["outcome"], told in ran.document["error"]) == (4, "rolled back", True), ran
        well(ship, first)
    ship.ship()
    deployed(ship, "deaf")
    ran_from = ship.sail("calm")
    told = ship.deploy().document["deployment"]["service"]
    assert (told["state"], told["killed"]) == ("live", True)
    well(ship, ran_from)
    waiting = ship.sail("calm")
    ship.ship(health={**health, "deadline": 90, "stable_for": 90})
    with subprocess.Popen(
        ship.argv("deploy", "--env", "dev"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, **ship.where(),
    ) as run:  # fmt: skip
        until(lambda: ship.serves() == waiting[:8])
        run.send_signal(signal.SIGHUP)
        output, _ = run.communicate(timeout=60)
    assert run.returncode == 4, output
    well(ship, ran_from)
    ship.ship(health={**health, "deadline": 8, "stable_for": 0.3})
    held = ship.sail("outage")
    ran = ship.deploy()
    assert (ran.code, ran.document["outcome"]) == (1, "partial"), ran
    assert "nobody can tell" in str(ran.document["notes"])
    assert ship.serves() == held[:8], "it holds"
    ship.outage(down=False)
    until(lambda: ship.sessions() == 1)
    ship.ship()
    assert ship.deploy().code == 0
    well(ship, held)


def test_every_way_back(ship):
    """Once, twice, to a named release and across one that is gone, until there is nothing to go back to."""
    commits = [*ship.commits, *(deployed(ship) for _ in range(3))]
    assert ship.rollback().code == 0
    well(ship, commits[2])
    assert ship.rollback("--only", "service").code == 0
    well(ship, commits[1])
    assert ship.rollback("--only", "service", "--to", commits[2]).code == 0
    well(ship, commits[2])
    gone = next(one for one in (ship.place / "releases").iterdir() if commits[1][:8] in one.name)
    shutil.rmtree(gone)
    ran = ship.rollback("--only", "service")
    assert (ran.code, "is not on this machine any more" in ran.err) == (1, True), ran
    well(ship, commits[2])
    assert ship.rollback("--only", "service", "--to", commits[0]).code == 0
    well(ship, commits[0])
    assert ship.rollback("--only", "service").code == 0
    assert (ship.processes(), ship.current()) == ([], None)
    ran = ship.rollback("--only", "service")
    assert (ran.code, "there is nothing to go back to" in ran.err) == (1, True), ran


@harbour.one
def test_a_killed_controller_is_made_good_by_the_next_deployment(ship):
    """At each point that matters: afterwards one bot runs, it is the one on record, and nothing is locked."""
    for point in POINTS:
        commit = ship.sail("calm")
        where = ship.where()
        argv = [sys.executable, str(ROOT / "tests/killing_service.py"), point, "deploy", "--env", "dev"]
        done = subprocess.run(
            argv, cwd=where["cwd"], env={**where["env"], "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"}, text=True,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=90, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout.splitlines()[-1].startswith(point)) == (-9, True), (point, done)
        ran = ship.deploy()
        assert ran.code == 0, (point, str(ran))
        well(ship, commit)


def test_bad_input_stops_nothing(ship, monkeypatch):
    """A commit, program or disk that is not there, a URL that is none, a port in use: one line, and the bot runs on."""
    before = ship.asked(), ship.manifest()
    ship.sail("calm")

    def refused(told, *, code=1):
        ran = ship.deploy()
        assert (ran.code, told in ran.told[0]) == (code, True), ran
        assert (ship.asked(), ship.manifest()) == before

    ship.ship(build=[["no-such-program"]])
    refused("no-such-program")
    ship.ship(health={"ready": "127.0.0.1 readyz"})
    refused("service.health.ready")
    ship.ship()
    room = os.statvfs(ship.folder)
    with monkeypatch.context() as patched:
        full = SimpleNamespace(f_bavail=1, f_frsize=room.f_frsize)
        patched.setattr(os, "statvfs", lambda _: full)
        refused("MB free, and a release wants")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ship.ship(environment={"PORT": str(port)}, health={"ready": f"http://127.0.0.1:{port}/readyz"})
        refused(f"port {port}, which the bot needs, is used by process")
    empty = ship.folder / "empty"
    empty.mkdir()
    subprocess.run(["git", "init", "--quiet", empty], check=True)
    path = ship.folder / "profiles/dev.yaml"
    path.write_text(json.dumps({**yaml.safe_load(path.read_text()), "repo": str(empty)}))
    refused("has no commit yet")
    ship.ship()
    ran = ship.rollback("--only", "service", "--to", "0123456789012345678901234567890123456789")
    assert (ran.code, "is no release" in ran.told[0], ship.asked()) == (1, True, before[0]), ran
