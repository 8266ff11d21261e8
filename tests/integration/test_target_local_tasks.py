"""The tasks for the bot that runs: what they print, ask and record."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
from pathlib import Path

import pytest
import standin
from desk import Desk, refused
from standin import Standin, runs, until

from botswain.audit.log import AuditLog
from botswain.state.folder import FolderStore
from botswain.targets.moving import place_of

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """The command line of a project in the current folder."""
    made = Desk(tmp_path, {"DISCORD_DEV_TOKEN": standin.TOKEN})
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def ship(desk: Desk):
    """That project's bot, deployed."""
    with standin.standin(desk.folder) as made:
        made.deploy(name="first")
        yield made


def audited(desk: Desk, environment: str = "dev") -> list[tuple[str, str, str]]:
    """What was done, by whom, and how it ended."""
    log = AuditLog(FolderStore(desk.folder / f"manifests/{environment}.json"), environment)
    assert log.verify().findings == []
    found = list(log.records())
    ends = {one["id"]: one["result"] for one in found if one["event"] == "outcome"}
    return [(one["action"], one["actor"], ends[one["id"]]) for one in found if one["event"] == "intent"]


def test_stop_start_restart(desk: Desk, ship: Standin):
    """Each says what is so now, and is in the audit log."""
    release = ship.target.state().release
    pid = ship.target.state().pid
    assert desk.inv("service.stop", "--env", "dev").out == f"{release}: stopped\n"
    assert not runs(pid)
    ran = desk.inv("service.start", "--env", "dev")
    pid = ship.target.state().pid
    assert re.fullmatch(rf"{release}: running, process {pid}, well after \d+\.\d s\n", ran.out), ran
    assert ship.asked()["name"] == "first"
    document = desk.inv("service.restart", "--env", "dev", "--json").document
    assert document["pid"] == ship.target.state().pid != pid
    assert (document["release"], document["running"], document["target"]) == (release, True, "local")
    assert (document["commit"], document["trouble"]) == (ship.target.state().commit, None)
    assert audited(desk) == [
        ("service.stop", "tester", "done"), ("service.start", "tester", "done"), ("service.restart", "tester", "done"),
    ]  # fmt: skip


def test_a_start_says_what_it_saw(desk: Desk, ship: Standin):
    """A bot that is not ready is told after a while, and one that ends at once is a failure, with its log."""
    release = ship.target.state().release
    behaviour = ship.root / "releases" / release / "behaviour.json"
    behaviour.write_text('{"ready": false, "reason": "no wind"}')
    ship.profile(health={"deadline": 1})
    document = desk.inv("service.restart", "--env", "dev", "--json").document
    assert (document["running"], "answers 503 (no wind)" in document["trouble"]) == (True, True)
    for code in (78, 3):  # supervisord tries again after the second alone
        behaviour.write_text(f'{{"dies": {code}}}')
        ran = desk.inv("service.restart", "--env", "dev")
        assert (ran.code, ran.out) == (1, "")
        assert ran.told[0].startswith(f"release {release}: its process ended"), ran
        assert "begun" in ran.err
    assert audited(desk)[-1] == ("service.restart", "tester", "failed")
    ship.profile(health={"alive": None, "ready": None, "deadline": 5})
    behaviour.write_text("{}")
    assert "well after 1." in desk.inv("service.restart", "--env", "dev").out, (
        "nothing tells, so it has to live a moment"
    )


def test_a_start_that_fails_is_recorded_so(desk: Desk, ship: Standin):
    """The audit log tells how it ended."""
    desk.inv("dev.down", "--env", "dev")
    release = ship.target.state().release
    (ship.root / "current").unlink()
    ways = f"./inv rollback --env dev --only service --to {release}, or ./inv deploy --env dev"
    refused(desk.inv("service.start", "--env", "dev"), f"{ship.root}: there is no release to start; {ways}")
    assert audited(desk)[-1] == ("service.start", "tester", "failed")


@pytest.mark.parametrize("deed", ["start", "stop", "restart"])
def test_a_dry_run_leaves_the_bot_alone(desk: Desk, ship: Standin, deed):
    """It says what would be done, and to what."""
    state = ship.target.state()
    ran = desk.inv(f"service.{deed}", "--env", "dev", "--dry-run")
    assert ran.out == f"would {deed} the bot ({state.release}: {ship.target.state().told}, process {state.pid})\n"
    assert ship.target.state().pid == state.pid
    document = desk.inv("-R", f"service.{deed}", "--env", "dev", "--json").document
    assert document["dryRun"] is True
    assert ship.target.state().pid == state.pid
    assert not (desk.folder / "manifests").exists()


def test_production_is_asked_for_except_to_stop(desk: Desk, ship: Standin):
    """Nothing stands in the way of stopping; starting in production is confirmed."""
    ship.profile(top={"production": True, "api": "sandbox"})
    for deed in ("start", "restart"):
        told = f"this would {deed} the bot of dev (production), and there is no terminal to ask on"
        refused(desk.inv(f"service.{deed}", "--env", "dev"), f"{told}; if you mean it, say --yes", code=3)
    pid = ship.target.state().pid
    assert desk.inv("service.stop", "--env", "dev").code == 0
    assert not runs(pid)
    assert desk.inv("service.start", "--env", "dev", "--yes").code == 0
    assert desk.inv("dev.down", "--env", "dev").code == 0
    assert ship.processes() == []


