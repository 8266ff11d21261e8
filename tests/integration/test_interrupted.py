"""A run that is cut off: killed at every point there is, stopped by hand, or by the system."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from deployments import GUILDS, REPO, STRANGER, Project, told

from botswain.deployment.records import Records
from botswain.discord.errors import ServerTrouble
from botswain.errors import ExitCode
from botswain.state.folder import FolderStore
from botswain.state.journal import Journal, left_behind
from botswain.state.store import MANIFEST

pytestmark = pytest.mark.slow

OLD = {"ping": "Is it awake?", "ban": "Bans a member", "help": "Shows help"}
NEW = {"ping": "Edited", "kick": "Kicks a member", "help": "Shows help"}


@pytest.fixture
def deployed(project):
    """OLD is deployed beside a command of other hands, and NEW is wanted."""
    for guild in GUILDS:
        project.edit("create", "stranger", guild, description=STRANGER["description"])
    assert project.deploy().code is ExitCode.DONE
    project.commands(**NEW)
    return project


def killed_at_every_point(project, folder, task, monkeypatch, least=50):
    """The project as each killed run left it, with the point. The last run got through, and is left out."""
    done = subprocess.run(
        [sys.executable, REPO / "tests/killing.py", project.folder, folder, task],
        env={"PYTHONPATH": str(REPO), "BOTSWAIN_ACTOR": "anna@ship"}, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    *cut, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert (last["point"], last["code"]) == (None, 0)
    assert len(cut) > least
    for run in cut:
        monkeypatch.chdir(run["folder"])
        one = Project(Path(run["folder"]))
        yield one, f"{Path(run['folder']).name}: {run['point']}"
        one.sandbox.close()


def changed(project, state):
    """The guilds that are as `state` says, which must be all that are not as the other state says."""
    lives = {guild: project.live(guild) for guild in GUILDS}
    assert all(live in (OLD, NEW) for live in lives.values()), lives
    return [guild for guild, live in lives.items() if live == state]


def kept(project):
    """The ids of what no run of these tests has a reason to touch."""
    return [[project.ids(guild)[name] for name in ("help", "ping", "stranger")] for guild in GUILDS]


def test_deploy_killed_at_any_point_is_settled_by_the_next(deployed, tmp_path_factory, monkeypatch):
    """Wherever a deployment dies, the next one completes it, and going back undoes exactly what each did."""
    ids, folder = kept(deployed), tmp_path_factory.mktemp("killed")
    counts = set()
    for project, point in killed_at_every_point(deployed, folder, "deploy", monkeypatch):
        written = changed(project, NEW)
        counts.add(len(written))
        _cut_off_is_told(project)

        result = project.deploy(allow_delete=9)

        assert result.code is ExitCode.DONE, point
        assert project.everywhere() == NEW, point
        assert kept(project) == ids, point
        project.check()
        if written and len(written) < len(GUILDS):
            assert result.settled.outcome == "interrupted", point
            assert f"had written {len(written)} of 3 scopes; that is recorded now" in project.said[0], point
            assert set(result.deployment.scopes) == {*GUILDS} - {*written}, point
            assert project.rollback().code is ExitCode.DONE
            assert changed(project, NEW) == written, point
        elif written:
            assert (result.deployment, result.settled and result.settled.outcome) in (
                (None, "done"), (None, None)  # None: it was all done, and only the kill was missing
            ), point  # fmt: skip
        else:
            assert set(result.deployment.scopes) == {*GUILDS}, point
        assert project.rollback().code is ExitCode.DONE, point
        assert project.everywhere() == OLD, point
        assert kept(project) == ids, point
        project.check()
    assert counts == {0, 1, 2, 3}


def _cut_off_is_told(project):
    """Whoever looks before the next run hears that the records may be behind; and looking locks nothing."""
    cut, seen = left_behind(project.store()), project.diff()
    assert project.store().holder() is None
    assert any("was cut off" in note for note in seen.notes) == (cut is not None)


def test_deploy_killed_at_any_point_can_be_rolled_back(deployed, tmp_path_factory, monkeypatch):
    """Whoever types `rollback` after a deployment died means that one, however far it got, and none before it."""
    ids, folder = kept(deployed), tmp_path_factory.mktemp("killed")
    for project, point in killed_at_every_point(deployed, folder, "deploy", monkeypatch):
        written = changed(project, NEW)

        result = project.rollback()

        assert result.code is ExitCode.DONE, point
        assert project.everywhere() == OLD, point
        assert kept(project) == ids, point
        assert set(result.deployment.scopes if result.deployment else ()) == {*written}, point
        if not written:
            assert "run the same command again to go further back" in told(result), point
            assert project.deploy(allow_delete=9).code is ExitCode.DONE, point
        project.check()


def test_rollback_killed_at_any_point_is_finished_by_the_next(deployed, tmp_path_factory, monkeypatch):
    """A rollback that died is finished by typing it again, to its last part; only the one after that goes further."""
    deployed.deploy(allow_delete=9)
    folder = tmp_path_factory.mktemp("killed")
    seen = set()
    for project, point in killed_at_every_point(deployed, folder, "rollback", monkeypatch):
        restored = changed(project, OLD)
        _cut_off_is_told(project)
        seen.add(re.sub(r"^\d+: ", "", point))

        result = project.rollback()

        assert result.code is ExitCode.DONE, point
        if len(restored) == len(GUILDS):
            assert "is complete: nothing else was done" in told(result), point
        assert project.everywhere() == OLD, point
        project.check()
        assert project.rollback().code is ExitCode.DONE, point
        assert project.everywhere() == {}, point
        assert project.deploy(allow_delete=9).code is ExitCode.DONE, point
        assert project.everywhere() == NEW, point
        project.check()
    assert {"before the end is told", "after the end is told", "before the lock is given back"} <= seen


def test_rollback_that_settles_another_may_be_killed_too(deployed, tmp_path_factory, monkeypatch):
    """What became of a rollback that died is said once to the end; until then none goes further back."""
    deployed.deploy(allow_delete=9)
    first = tmp_path_factory.mktemp("killed")
    chosen = ("before delete journal.jsonl", "before the end is told")
    cut = [
        project.folder
        for project, point in killed_at_every_point(deployed, first, "rollback", monkeypatch)
        if point.partition(": ")[2] in chosen
    ]
    assert len(cut) == len(chosen)
    for folder in cut:
        monkeypatch.chdir(folder)
        again = killed_at_every_point(Project(folder), tmp_path_factory.mktemp("again"), "rollback", monkeypatch, 5)
        for project, point in again:
            assert project.everywhere() == OLD, point
            result = project.rollback()
            assert "is complete: nothing else was done" in told(result), point
            assert project.everywhere() == OLD, point
            project.check()


def test_a_run_that_is_refused_does_not_forget_a_rollback_that_died(deployed, tmp_path_factory, monkeypatch):
    """A rollback that reaches nobody's eyes is not the one that tells what became of the last: the next one is."""
    deployed.deploy(allow_delete=9)
    folder = tmp_path_factory.mktemp("killed")
    for project, point in killed_at_every_point(deployed, folder, "rollback", monkeypatch):
        if not point.endswith("before the end is told"):
            continue
        project.sandbox.fault("status", method="GET", path="/applications/@me", status=503, count=4)
        with pytest.raises(ServerTrouble):
            project.rollback()
        assert "is complete: nothing else was done" in told(project.rollback())
        assert project.everywhere() == OLD
        project.rollback()
        assert project.everywhere() == {}


