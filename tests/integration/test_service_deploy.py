"""`deploy` of a profile with a service: one commit, the bot first and then its commands, each tried for real."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from shipyard import yard
from standin import until

from botswain.deployment.commit import release_commit
from botswain.errors import Refused
from botswain.host.ledger import Ledger
from botswain.host.place import Place
from botswain.profile.load import parsed
from botswain.sandbox.faults import Fault

pytestmark = pytest.mark.slow


@pytest.fixture
def ship(tmp_path):
    """A project where nothing was deployed yet."""
    with yard(tmp_path) as made:
        yield made


@pytest.fixture
def sailing(ship):
    """A project whose first version is deployed and runs."""
    ran = ship.deploy()
    assert ran.code == 0, ran
    return ship


def fault(ship, **fields):
    """Orders a misfortune of the double."""
    double = ship.sandbox()
    try:
        with double.entered():
            double._faults.add(Fault(**fields))
    finally:
        double.close()


def settings(ship, **values):
    """Changes the double's settings."""
    double = ship.sandbox()
    try:
        double.configure(**values)
    finally:
        double.close()


def descriptions(ship):
    """What is live at Discord, by name."""
    return {name: one["description"] for name, one in ship.live().items()}


def test_the_first_deployment_starts_the_bot_and_records_it(ship):
    """Service and commands come from one commit, and manifest, history, status and card say so."""
    ran = ship.deploy()
    assert ran.code == 0, ran
    commit, release = ship.git("rev-parse", "HEAD"), ship.current()
    assert ship.runs() == "one"
    assert descriptions(ship) == {"ping": "Pong"}
    record = {"target": "local", "release": release, "commit": commit, "previous": None}
    assert ship.manifest()["service"] == record
    assert ship.manifest()["gitSha"] == commit
    document = ran.document
    told = document["deployment"]["service"]
    assert (told["action"], told["state"], told["release"], told["commit"]) == ("deploy", "live", release, commit)
    assert 0 < told["seconds"] < 10
    assert "service" in [one["name"] for one in document["phases"]]
    assert document["card"]["bot"] == f"bot: release {release} of commit {commit[:12]}"
    assert document["card"]["botBack"] == "stops the bot: there was no release before"
    now = ship.inv("status", "--env", "dev", "--json").document["service"]
    assert (now["release"], now["commit"], now["running"]) == (release, commit, True)
    shown = ship.inv("status", "--env", "dev").out
    assert f"release {release} of commit {commit[:12]}: running" in shown
    assert f"bot {commit[:8]}, +1" in ship.inv("history", "--env", "dev").out
    ship.agree()


def test_nothing_new_restarts_nothing(sailing):
    """The same commit, built the same way, running and well, is left alone and makes no deployment."""
    before = sailing.asked(), sailing.state()
    ran = sailing.deploy()
    assert (ran.code, ran.document["outcome"], ran.document["plan"]["service"]["action"]) == (0, "unchanged", "none")
    assert (sailing.asked(), sailing.state()) == before
    assert sailing.inv("diff", "--env", "dev", "--check").code == 0


def test_a_new_commit_replaces_the_bot_and_its_commands(sailing):
    """Exactly one process runs afterwards, of the new release, and the new commands are live."""
    old = sailing.current()
    sailing.define("ping", "Pong again")
    commit = sailing.version("two")
    assert sailing.inv("diff", "--env", "dev", "--check").code == 2
    assert sailing.deploy().code == 0
    assert (sailing.runs(), descriptions(sailing)) == ("two", {"ping": "Pong again"})
    assert sailing.manifest()["service"]["previous"] == old
    assert sailing.manifest()["service"]["commit"] == commit
    sailing.agree()


