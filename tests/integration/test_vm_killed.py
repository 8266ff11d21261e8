"""A controller that is killed anywhere on the way to a host: the next `deploy` ends with one good bot; all agree."""

from __future__ import annotations

import pytest
from coast import Coast
from offshore import SWITCHED, guarded, guards, killed, look

from botswain.sandbox.process import running_server

pytestmark = pytest.mark.slow
MANY = 60
"""More points than any run has."""
CONFIRMING = "half of confirm and prune and look is told"

BACK = (
    "before journal.jsonl is written",
    "before a line in journal.jsonl (service starts)",
    "before back and look leaves",
    "half of back and look is told",
    "back and look is heard",
    "before a line in journal.jsonl (service done)",
    "before a line in journal.jsonl (write begins)",
    "before a line in journal.jsonl (write verified)",
    "before a line in journal.jsonl (recording)",
    "before journal.jsonl is deleted",
    "before the end is told",
)
"""Points of a rollback."""
LATE = (BACK[4], BACK[8], BACK[10])
"""Points after which everything is done on the host."""


@pytest.fixture(scope="module")
def ship(lab, tmp_path_factory):
    """One machine for all of it; the first version is deployed and runs."""
    gate = lab.start("gate")
    with running_server() as api:
        made = Coast(tmp_path_factory.mktemp("ship"), api, gate, confirm_within=1, stop_timeout=1)
        made.provision()
        ran = made.deploy()
        assert ran.code == 0, ran
        yield made
    gate.stop()


def version(ship, name):
    """Commits a bot and a command that are called so."""
    ship.define("ping", name)
    ship.version(name)


def healed(ship, name, point):
    """`deploy` once more: one bot of this name runs, nothing waits or is locked, and all records tell the same."""
    ran = ship.deploy()
    assert ran.code == 0, (point, str(ran))
    assert ship.runs() == name, point
    assert {key: one["description"] for key, one in ship.live().items()} == {"ping": name}, point
    ship.agree()
    view, on_record = look(ship), ship.manifest()["service"]["release"]
    assert (view.switch, view.confirmed, view.health) == (None, False, None), point
    assert [one.id for one in view.releases if one.state == "live"] == [on_record], point
    assert "building" not in {one.state for one in view.releases}, point
    assert guards(ship) == [], point
    history = ship.inv("history", "--env", "dev", "--json").document["deployments"]
    assert "running" not in {one["outcome"] for one in history}, point


@pytest.mark.exhaustive
def test_a_deployment_that_is_killed_anywhere_is_settled_by_the_next(ship):
    """At every change of records and every order; where a switch is left, the host's guard alone goes back, too."""
    points = []
    for number in range(1, MANY):
        name, before = f"v{number}", ship.current()
        version(ship, name)
        point = killed(ship, number, "deploy")
        if point in {SWITCHED, CONFIRMING}:
            guarded(ship, before)
        healed(ship, name, point)
        if point is None:
            break
        points.append(point)
    assert {
        "before playbook deploy.yml --tags=prepare starts", "task Prepare of the playbook has begun",
        "half of deploy is told", "deploy is heard", SWITCHED, CONFIRMING,
        "confirm and prune and look is heard", "before a line in journal.jsonl (recording)",
        "before journal.jsonl is deleted",
    } <= {*points}  # fmt: skip
    assert len(points) > 20


def commands(ship):
    """What is live, by name: the descriptions."""
    return {name: one["description"] for name, one in ship.live().items()}


def settled(ship, before, point):
    """`rollback` finishes the one that was killed, and goes no further back."""
    ran = ship.rollback()
    assert (ran.code, ship.runs(), commands(ship)) == (0, *before), (point, str(ran))
    assert "was cut off" in ran.err + ran.out, ran
    ship.agree()


def test_a_rollback_that_is_killed_anywhere_is_settled_by_the_next(ship):
    """A way back that was cut off leaves nothing that the next deployment cannot put in order.

    At every order and every kind of record; the records are those of a deployment, which was killed at all of them.
    """
    for number, point in enumerate(BACK):
        before = (ship.runs(), commands(ship))
        version(ship, f"w{number}")
        healed(ship, f"w{number}", BACK[number - 1])
        assert killed(ship, point, "rollback") == point
        if point in LATE:
            settled(ship, before, point)
    version(ship, "last")
    healed(ship, "last", BACK[-1])
