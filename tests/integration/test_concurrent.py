"""Two runs at once, and a lock that is broken under a run: one run writes at a time, whatever happens."""

from __future__ import annotations

import re
import time

import pytest
from deployments import GUILDS, told

from botswain.audit.log import AuditLog
from botswain.deployment import transaction
from botswain.errors import ExitCode, Refused
from botswain.state.journal import left_behind

ONE, TWO, THREE = GUILDS
OLD = {"ping": "Is it awake?", "ban": "Bans a member", "help": "Shows help"}
NEW = {**OLD, "ping": "Edited"}


@pytest.fixture
def deployed(project, monkeypatch):
    """OLD is deployed, and NEW is wanted; scopes are written one after another."""
    assert project.deploy().code is ExitCode.DONE
    project.commands(**NEW)
    project.requests.clear()
    workers = transaction.workers
    monkeypatch.setattr(transaction, "workers", lambda _: workers(1))
    return project


@pytest.mark.slow
def test_two_runs_at_once_one_wins_and_the_other_says_who(deployed):
    """Of two processes one deploys; the other ends with 3, names the holder and since when, and changes nothing."""
    deployed.sandbox.fault("latency", method="GET", path=ONE, seconds=2.5)
    runs = [deployed.start("deploy", BOTSWAIN_ACTOR=name) for name in ("anna@ship", "ben@shore")]
    ended = [(run, *run.communicate(timeout=20)) for run in runs]

    (winner, *_), (loser, _, err) = sorted(ended, key=lambda one: one[0].returncode)
    assert (winner.returncode, loser.returncode) == (ExitCode.DONE, ExitCode.REFUSED)
    holder = "anna@ship" if winner is runs[0] else "ben@shore"
    assert re.search(
        rf"botswain: dev: is locked by {holder} since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC for `deploy`", err
    )
    assert './inv lock.break --env dev --why "…"' in err
    assert deployed.everywhere() == NEW
    assert deployed.outcomes() == ["done", "done"]
    deployed.check()


def test_reading_needs_no_lock(deployed):
    """A run under way keeps nobody from looking."""
    seen = []
    deployed.when("PUT", TWO, lambda: seen.append((deployed.diff().notes, deployed.store().holder().actor)))
    assert deployed.deploy().code is ExitCode.DONE
    ((notes, holder),) = seen
    assert re.fullmatch(r"deploy \S+ by anna@ship is under way; this is what is there meanwhile", notes[0])
    assert holder == "anna@ship"


def break_lock(project):
    """Takes the lock from the run under way, as `lock.break` does."""
    assert project.store().break_lock("it hangs", "ben@shore").holder.actor == "anna@ship"


def test_run_whose_lock_was_broken_stops_before_its_next_change(deployed):
    """The old run writes nothing more, undoes nothing, records nothing, and says who broke its lock and why."""
    deployed.when("PUT", ONE, lambda: break_lock(deployed))

    result = deployed.deploy()

    assert result.code is ExitCode.FAILED
    assert re.search(r"why: dev: the lock was broken by ben@shore at .* UTC: it hangs; nothing more", told(result))
    assert f"note: guild {ONE} stays as this run left it; the next deploy or rollback settles it" in told(result)
    assert "not recorded" not in told(result)  # said once is enough
    assert deployed.puts() == [ONE]
    assert [deployed.live(guild) for guild in GUILDS] == [NEW, OLD, OLD]
    assert left_behind(deployed.store()) == result.deployment.id
    assert deployed.last().outcome == "running"

    healed = deployed.deploy()
    assert (healed.code, healed.settled.outcome) == (ExitCode.DONE, "interrupted")
    assert deployed.everywhere() == NEW
    deployed.check()
    deployed.rollback()
    deployed.rollback()
    assert deployed.everywhere() == OLD
    deployed.check()


def test_lock_broken_after_the_last_write_leaves_the_records_to_the_next_run(deployed):
    """Everything is written and somebody else has the lock: what is recorded is theirs to say."""
    deployed.when("GET", THREE, lambda: break_lock(deployed), skip=1)
    result = deployed.deploy()
    assert result.code is ExitCode.FAILED
    assert "the lock was broken by ben@shore" in told(result)
    assert deployed.everywhere() == NEW
    again = deployed.deploy()
    assert (again.code, again.deployment, again.settled.outcome) == (ExitCode.DONE, None, "done")
    deployed.check()