def test_a_commit_of_commands_alone_restarts_nothing(sailing):
    """Applied, recorded with its commit, and taken back again, while the bot runs on; other files count as ever."""
    before, first = (sailing.asked(), sailing.current()), sailing.git("rev-parse", "HEAD")
    sailing.define("pong")
    commit = sailing.commit()
    shown = sailing.inv("diff", "--env", "dev").out
    assert f"no change: commit {first[:12]} runs" in shown
    assert f"commit {commit[:12]} changes no file of the bot" in shown
    ran = sailing.deploy()
    assert (ran.code, ran.document["plan"]["service"]["action"]) == (0, "none"), ran
    assert ran.document["deployment"]["gitSha"] == sailing.manifest()["gitSha"] == commit
    assert (set(sailing.live()), sailing.manifest()["service"]["commit"]) == ({"ping", "pong"}, first)
    assert (sailing.asked(), sailing.current()) == before
    assert sailing.inv("diff", "--env", "dev", "--check").code == 0
    assert sailing.rollback().code == 0
    assert (set(sailing.live()), sailing.asked(), sailing.current()) == ({"ping"}, *before)
    sailing.write("bot/commands/handlers.py", "what handles them")
    sailing.commit()
    assert sailing.deploy().document["plan"]["service"]["action"] == "deploy"
    sailing.agree()


def test_a_bot_that_reads_definitions_is_restarted_for_them(sailing):
    """With `reads_commands` they are files of the bot."""
    sailing.ship(reads_commands=True)
    assert sailing.deploy().document["outcome"] == "unchanged"
    before = sailing.current()
    sailing.define("ping", "Pong again")
    sailing.commit()
    assert sailing.deploy().code == 0
    assert sailing.current() != before


def test_apply_never_touches_the_service(sailing):
    """`apply` writes the commands of the sources alone, whatever became of the bot."""
    before, record = sailing.asked(), sailing.manifest()["service"]
    sailing.define("ping", "Pong again")
    sailing.version("two")
    assert sailing.inv("apply", "--env", "dev", "--json").code == 0
    assert descriptions(sailing) == {"ping": "Pong again"}
    assert (sailing.asked(), sailing.manifest()["service"]) == (before, record)


def test_a_bot_that_was_stopped_is_started(sailing):
    """`deploy` with nothing new starts the live release when it does not run, and that is no change to undo."""
    release = sailing.current()
    assert sailing.inv("service.stop", "--env", "dev").code == 0
    assert sailing.processes() == []
    ran = sailing.deploy()
    assert (ran.code, ran.document["deployment"]["service"]["action"]) == (0, "start")
    assert (sailing.runs(), sailing.current()) == ("one", release)
    assert ran.document["card"]["botBack"] == "stops the bot: there was no release before"
    sailing.agree()


def test_force_deploys_again(sailing):
    """`--force` starts the same commit anew, in a new process."""
    before = sailing.asked()["pid"]
    ran = sailing.deploy("--force")
    assert ran.code == 0, ran
    assert sailing.asked()["pid"] != before
    sailing.agree()


@pytest.mark.parametrize("part", ["build", "lint", "test"])
def test_what_cannot_be_built_or_fails_its_checks_changes_nothing(sailing, part):
    """Exit 1 with the last lines of the log; the old bot was not even restarted, and no deployment is on record."""
    before, records = sailing.asked(), sailing.manifest()
    script = "import sys; print('the mast is too short'); sys.exit(7)"
    sailing.ship(**{part: [[sys.executable, "-c", script]]})
    sailing.define("ping", "Pong again")
    sailing.version("two")
    ran = sailing.deploy()
    assert ran.code == 1, ran
    assert "exit code 7" in ran.document["error"]
    running = f"; release {sailing.current()} of commit {records['gitSha'][:12]} still runs, and is well"
    assert ran.document["error"].endswith(running)
    assert "the mast is too short" in ran.document["log"]
    assert "the mast is too short" in ran.err
    assert (sailing.asked(), sailing.manifest(), descriptions(sailing)) == (before, records, {"ping": "Pong"})
    sailing.agree()


