"""The target `local`: a real supervisord that runs real processes of real commits."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import standin
from standin import TOKEN, Standin, nothing_wrong, runs, until

from botswain.errors import BotswainError
from botswain.host.launch import STARTS
from botswain.secrets import redaction
from botswain.targets import processes
from botswain.targets.base import ServiceError, ServiceRolledBack

pytestmark = pytest.mark.slow


@pytest.fixture
def ship(tmp_path, monkeypatch):
    """A project with a stand-in for a bot, in the current folder."""
    monkeypatch.chdir(tmp_path)
    with standin.standin(tmp_path) as made:
        yield made


# Its life


def test_from_nothing_to_a_bot_that_runs(ship: Standin):
    """Before, there is nothing, and looking starts nothing; afterwards the commit runs, and the state says so."""
    state = ship.target.state()
    assert (state.release, state.commit, state.running, state.pid) == (None, None, False, 0)
    assert ship.target.releases() == []
    assert list(ship.target.logs(5)) == []
    assert ship.processes() == []
    commit = ship.commit(name="first")
    assert ship.target.wanted(commit) is None
    built = ship.build(commit)
    assert (built.commit, built.reused) == (commit, False)
    assert not ship.target.state().running
    switched = ship.target.deploy(built, by="anna", deployment="d7", outage=nothing_wrong)
    assert ship.target.state().unconfirmed == built.release
    assert ship.target.confirm(switched, "anna")
    state = ship.target.state()
    assert (state.release, state.commit, state.unconfirmed) == (built.release, commit, None)
    assert state.running
    assert state.told in {"starting", "running"}
    assert runs(state.pid)
    assert abs(state.since - time.time()) < standin.PATIENCE
    assert ship.asked()["name"] == "first"
    assert ship.target.healthy() is None
    assert ship.target.wanted(commit) == built.release
    assert ship.target.folder(built.release) == ship.root / "releases" / built.release
    assert ship.target.folder("gone") is None
    (release,) = ship.target.releases()
    assert (release.state, release.by, release.deployment, release.commit) == ("live", "anna", "d1", commit)


def test_the_next_release_takes_its_place(ship: Standin):
    """One process at a time; a commit that was built before is not built again."""
    ship.deploy(name="first")
    before = ship.target.state().pid
    ship.deploy(name="second")
    assert ship.asked()["name"] == "second"
    assert not runs(before)
    commit = ship.target.state().commit
    assert ship.build(commit).reused
    assert [line for line in ship.log() if line] == ["begun first", "ended", "begun second"]
    ship.profile(environment={"X": "1"})
    assert ship.target.wanted(commit) is None


def test_back_to_the_one_before(ship: Standin):
    """A rollback needs no token, no commit and nothing from Discord."""
    first = ship.deploy(name="first")
    ship.deploy(name="second")
    ship.token = ""
    target = ship.target
    target._token = lambda: (_ for _ in ()).throw(BotswainError("DISCORD_DEV_TOKEN is not set"))
    release = target.candidate(None)
    assert release.id == first.release
    assert target.back(release, by="ben", outage=nothing_wrong, why="bad").release == first.release
    assert ship.asked()["name"] == "first"
    assert [(one.state, one.why) for one in target.releases()] == [("live", ""), ("bad", "bad")]


def test_a_bad_release_is_told_with_its_log(ship: Standin):
    """The one before runs again, and the error says why and carries what the bot printed."""
    first = ship.deploy(name="first")
    with pytest.raises(ServiceRolledBack) as error:
        ship.deploy(name="second", dies=3)
    assert error.value.previous == first.release
    assert error.value.code == 4
    assert "begun second" in error.value.log
    assert ship.asked()["name"] == "first"
    assert ship.target.state().unconfirmed is None


def test_a_first_deployment_is_withdrawn(ship: Standin):
    """Then nothing is live, and nothing runs."""
    release = ship.deploy(name="first").release
    pid = ship.target.state().pid
    assert ship.target.withdraw("changed my mind") == release
    state = ship.target.state()
    assert (state.release, state.running) == (None, False)
    assert not runs(pid)


def test_stop_start_restart(ship: Standin):
    """Stopping ends the process; starting begins one of the live release, and leaves one alone that runs."""
    release = ship.deploy(name="first").release
    pid = ship.target.state().pid
    state = ship.target.stop()
    assert (state.running, state.told, state.pid, state.release) == (False, "stopped", 0, release)
    assert not runs(pid)
    assert ship.target.stop().running is False
    assert ship.target.healthy() == "the bot does not run (stopped)"
    started = ship.target.start()
    assert started.running
    assert ship.target.start().pid == started.pid
    assert ship.target.restart().pid != started.pid
    assert until(lambda: ship.target.healthy() is None)
    assert not runs(started.pid)


def test_nothing_to_start(ship: Standin):
    """Before the first deployment there is nothing to start, and stopping is done."""
    with pytest.raises(ServiceError) as error:
        ship.target.start()
    assert str(error.value) == f"{ship.root}: there is no release to start; ./inv deploy --env dev"
    assert not ship.target.stop().running


def test_a_deaf_bot_is_killed(ship: Standin):
    """SIGTERM first, SIGKILL after stop_timeout; also for what it started."""
    ship.profile(stop_timeout=1)
    ship.deploy(deaf=True, child=True)
    known = [pid for pid in ship.processes() if pid != _supervisord(ship)]
    assert len(known) == 2
    began = time.monotonic()
    ship.target.stop()
    assert time.monotonic() - began >= 0.9
    until(lambda: not any(map(runs, known)))


def test_what_the_bot_leaves_behind_is_ended(ship: Standin):
    """A bot that ends in good order may still have started something that does not."""
    ship.deploy(child=True)
    known = [pid for pid in ship.processes() if pid != _supervisord(ship)]
    assert len(known) == 2
    ship.target.stop()
    assert not any(map(runs, known))
    assert ship.log()[-1] == "ended"


def test_it_is_started_again_after_a_crash(ship: Standin, tmp_path):
    """An unexpected end is none: another process of the same release is there soon."""
    release = ship.deploy(name="first").release
    pid = ship.target.state().pid
    os.kill(pid, signal.SIGKILL)
    state = until(lambda: (found := ship.target.state()).running and found.pid != pid and found)
    assert state.release == release
    assert until(lambda: ship.target.healthy() is None)


@pytest.mark.parametrize("code", [0, 77, 78])
def test_some_ends_are_final(ship: Standin, code, tmp_path):
    """What starting again does not mend is left at that, and told; a person can start it."""
    ship.profile(health={"stable_for": 0, "alive": None, "ready": None})
    ship.deploy(dies=code, after=0.5)
    state = until(lambda: not (found := ship.target.state()).running and found)
    assert state.told.startswith(f"ended with exit code {code}")
    assert state.told.endswith({77: ": Discord refuses it", 78: ": a setting is missing or malformed"}.get(code, "0"))
    time.sleep(1.2)  # supervisord looks once a second
    assert ship.log().count("begun ") == 1
    assert ship.target.start().running


def test_starts_are_limited(ship: Standin):
    """A bot that ends again and again is not started for ever; a start on purpose begins anew."""
    ship.deploy(name="first")
    release = ship.root / "current/behaviour.json"
    release.write_text('{"dies": 1}')
    os.kill(ship.target.state().pid, signal.SIGKILL)
    state = until(lambda: not (found := ship.target.state()).running and "75" in found.told and found)
    assert state.told == "ended with exit code 75: it was started too often, or cannot start"
    assert len([line for line in ship.log() if line.startswith("begun")]) == STARTS
    assert "spends Discord's logins" in ship.log()[-1]
    release.write_text('{"name": "mended"}')
    ship.target.start()
    assert until(lambda: ship.target.healthy() is None)
    assert ship.log()[-1] == "begun mended"


# What it outlives, and what it leaves


def _supervisord(ship: Standin) -> int:
    return int((ship.root / "supervisord.pid").read_text())


def test_it_outlives_the_command(ship: Standin):
    """The bot belongs to no command: it goes on when the one that started it is killed with all its group."""
    ship.commit(name="first")
    script = (
        "import os, signal, standin\n"
        "from pathlib import Path\n"
        "ship = standin.Standin.__new__(standin.Standin)\n"
        "ship.folder, ship.environment, ship.token = Path.cwd(), 'dev', standin.TOKEN\n"
        "ship.repo = ship.folder / 'bot-dev'\n"
        "built = ship.build('HEAD')\n"
        "done = ship.target.deploy(built, by='a', deployment='d', outage=standin.nothing_wrong)\n"
        "ship.target.confirm(done, 'a')\n"
        "os.killpg(0, signal.SIGKILL)\n"
    )
    root = Path(standin.__file__).parent
    variables = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root.parent}"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=variables, check=False, start_new_session=True, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    assert ship.asked()["name"] == "first"
    assert ship.target.state().running


def test_down_leaves_no_process(ship: Standin):
    """The bot, what it started, and supervisord are gone; the releases stay, and can be started again."""
    ship.profile(stop_timeout=1)
    release = ship.deploy(child=True).release
    known = ship.processes()
    assert len(known) == 3
    told = ship.target.down()
    assert [one.partition(" ")[0] for one in told] == ["bot", "supervisord"]
    assert not any(map(runs, known))
    assert ship.processes() == []
    assert not (ship.root / "supervisor.sock").exists()
    assert ship.target.down() == []
    assert ship.target.state().release == release
    assert ship.target.start().running


def test_down_ends_the_guard_of_a_switch(ship: Standin):
    """What nobody confirmed does not come back after everything was stopped; the next run settles it, and that is all.

    Whoever stopped everything stopped the release before, too, until somebody starts it.
    """
    first = ship.deploy(name="first")
    built = ship.build(ship.commit(name="second"))
    ship.target.deploy(built, by="a", deployment="d", outage=nothing_wrong)
    (guard,) = processes.guards(ship.root)
    ship.target.down()
    assert not runs(guard)
    assert ship.processes() == []
    assert ship.target.state().unconfirmed == built.release
    settled = ship.target.settle(nothing_wrong)
    assert (settled.release, settled.left) == (first.release, built.release)
    assert ship.target.settle(nothing_wrong) is None
    assert not ship.target.state().running
    ship.target.start()
    until(lambda: ship.target.healthy() is None)
    assert ship.asked()["name"] == "first"


def test_a_switch_is_taken_back_at_once(ship: Standin):
    """Whoever changes their mind need not wait for the guard; what was confirmed stays."""
    first = ship.deploy(name="first")
    built = ship.build(ship.commit(name="second"))
    switched = ship.target.deploy(built, by="a", deployment="d", outage=nothing_wrong)
    assert ship.target.revert(switched).release == first.release
    assert ship.asked()["name"] == "first"
    assert not ship.target.confirm(switched, "a")
    assert ship.target.revert(switched) is None


def test_a_killed_supervisord_leaves_no_second_bot(ship: Standin):
    """Its bot goes on without it, and the next start ends that one first."""
    ship.deploy(name="first")
    pid, keeper = ship.target.state().pid, _supervisord(ship)
    os.kill(keeper, signal.SIGKILL)
    until(lambda: not runs(keeper))
    assert runs(pid)
    assert (ship.root / "supervisor.sock").exists()
    state = ship.target.state()
    assert (state.running, state.told) == (False, f"supervisord is gone, process {pid} goes on without it")
    started = ship.target.start()
    assert started.running
    assert not runs(pid)
    assert until(lambda: ship.target.healthy() is None)


@pytest.mark.parametrize("stop", ["stop", "down"])
def test_a_bot_without_its_supervisord_can_be_stopped(ship: Standin, stop):
    """Whoever stops it need not know that supervisord was killed."""
    ship.profile(stop_timeout=1)
    ship.deploy(child=True)
    known = ship.processes()
    os.kill(_supervisord(ship), signal.SIGKILL)
    getattr(ship.target, stop)()
    assert not any(map(runs, known))


@pytest.mark.parametrize("what", ["socket", "pid", "both", "other"])
def test_lost_files_do_no_harm(ship: Standin, what):
    """A socket or pid file that is gone, or names another process, ends in one supervisord and one bot."""
    ship.deploy(name="first")
    before = ship.processes()
    if what in {"socket", "both"}:
        (ship.root / "supervisor.sock").unlink()
    if what in {"pid", "both"}:
        (ship.root / "supervisord.pid").unlink()
    if what == "other":
        os.kill(_supervisord(ship), signal.SIGKILL)
        (ship.root / "supervisord.pid").write_text(f"{os.getpid()}\n")
    ship.deploy(name="second")
    assert ship.asked()["name"] == "second"
    assert len(ship.processes()) == 2
    if what != "pid":
        assert not any(map(runs, before))


def test_two_environments_beside_each_other(ship: Standin, tmp_path):
    """Each has its own supervisord, releases and log; what is done to one leaves the other alone."""
    with standin.standin(tmp_path, "stage") as other:
        ship.deploy(name="of dev")
        other.deploy(name="of stage")
        assert (ship.asked()["name"], other.asked()["name"]) == ("of dev", "of stage")
        pid = other.target.state().pid
        ship.target.down()
        assert other.target.state().pid == pid
        assert runs(pid)
        assert other.log() == ["begun of stage"]


@pytest.mark.parametrize("how", ["restart", "deploy"])
def test_changed_settings_reach_supervisord(ship: Standin, how):
    """A new stop_timeout holds from the next start of the bot."""
    ship.deploy(deaf=True, name="first")
    ship.profile(stop_timeout=1)
    if how == "restart":
        ship.target.restart()
    else:
        ship.deploy(deaf=True, name="second")
    began = time.monotonic()
    ship.target.stop()
    assert time.monotonic() - began < 4


# Secrets


def test_the_token_is_in_its_file_and_in_the_bot_alone(ship: Standin, monkeypatch):
    """No command line, environment of another process, configuration or log has it."""
    monkeypatch.setenv("DISCORD_DEV_TOKEN", TOKEN)
    monkeypatch.setenv("OUR_PASSWORD", "correct-horse-battery")
    ship.profile(secrets={"PASSWORD": "OUR_PASSWORD"})
    ship.deploy(name="first")
    folder = ship.root / "credentials"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {one.name: stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()} == {
        "discord_token": 0o600, "discord_api": 0o600, "PASSWORD": 0o600,
    }  # fmt: skip
    assert stat.S_IMODE((ship.root / "supervisor.sock").stat().st_mode) == 0o700
    assert (folder / "discord_token").read_text() == TOKEN
    pid = ship.target.state().pid
    for one in ship.processes():
        assert TOKEN not in Path(f"/proc/{one}/cmdline").read_text()
        has = TOKEN.encode() in Path(f"/proc/{one}/environ").read_bytes()
        assert has == (one == pid)
    variables = dict(one.split("=", 1) for one in Path(f"/proc/{pid}/environ").read_text().split("\0") if one)
    assert variables["DISCORD_TOKEN"] == TOKEN
    assert variables["PASSWORD"] == "correct-horse-battery"
    assert variables["DISCORD_API"] == "http://127.0.0.1:9/api"
    assert variables["PORT"] == str(ship.port)
    assert variables["CREDENTIALS_DIRECTORY"] == str(folder)
    assert not {"OUR_PASSWORD", "DISCORD_DEV_TOKEN", "PYTHONPATH", "BOTSWAIN_SERVICE"} & variables.keys()
    for path in ship.root.rglob("*"):
        if path.is_file() and path.parent != folder:
            assert TOKEN.encode() not in path.read_bytes(), path
            assert b"correct-horse" not in path.read_bytes(), path


def test_the_token_as_a_file_alone(ship: Standin):
    """`token: null` keeps it out of the environment."""
    ship.profile(token=None)
    ship.deploy(name="first")
    variables = Path(f"/proc/{ship.target.state().pid}/environ").read_bytes()
    assert TOKEN.encode() not in variables
    assert (ship.root / "credentials/discord_token").read_text() == TOKEN


def test_a_secret_that_is_not_set(ship: Standin):
    """Found before the bot is stopped, and told by name."""
    ship.deploy(name="first")
    pid = ship.target.state().pid
    ship.profile(secrets={"PASSWORD": "OUR_PASSWORD"})
    built = ship.build(ship.commit(name="second"))
    with pytest.raises(BotswainError) as error:
        ship.target.deploy(built, by="a", deployment="d", outage=nothing_wrong)
    assert str(error.value) == (
        "environment: OUR_PASSWORD is not set, and the bot's PASSWORD comes from it (service.secrets);"
        " export it, or put OUR_PASSWORD=… in .env"
    )
    assert ship.target.state().pid == pid


def test_what_the_bot_prints_of_its_secrets_is_covered(ship: Standin, monkeypatch):
    """Also where the variables are not set: the files are known."""
    monkeypatch.setenv("OUR_PASSWORD", "correct-horse-battery")
    ship.profile(secrets={"PASSWORD": "OUR_PASSWORD"})
    ship.deploy(name="first")
    monkeypatch.setattr(redaction.default, "_names", {})
    assert redaction.is_clean("correct-horse-battery")
    assert ship.target is not None
    assert not redaction.is_clean("correct-horse-battery")


def test_a_new_token_comes_with_a_restart(ship: Standin):
    """A token that was made anew needs no deployment; without one at hand the bot keeps the one it has."""
    ship.deploy(name="first")
    ship.token = TOKEN[:-3] + "new"
    ship.target.restart()
    assert (ship.root / "credentials/discord_token").read_text() == ship.token


# What stands in the way


def test_a_port_that_somebody_else_has(ship: Standin):
    """Told with its process before the old bot is stopped; the bot's own port is no obstacle."""
    ship.deploy(name="first")
    pid = ship.target.state().pid
    ship.target.check()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ship.port = taken.getsockname()[1]
        ship.profile()
        with pytest.raises(ServiceError) as error:
            ship.target.check()
        assert str(error.value) == (
            f"127.0.0.1:{ship.port}: port {ship.port}, which the bot needs, is used by process {os.getpid()}"
            f" ({Path('/proc/self/comm').read_text().strip()});"
            " stop it, or give the bot another port (service.port, service.health)"
        )
        for health in ({}, {"alive": None, "ready": None}):
            ship.profile(health=health)
            built = ship.build(ship.commit(name="second"))
            with pytest.raises(ServiceError, match="which the bot needs"):
                ship.target.deploy(built, by="a", deployment="d", outage=nothing_wrong)
    assert ship.target.state().pid == pid
    assert runs(pid)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("commit", "0123456 is not in this repository; fetch it, or name one that is there"),
        ("folder", "is not in this repository; commit it, or correct service.folder"),
        ("file", "bot.py is no folder in commit"),
        ("repo", "is no git repository; a release is made of a commit: correct `repo`"),
        ("empty", "HEAD is not in this repository"),
    ],
)
def test_what_no_release_can_be_made_of(ship: Standin, tmp_path, spoil, told):
    """One line; nothing was stopped, and nothing is left."""
    ship.commit()
    commit = "HEAD"
    if spoil == "commit":
        commit = "0123456"
    elif spoil == "folder":
        ship.profile(folder="bots/x")
    elif spoil == "file":
        ship.profile(folder="bot.py")
    else:
        (tmp_path / "elsewhere").mkdir()
        if spoil == "empty":
            subprocess.run(["git", "init", "-q", tmp_path / "elsewhere"], check=True)
        ship.profile(top={"repo": str(tmp_path / "elsewhere")})
    with pytest.raises(ServiceError, match=told):
        ship.build(commit)
    assert ship.target.releases() == []


