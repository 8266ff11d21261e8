"""The module that sends orders, with the real engine, on this machine: what it installs, sends and tells."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from botswain.ansible.run import run
from botswain.host import orders
from botswain.hosts.engine import engine

pytestmark = pytest.mark.slow
SERVICE = {"name": "try", "run": ["true"], "build": [["cp", "file", "built"]], "free_space": 0}


@pytest.fixture
def inventory(tmp_path):
    """This machine as the bot's host, and two as workers."""
    known = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False}
    groups = {"bot": {"hosts": {"one": None}}, "workers": {"hosts": {"first": None, "second": None}}}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"vars": known, "children": groups}}))
    return tmp_path / "hosts.json"


@pytest.fixture
def send(tmp_path, inventory):
    """Sends orders to the engine of a folder; what the module returned."""

    def send(asked, *, check=False, **more):
        options = {
            "root": str(tmp_path / "place"), "library": str(tmp_path / "lib"), "command": str(tmp_path / "bin/by-hand"),
            "install": True, "orders": asked, **more,
        }  # fmt: skip
        task = {"name": "Send", "botswain.host.engine": options}
        path = tmp_path / "play.yml"
        path.write_text(json.dumps([{"name": "Try", "hosts": "one", "gather_facts": False, "tasks": [task]}]))
        return run(path, inventory, check=check).of("one")

    return send


def git(folder, *arguments):
    """What git prints."""
    who = ["-c", "user.name=a", "-c", "user.email=a@localhost"]
    done = subprocess.run(["git", "-C", str(folder), *who, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_engine_is_installed_once(send, tmp_path):
    """Durably, executable, with its link; and again only where somebody changed it."""
    first = send([{"verb": "look"}])
    assert (first.status, first.answer["installed"]) == ("changed", True)
    assert first.answer["answers"][0]["engine"] == engine().digest
    path = tmp_path / "lib/botswain-host.pyz"
    assert path.stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "bin/by-hand").resolve() == path
    again = send([{"verb": "look"}])
    assert (again.status, again.answer["installed"]) == ("ok", False)
    path.write_bytes(b"other")
    assert send([]).status == "changed"
    assert path.read_bytes() == engine().data
    assert {one.name for one in path.parent.iterdir()} == {path.name, f"{path.name}.sha256"}


def test_a_dry_run_looks_and_does_nothing_else(send, tmp_path):
    """Also where the engine is not there yet."""
    found = send([{"verb": "look"}, {"verb": "stop"}, {"verb": "look"}], check=True)
    assert (found.status, found.answer["left_out"]) == ("changed", "stop")
    assert [one["state"]["told"] for one in found.answer["answers"]] == ["never deployed"]
    assert not (tmp_path / "lib").exists()


def test_what_the_engine_says_of_a_failure_comes_back_whole(send):
    """With the answers to the orders before it."""
    found = send([{"verb": "look"}, {"verb": "candidate"}, {"verb": "look"}])
    assert found.status == "failed"
    assert len(found.answer["answers"]) == 1
    assert found.answer["error"]["what"] == "no bot was ever deployed here"
    assert str(found.error).endswith("place: no bot was ever deployed here")


def test_an_engine_that_is_missing_or_broken_is_told(send, tmp_path):
    """With what to do, and what it printed."""
    found = send([{"verb": "look"}], install=False)
    assert str(found.error) == (
        f"one: {tmp_path}/lib/botswain-host.pyz: Botswain's engine is not installed; ./inv provision installs it"
    )
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/botswain-host.pyz").write_text("import sys; sys.exit('out of order')")
    found = send([{"verb": "look"}], install=False)
    assert "ended with exit code 1 and without an answer" in str(found.error)
    assert "out of order" in found.error.log


def test_commits_are_taken_along_once_and_nothing_of_them_is_left(send, tmp_path):
    """A release is built of them; the next time the host has them, and nothing is sent."""
    repo = tmp_path / "repo"
    git(tmp_path, "init", "-q", "repo")
    (repo / "file").write_text("x")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "one")
    commit = git(repo, "rev-parse", "HEAD")
    order = {"verb": "prepare", "commit": commit, "by": "ann", "deployment": "d", "service": SERVICE}
    before = set(Path("/tmp").glob("botswain-*.bundle"))  # noqa: S108 - where they are put
    first = send([order], commits={"repository": str(repo), "commit": commit})
    assert first.status == "changed", first
    release = first.answer["answers"][0]["release"]
    assert (tmp_path / "place/releases" / release / "built").read_text() == "x"
    have = send([{"verb": "look"}]).answer["answers"][0]["commits"]
    assert have == [commit]
    again = send([order], commits={"repository": "/nonexistent", "commit": commit, "have": have})
    assert again.answer["answers"][0] | {"seconds": 0} == {
        "release": release, "commit": commit, "reused": True, "seconds": 0,
    }  # fmt: skip
    assert set(Path("/tmp").glob("botswain-*.bundle")) <= before  # noqa: S108
    wrong = send([order], commits={"repository": str(tmp_path / "none"), "commit": commit})
    assert "none" in str(wrong.error)
    assert "\n" not in str(wrong.error)


def test_secrets_reach_the_orders_that_name_them_and_no_answer(send, tmp_path):
    """Those that nobody gave are left out; in answers they are covered, but for those too short to be told apart."""
    secrets = {"token": "SENTINEL-1234", "flag": "e", "other": "unused-secret"}
    found = send([{"verb": "start", "service": SERVICE, "secrets": ["token", "flag", "none"]}], secrets=secrets)
    assert found.answer["error"]["what"] == '"None" is no manager of processes'  # one e would cover half of this
    kept = {path.name: path.read_text() for path in (tmp_path / "place/credentials").iterdir()}
    assert kept == {"token": "SENTINEL-1234", "flag": "e"}
    covered = send([{"verb": "SENTINEL-1234"}], secrets=secrets)
    assert covered.answer["error"]["what"].endswith("is no verb; there are: " + found_verbs())
    assert "SENTINEL" not in json.dumps(covered.answer)


def found_verbs():
    """What the engine says there is to order."""
    return ", ".join(orders.VERBS)


def test_a_switch_begins_on_one_host_and_goes_no_further_when_that_fails(inventory):
    """A worker, not the gateway; those after it are left out, and that is told."""
    asked = {name: [{"verb": "look"}] for name in ("one", "first", "second")}
    variables = {"environment_name": "no-such-environment", "botswain_orders": asked, "botswain_root": "/nonexistent"}
    if Path("/usr/local/lib/botswain/botswain-host.pyz").exists():
        pytest.skip("this machine has an engine, which would answer")
    found = run("deploy", inventory, tags=["switch"], variables=variables)
    assert {name: found.of(name).status for name in asked} == {
        "first": "failed", "second": "left out", "one": "left out",
    }  # fmt: skip
    confirmed = run("deploy", inventory, tags=["confirm"], variables=variables)
    assert {confirmed.of(name).status for name in asked} == {"failed"}