@pytest.mark.parametrize(
    ("how", "stable_for", "told"),
    [
        ({"never_ready": True}, 0.2, "not logged in"),
        ({"dies_after": 0.5}, 3, "its process ended"),
        ({"refuses": "no sails"}, 0.2, "process"),
    ],
)
def test_a_bad_release_makes_way_for_the_one_before(sailing, how, stable_for, told):
    """Exit 4: the old release runs again, the commands were never touched, and the next deployment tries again."""
    here = f"http://127.0.0.1:{sailing.port}"
    urls = {"alive": f"{here}/healthz", "ready": f"{here}/readyz"}
    old, record = sailing.current(), sailing.manifest()
    sailing.define("ping", "Pong again")
    sailing.version("two", **how)
    sailing.ship(health={**urls, "deadline": 1.5, "stable_for": stable_for})
    ran = sailing.deploy()
    assert (ran.code, ran.document["outcome"]) == (4, "rolled back"), ran
    assert told in ran.document["error"]
    assert "bot two starts" in ran.document["log"] or "no sails" in str(ran.document["log"])
    told = ran.document["deployment"]["service"]
    assert (told["state"], told["killed"], 0 < told["seconds"] < 20) == ("undone", False, True)
    assert (sailing.runs(), sailing.current(), descriptions(sailing)) == ("one", old, {"ping": "Pong"})
    assert sailing.manifest() == record
    sailing.agree()
    sailing.version("three")
    assert sailing.deploy().code == 0
    assert (sailing.runs(), descriptions(sailing)) == ("three", {"ping": "Pong again"})
    sailing.agree()


def test_a_first_release_that_is_bad_leaves_nothing(ship):
    """Exit 4: nothing runs, no command was written, and no release is on record."""
    ship.version("one", never_ready=True)
    ship.ship(health={"ready": f"http://127.0.0.1:{ship.port}/readyz", "deadline": 1, "stable_for": 0})
    ran = ship.deploy()
    assert (ran.code, ran.document["outcome"]) == (4, "rolled back"), ran
    assert (ship.processes(), ship.current(), ship.live()) == ([], None, {})
    assert (ship.manifest() or {}).get("service") is None


def test_a_bot_that_ignores_sigterm_is_replaced(ship):
    """After stop_timeout it is killed; never do two of them run."""
    ship.version("one", stubborn=True)
    assert ship.deploy().code == 0
    ship.version("two")
    ran = ship.deploy()
    told = ran.document["deployment"]["service"]
    assert (ran.code, told["killed"], told["seconds"] > 1) == (0, True, True)
    assert "the bot that ran before did not end within its stop_timeout after SIGTERM, and was killed" in str(ran)
    assert ship.runs() == "two"
    ship.agree()
    ship.version("three", stubborn=True, never_ready=True)
    told = ship.deploy().document["deployment"]["service"]
    assert (told["state"], told["killed"]) == ("undone", False), "only the new one had to be killed"
    assert ship.runs() == "two"


def test_commands_that_fail_take_the_service_back(sailing):
    """Exit 4: a good bot whose commands Discord refuses makes way for the one before, and says why."""
    old, record = sailing.current(), sailing.manifest()
    sailing.define("ping", "Pong again")
    sailing.version("two")
    fault(sailing, kind="status", method="PUT", path="commands", status=400, count=9)
    ran = sailing.deploy()
    assert (ran.code, ran.document["outcome"]) == (4, "rolled back"), ran
    assert "400" in ran.document["error"]
    assert f"the service went back to release {old}" in ran.document["notes"]
    assert (sailing.runs(), sailing.current(), descriptions(sailing)) == ("one", old, {"ping": "Pong"})
    assert sailing.manifest() == record
    sailing.agree()


def test_commands_of_a_first_deployment_that_fail_stop_the_bot(ship):
    """Where no release was before, the way back of the service is that nothing runs."""
    fault(ship, kind="status", method="PUT", path="commands", status=400, count=9)
    ran = ship.deploy()
    assert ran.code == 4, ran
    assert (ship.processes(), ship.current(), ship.live()) == ([], None, {})


