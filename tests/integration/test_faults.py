"""Discord misbehaves: what reaches the person, what is live, what is stored, and that the next run ends well."""

from __future__ import annotations

import time

import httpx
import pytest
from deployments import APPLICATION, GUILDS, STRANGER, told

from botswain.deployment import transaction
from botswain.discord.errors import BadAnswer, Forbidden, ServerTrouble, Unreachable
from botswain.errors import ExitCode

ONE, TWO, THREE = GUILDS
OLD = {"ping": "Is it awake?", "ban": "Bans a member", "help": "Shows help"}
NEW = {"ping": "Edited", "kick": "Kicks a member", "help": "Shows help"}


@pytest.fixture
def deployed(project, monkeypatch):
    """OLD is deployed beside a command of other hands, and NEW is wanted; scopes are written one after another."""
    for guild in GUILDS:
        project.edit("create", "stranger", guild, description=STRANGER["description"])
    assert project.deploy().code is ExitCode.DONE
    project.commands(**NEW)
    project.requests.clear()
    workers = transaction.workers
    monkeypatch.setattr(transaction, "workers", lambda _: workers(1))
    return project


def kept(project):
    """The ids of what no run of these tests has a reason to touch."""
    return [[project.ids(guild)[name] for name in ("help", "ping", "stranger")] for guild in GUILDS]


def ends_well(project):
    """The next deployment, and the way back from it."""
    assert project.deploy(allow_delete=9).code is ExitCode.DONE
    assert project.everywhere() == NEW
    project.check()
    for _ in range(2):  # what a stuck deployment left is a step of its own
        if [project.live(guild) for guild in GUILDS] != [OLD] * 3:
            assert project.rollback().code is ExitCode.DONE
            project.check()
    assert project.everywhere() == OLD


def refused(status, **body):
    """Discord's answer to a request that it does not like."""
    return lambda: httpx.Response(status, json=body, headers={"Via": "1.1 discord"})


APPLIED = {
    "connection reset": {"kind": "drop", "after": True},
    "502": {"kind": "status", "status": 502, "after": True},
    "HTML": {"kind": "html", "status": 502, "after": True},
    "cut JSON": {"kind": "truncate"},
}
NOT_APPLIED = {
    "connection reset": {"kind": "drop"},
    "503": {"kind": "status", "status": 503},
    "HTML": {"kind": "html", "status": 500},
}


@pytest.mark.parametrize("fault", APPLIED.values(), ids=APPLIED)
def test_reply_lost_after_the_write_is_looked_up_not_doubled(deployed, fault):
    """When the write was applied and only the answer was lost, looking finds it; it is sent once."""
    deployed.sandbox.fault(method="PUT", path=TWO, **fault)
    result = deployed.deploy(allow_delete=9)
    assert (result.code, result.deployment.outcome) == (ExitCode.DONE, "done")
    assert deployed.puts() == [ONE, TWO, THREE]
    assert deployed.everywhere() == NEW
    deployed.check()
    ends_well(deployed)


@pytest.mark.parametrize("fault", NOT_APPLIED.values(), ids=NOT_APPLIED)
def test_reply_lost_before_the_write_is_written_again(deployed, fault):
    """When looking shows that nothing was written, it is written again, and the person hears so."""
    deployed.sandbox.fault(method="PUT", path=TWO, count=2, **fault)
    result = deployed.deploy(allow_delete=9)
    assert (result.code, result.deployment.outcome) == (ExitCode.DONE, "done")
    assert deployed.puts() == [ONE, TWO, TWO, TWO, THREE]
    assert f"guild {TWO}: the reply was lost and nothing was written; writing again" in deployed.said
    deployed.check()
    ends_well(deployed)


