"""Steps of a deployment, and what the records say of a service: without any process."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

from botswain import manifest as manifests
from botswain.deployment.budget import RELEASES, check_budget
from botswain.deployment.consent import Consent, with_service
from botswain.deployment.history import Deployment, Outcome, ScopeResult, ServiceResult, from_json, standing, to_json
from botswain.deployment.phases import Phases
from botswain.deployment.recording import service_record
from botswain.deployment.service import look
from botswain.deployment.steps import run_steps
from botswain.errors import Refused
from botswain.host.launch import STARTS
from botswain.manifest import Manifest, ServiceRecord
from botswain.plan import ServicePlan
from botswain.state.store import LockLost
from botswain.targets.base import ServiceState


class Step:
    """A step that writes down what happens to it."""

    def __init__(self, name, events, fails=None, back_fails=None):
        self.name = name
        self._events = events
        self._fails = fails
        self._back_fails = back_fails

    def run(self):
        """Does it, or fails."""
        self._events.append(f"run {self.name}")
        if self._fails:
            raise self._fails

    def undo(self):
        """Takes it back, or fails."""
        self._events.append(f"undo {self.name}")
        if self._back_fails:
            raise self._back_fails


@contextmanager
def untimed(_name):
    """Times nothing."""
    yield


def test_steps_run_in_order():
    """What went well is not taken back."""
    events = []
    ended = run_steps([Step("a", events), Step("b", events)], untimed)
    assert (events, ended.failure, ended.stuck) == (["run a", "run b"], None, {})


def test_a_failure_takes_everything_back_last_first():
    """The step that failed is taken back as well, since it may have done a part; later ones never ran."""
    events, error = [], ValueError("no wind")
    steps = [Step("a", events), Step("b", events), Step("c", events, fails=error), Step("d", events)]
    ended = run_steps(steps, untimed)
    assert events == ["run a", "run b", "run c", "undo c", "undo b", "undo a"]
    assert (ended.failed, ended.failure, ended.stuck) == ("c", error, {})


def test_a_way_back_that_fails_keeps_no_other_from_its_own():
    """Which ones are stuck is told by name."""
    events, torn = [], ValueError("the sail tore")
    ended = run_steps([Step("a", events), Step("b", events, ValueError("x"), torn)], untimed)
    assert events[-2:] == ["undo b", "undo a"]
    assert ended.stuck == {"b": torn}


def test_without_the_lock_nothing_is_taken_back():
    """What is left is then the business of whoever holds the lock."""
    events, lost = [], LockLost("broken by ben")
    ended = run_steps([Step("a", events), Step("b", events, fails=lost)], untimed)
    assert (events, ended.lost) == (["run a", "run b"], lost)
    events.clear()
    ended = run_steps([Step("a", events), Step("b", events, ValueError("x"), lost)], untimed)
    assert (events, ended.lost) == (["run a", "run b", "undo b"], lost)


def test_phases_tell_failures_however_short_and_nothing_of_nothing():
    """A phase that failed is listed; one that took no time is not."""
    said = []
    phases = Phases(said.append)
    with phases.timed("nothing"):
        pass
    with pytest.raises(ValueError, match="x"), phases.timed("bad"):
        raise ValueError("x")
    assert [(one.name, one.ok) for one in phases.known] == [("bad", False)]
    assert said == ["bad: failed in 0.0 s"]


def result(release, previous=None, **fields):
    """What a deployment did with the service."""
    usual = {"action": "deploy", "state": "live", "target": "local", "commit": f"c-{release}"}
    return ServiceResult(**{**usual, "release": release, "previous": previous, **fields})


def entry(number, kind="deploy", **fields):
    """A deployment of the history; `commands` says whether it wrote some."""
    commands = fields.pop("commands", False)
    scopes = {"1" * 18: ScopeResult("written", created=("chat_input/a",))} if commands else {}
    usual = {"outcome": Outcome.DONE, "scopes": scopes}
    known = {"environment": "dev", "actor": "a", "started_at": f"{number:03}", "git_sha": None, "build_id": None}
    return Deployment(f"d{number}", kind, **{**known, "tool_version": "1", "previous": None, **usual, **fields})


def stands(*history):
    """Which deployments stand, newest first, with their parts."""
    return [
        (one.id, *(["commands"] if one.scopes else []), *(["service"] if one.service else []))
        for one in standing(history[::-1])
    ]


def test_each_part_of_a_deployment_is_undone_once():
    """A rollback of one part leaves the other standing; the next one of both undoes what is left."""
    first, second = (
        entry(1, commands=True, service=result("r1")),
        entry(2, commands=True, service=result("r2", "r1")),
    )
    assert stands(first, second) == [("d2", "commands", "service"), ("d1", "commands", "service")]
    part = entry(3, "rollback", undoes=("d2",), only="service", service=result("r1", "r2", action="back"))
    assert stands(first, second, part) == [("d2", "commands"), ("d1", "commands", "service")]
    rest = entry(4, "rollback", undoes=("d2",))
    assert stands(first, second, part, rest) == [("d1", "commands", "service")]
    other = entry(3, "rollback", undoes=("d2",), only="commands")
    assert stands(first, second, other) == [("d2", "service"), ("d1", "commands", "service")]


def test_a_restored_state_restores_what_stood_then():
    """`--to` brings back both stacks, or the one that it was limited to."""
    history = [entry(1, commands=True, service=result("r1")), entry(2, commands=True, service=result("r2", "r1"))]
    both = entry(3, "rollback", restores="d1")
    assert stands(*history, both) == [("d1", "commands", "service")]
    one = entry(3, "rollback", restores="d1", only="service")
    assert stands(*history, one) == [("d2", "commands"), ("d1", "commands", "service")]


@pytest.mark.parametrize(
    "service",
    [result("r1", "r1", action="start"), result("r1", "r1"), result("r2", "r1", state="undone"), None],
)
def test_what_changed_no_release_is_not_undone(service):
    """A start, the same release again, and a switch that was taken back leave nothing to return from."""
    assert stands(entry(1, service=service)) == []


def test_no_step_of_the_way_back_leads_to_what_already_runs():
    """What a rollback passed over, or somebody went back from by hand, is gone; so is what ran before nothing."""
    one, two, three = (
        entry(1, service=result("r1")),
        entry(2, service=result("r2", "r1")),
        entry(3, service=result("r3", "r2")),
    )
    far = entry(4, "rollback", undoes=("d3",), only="service", service=result("r1", "r3", action="back"))
    assert stands(one, two, three, far) == [("d1", "service")]
    assert stands(one, two, three, entry(4, service=result("r2", "r2", action="record"))) == stands(one, two)
    assert stands(one, two, three, entry(4, service=result("r4", "r2"))) == [("d4", "service"), *stands(one, two)]
    assert stands(one, two, entry(3, service=result("r3"))) == [("d3", "service")]
    cut = entry(4, "rollback", undoes=("d3",), outcome=Outcome.INTERRUPTED, service=result("r2", "r3", action="back"))
    assert stands(one, two, replace(three, scopes=entry(3, commands=True).scopes), cut) == [
        ("d3", "commands"), *stands(one, two),
    ]  # fmt: skip


def test_a_failed_way_back_leaves_its_deployment_standing():
    """Only a rollback that was done has undone something."""
    first = entry(1, service=result("r1"))
    assert stands(first, entry(2, "rollback", undoes=("d1",), outcome=Outcome.STUCK)) == [("d1", "service")]


def test_the_history_keeps_the_service():
    """An entry reads back as it was written, and one from before there were services still reads."""
    one = entry(1, service=result("r2", "r1", seconds=1.5, previous_commit="c1"), only="service")
    document = json.loads(json.dumps(to_json(one)))
    assert document["service"]["previousCommit"] == "c1"
    assert from_json(document, "x") == one
    for new in ("service", "only"):
        del document[new]
    assert from_json(document, "x") == replace(one, service=None, only=None)


def manifest(service):
    """A manifest with that service."""
    return Manifest("dev", "1", "d1", "now", False, (), None, None, "1", None, {}, service)


def test_the_manifest_keeps_the_service():
    """It reads back as it was written; without one it is null, as before there were services."""
    record = ServiceRecord("local", "r1", "c1", "r0")
    assert manifests.load(manifests.dump(manifest(record)), "x").service == record
    assert manifests.dump(manifest(None))["service"] is None
    assert manifests.load(manifests.dump(manifest(None)), "x").service is None


def test_what_is_recorded_is_what_stands():
    """A switch that was taken back leaves the record; a withdrawal ends it; a restart keeps what was before."""
    known = ServiceRecord("local", "r1", "c1", "r0")
    before = manifest(known)
    assert service_record(before, result("r2", "r1")) == ServiceRecord("local", "r2", "c-r2", "r1")
    for state in ("undone", "failed"):
        assert service_record(before, result("r2", "r1", state=state)) == known
    assert service_record(before, None) == known
    assert service_record(before, result("r1", "r1", action="start")) == known
    assert service_record(before, result(None, "r1", action="withdraw", commit=None)) is None
    assert service_record(None, result("r2", "r2", action="record")) == ServiceRecord("local", "r2", "c-r2", None)


class Harbourmaster:
    """A target as `look` asks it."""

    def __init__(self, *, live=True, running=True, trouble=None):
        self._live = live
        self._running = running
        self._trouble = trouble

    def state(self):
        """What runs."""
        return ServiceState("local", "r1", "c1", running=self._running, told="exited")

    def wanted(self, _commit):
        """The live release if it is that commit."""
        return "r1" if self._live else None

    def healthy(self):
        """What is wrong with it."""
        return self._trouble


COMMIT = SimpleNamespace(sha="c1", stored=True)


@pytest.mark.parametrize(
    ("target", "down", "force", "action"),
    [
        (Harbourmaster(), None, False, "none"),
        (Harbourmaster(), None, True, "deploy"),
        (Harbourmaster(live=False), None, False, "deploy"),
        (Harbourmaster(running=False), None, False, "start"),
        (Harbourmaster(running=False), "down", False, "start"),
        (Harbourmaster(trouble="not ready"), None, False, "start"),
        (Harbourmaster(trouble="not ready"), "down", False, "none"),
    ],
)
def test_the_service_is_touched_only_for_a_reason(target, down, force, action):
    """Nothing new and well: nothing; not well because Discord is down: nothing either."""
    assert look(target, COMMIT, lambda: down, force=force).action == action


def test_a_commit_that_only_was_looked_at_is_a_new_one():
    """The target is not asked for a commit that the repository does not have."""
    commit = SimpleNamespace(sha="c9", stored=False)
    assert look(Harbourmaster(), commit, lambda: None).action == "deploy"


class Gateway:
    """A client as the budget asks it."""

    def __init__(self, remaining, shards=1, *, commands_only=False):
        self.commands_only = commands_only
        self._told = {"shards": shards, "session_start_limit": {"remaining": remaining, "reset_after": 7_200_000}}

    def gateway(self):
        """What Discord tells of the gateway."""
        return self._told


def test_the_budget_must_last_for_a_loop_and_the_way_back():
    """Every shard of every start counts; the refusal says when the budget is whole again."""
    needed = STARTS * RELEASES
    assert check_budget(Gateway(needed)) is None
    assert check_budget(Gateway(3 * needed, shards=3)) is None
    with pytest.raises(Refused, match=f"{needed - 1} more times today") as caught:
        check_budget(Gateway(needed - 1))
    assert "2.0 h" in str(caught.value)
    with pytest.raises(Refused):
        check_budget(Gateway(3 * needed - 1, shards=3))


def test_client_credentials_cannot_tell_the_budget():
    """That is said, and refuses nothing."""
    assert "not checked" in check_budget(Gateway(0, commands_only=True))


def plan(action):
    """A plan of the service."""
    return ServicePlan(action, "local", "r1", "c1", "c2", "r2")


def test_what_is_asked_about_the_service():
    """In production every restart; elsewhere only stopping the bot for good; never when nothing happens to it."""

    def ask(action, production, need=None):
        return with_service(need or Consent(), plan(action), production=production, environment="x").question

    assert [ask(action, False) for action in ("none", "record", "deploy", "start", "back")] == [None] * 5
    assert ask("withdraw", False) == "stop the bot, which has no earlier release in x"
    assert (ask("none", True), ask("record", True)) == (None, None)
    assert ask("back", True) == "restart the bot with release r2 in x (production)"
    asked = ask("deploy", True, Consent(question="change x (production)"))
    assert asked == "change x (production), and restart the bot with commit c2 in x (production)"
