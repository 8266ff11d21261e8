"""A bot beside its sandbox: the sample bots log in to it, and it is there whenever the bot is."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest
import standin
from clients import harbour
from deployments import APPLICATION
from standin import Standin, nothing_wrong, runs, until

from botswain.deployment.credentials import token
from botswain.deployment.session import sandbox_path
from botswain.profile.load import load
from botswain.sandbox.app import Sandbox
from botswain.targets.choose import everything_down, running, target_of
from botswain.targets.moving import place_of
from botswain.targets.sandbox import sandbox_url, served

pytestmark = pytest.mark.slow


@pytest.fixture
def ship(tmp_path, monkeypatch):
    """A project with a stand-in for a bot and a sandbox, in the current folder."""
    monkeypatch.chdir(tmp_path)
    with standin.standin(tmp_path) as made:
        made.profile(top={"api": "sandbox"})
        yield made


def _get(url: str, path: str) -> httpx.Response:
    return httpx.get(f"{url}{path}", trust_env=False, timeout=standin.PATIENCE)


def test_looking_starts_nothing(ship: Standin):
    """`served` is for whoever only looks."""
    assert served(load("dev")) is None
    assert ship.processes() == []


def test_the_sandbox_is_there_when_it_is_asked_for(ship: Standin):
    """One of the environment, at the same address each time, also after everything was stopped."""
    profile = load("dev")
    url = sandbox_url(profile)
    assert _get(url, "/sandbox/gateway").status_code == 200
    before = ship.processes()
    assert sandbox_url(profile) == served(profile) == url
    assert ship.processes() == before
    assert [one.partition(" ")[0] for one in ship.target.down()] == ["sandbox", "supervisord"]
    assert served(profile) is None
    assert sandbox_url(profile) == url


def test_it_has_the_state_of_the_embedded_one(ship: Standin):
    """Commands that were applied without a server are live in it."""
    double = Sandbox(sandbox_path(load("dev")))
    double.edit(APPLICATION, "200000000000000003", "create", command={"name": "ping", "description": "Pong"})
    double.close()
    url = sandbox_url(load("dev"))
    answer = httpx.get(
        f"{url}/api/v10/applications/{APPLICATION}/guilds/200000000000000003/commands",
        headers={"Authorization": f"Bot {token(load('dev'))}"}, trust_env=False,
    )  # fmt: skip
    assert [one["name"] for one in answer.json()] == ["ping"]


def test_it_moves_when_its_port_is_taken(ship: Standin):
    """What somebody else serves there is no sandbox; the bot gets the new address when it starts."""
    profile = load("dev")
    ship.deploy(name="first")
    url = sandbox_url(profile)
    ship.target.down()
    with socket.create_server(("127.0.0.1", int(url.rpartition(":")[2]))):
        assert served(profile) is None
        ship.target.start()
        moved = served(profile)
        assert moved not in {None, url}
        until(lambda: ship.target.healthy() is None)
        variables = Path(f"/proc/{ship.target.state().pid}/environ").read_text()
        assert f"DISCORD_API={moved}/api\0" in variables


def test_it_comes_back_when_it_dies(ship: Standin):
    """As a bot would."""
    profile = load("dev")
    url = sandbox_url(profile)
    (pid,) = [one for one in ship.processes() if "botswain.sandbox" in Path(f"/proc/{one}/cmdline").read_text()]
    os.kill(pid, signal.SIGKILL)
    until(lambda: not runs(pid))
    assert until(lambda: served(profile)) == url


def test_the_address_makes_no_other_release(ship: Standin):
    """Where the sandbox listens has nothing to do with how the bot is built."""
    release = ship.deploy(name="first").release
    commit = ship.target.state().commit
    ship.target.down()
    (place_of("dev").root / "sandbox.json").unlink()
    assert ship.target.start().release == release
    assert ship.target.wanted(commit) == release
    assert ship.build(commit).reused


@pytest.mark.parametrize("runs_on", [True, False])
def test_a_damaged_note_of_its_port(ship: Standin, runs_on):
    """Another port will do, also while it runs."""
    sandbox_url(load("dev"))
    if not runs_on:
        ship.target.down()
    (place_of("dev").root / "sandbox.json").write_text('{"port": "x"')
    assert _get(sandbox_url(load("dev")), "/sandbox/gateway").status_code == 200


def test_everything_goes_without_a_profile(ship: Standin):
    """Who removed a profile still gets rid of its processes."""
    ship.deploy(name="first")
    known = ship.processes()
    assert running("dev") == known
    assert len(known) == 3
    (ship.folder / "profiles/dev.yaml").unlink()
    everything_down(None, "dev")
    assert not any(map(runs, known))


@pytest.fixture(params=harbour.NAMES)
def sample(request, tmp_path):
    """Either sample bot, with what it needs."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "botswain-tests"
    try:
        return harbour.sample(
            request.param, Path(os.environ.get("BOTSWAIN_TEST_CACHE") or default), tmp_path / "installed"
        )
    except LookupError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    except subprocess.CalledProcessError as error:
        pytest.fail(f"{error.cmd} failed:\n{error.stdout}\n{error.stderr}")


def test_a_sample_bot_logs_in(ship: Standin, sample):
    """From a commit to a session at the gateway; when it is stopped, the session ends in good order."""
    shutil.rmtree(ship.repo)
    shutil.copytree(harbour.FOLDER / sample.name, ship.repo, ignore=shutil.ignore_patterns(".venv", "node_modules"))
    subprocess.run(["git", "init", "-q", ship.repo], check=True)
    (ship.repo / ".gitignore").write_text(".venv\nnode_modules\n")
    needed = ".venv" if sample.name == "harbour-py" else "node_modules"
    ship.profile(
        top={"api": "sandbox"},
        run=[".venv/bin/python", *sample.argv[1:]] if needed == ".venv" else list(sample.argv),
        build=[["ln", "-s", str((sample.folder / needed).resolve()), needed]],
        stop_timeout=15,
    )
    commit = ship.commit()
    profile = load("dev")
    target = target_of(profile, lambda: token(profile))
    built = target.prepare(commit, by="anna", deployment="d1", say=lambda _: None)
    switched = target.deploy(built, by="anna", deployment="d1", outage=nothing_wrong)
    assert switched.verdict.good, switched
    assert target.confirm(switched, "anna")
    url = sandbox_url(profile)
    assert len(_get(url, "/sandbox/gateway").json()["sessions"]) == 1
    assert httpx.get(f"http://127.0.0.1:{ship.port}/readyz", trust_env=False).json()["ready"]
    assert target.stop().told in {"stopped", "exited"}
    assert _get(url, "/sandbox/gateway").json()["sessions"] == []
    assert '"message":"stopped"' in "".join(target.logs(1)).replace(": ", ":")