@pytest.mark.parametrize("fault", NOT_APPLIED.values(), ids=NOT_APPLIED)
def test_write_that_never_arrives_undoes_the_others(deployed, fault):
    """A write that fails for good takes back the scopes before it: exit 4, and those after it are never begun."""
    ids = kept(deployed)
    deployed.sandbox.fault(method="PUT", path=TWO, count=3, **fault)

    result = deployed.deploy(allow_delete=9)

    assert (result.code, result.deployment.outcome) == (ExitCode.ROLLED_BACK, "rolled back")
    assert f"why: guild {TWO}: a write was sent, but whether it was applied is unknown" in told(result)
    assert deployed.puts() == [ONE, TWO, TWO, TWO, ONE]
    states = {scope: one.state for scope, one in deployed.last().scopes.items()}
    assert states == {ONE: "undone", TWO: "planned", THREE: "planned"}
    assert (deployed.everywhere(), kept(deployed)) == (OLD, ids)
    deployed.check()
    ends_well(deployed)


def test_lost_reply_and_other_hands_at_once_is_undone(deployed):
    """Commands that are neither the old nor the new ones after a lost reply mean somebody else writes: stop, undo."""
    deployed.sandbox.fault("drop", method="PUT", path=TWO)
    deployed.when("PUT", TWO, lambda: deployed.edit("create", "other", TWO, description="Somebody else's"))

    result = deployed.deploy(allow_delete=9)

    assert result.code is ExitCode.ROLLED_BACK
    assert "the commands are neither the old nor the new ones; somebody else writes there too" in told(result)
    assert deployed.live(ONE) == OLD
    assert deployed.live(TWO) == {**OLD, "other": "Somebody else's"}
    deployed.check()
    assert deployed.deploy(allow_delete=9).code is ExitCode.DONE
    assert deployed.live(TWO) == {**NEW, "other": "Somebody else's"}
    deployed.check()


def test_lost_reply_of_a_write_that_was_applied_beside_other_hands_is_undone(deployed):
    """When ours arrived and somebody else's came with it, ours is taken back and theirs is left alone."""
    deployed.sandbox.fault("drop", method="PUT", path=TWO, after=True)
    deployed.when("GET", TWO, lambda: deployed.edit("create", "other", TWO, description="Somebody else's"), skip=1)

    result = deployed.deploy(allow_delete=9)

    assert result.code is ExitCode.ROLLED_BACK
    assert result.deployment.scopes[TWO].state == "undone"
    assert [deployed.live(guild) for guild in GUILDS] == [OLD, {**OLD, "other": "Somebody else's"}, OLD]
    deployed.check()


@pytest.mark.slow
def test_short_rate_limit_in_mid_sequence_is_waited_for(deployed):
    """A 429 that clears soon delays the run and nothing else."""
    deployed.sandbox.fault("rate_limit", method="PUT", path=TWO, retry_after=0.2)
    result = deployed.deploy(allow_delete=9)
    assert result.code is ExitCode.DONE
    assert deployed.everywhere() == NEW
    deployed.check()


def test_long_rate_limit_in_mid_sequence_undoes_what_was_written(deployed):
    """A wait beyond the cap fails at once: what was written is undone, and the person hears until when to wait."""
    ids, begun = kept(deployed), time.monotonic()
    deployed.sandbox.fault("rate_limit", method="PUT", path=TWO, retry_after=600)

    result = deployed.deploy(allow_delete=9)

    assert time.monotonic() - begun < 5
    assert (result.code, result.deployment.outcome) == (ExitCode.ROLLED_BACK, "rolled back")
    assert "asked to wait 10 min, longer than the 60 s to wait for; run again after " in told(result)
    assert (deployed.everywhere(), kept(deployed)) == (OLD, ids)
    deployed.check()
    ends_well(deployed)


