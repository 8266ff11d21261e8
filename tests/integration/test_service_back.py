"""`rollback` of a profile with a service: its own parts, further back, to a named state, in an incident."""

from __future__ import annotations

import os
import shutil
import signal
import time

import pytest
from shipyard import yard

pytestmark = pytest.mark.slow


@pytest.fixture
def ship(tmp_path):
    """A project where nothing was deployed yet."""
    with yard(tmp_path) as made:
        yield made


@pytest.fixture
def fleet(ship):
    """A project with three deployments: each a version of the bot, and of the one command."""
    ship.deployments = []
    for name in ("one", "two", "three"):
        ship.define("ping", name)
        ship.version(name)
        ran = ship.deploy()
        assert ran.code == 0, ran
        ship.deployments.append(ran.document["deployment"]["deploymentId"])
    return ship


def here(ship):
    """The bot that answers, and what its command says."""
    live = ship.live()
    return ship.runs(), live["ping"]["description"] if "ping" in live else None


def test_both_parts_go_back_and_then_further(fleet):
    """Each rollback undoes one deployment, bot and commands, and never returns to what was left."""
    for name in ("two", "one"):
        ran = fleet.rollback()
        assert (ran.code, ran.document["deployment"]["service"]["action"]) == (0, "back"), ran
        assert here(fleet) == (name, name)
        fleet.agree()
    assert fleet.inv("rollback", "--env", "dev").code == 3
    assert here(fleet) == ("one", "one")
    assert fleet.rollback().code == 0
    assert (fleet.processes(), fleet.live()) == ([], {})
    assert fleet.manifest()["service"] is None
    fleet.agree()
    ran = fleet.rollback()
    assert (ran.code, "there is nothing to go back to" in ran.err) == (1, True)
    assert "--only service" not in ran.err


def test_a_first_deployment_is_not_undone_unasked(ship):
    """Where nothing ran before, going back stops the bot; off a terminal that needs --yes."""
    (ship.repo / "commands/ping.json").unlink()
    ship.define("kept")
    ship.commit()
    assert ship.deploy().code == 0
    ran = ship.inv("rollback", "--env", "dev", "--only", "service")
    assert ran.code == 3, ran
    assert "stop the bot, which has no earlier release" in ran.err
    assert ship.runs() == "one"
    assert ship.inv("rollback", "--env", "dev", "--only", "service", "--yes").code == 0
    assert ship.processes() == []
    ship.agree()


def test_to_a_named_deployment_and_forward_again(fleet):
    """`--to` restores both parts of that state; undoing a rollback is a --to as well."""
    first, _, third = fleet.deployments
    assert fleet.rollback("--to", first).code == 0
    assert here(fleet) == ("one", "one")
    fleet.agree()
    assert fleet.rollback("--to", third).code == 0
    assert here(fleet) == ("three", "three")
    fleet.agree()


@pytest.mark.parametrize(("only", "expected"), [("service", ("two", "three")), ("commands", ("three", "two"))])
def test_one_part_alone(fleet, only, expected):
    """`--only` leaves the other part as it is; a rollback after it undoes what is left of that deployment."""
    ran = fleet.rollback("--only", only)
    assert (ran.code, here(fleet)) == (0, expected), ran
    fleet.agree()
    assert fleet.rollback().code == 0
    assert here(fleet) == ("two", "two")
    fleet.agree()
    assert fleet.rollback().code == 0
    assert here(fleet) == ("one", "one")


def test_the_service_goes_back_while_discord_is_down(fleet):
    """`--only service` needs nothing from Discord, and a plain rollback says that it exists."""
    fleet.outage(down=True)
    ran = fleet.rollback()
    assert ran.code == 1, ran
    assert "--only service" in ran.err
    assert fleet.runs() == "three"
    ran = fleet.rollback("--only", "service")
    assert (ran.code, ran.document["outcome"]) == (1, "partial"), ran
    assert "nobody can tell" in str(ran.document["notes"])
    assert fleet.runs() == "two"
    fleet.outage(down=False)
    fleet.agree()


def test_a_spent_budget_does_not_keep_the_old_release_from_starting(fleet):
    """It is started once, without automatic restarts, and the output says so."""
    double = fleet.sandbox()
    double.configure(sessions_remaining=1)
    double.close()
    ran = fleet.rollback()
    assert ran.code == 0, ran
    assert "started once and not restarted" in str(ran.document["notes"])
    assert here(fleet) == ("two", "two")
    os.kill(fleet.asked()["pid"], signal.SIGKILL)
    end = time.monotonic() + 10
    while "75" not in (told := fleet.inv("status", "--env", "dev").out) and "too often" not in told:
        assert time.monotonic() < end, told
        assert fleet.asked() is None
        time.sleep(0.1)


def test_a_release_that_was_removed_is_told_by_name(fleet):
    """Exit 1, nothing changed, and what to do instead."""
    releases = fleet.place / "releases"
    for folder in releases.iterdir():
        if folder.name != fleet.current():
            shutil.rmtree(folder)
    before = fleet.asked()
    ran = fleet.rollback()
    assert ran.code == 1, ran
    assert "is not on this machine any more" in ran.err
    assert fleet.asked() == before
    fleet.agree()