def read_until(stream, text):
    """Reads what a process prints up to the line with this text, and returns it all."""
    lines = []
    for line in stream:
        lines.append(line)
        if text in line:
            return "".join(lines)
    pytest.fail(f"{text!r} was never said: {lines}")


def test_killed_process_is_told_by_status_and_diff(deployed):
    """After a real process died in mid-write, status, diff and the next deploy each say so in one line."""
    deployed.sandbox.fault("latency", method="PUT", path=GUILDS[1], seconds=5)
    process = deployed.start("deploy", "--yes", "--allow-delete", "3")
    read_until(process.stderr, f"guild {GUILDS[0]}: written")
    process.kill()
    process.communicate()
    cut = left_behind(deployed.store())

    status = deployed.start("status").communicate()[0]
    diff = deployed.start("diff").communicate()[1]

    assert f"cut off      deployment {cut}; the next deploy or rollback settles it" in status
    assert re.search(rf"{cut} +deploy +interrupted +anna@ship", deployed.start("history").communicate()[0])
    told = f"note: deploy {cut} by anna@ship was cut off; the next deploy or rollback settles it first: "
    assert told in diff
    undoing = deployed.start("rollback", "--dry-run").communicate()[1]
    assert told in undoing
    assert "note: a rollback now means that run: where nothing of it stands it stops there" in undoing
    assert deployed.deploy(allow_delete=9).code is ExitCode.DONE
    assert any(line.startswith(f"deploy {cut} by anna@ship was cut off: it had ") for line in deployed.said)
    assert deployed.everywhere() == NEW
    deployed.check()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_before_the_first_write_changes_nothing(deployed, number):
    """Ctrl-C while Discord is being read ends the run with 1; there is no deployment, and no lock."""
    deployed.sandbox.fault("latency", method="GET", path=GUILDS[1], seconds=0.8)
    process = deployed.start("deploy", "--yes", "--allow-delete", "3")
    while deployed.store().holder() is None:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)

    assert process.returncode == ExitCode.FAILED, err
    assert "botswain: stopped" in err
    assert "Traceback" not in err + out
    assert deployed.everywhere() == OLD
    assert deployed.outcomes() == ["done"]
    deployed.check()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_during_the_writes_undoes_them(deployed, number):
    """Ctrl-C in mid-write lets the requests under way finish, takes back what was written, and ends with 4."""
    ids = kept(deployed)
    deployed.sandbox.fault("latency", method="PUT", path=GUILDS[1], seconds=0.8)
    process = deployed.start("deploy", "--yes", "--allow-delete", "3")
    said = read_until(process.stderr, ": written")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)

    assert process.returncode == ExitCode.ROLLED_BACK, said + err
    assert "stopping: what is under way is finished or undone first (once more ends at once)" in err
    assert "rolled back in" in out
    assert "why: stopped by hand" in out
    assert deployed.everywhere() == OLD
    assert kept(deployed) == ids
    assert deployed.outcomes() == ["done", "rolled back"]
    deployed.check()
    assert deployed.deploy(allow_delete=9).code is ExitCode.DONE
    assert deployed.rollback().code is ExitCode.DONE
    assert deployed.everywhere() == OLD


