"""One guild of several where the bot may not work."""

from __future__ import annotations

import pytest
from deployments import GUILDS, STRANGER, planned, told

from botswain.errors import ExitCode, Refused

CLOSED = GUILDS[1]


@pytest.mark.parametrize("state", ["forbidden", "missing"])
def test_closed_guild_is_skipped_and_the_others_proceed(project, state):
    """A guild that threw the bot out is reported and nothing else suffers; once it is open, the next run does it."""
    project.sandbox.set_guild(CLOSED, state)

    result = project.deploy()

    assert (result.code, result.deployment.outcome) == (ExitCode.FAILED, "partial")
    assert f"skipped guild {CLOSED}: the application has no access to it (HTTP 40" in told(result)
    assert [len(project.live(guild)) for guild in GUILDS] == [3, 0, 3]
    assert set(project.session().records.manifest().scopes) == {GUILDS[0], GUILDS[2]}
    project.check()

    again = project.deploy()
    assert (again.code, again.deployment) == (ExitCode.FAILED, None)  # nothing to do elsewhere, and still not all
    assert f"skipped guild {CLOSED}" in told(again)

    project.sandbox.set_guild(CLOSED, "open")
    healed = project.deploy()
    assert healed.code is ExitCode.DONE
    assert list(healed.deployment.scopes) == [CLOSED]
    assert len(project.everywhere()) == 3
    project.check()


def test_guild_that_refuses_only_the_write_is_skipped(project):
    """A 403 that comes with the PUT skips that guild: the others stand, and nothing is undone."""
    project.deploy()
    project.commands(ping="Edited", ban="Bans a member", help="Shows help")
    project.when("PUT", CLOSED, lambda: project.sandbox.set_guild(CLOSED, "forbidden"))

    result = project.deploy()
    project.sandbox.set_guild(CLOSED, "open")

    assert (result.code, result.deployment.outcome) == (ExitCode.FAILED, "partial")
    assert f"skipped guild {CLOSED}" in told(result)
    assert [project.live(guild)["ping"] for guild in GUILDS] == ["Edited", "Is it awake?", "Edited"]
    states = {scope: one.state for scope, one in result.deployment.scopes.items()}
    assert states == {GUILDS[0]: "written", CLOSED: "skipped", GUILDS[2]: "written"}
    project.check()

    assert project.deploy().code is ExitCode.DONE
    assert project.everywhere()["ping"] == "Edited"
    assert project.rollback().code is ExitCode.DONE
    assert [project.live(guild)["ping"] for guild in GUILDS] == ["Edited", "Is it awake?", "Edited"]
    project.check()


def test_guild_lost_between_write_and_look_counts_as_written(project):
    """What Discord accepted is recorded although the bot was thrown out before it could be read back."""
    project.sandbox.fault("status", method="GET", path=CLOSED, status=404, skip=1)

    result = project.deploy()

    assert (result.code, result.deployment.outcome) == (ExitCode.FAILED, "partial")
    assert f"guild {CLOSED} was written, but could not be read back: " in told(result)
    assert len(project.everywhere()) == 3
    project.check()
    assert project.deploy().deployment is None


def test_rollback_of_a_partial_deployment_leaves_the_skipped_guild_alone(project):
    """What a deployment skipped it did not change, so its rollback has nothing to do there."""
    project.deploy()
    project.edit("create", "stranger", CLOSED, description=STRANGER["description"])
    before = project.raw(CLOSED)
    project.sandbox.set_guild(CLOSED, "forbidden")
    project.commands(ping="Edited", kick="Kicks a member", help="Shows help")
    assert project.deploy(allow_delete=9).deployment.outcome == "partial"
    project.sandbox.set_guild(CLOSED, "open")

    result = project.rollback()

    assert result.code is ExitCode.DONE
    assert set(result.deployment.scopes) == {GUILDS[0], GUILDS[2]}
    assert project.raw(CLOSED) == before
    assert project.everywhere() == {"ping": "Is it awake?", "ban": "Bans a member", "help": "Shows help"}
    project.check()


def test_rollback_skips_a_guild_that_is_closed_by_now(project):
    """A guild that nobody can reach does not hold up the way back of the others."""
    project.deploy()
    project.commands(ping="Edited", ban="Bans a member", help="Shows help")
    project.deploy()
    project.sandbox.set_guild(CLOSED, "forbidden")

    result = project.rollback()

    assert (result.code, result.deployment.outcome) == (ExitCode.FAILED, "partial")
    assert f"skipped guild {CLOSED}" in told(result)
    assert [project.live(guild)["ping"] for guild in GUILDS] == ["Is it awake?", "Edited", "Is it awake?"]
    project.check()


def test_every_guild_closed_is_no_success(project):
    """A run that may not work anywhere ends with 1 and records nothing as deployed."""
    for guild in GUILDS:
        project.sandbox.set_guild(guild, "forbidden")
    result = project.deploy()
    assert result.code is ExitCode.FAILED
    assert told(result).count("skipped guild") == 3
    project.check()


def test_orphan_guild_is_shown_and_cleared_only_when_allowed(project):
    """A guild that left the profile keeps its commands until deleting them is allowed in so many words."""
    project.deploy()
    project.edit("create", "stranger", GUILDS[2], description=STRANGER["description"])
    project.profile(guild_ids=GUILDS[:2])

    assert f"guild {GUILDS[2]}  left the profile, and still has 3 commands of ours" in planned(project.diff())
    result = project.deploy()
    assert result.code is ExitCode.DONE
    assert (
        f"guild {GUILDS[2]} left the profile and still has 3 commands of ours; --yes --allow-delete 3 clears it"
        in told(result)
    )
    assert len(project.live(GUILDS[2])) == 3
    project.check()

    with pytest.raises(Refused, match=f"clearing guild {GUILDS[2]} deletes 3 commands; say .*--allow-delete 3, not 2"):
        project.deploy(allow_delete=2)
    assert len(project.live(GUILDS[2])) == 3

    foreseen = project.deploy(dry_run=True, allow_delete=3)
    assert [scope.scope for scope in foreseen.plan.changed] == [GUILDS[2]], "a dry run shows what this run would do"
    assert len(project.live(GUILDS[2])) == 3

    cleared = project.deploy(allow_delete=3)
    assert cleared.code is ExitCode.DONE
    assert [one["name"] for one in project.raw(GUILDS[2])] == ["stranger"]
    assert GUILDS[2] not in project.session().records.manifest().scopes
    project.check()
    assert project.deploy().plan.orphans == ()

    assert project.rollback().code is ExitCode.DONE
    assert len(project.live(GUILDS[2])) == 3
    project.check()


def test_forbidden_orphan_is_dropped_from_the_record(project):
    """A guild that left the profile and threw the bot out needs nothing any more, so it is forgotten."""
    project.deploy()
    project.profile(guild_ids=GUILDS[:2])
    project.sandbox.set_guild(GUILDS[2], "forbidden")

    result = project.deploy()

    assert result.code is ExitCode.DONE
    assert set(project.session().records.manifest().scopes) == set(GUILDS[:2])
    assert project.deploy().deployment is None
    project.check()