def test_a_way_back_that_is_bad_too_needs_a_person(fleet):
    """Exit 5: it stops there instead of going to and fro, and says what to look at."""
    old = fleet.manifest()["service"]["previous"]
    behave = fleet.place / "releases" / old / "behave.json"
    behave.chmod(0o644)
    behave.write_text('{"name": "two", "refuses": "the hull rotted"}')
    ran = fleet.rollback()
    assert (ran.code, ran.document["outcome"]) == (5, "stuck"), ran
    assert "the hull rotted" in str(ran.document["log"])
    assert old in ran.document["card"]["bot"]
    shown = fleet.inv("history", "--env", "dev").out
    assert "stuck" in shown
    fleet.version("four")
    assert fleet.deploy().code == 0
    assert fleet.runs() == "four"
    fleet.agree()


def test_what_somebody_did_by_hand_is_recorded_by_the_next_deployment(fleet):
    """The live release decides: the record follows it, and the next commit goes on from there."""
    from botswain.host.__main__ import main

    assert main([str(fleet.place), "rollback"]) == 0
    assert fleet.runs() == "two"
    assert "not the recorded one" in fleet.inv("status", "--env", "dev").out
    assert fleet.deploy().code == 0
    assert fleet.runs() == "three"
    fleet.agree()


def test_each_word_goes_one_release_back(fleet):
    """Also after somebody went back by hand: no rollback leads to what runs already, and none goes two back."""
    from botswain.host.__main__ import main

    assert main([str(fleet.place), "rollback"]) == 0
    assert fleet.runs() == "two"
    fleet.version("four")
    assert fleet.deploy().code == 0
    for name in ("two", "one", None):
        ran = fleet.rollback("--only", "service")
        assert (ran.code, fleet.runs()) == (0, name), ran
        fleet.agree()
    ran = fleet.rollback("--only", "service")
    assert (ran.code, "there is nothing to go back to" in ran.err) == (1, True), ran


def test_to_a_release_by_its_name_or_commit(fleet):
    """`--only service --to` takes what ./inv releases shows; what is no release changes nothing."""
    releases = sorted(folder.name for folder in (fleet.place / "releases").iterdir())
    first = next(name for name in releases if "one" in (fleet.place / "releases" / name / "behave.json").read_text())
    ran = fleet.rollback("--only", "service", "--to", first)
    assert (ran.code, here(fleet)) == (0, ("one", "three")), ran
    fleet.agree()
    ran = fleet.rollback("--only", "service", "--to", fleet.git("rev-parse", "HEAD~1"))
    assert (ran.code, fleet.runs()) == (0, "two"), ran
    fleet.agree()
    ran = fleet.rollback("--only", "service")  # from there further back, not from what was left
    assert (ran.code, fleet.runs()) == (0, "one"), ran
    ran = fleet.rollback("--only", "service", "--to", fleet.git("rev-parse", "HEAD~1"))
    assert (ran.code, fleet.runs()) == (0, "two"), ran
    entries = fleet.inv("history", "--env", "dev", "--json").document["deployments"]
    ran = fleet.rollback("--only", "service", "--to", fleet.current())  # what runs already is no step of the way
    assert (ran.code, ran.document["outcome"], "runs already" in ran.document["notes"][0]) == (0, "unchanged", True)
    assert fleet.inv("history", "--env", "dev", "--json").document["deployments"] == entries
    ran = fleet.rollback("--only", "service", "--to", "nonsense")
    assert (ran.code, fleet.runs()) == (1, "two"), ran
    assert '"nonsense" is no release' in ran.err
    fleet.agree()


def test_a_part_that_does_not_exist_is_refused(fleet):
    """`--only` takes two words, and a profile without a service has no such part."""
    ran = fleet.rollback("--only", "bot")
    assert (ran.code, ran.told) == (1, ['--only: "bot" is no part of a deployment; say commands, or service'])
    fleet.profile("bare", application_id="100000000000000009", guild_ids=["200000000000000009"])
    ran = fleet.inv("rollback", "--env", "bare", "--only", "service")
    assert ran.code == 1
    assert "has no service" in ran.err


def test_commands_that_cannot_go_back_leave_the_service_where_it_went(fleet):
    """Exit 1, partial: the bot that works again is kept, and the next rollback does the commands of that deployment."""
    double = fleet.sandbox()
    double.fault("status", method="PUT", path="commands", status=400, count=9)
    double.close()
    ran = fleet.rollback()
    assert (ran.code, ran.document["outcome"], ran.document["deployment"]["only"]) == (1, "partial", "service"), ran
    assert here(fleet) == ("two", "three")
    fleet.agree()
    double = fleet.sandbox()
    double.clear_faults()
    double.close()
    assert fleet.rollback().code == 0
    assert here(fleet) == ("two", "two")
    fleet.agree()


def test_a_record_that_is_behind_is_brought_up_to_date(fleet):
    """When the release that somebody went back to by hand is the one that is wanted, nothing restarts."""
    from botswain.host.__main__ import main

    assert main([str(fleet.place), "rollback"]) == 0
    fleet.git("reset", "--hard", "--quiet", "HEAD~1")
    before = fleet.asked()
    ran = fleet.deploy()
    assert (ran.code, ran.document["plan"]["service"]["action"]) == (0, "record"), ran
    assert fleet.asked() == before
    assert here(fleet) == ("two", "two")
    fleet.agree()
    assert fleet.deploy().document["outcome"] == "unchanged"