def test_an_outage_of_discord_during_the_gate_flips_nothing(sailing):
    """A bot that runs and cannot log in because Discord is down stays; commands wait, exit 1, and it is said."""
    sailing.define("ping", "Pong again")
    sailing.version("two", outage=True)
    ran = sailing.deploy()
    assert (ran.code, ran.document["outcome"]) == (1, "partial"), ran
    assert "nobody can tell" in str(ran.document["notes"])
    assert "the commands were not touched" in str(ran.document["notes"])
    assert sailing.runs() == "two"
    assert sailing.manifest()["service"]["release"] == sailing.current()
    sailing.outage(down=False)
    assert descriptions(sailing) == {"ping": "Pong"}
    sailing.agree()
    pid = sailing.asked()["pid"]
    ran = sailing.deploy()
    assert (ran.code, sailing.asked()["pid"], descriptions(sailing)) == (0, pid, {"ping": "Pong again"})
    sailing.agree()


def test_while_discord_is_down_nothing_is_begun(sailing):
    """Exit 1 before anything is built or stopped: no plan is made of what could not be read."""
    before = sailing.asked()
    sailing.version("two")
    sailing.outage(down=True)
    ran = sailing.deploy()
    assert (ran.code, sailing.asked()["pid"]) == (1, before["pid"]), ran
    assert len(list((sailing.place / "releases").iterdir())) == 1
    sailing.outage(down=False)
    assert descriptions(sailing) == {"ping": "Pong"}
    sailing.agree()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("how", [{}, {"never_ready": True}])
