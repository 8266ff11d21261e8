"""A rollback returns to what was deployed; what other hands had made of it comes back only where that is asked for."""

from __future__ import annotations

import os
import shlex
import signal

import pytest
from deployments import APPLICATION, GUILDS, planned, told
from desk import Desk

from botswain.errors import ExitCode

OLD = {"ping": "Is it awake?", "ban": "Bans a member", "help": "Shows help"}
THEIRS = {"ping": "Edited by hand", "help": "Shows help"}


@pytest.fixture
def repaired(project):
    """Other hands changed /ping and deleted /ban in the first guild; a deployment repaired that and changed /help."""
    assert project.deploy().code is ExitCode.DONE
    project.edit("patch", "ping", description="Edited by hand")
    project.edit("delete", "ban")
    project.define("help", description="Shows more help")
    project.result = project.deploy()
    assert project.result.code is ExitCode.DONE
    return project


def test_a_rollback_does_not_bring_vandalism_back(repaired):
    """It returns to what was deployed, keeps ids, counts what is live, and leaves no drift of our own making."""
    ids, last = repaired.ids(), repaired.result.deployment.id
    assert "returns to what was deployed of /ban, /ping, which other hands had changed; --with-edits" in told(
        repaired.result
    )
    assert "deletes /ban" not in told(repaired.result)
    note = (
        f"other hands had changed /ping and deleted /ban before deployment {last}; a rollback returns to what was"
        " deployed (--with-edits returns to theirs)"
    )
    assert note in planned(repaired.rollback(dry_run=True))
    result = repaired.rollback()
    assert result.code is ExitCode.DONE
    assert note in planned(result)
    assert repaired.everywhere() == OLD
    assert repaired.ids() == ids
    assert "3 commands in 3 scopes" in told(result)
    assert repaired.drift().plan.drifted == []
    repaired.check()


def test_what_other_hands_had_made_comes_back_where_asked_for(repaired):
    """`--with-edits` is the raw state before; that is on record then, counted as read back, and no drift."""
    result = repaired.rollback(with_edits=True)
    assert result.code is ExitCode.DONE
    assert repaired.live() == THEIRS
    assert repaired.live(GUILDS[1]) == OLD
    assert repaired.drift().plan.drifted == []
    assert repaired.last().with_edits
    repaired.check()
    assert repaired.rollback().code is ExitCode.DONE
    assert repaired.everywhere() == {}
    repaired.check()


def test_a_name_that_other_hands_gave_does_not_come_back(project):
    """Renamed by them and then by a deployment: the way back gives the name that was deployed, by the id."""
    assert project.deploy().code is ExitCode.DONE
    before = project.ids()
    project.sandbox.edit(
        APPLICATION, GUILDS[0], "patch", name="ping", command={"name": "theirs", "description": "Theirs"}
    )
    (project.folder / "commands/ping.json").unlink()
    project.define("pong", description=OLD["ping"], renamed_from="ping")
    result = project.deploy()
    assert result.code is ExitCode.DONE
    assert project.everywhere() == {"pong": OLD["ping"], "ban": OLD["ban"], "help": OLD["help"]}
    assert "renames /pong back to /ping" in told(result)
    assert project.rollback().code is ExitCode.DONE
    assert project.everywhere() == OLD
    assert project.ids() == before
    project.check()


def test_global_commands_keep_what_discord_chose(project):
    """What a definition leaves to Discord is no difference on the way back of an edited command."""
    project.profile(guild_ids=None, **{"global": True, "allow_global": True})
    assert project.deploy().code is ExitCode.DONE
    before = {one["name"]: {**one, "version": ""} for one in project.raw("global")}
    project.edit("patch", "ping", "global", description="Edited by hand")
    project.define("ping", description="Edited by us")
    assert project.deploy().code is ExitCode.DONE
    assert project.rollback().code is ExitCode.DONE
    assert {one["name"]: {**one, "version": ""} for one in project.raw("global")} == before
    project.check()


def test_a_rollback_to_their_state_that_is_cut_off_is_finished_as_such(project):
    """Typed again without the flag it still finishes what was begun, in every guild."""
    assert project.deploy().code is ExitCode.DONE
    for guild in GUILDS:
        project.edit("patch", "ping", guild, description="Edited by hand")
    assert project.deploy().code is ExitCode.DONE
    child = os.fork()
    if child == 0:
        project.when("PUT", GUILDS[1], lambda: os.kill(os.getpid(), signal.SIGKILL))
        project.rollback(with_edits=True)
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert project.rollback().code is ExitCode.DONE
    assert project.everywhere()["ping"] == "Edited by hand"
    assert any("finishing rollback" in line for line in project.said), project.said
    project.check()


def test_to_a_state_that_is_there_adds_nothing_to_the_history(project):
    """`--to` the deployment that is live writes nothing, records nothing, and says so."""
    first = project.deploy().deployment.id
    count = len(project.outcomes())
    result = project.rollback(first)
    assert (result.code, result.deployment) == (ExitCode.DONE, None)
    assert f"the state after {first} is what is live and on record: nothing was done" in told(result)
    assert len(project.outcomes()) == count
    project.check()


def shown_command(text: str) -> str:
    """The rollback command in a text."""
    (line,) = [line for line in text.splitlines() if "./inv rollback" in line]
    return line[line.index("./inv rollback") :]


@pytest.mark.parametrize("production", [False, True])
def test_the_command_that_is_shown_is_one_and_works(desk: Desk, production: bool):
    """Deploy, status and their JSON have the same rollback, with all that it needs off a terminal."""
    desk.profile(guild_ids=["200000000000000001", "200000000000000002"], production=production)
    desk.commands(3)
    ran = desk.inv("deploy", "--env", "dev", "--yes")
    assert ran.code == 0, ran
    command, status = shown_command(ran.out), desk.inv("status", "--env", "dev")
    assert shown_command(status.out) == command
    document = desk.inv("status", "--env", "dev", "--json").document
    assert document["wayBack"]["command"] == command
    assert document["rollback"] == document["wayBack"]["undoes"] == document["manifest"]["deploymentId"]
    assert command.endswith("--yes --allow-delete 6")
    ran = desk.inv(*shlex.split(command)[1:])
    assert (ran.code, desk.live()) == (0, {}), ran


def test_a_command_that_other_hands_created_is_seen_in_drift(desk: Desk):
    """It is no change of what was deployed, and it is named; `--check` still ends with 0."""
    desk.commands(1)
    assert desk.inv("deploy", "--env", "dev").code == 0
    desk.edit("create", command={"name": "theirs", "description": "Theirs"})
    ran = desk.inv("drift", "--env", "dev", "--check")
    assert (ran.code, ran.out) == (0, (
        "guild 200000000000000001  as it was deployed, and more\n  + /theirs  (not deployed by Botswain)\n"
        "No drift in what was deployed; 1 live command that Botswain did not deploy.\n"
    )), ran  # fmt: skip
