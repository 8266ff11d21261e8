"""A run that is stopped, killed, or not alone: nothing half-made stays, and the next one is as any other."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from backups import Backups, until
from desk import ROOT

pytestmark = pytest.mark.slow


def test_two_at_once(backups: Backups, before, cluster):
    """One wins, the other says who is at it and since when; waiting for it is possible."""
    with _locked_table(cluster):
        first = subprocess.Popen(
            backups.argv("run", "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **backups.where()
        )
        until(lambda: list(backups.folder.glob(".partial-*")))
        second = backups.do("run")
        assert second.code == 3
        assert f"is in use: a backup by process {first.pid} since 20" in second.line
        assert backups.do("list", "--json").document["lastRun"]["outcome"] == "running"
        waiting = subprocess.Popen(
            backups.argv("run", "--json", "--wait", "60"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            **backups.where(),
        )  # fmt: skip
    made = [json.loads(one.communicate(timeout=60)[0])["backup"]["id"] for one in (first, waiting)]
    assert [first.returncode, waiting.returncode] == [0, 0]
    backups.whole(before, *made)


@contextmanager
def _locked_table(cluster) -> Iterator[None]:
    """Somebody changes a table for a while, so that a dump has to wait."""
    with cluster.session("harbour") as other:
        other.say("BEGIN; LOCK TABLE harbour.ships;")
        yield


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stopped_by_hand(backups: Backups, before, cluster, number):
    """Ctrl-C and SIGTERM leave nothing, also no pg_dump that goes on."""
    with _locked_table(cluster):
        # A shell that starts tests with & has them ignore SIGINT.
        heeding = {**backups.where(), "preexec_fn": lambda: signal.signal(number, signal.SIG_DFL)}
        process = subprocess.Popen(
            backups.argv("run"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **heeding
        )
        until(lambda: list(backups.folder.glob(".partial-*/database.dump*")))
        process.send_signal(number)
        said = process.communicate(timeout=20)[1]
        assert (process.returncode, said) == (1, "botswain: stopped; nothing half-made was kept\n")
        assert not _clients(cluster)
    backups.whole(before)


@pytest.mark.parametrize("begin", [1, *(pytest.param(one, marks=pytest.mark.exhaustive) for one in (2, 3))])
def test_killed_anywhere(backups: Backups, cluster, tmp_path, begin):
    """SIGKILL at every point: the old backup is whole, what is listed as good is, and the next run is as any other."""
    second = tmp_path / "second"
    second.mkdir()
    keep = {"last": 1, "daily": 0, "weekly": 0, "monthly": 0}
    backups.configure(copy_to=[str(second)], keep=keep)
    old = backups.run()
    points, number = [], begin
    while True:
        assert number < 200
        argv = [sys.executable, str(ROOT / "tests/killing_backup.py"), str(number), *backups.argv("run")[3:]]
        where = backups.where()
        where["env"] = {**where["env"], "PYTHONPATH": str(ROOT)}
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, **where)
        listed = backups.do("list", "--json").document
        states = {one["id"]: one["state"] for one in listed["backups"]}
        assert set(states.values()) == {"good"}, (done.stdout, states)
        assert max(states) >= old
        checked = backups.do("verify", "--json")
        assert (checked.code, checked.document["problems"]) == (0, []), (done.stdout, checked)
        if done.returncode != -signal.SIGKILL:
            break
        points.append(done.stdout)
        assert listed["lastRun"]["outcome"] in ("cut off", "done"), done
        old = max(states)
        number += 3
    assert done.returncode == 0, done
    assert len(points) > 15
    final = backups.run()
    backups.whole(final)
    copies = {path.name for path in (second / "stage").iterdir()}
    assert copies >= {final}
    assert not any(name.startswith(".") for name in copies), copies


def test_a_run_that_was_killed_is_told(backups: Backups, before, cluster):
    """Listed as such, and the next run says what it removed."""
    with _locked_table(cluster):
        process = subprocess.Popen(backups.argv("run"), **backups.where())
        until(lambda: list(backups.folder.glob(".partial-*/database.dump*")))
        process.kill()
        process.wait()
    left = next(backups.folder.glob(".partial-*")).name.removeprefix(".partial-")
    assert "cut off: it was killed, or the machine went down" in backups.do("list").out
    assert backups.states() == {before: "good"}
    done = backups.do("run", "--json")
    assert done.document["notes"] == [f"an earlier run was cut off; what it left ({left}) was removed"]


def _clients(cluster) -> list[bytes]:
    """The command lines of clients that a runner started."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            variables = (path / "environ").read_bytes()
            command = (path / "cmdline").read_bytes()
        except OSError:
            continue
        if f"PGHOST={cluster.folder}".encode() in variables and b"PGAPPNAME=botswain-backup" in variables:
            found.append(command)
    return found