def test_ctrl_c_during_the_gate_brings_the_old_bot_back(sailing, number, how):
    """Exit 4 at once, whether it is ready or not; a release that nobody waited for is not blamed, nor confirmed."""
    here = f"http://127.0.0.1:{sailing.port}"
    urls = {"alive": f"{here}/healthz", "ready": f"{here}/readyz"}
    sailing.ship(health={**urls, "deadline": 90, "stable_for": 90})
    sailing.version("two", **how)
    old = sailing.current()
    where = sailing.where()
    with subprocess.Popen(
        sailing.argv("deploy", "--env", "dev"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, **where,
    ) as run:  # fmt: skip
        end = time.monotonic() + 20
        while sailing.runs() != "two":
            assert time.monotonic() < end
            time.sleep(0.05)
        run.send_signal(number)
        told, _ = run.communicate(timeout=40)
    assert run.returncode == 4, told
    assert "stopped by hand before it was known whether the release is well" in told
    assert f"release {old} runs again" in told
    assert (sailing.runs(), sailing.current(), descriptions(sailing)) == ("one", old, {"ping": "Pong"})
    sailing.agree()


def test_a_stop_by_hand_during_the_gate_stays_one(sailing):
    """`service.stop` is not undone by the deployment that is under way: that fails and says who stopped the bot."""
    here = f"http://127.0.0.1:{sailing.port}"
    sailing.ship(health={"ready": f"{here}/readyz", "deadline": 90, "stable_for": 90})
    sailing.version("two")
    old, where = sailing.current(), sailing.where()
    with subprocess.Popen(
        sailing.argv("deploy", "--env", "dev"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, **where,
    ) as run:  # fmt: skip
        end = time.monotonic() + 20
        while sailing.runs() != "two":
            assert time.monotonic() < end
            time.sleep(0.05)
        status = sailing.inv("status", "--env", "dev").out
        assert re.search(
            r"switch +to release \S+ is not confirmed; by itself it is taken back at .* UTC, in \d+ s", status
        )
        assert "deploy again" not in status
        assert sailing.inv("service.stop", "--env", "dev").code == 0
        told, _ = run.communicate(timeout=40)
    assert run.returncode == 1, told
    assert re.search("stopped the bot by hand at .* meanwhile, so it was not started", told)
    assert (sailing.processes(), sailing.current()) == ([], old)
    assert "stopped the bot by hand at" in sailing.inv("status", "--env", "dev").out
    assert sailing.inv("service.start", "--env", "dev").code == 0
    while sailing.runs() != "one":
        time.sleep(0.05)
    sailing.agree()


def test_a_health_that_is_changed_is_what_counts_from_then_on(sailing):
    """Without a new commit: nothing is built or restarted, a typing error fails, and is not kept with the release."""
    here, before, release = f"http://127.0.0.1:{sailing.port}", sailing.asked(), sailing.current()
    sailing.ship(health={"ready": f"{here}/readyz", "deadline": 1, "stable_for": 0})
    ran = sailing.deploy()
    assert (ran.code, ran.document["deployment"]["service"]["action"]) == (0, "start"), ran
    sailing.ship(health={"ready": f"http://127.0.0.1:{sailing.port + 1}/readyz", "deadline": 1, "stable_for": 0})
    ran = sailing.deploy()
    assert (ran.code, ran.document["outcome"]) == (1, "failed"), ran
    assert "was not ready within 1 s" in ran.document["error"]
    assert "correct service.health" in ran.document["error"]
    sailing.ship(health={"ready": f"{here}/readyz", "deadline": 1, "stable_for": 0})
    assert sailing.deploy().document["outcome"] == "unchanged"
    assert (sailing.asked(), sailing.current()) == (before, release)
    sailing.agree()


def test_health_that_is_added_or_written_another_way_is_no_other_program_at_the_port(ship):
    """A bot that runs has its port: it is judged by a health that comes later, under any name of this machine."""
    ship.ship(health={}, port=ship.port, environment={})
    assert ship.deploy().code == 0
    until(lambda: ship.asked() is not None)
    before, release = ship.asked(), ship.current()
    for name in ("127.0.0.1", "localhost"):
        health = {"ready": f"http://{name}:{ship.port}/readyz", "deadline": 4, "stable_for": 0.1}
        ship.ship(health=health, port=ship.port, environment={})
        ran = ship.deploy()
        assert (ran.code, ran.document["deployment"]["service"]["action"]) == (0, "start"), ran
    assert (ship.asked(), ship.current()) == (before, release)
    ship.agree()


def test_too_few_logins_refuse_a_deployment_and_nothing_is_built(sailing):
    """Exit 3, before anything stops: a restart loop could spend the budget, and with it the token."""
    before = sailing.asked()
    settings(sailing, sessions_remaining=5)
    sailing.version("two")
    ran = sailing.deploy()
    assert (ran.code, ran.told[0].startswith("session_start_limit: ")) == (3, True), ran
    assert "5 more times" in ran.err
    assert sailing.asked() == before
    assert len(list((sailing.place / "releases").iterdir())) == 1


def test_a_dirty_tree_of_a_sandbox_is_deployed_as_such(sailing):
    """It is recorded as +dirty, index and work tree stay as they are, and the same tree again is nothing new."""
    head = sailing.git("rev-parse", "HEAD")
    sailing.behave("uncommitted")
    sailing.define("new")
    sailing.git("add", "commands/new.json")
    sailing.define("new", "later than the index")
    before = sailing.git("status", "--porcelain"), sailing.git("diff", "--cached")
    ran = sailing.deploy()
    assert ran.code == 0, ran
    assert sailing.runs() == "uncommitted"
    assert descriptions(sailing)["new"] == "later than the index"
    assert ran.document["deployment"]["gitSha"] == f"{head}+dirty"
    assert sailing.manifest()["service"]["commit"] == f"{head}+dirty"
    assert (sailing.git("status", "--porcelain"), sailing.git("diff", "--cached")) == before
    assert sailing.deploy().document["outcome"] == "unchanged"
    assert sailing.inv("diff", "--env", "dev", "--check").code == 0
    made = next(one.commit for one in Ledger(Place(sailing.place)).releases() if one.id == sailing.current())
    assert made not in {head, f"{head}+dirty"}
    for task in ("status", "releases", "history", "diff"):
        for form in ((), ("--json",)):
            ran = sailing.inv(task, "--env", "dev", *form)
            assert made[:8] not in re.sub(r"\d{8}-\d{6}-[0-9a-f]{8}", "RELEASE", ran.out), ran
    assert f"of commit {head[:12]}+dirty" in sailing.inv("status", "--env", "dev").out


def test_a_dry_run_changes_nothing(sailing):
    """Not even an object is added to the bot's repository, and the bot runs on."""
    sailing.behave("uncommitted")

    def seen():
        objects = sailing.git("count-objects", "-v")
        return objects, sailing.asked(), sailing.state(), sorted((sailing.place / "releases").iterdir())

    before = seen()
    ran = sailing.deploy("--dry-run")
    assert (ran.code, ran.document["plan"]["service"]["action"]) == (0, "deploy"), ran
    assert seen() == before


def test_changes_in_no_commit_are_refused_outside_of_a_sandbox(ship):
    """What runs must be in a commit; a sandbox alone may deploy what is in none."""
    clean = release_commit(read(ship))
    assert clean.sha == clean.recorded == ship.git("rev-parse", "HEAD")
    ship.behave("uncommitted")
    with pytest.raises(Refused, match="has changes that are not in commit"):
        release_commit(replace(read(ship), api="https://discord.invalid/api/v10"))
    assert release_commit(read(ship)).recorded == f"{clean.sha}+dirty"


def read(ship):
    """The profile, as seen from the project's folder."""
    profile = parsed(Path("profiles/dev.yaml"), (ship.folder / "profiles/dev.yaml").read_bytes())
    return replace(profile, source=replace(profile.source, repo=ship.repo))


def test_a_repository_without_a_commit_is_told(ship):
    """Exit 1 with what to do."""
    shutil.rmtree(ship.repo / ".git")
    ship.git("init", "--quiet")
    ran = ship.deploy()
    told = "profiles/dev.yaml: repo: bot: has no commit yet, and a release is made from a commit; commit the bot first"
    assert (ran.code, ran.told) == (1, [told])
    shutil.rmtree(ship.repo / ".git")
    ran = ship.deploy()
    assert "is no git repository" in ran.err or "has no commit" in ran.err


def test_a_port_that_something_else_uses_stops_nothing(ship):
    """It is found before anything is built or stopped, and nothing is deployed."""
    other = [sys.executable, "-m", "http.server", str(ship.port), "--bind", "127.0.0.1"]
    with subprocess.Popen(other, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as stranger:
        try:
            while ship.port and not listening(ship.port):
                assert stranger.poll() is None
            ran = ship.deploy()
        finally:
            stranger.kill()
    assert ran.code == 1, ran
    assert str(ship.port) in ran.document["error"]
    assert (ship.live(), ship.manifest()) == ({}, None)
    assert not (ship.place / "releases").exists(), "it was found before anything was built"


def listening(port):
    """Whether somebody takes connections there."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def test_production_asks_before_it_restarts_the_bot(sailing):
    """A new release alone, without any command that changes, is a change to production."""
    path = sailing.folder / "profiles/dev.yaml"
    path.write_text(path.read_text() + "production: true\n")
    before = sailing.asked()
    commit = sailing.version("two")
    ran = sailing.deploy()
    assert ran.code == 3, ran
    assert f"restart the bot with commit {commit[:12]} in dev (production)" in ran.err
    assert sailing.asked() == before
    assert sailing.deploy("--yes").code == 0
    assert sailing.runs() == "two"


def test_the_terminal_shows_steps_times_and_the_way_back(sailing):
    """Off a terminal: plain lines on stderr as steps end, then the phases, the log of a failure, and the card."""
    sailing.define("ping", "Pong again")
    sailing.version("two")
    ran = sailing.inv("deploy", "--env", "dev")
    assert "service: done in" in ran.err
    assert "  without a bot " in ran.out
    assert "restarts the bot with release" in ran.out
    assert "\x1b" not in ran.out + ran.err