def test_a_folder_that_cannot_be_made(ship: Standin):
    """One line; and there is nothing to stop."""
    ship.root.parents[1].mkdir(parents=True)
    ship.root.parent.write_text("in the way")
    with pytest.raises(ServiceError, match="look at the disk and the permissions"):
        ship.build(ship.commit())
    assert ship.target.down() == []


def test_a_service_in_a_folder_of_a_repository_above(ship: Standin):
    """`repo` may be a folder inside a repository, and `folder` one inside that: only those files are the release."""
    ship.commit(name="outer")
    inner = ship.repo / "apps/bot"
    inner.mkdir(parents=True)
    for name in ("bot.py", "behaviour.json"):
        (inner / name).write_bytes((ship.repo / name).read_bytes())
    (inner / "behaviour.json").write_text('{"name": "inner"}')
    (ship.repo / "behaviour.json").unlink()
    commit = ship.commit(name="outer")
    ship.profile(top={"repo": f"{ship.repo.name}/apps"}, folder="bot")
    built = ship.build(commit)
    assert sorted(one.name for one in ship.target.folder(built.release).iterdir()) == ["behaviour.json", "bot.py"]
    switched = ship.target.deploy(built, by="a", deployment="d", outage=nothing_wrong)
    assert ship.target.confirm(switched, "a")
    assert ship.asked()["name"] == "inner"
    assert ship.target.wanted(commit) == built.release