@pytest.mark.parametrize("status", [429, 400])
def test_daily_create_limit_fails_at_once_with_the_time(deployed, status):
    """Code 30034 is not waited out: exit 4 with the hour at which it clears, and nothing left half-done."""
    deployed.sandbox.configure(limits=True, put_bucket=[1000, 1.0], creates_status=status)
    since = time.time() - 3600
    deployed.sandbox._store.write(f"{APPLICATION}/{TWO}.ledger", {"creates": 200, "creates_since": since})

    result = deployed.deploy(allow_delete=9)

    assert (result.code, result.deployment.outcome) == (ExitCode.ROLLED_BACK, "rolled back")
    when = "within 24 hours" if status == 400 else "in 23 h 0 min, "
    assert f"guild {TWO}: Discord's limit of 200 new commands a day is reached; it clears {when}" in told(result)
    assert deployed.puts() == [ONE, TWO, ONE]
    assert deployed.everywhere() == OLD
    deployed.check()
    deployed.sandbox.configure(limits=False)
    ends_well(deployed)


READS = {
    "5xx": ({"kind": "status", "status": 503}, ServerTrouble, "HTTP 503 on each of 4 tries"),
    "HTML": ({"kind": "html", "status": 200}, BadAnswer, "on each of 4 tries: HTML instead of JSON"),
    "cut JSON": ({"kind": "truncate"}, BadAnswer, "on each of 4 tries: cut or broken JSON"),
    "connection reset": ({"kind": "drop"}, Unreachable, "the connection to 127.0.0.1 broke"),
    "403 of another kind": ({"kind": "status", "status": 403}, Forbidden, "HTTP 403"),
}


@pytest.mark.parametrize(("fault", "error", "text"), READS.values(), ids=READS)
def test_scope_that_cannot_be_read_is_never_an_empty_one(deployed, fault, error, text):
    """No plan is made from a scope that could not be read: nothing is written anywhere, neither there nor here."""
    before = deployed.outcomes()
    deployed.sandbox.fault(method="GET", path=TWO, count=4, **fault)

    with pytest.raises(error, match=text) as failure:
        deployed.deploy(allow_delete=9)

    assert failure.value.code is ExitCode.FAILED
    assert str(failure.value).startswith(f"guild {TWO}: ")
    assert deployed.puts() == []
    assert (deployed.everywhere(), deployed.outcomes()) == (OLD, before)
    deployed.sandbox.clear_faults()
    deployed.check()
    ends_well(deployed)


@pytest.mark.parametrize("fault", [one for one, *_ in list(READS.values())[:4]], ids=list(READS)[:4])
def test_read_that_fails_once_is_repeated(deployed, fault):
    """One bad answer to a read is nobody's business, before the write as well as after it."""
    for skip in (0, 1):
        deployed.sandbox.fault(method="GET", path=TWO, skip=skip, **fault)
    result = deployed.deploy(allow_delete=9)
    assert (result.code, result.deployment.outcome) == (ExitCode.DONE, "done")
    assert deployed.everywhere() == NEW
    deployed.check()


@pytest.mark.parametrize("fault", [one for one, *_ in READS.values()], ids=READS)
def test_verification_that_cannot_tell_undoes_nothing(deployed, fault):
    """Discord accepted the write and cannot be read: that is no reason to revert it, and no success either."""
    deployed.sandbox.fault(method="GET", path=TWO, skip=1, count=4, **fault)

    result = deployed.deploy(allow_delete=9)

    assert (result.code, result.deployment.outcome) == (ExitCode.FAILED, "partial")
    assert f"note: guild {TWO} was written, but could not be read back: " in told(result)
    assert deployed.puts() == [ONE, TWO, THREE]
    assert deployed.everywhere() == NEW
    deployed.sandbox.clear_faults()
    deployed.check()
    assert deployed.deploy().deployment is None
    assert deployed.rollback().code is ExitCode.DONE
    assert deployed.everywhere() == OLD


@pytest.mark.parametrize("reads", [1, 3])
def test_write_that_shows_late_is_waited_for(deployed, reads):
    """Discord may show the old commands for a moment after a write; that is not a failure."""
    deployed.sandbox.fault("stale", method="PUT", path=TWO, reads=reads)
    result = deployed.deploy(allow_delete=9)
    assert (result.code, result.deployment.outcome) == (ExitCode.DONE, "done")
    assert deployed.puts() == [ONE, TWO, THREE]
    assert deployed.everywhere() == NEW
    deployed.check()