def test_new_run_and_old_run_do_not_write_into_each_others_records(deployed):
    """A whole new deployment while the old one hangs in a request: the old one finds out, and spoils nothing."""
    inner = []

    def take_over():
        audit = AuditLog(deployed.store(), "dev")
        intent = audit.intent("lock.break", "ben@shore")
        break_lock(deployed)
        inner.append(deployed.deploy())
        audit.outcome(intent, "done")  # whoever breaks a lock may say so after the next run has begun

    deployed.when("PUT", TWO, take_over)
    old = deployed.deploy()

    (new,) = inner
    assert (new.code, new.deployment.outcome, new.settled.id) == (ExitCode.DONE, "done", old.deployment.id)
    assert old.code is ExitCode.FAILED
    assert "the lock was broken by ben@shore" in told(old)
    assert deployed.everywhere() == NEW
    assert sorted(deployed.outcomes()) == ["done", "done", "interrupted"]
    deployed.check()


@pytest.mark.slow
def test_lock_is_looked_at_again_after_waiting_for_a_rate_limit(deployed):
    """A run that slept through the loss of its lock, as a laptop may, does not write when it wakes up."""
    deployed.sandbox.fault("rate_limit", method="PUT", path=ONE, retry_after=0.1)
    deployed.when("PUT", ONE, lambda: break_lock(deployed))
    result = deployed.deploy()
    assert (result.code, result.deployment.outcome) == (ExitCode.FAILED, "failed")
    assert deployed.puts() == [ONE]  # answered with 429
    assert deployed.everywhere() == OLD
    assert deployed.deploy().code is ExitCode.DONE
    deployed.check()


def test_lock_lost_during_the_way_back_stops_the_way_back(deployed):
    """Undoing is a change too: without the lock it stops, and leaves the rest to whoever has it."""
    deployed.sandbox.fault("status", method="PUT", path=TWO, status=400)
    deployed.when("GET", ONE, lambda: break_lock(deployed), skip=2)
    result = deployed.deploy()
    assert result.code is ExitCode.FAILED
    assert "the lock was broken by ben@shore" in told(result)
    assert deployed.puts() == [ONE, TWO]
    assert [deployed.live(guild) for guild in GUILDS] == [NEW, OLD, OLD]
    assert deployed.rollback().code is ExitCode.DONE
    assert deployed.everywhere() == OLD
    deployed.check()


@pytest.mark.slow
def test_breaking_a_lock_is_audited_beside_the_run_it_breaks(deployed):
    """`lock.break` is on record with its reason, says that the old process still runs, and spoils no hash chain."""
    deployed.sandbox.fault("latency", method="GET", path=ONE, seconds=2)
    run = deployed.start("deploy")
    while deployed.store().holder() is None:
        time.sleep(0.02)
    time.sleep(0.2)
    out, err = deployed.start("lock.break", "--why", "it hangs", BOTSWAIN_ACTOR="ben@shore").communicate()
    _, told_ = run.communicate(timeout=20)

    assert "broke the lock of anna@ship (deploy, since " in out, err
    assert "still runs and stops before its next change" in out
    assert run.returncode == ExitCode.FAILED
    assert "botswain: dev: the lock was broken by ben@shore at " in told_
    assert deployed.everywhere() == OLD
    reasons = [one["data"].get("why") for one in AuditLog(deployed.store(), "dev").records()]
    assert "it hangs" in reasons
    assert deployed.deploy().code is ExitCode.DONE
    deployed.check()


def test_second_run_in_this_process_is_refused_too(deployed):
    """The lock is one on the environment, not on the process."""
    refused = []

    def again():
        with pytest.raises(Refused) as failure:
            deployed.deploy()
        refused.append(failure.value)

    deployed.when("PUT", TWO, again)
    assert deployed.deploy().code is ExitCode.DONE
    assert refused[0].code is ExitCode.REFUSED
    deployed.check()