def test_a_shallow_clone_is_enough(ship: Standin, tmp_path):
    """As a CI job has it."""
    ship.commit(name="first")
    commit = ship.commit(name="second")
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{ship.repo}", str(tmp_path / "clone")], check=True)
    ship.profile(top={"repo": "clone"})
    assert ship.build(commit).commit == commit


def test_the_hooks_of_the_repository_stay_out_of_it(ship: Standin):
    """A pre-push hook is for what leaves the machine."""
    hook = ship.repo / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    ship.build(ship.commit())


@pytest.mark.parametrize("name", ["with space", "per%cent", "semi ;colon", "a" * 90, "quo'te\"s", "back\\slash"])
def test_any_folder_will_do(tmp_path, monkeypatch, name):
    """Neither supervisord's configuration nor the limit on a socket's path can tell."""
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    with standin.standin(tmp_path / name) as ship:
        ship.deploy(name="first")
        assert ship.asked()["name"] == "first"
        ship.target.down()
        assert ship.processes() == []


# Its log


def test_the_log_is_followed(ship: Standin):
    """The last lines, then what comes."""
    ship.deploy(name="first")
    lines = ship.target.logs(1, follow=True)
    assert next(lines) == "begun first"
    ship.deploy(name="second")
    assert [next(lines), next(lines)] == ["ended", "begun second"]