def test_write_that_never_shows_is_reported_and_kept(deployed):
    """What Discord accepted and still does not show is no success: exit 1 and the commands by name, nothing undone."""
    deployed.sandbox.fault("stale", method="PUT", path=TWO, reads=4)
    result = deployed.deploy(allow_delete=9)
    assert (result.code, result.deployment.outcome) == (ExitCode.FAILED, "partial")
    assert f"guild {TWO} reads back differently: chat_input/ban is still there; chat_input/kick is missing" in told(
        result
    )
    assert deployed.everywhere() == NEW


def test_scope_that_discord_refuses_takes_back_the_ones_before(deployed):
    """Error 50035 in the second of three guilds: the first is as it was, ids included where Discord lets us."""
    ids, banned = kept(deployed), deployed.ids(ONE)["ban"]
    errors = {"0": {"description": {"_errors": [{"code": "BASE_TYPE_BAD_LENGTH", "message": "Too rude."}]}}}
    deployed.when("PUT", TWO, refused(400, code=50035, message="Invalid Form Body", errors=errors))

    result = deployed.deploy(allow_delete=9)

    assert (result.code, result.deployment.outcome) == (ExitCode.ROLLED_BACK, "rolled back")
    assert f"why: guild {TWO}: Discord refused the commands: " in told(result)
    assert "Too rude." in told(result)
    assert (deployed.everywhere(), kept(deployed)) == (OLD, ids)
    assert deployed.ids(ONE)["ban"] != banned  # what was deleted comes back under another id
    deployed.check()
    ends_well(deployed)


def test_first_scope_refused_is_a_failure_that_changed_nothing(deployed):
    """When nothing was written there is nothing to undo: exit 1, not 4."""
    deployed.when("PUT", ONE, refused(400, code=50035, message="Invalid Form Body"))
    result = deployed.deploy(allow_delete=9)
    assert (result.code, result.deployment.outcome) == (ExitCode.FAILED, "failed")
    assert deployed.puts() == [ONE]
    assert deployed.everywhere() == OLD
    deployed.check()
    ends_well(deployed)


def test_way_back_that_fails_needs_a_person_and_says_for_what(deployed):
    """Exit 5 names the guild that is neither here nor there, and what to do; the next deployment mends it."""
    deployed.sandbox.fault("status", method="PUT", path=TWO, status=400)
    deployed.sandbox.fault("status", method="PUT", path=ONE, skip=1, status=500, count=3)

    result = deployed.deploy(allow_delete=9)

    assert (result.code, result.deployment.outcome) == (ExitCode.STUCK, "stuck")
    assert f"guild {ONE} could not be restored: guild {ONE}: a write was sent" in told(result)
    assert "a person is needed: look with ./inv diff --env dev, then deploy again" in told(result)
    assert [deployed.live(guild) for guild in GUILDS] == [NEW, OLD, OLD]
    assert {scope: one.state for scope, one in deployed.last().scopes.items()} == {
        ONE: "failed", TWO: "planned", THREE: "planned",
    }  # fmt: skip
    assert deployed.store().holder() is None
    assert "chat_input/kick" not in deployed.session().records.manifest().scopes[ONE].commands
    ends_well(deployed)


def test_way_back_does_not_stop_at_the_first_scope_that_fails(deployed):
    """One guild that cannot be restored does not keep the others from being restored."""
    deployed.sandbox.fault("status", method="PUT", path=THREE, status=400)
    deployed.sandbox.fault("status", method="GET", path=TWO, skip=2, status=500, count=4)

    result = deployed.deploy(allow_delete=9)

    assert result.code is ExitCode.STUCK
    assert f"guild {TWO} could not be restored" in told(result)
    assert [deployed.live(guild) for guild in GUILDS] == [OLD, NEW, OLD]
    ends_well(deployed)