def test_second_signal_ends_at_once_and_the_next_run_settles(deployed):
    """Whoever cannot wait presses Ctrl-C again: the process ends by that signal, and nothing is lost."""
    deployed.sandbox.fault("latency", method="PUT", path=GUILDS[1], seconds=5)
    process = deployed.start("deploy", "--yes", "--allow-delete", "3")
    read_until(process.stderr, ": written")
    process.send_signal(signal.SIGINT)
    read_until(process.stderr, "stopping")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=3)

    assert process.returncode == -signal.SIGINT
    assert "ended at once; the next deploy or rollback settles what is left" in err
    assert left_behind(deployed.store())
    assert deployed.rollback().code is ExitCode.DONE
    assert deployed.everywhere() == OLD
    deployed.check()


def test_signal_after_the_writes_does_not_revert_them(deployed, monkeypatch):
    """Past the point of no return a Ctrl-C changes nothing any more: the records are completed, and all is well."""
    write = FolderStore.write

    def interrupted(store, documents):
        if MANIFEST in documents:
            os.kill(os.getpid(), signal.SIGINT)
        write(store, documents)

    monkeypatch.setattr(FolderStore, "write", interrupted)
    result = deployed.deploy(allow_delete=9)

    assert result.code is ExitCode.DONE
    assert any(line.startswith("stopping:") for line in deployed.said)
    assert deployed.everywhere() == NEW
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    deployed.check()
    monkeypatch.undo()


def test_signal_between_records_and_first_write_writes_nothing(deployed, monkeypatch):
    """Ctrl-C right before the first PUT is a deployment that failed without having changed anything."""
    monkeypatch.setattr(Records, "save_snapshots", lambda *_: os.kill(os.getpid(), signal.SIGINT), raising=True)
    puts = len(deployed.puts())
    result = deployed.deploy(allow_delete=9)
    assert (result.code, result.deployment.outcome) == (ExitCode.FAILED, "failed")
    assert "why: stopped by hand" in told(result)
    assert len(deployed.puts()) == puts
    assert deployed.everywhere() == OLD
    deployed.check()


def begun(project, guild):
    """Waits until the run under way has begun to write a guild, by its journal."""
    end = time.monotonic() + 20
    while not any(
        ("write begins", guild) == (one["event"], one.get("scope")) for one in Journal(project.store()).read() or []
    ):
        assert time.monotonic() < end, f"{guild} is not written"
        time.sleep(0.02)


def test_cut_off_guild_that_closed_meanwhile_does_not_hold_up_the_rest(deployed, tmp_path_factory):
    """A bot thrown out of a guild after a crash must not make every later run fail: that guild is skipped."""
    deployed.sandbox.fault("latency", method="PUT", path=GUILDS[1], seconds=5)
    process = deployed.start("deploy", "--yes", "--allow-delete", "3")
    read_until(process.stderr, f"guild {GUILDS[0]}: written")
    begun(deployed, GUILDS[1])
    process.kill()
    process.communicate()
    deployed.sandbox.set_guild(GUILDS[1], "forbidden")

    result = deployed.deploy(allow_delete=9)

    assert (result.code, result.settled.scopes[GUILDS[1]].state) == (ExitCode.FAILED, "skipped")
    assert deployed.live(GUILDS[0]) == deployed.live(GUILDS[2]) == NEW
    deployed.sandbox.set_guild(GUILDS[1], "open")
    assert deployed.deploy(allow_delete=9).code is ExitCode.DONE
    assert deployed.everywhere() == NEW
    deployed.check()


def test_unreadable_scope_keeps_the_crash_for_the_next_run(deployed):
    """While Discord cannot be read, nobody knows how far the dead run got: nothing is recorded or written."""
    deployed.sandbox.fault("latency", method="PUT", path=GUILDS[1], seconds=5)
    process = deployed.start("deploy", "--yes", "--allow-delete", "3")
    read_until(process.stderr, f"guild {GUILDS[0]}: written")
    begun(deployed, GUILDS[1])
    process.kill()
    process.communicate()
    deployed.sandbox.fault("status", method="GET", path=GUILDS[1], status=503, count=4)
    cut = left_behind(deployed.store())

    with pytest.raises(ServerTrouble, match=r"HTTP 503 on each of 4 tries"):
        deployed.deploy(allow_delete=9)

    assert left_behind(deployed.store()) == cut
    assert deployed.last().outcome == "running"
    assert deployed.deploy(allow_delete=9).code is ExitCode.DONE
    assert deployed.everywhere() == NEW
    deployed.check()
