"""The lock and the audit log between real processes."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from botswain.audit.log import AuditLog
from botswain.errors import Refused
from botswain.state.folder import FolderStore
from botswain.state.store import Owner

if TYPE_CHECKING:
    from pathlib import Path

BEN = Owner("20261122-101531-bbbbbb", "ben@shore", "rollback")

START = """
import sys
from pathlib import Path
from botswain.audit.log import AuditLog
from botswain.errors import BotswainError
from botswain.state.folder import FolderStore
from botswain.state.store import Owner
store = FolderStore(Path(sys.argv[1]))
"""
HOLD = """
with store.lock(Owner("20261122-101530-aaaaaa", "anna@ship", "deploy")) as held:
    print("held", flush=True)
    sys.stdin.readline()
    held.check()
print("released", flush=True)
"""
RACE = """
sys.stdin.readline()
try:
    with store.lock(Owner(sys.argv[2], "anna@ship", "deploy")) as held:
        print("won", flush=True)
        sys.stdin.readline()
except BotswainError as error:
    print(int(error.code), error, flush=True)
"""
AUDIT = """
log = AuditLog(store, "dev")
for n in range(50):
    log.outcome(log.intent("deploy", sys.argv[2], {"n": n}), "done")
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """Give an empty store."""
    return FolderStore(tmp_path / "dev.json")


def run(store: FolderStore, program: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a process of its own on the store."""
    return subprocess.Popen(
        [sys.executable, "-c", START + program, str(store.manifest_path), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def line(process: subprocess.Popen[str]) -> str:
    """Wait for a line that the process prints."""
    assert process.stdout
    return process.stdout.readline().strip()


def test_a_killed_holder_blocks_nobody(store: FolderStore) -> None:
    """After SIGKILL the next run has the lock at once, and learns whose journal it has to look at."""
    with run(store, HOLD) as process:
        assert line(process) == "held"
        with pytest.raises(Refused, match=f"process {process.pid} on"):
            store.lock(BEN)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    with store.lock(BEN) as held:
        assert held.left_behind is not None
        assert held.left_behind.deployment == "20261122-101530-aaaaaa"
        assert not held.left_behind.alive


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_holder_blocks_nobody(store: FolderStore, kind: signal.Signals) -> None:
    """Neither Ctrl-C nor a cancelled CI job leaves a lock."""
    with run(store, HOLD) as process:
        assert line(process) == "held"
        process.send_signal(kind)
        process.communicate()
    store.lock(BEN).release()


def test_of_many_at_once_one_wins(store: FolderStore) -> None:
    """Four runs start together: one works, three are told who does, with exit code 3."""
    processes = [run(store, RACE, f"run-{number}") for number in range(4)]
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [line(process) for process in processes]
    winner = answers.index("won")
    others = [answer for answer in answers if answer != "won"]
    assert len(others) == 3
    assert all(answer.startswith("3 dev: is locked by anna@ship since") for answer in others)
    assert all(f"(run-{winner}, process {processes[winner].pid} on" in answer for answer in others)
    for process in processes:
        process.communicate("\n")


def test_a_broken_lock_stops_its_holder(store: FolderStore) -> None:
    """A holder in another process stops at its next check, with the reason in its error."""
    with run(store, HOLD) as process:
        assert line(process) == "held"
        done = store.break_lock("laptop asleep", "ben@shore")
        assert done is not None
        assert done.holder.alive
        assert done.holder.pid == process.pid
        with store.lock(BEN):
            out, error = process.communicate("\n")
            assert "released" not in out
            assert "the lock was broken by ben@shore" in error
            assert "laptop asleep" in error


def test_writers_without_the_lock_keep_one_chain(store: FolderStore) -> None:
    """Refused runs are audited too: four processes that write at once make one unbroken chain."""
    processes = [run(store, AUDIT, f"run-{number}") for number in range(4)]
    for process in processes:
        _, error = process.communicate()
        assert error == ""
    verdict = AuditLog(store, "dev").verify()
    assert verdict.findings == []
    assert verdict.anchor is not None
    assert verdict.anchor.n == 400
