"""The list of stored snapshots, a choice among deployments on a terminal, and waiting for another run."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest
from desk import ROOT, Desk, refused, steady


def deployed(desk: Desk, description: str) -> str:
    """Deploys /ping with a description; returns the deployment's id."""
    desk.command("ping", description)
    ran = desk.inv("deploy", "--env", "dev", "--json")
    assert ran.code == 0, ran
    return ran.document["deployment"]["deploymentId"]


@pytest.fixture
def thrice(desk: Desk):
    """Three deployments: one, two, three."""
    desk.ids = [deployed(desk, word) for word in ("one", "two", "three")]
    return desk


def test_backups_lists_what_was_live_before_each_deployment(thrice: Desk):
    """Newest first, with the way to restore it."""
    first, second, third = thrice.ids
    ran = thrice.inv("backups", "--env", "dev")
    rows = [line.split() for line in ran.out.splitlines()[1:]]
    assert [(row[0], row[5], row[7]) for row in rows] == [(third, "1", "1"), (second, "1", "1"), (first, "0", "1")], ran
    assert [" ".join(row[11:]) for row in rows] == [
        "./inv rollback --env dev",
        f"./inv rollback --env dev --to {first}",
        "-",
    ]
    found = thrice.inv("backups", "--env", "dev", "--limit", "2", "--json").document["snapshots"]
    assert [(one["deploymentId"], one["commands"]) for one in found] == [(third, 1), (second, 1)]
    assert found[0]["documents"] == [f"snapshots/{third}/200000000000000001.json"]


def test_backups_before_there_are_any(desk: Desk):
    """An environment without a deployment is no failure."""
    ran = desk.inv("backups", "--env", "dev")
    assert (ran.code, ran.out) == (0, "no snapshot yet: the first deployment that writes to Discord stores one\n")


def test_a_damaged_snapshot_is_named(thrice: Desk):
    """What cannot be restored from is said while there is time."""
    name = f"snapshots/{thrice.ids[1]}/200000000000000001.json"
    thrice.write(f"manifests/dev/{name}", "[{")
    ran = thrice.inv("backups", "--env", "dev")
    assert ran.code == 1
    assert ran.told[0].startswith(f"{name}: is no whole JSON document"), ran


def on_terminal(desk: Desk, *arguments: str, answers: str) -> tuple[int, str]:
    """Runs a command line with a terminal to answer on; returns its exit code and all that it showed."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(desk.argv(*arguments), stdin=theirs, stdout=theirs, stderr=theirs, **desk.where())
    os.close(theirs)
    os.write(ours, answers.encode())
    shown = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(ours)
    return child.wait(30), shown.decode().replace("\r\n", "\n")


def test_a_deployment_is_chosen_by_its_number(thrice: Desk):
    """The list shows what is deployed now; a number chooses the state after that deployment."""
    code, shown = on_terminal(thrice, "rollback", "--env", "dev", "--choose", answers="3\n")
    assert code == 0, shown
    assert f" 1* {thrice.ids[2]}" in shown
    assert thrice.live()["ping"]["description"] == "one"


@pytest.mark.parametrize("answer", ["\n", "9\n\n", "0\nx\n\n", "\x04"])
def test_an_answer_that_chooses_nothing_changes_nothing(thrice: Desk, answer: str):
    """Enter is the way out, also after numbers that are not in the list; those are asked about again."""
    code, shown = on_terminal(thrice, "rollback", "--env", "dev", "--choose", answers=answer)
    assert (code, "nothing was chosen; nothing was changed" in shown) == (3, True), shown
    assert shown.count("1 to 3, please: ") == answer.count("\n") - 1 if "\n" in answer else True
    assert thrice.live()["ping"]["description"] == "three"


def test_nobody_can_choose_off_a_terminal(thrice: Desk):
    """A job of CI is told what to say instead."""
    told = "there is no terminal to choose on; say --to ID; ./inv history lists the deployments"
    refused(thrice.inv("rollback", "--env", "dev", "--choose"), told, code=3)
    both = thrice.inv("rollback", "--env", "dev", "--choose", "--to", thrice.ids[0])
    refused(both, "--choose and --to exclude each other; leave one out")


HOLD = """
import sys
sys.path[:0] = [{root!r}]
from botswain.deployment.session import Session
from botswain.state.store import Owner
with Session.open("dev").records.store.lock(Owner("20261122-101530-3f9a2c", "anna@ship", "deploy")):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def held(desk: Desk):
    """Another process holds the lock until its stdin is closed."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(root=str(ROOT))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=desk.folder,
    )  # fmt: skip
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.wait()
    child.stdout.close()
    child.stdin.close()


def test_a_run_waits_for_another_as_long_as_it_was_told(desk: Desk, held: subprocess.Popen[str]):
    """It says for whom, and goes on when the lock is free."""
    desk.command("ping")
    run = desk.argv("deploy", "--env", "dev", "--wait", "60")
    with subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **desk.where()) as waiting:
        told = waiting.stderr.readline()
        held.stdin.close()
        rest = waiting.stderr.read()
    assert told == "waiting up to 60 s for anna@ship (deploy, 20261122-101530-3f9a2c)\n", rest
    assert (waiting.returncode, "ping" in desk.live()) == (0, True), rest


def test_without_waiting_it_is_refused_at_once(desk: Desk, held: subprocess.Popen[str]):
    """Who holds the lock is said, and nothing is changed; so too when the wait was too short."""
    desk.command("ping")
    for wait in ((), ("--wait", "1")):
        ran = desk.process("deploy", "--env", "dev", *wait)
        assert (ran.code, "is locked by anna@ship since" in ran.err, desk.live()) == (3, True, {}), ran


def test_a_lock_that_is_free_costs_no_wait(desk: Desk):
    """Nobody is told to wait for nobody."""
    desk.command("ping")
    ran = desk.inv("deploy", "--env", "dev", "--wait", "60")
    assert (ran.code, "waiting" in ran.err) == (0, False), ran
    assert steady(ran.out).count("deploy ID: done") == 1