@pytest.mark.parametrize("task", ["service.stop", "dev.down"])
def test_stopping_does_not_wait_for_the_records(desk: Desk, ship: Standin, task):
    """An audit log that cannot be written is told, and the bot is stopped all the same."""
    pid = ship.target.state().pid
    (desk.folder / "manifests").write_text("in the way")
    ran = desk.inv(task, "--env", "dev")
    assert ran.code == 0, ran
    assert "note: not in the audit log: " in ran.err
    assert not runs(pid)
    refused_start = desk.inv("service.start", "--env", "dev")
    assert refused_start.code == 1
    assert not ship.target.state().running


def test_down_takes_every_environment(desk: Desk, ship: Standin):
    """Without --env everything that was started from here, also of a profile that is gone; then there is nothing."""
    desk.environment["DISCORD_STAGE_TOKEN"] = standin.TOKEN
    with standin.standin(desk.folder, "stage") as other:
        other.deploy(name="first")
        (desk.folder / "profiles/stage.yaml").write_text("environment: [")
        known = [*ship.processes(), *other.processes()]
        assert len(known) == 4
        dry = desk.inv("dev.down", "--dry-run")
        assert (
            dry.out == f"would stop dev: process {known[0]}, dev: process {known[1]}, "
            f"stage: process {known[2]}, stage: process {known[3]}\n"
        )
        assert all(map(runs, known))
        document = desk.inv("dev.down", "--json").document
    assert not any(map(runs, known))
    assert {name: [one.partition(" ")[0] for one in told] for name, told in document["stopped"].items()} == {
        "dev": ["bot", "supervisord"], "stage": ["bot", "supervisord"],
    }  # fmt: skip
    assert desk.inv("dev.down").out == "dev: nothing ran\nstage: nothing ran\n"
    assert audited(desk)[0] == ("dev.down", "tester", "done")


def test_where_nothing_was_ever_started(desk: Desk):
    """Said, and no failure; an environment that does not exist is one."""
    desk.profile()
    assert desk.inv("dev.down").out == "nothing runs here\n"
    assert desk.inv("dev.down", "--env", "dev").out == "dev: nothing ran\n"
    assert desk.inv("dev.down", "--env", "nowhere").code == 1
    assert not place_of("nowhere").root.exists()


@pytest.mark.parametrize("task", ["service.start", "service.stop", "service.restart", "service.logs", "releases"])
def test_a_profile_without_a_service(desk: Desk, task):
    """One line that says what to add."""
    desk.profile()
    told = (
        "profiles/dev.yaml: dev has no service: it is about commands alone; add a section `service` (docs/service.md)"
    )
    refused(desk.inv(task, "--env", "dev"), told)


def test_the_releases(desk: Desk, ship: Standin):
    """Which one is live, what each is made of, and what became of it."""
    first = ship.target.state()
    ship.deploy(name="second")
    second = ship.target.state()
    heading, *rows = desk.inv("releases", "--env", "dev").out.splitlines()
    assert heading.split()[:3] == ["release", "commit", "state"]
    assert [row.split()[:3] for row in rows] == [
        [first.release, first.commit[:8], "superseded"], [second.release, second.commit[:8], "live"],
    ]  # fmt: skip
    document = desk.inv("releases", "--env", "dev", "--json").document
    assert (document["live"], document["running"]) == (second.release, True)
    assert [(one["release"], one["commit"], one["state"], one["by"], one["why"]) for one in document["releases"]] == [
        (first.release, first.commit, "superseded", "anna", None),
        (second.release, second.commit, "live", "anna", None),
    ]  # fmt: skip
    ship.target.stop()
    assert "live, not running" in desk.inv("releases", "--env", "dev").out


def test_the_log(desk: Desk, ship: Standin):
    """The last lines, with secrets covered; and with --follow until Ctrl-C, which is no failure."""
    with (ship.root / "logs/bot.log").open("a") as log:
        log.write(f"one\ntwo {standin.TOKEN}\nthree\n")
    ran = desk.inv("service.logs", "--env", "dev", "--lines", "2")
    assert ran.out.splitlines()[1] == "three"
    assert standin.TOKEN not in ran.out
    assert ran.out.startswith("two ")
    document = desk.inv("service.logs", "--env", "dev", "--json").document
    assert [document["lines"][0], document["lines"][-1]] == ["begun first", "three"]
    assert desk.inv("service.logs", "--env", "dev", "--lines", "-1").code == 1
    assert desk.inv("service.logs", "--env", "dev", "--json", "--follow").code == 1


def test_the_log_is_followed_until_ctrl_c(desk: Desk, ship: Standin):
    """What the bot prints comes at once, also through a pipe."""
    argv = desk.argv("service.logs", "--env", "dev", "--follow", "--lines", "1")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **desk.where()) as process:
        said: list[str] = []
        threading.Thread(target=lambda: said.extend(process.stdout), daemon=True).start()
        try:
            until(lambda: said == ["begun first\n"])
            ship.target.stop()
            until(lambda: said == ["begun first\n", "ended\n"])
            process.send_signal(signal.SIGINT)
            assert process.wait(standin.PATIENCE) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()


def test_the_bot_has_nothing_of_the_environment_of_the_task(desk: Desk, ship: Standin):
    """A start from the command line leaves its token in no process but the bot."""
    desk.inv("dev.down", "--env", "dev")
    assert desk.process("service.start", "--env", "dev").code == 0
    pid = ship.target.state().pid
    until(lambda: ship.target.healthy() is None)
    has = [one for one in ship.processes() if standin.TOKEN in Path(f"/proc/{one}/environ").read_text()]
    assert has == [pid]
