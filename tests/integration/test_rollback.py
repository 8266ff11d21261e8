"""The way back: exactly what a deployment did is undone, and nothing of anybody else's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from deployments import APPLICATION, GUILDS, STRANGER, planned, told

from botswain.deployment.run import Options
from botswain.errors import BotswainError, ExitCode, Refused

OLD = {"ping": "Is it awake?", "ban": "Bans a member", "help": "Shows help"}
NEW = {"ping": "Edited", "kick": "Kicks a member", "help": "Shows help"}


def version(project, **descriptions):
    """Deploys these commands; returns the deployment's id."""
    project.commands(**descriptions)
    result = project.deploy(allow_delete=9)
    assert result.code is ExitCode.DONE
    return result.deployment.id


def back(project, to=None):
    """Rolls back; returns what is live everywhere then."""
    result = project.rollback(to)
    assert result.code is ExitCode.DONE
    project.check()
    return project.everywhere()


def test_create_update_and_delete_are_undone(project):
    """What was created goes, what was edited is as it was, what was deleted is back, and ids stay where they can."""
    version(project, **OLD)
    ids = project.ids()
    version(project, **NEW)

    result = project.rollback()

    assert (result.code, result.deployment.outcome) == (ExitCode.DONE, "done")
    assert project.everywhere() == OLD
    assert {name: ids[name] for name in ("ping", "help")}.items() <= project.ids().items()
    assert project.ids()["ban"] != ids["ban"]
    assert "rollback  returns to the state before the first deployment" in told(result)
    project.check()


@pytest.mark.slow
def test_said_again_it_walks_further_back(project):
    """Each repetition undoes one deployment more, down to nothing, and then says that there is nothing left."""
    versions = [{**OLD, "ping": f"Version {number}"} for number in range(4)]
    for one in versions:
        version(project, **one)
    for one in reversed(versions[:-1]):
        assert back(project) == one
    assert back(project) == {}
    with pytest.raises(BotswainError, match="there is nothing to go back to: no deployment on record") as failure:
        project.rollback()
    assert failure.value.code is ExitCode.FAILED
    project.check()
    assert project.deploy().code is ExitCode.DONE


def test_deployment_after_a_rollback_is_what_the_next_one_undoes(project):
    """A new deployment starts a new way back; what was undone before it stays undone."""
    version(project, **OLD)
    version(project, **NEW)
    assert back(project) == OLD
    version(project, **OLD, extra="More")
    assert back(project) == OLD
    assert back(project) == {}


def test_to_an_id_restores_the_state_after_it(project):
    """`--to` goes to any deployment's state, forward as well, and so undoes a rollback."""
    first = version(project, **OLD)
    second = version(project, **NEW)
    version(project, **NEW, extra="More")
    assert back(project, first) == OLD
    assert back(project, second) == NEW
    assert back(project) == OLD  # the way back goes on from the state that was restored
    undone = project.last().id
    assert back(project, second) == NEW
    assert back(project, undone) == OLD


def test_to_an_id_that_never_stood_names_those_that_did(project):
    """A wrong id, or the id of a deployment that failed, changes nothing and lists what there is."""
    first = version(project, **OLD)
    project.commands(**NEW)
    project.sandbox.fault("status", method="PUT", status=400, count=3)
    assert project.deploy(allow_delete=9).deployment.outcome == "failed"
    for wrong in ("20200101-000000-abcdef", project.last().id):
        with pytest.raises(BotswainError) as failure:
            project.rollback(wrong)
        assert str(failure.value) == f"no deployment {wrong} whose state could be restored; there are: {first}"
    assert project.everywhere() == OLD
    project.check()


def test_failed_deployments_are_no_step_of_the_way_back(project):
    """What changed nothing, or was undone already, is passed over."""
    version(project, **OLD)
    version(project, **NEW)
    project.commands(**OLD)
    project.sandbox.fault("status", method="PUT", status=400, count=3)
    assert project.deploy(allow_delete=9).code is not ExitCode.DONE
    project.sandbox.clear_faults()
    assert back(project) == OLD


def test_commands_of_other_hands_are_kept(project):
    """What somebody else registered meanwhile is none of our business, with its id."""
    version(project, **OLD)
    version(project, **NEW)
    project.edit("create", "stranger", description=STRANGER["description"])
    stranger = project.ids()["stranger"]
    assert back(project) == OLD
    assert project.ids()["stranger"] == stranger


def test_command_taken_over_is_given_back_as_it_was(project):
    """A stranger's command that a deployment made its own is the stranger's again afterwards, and unmanaged."""
    version(project, **OLD)
    for guild in GUILDS:
        project.edit("create", "stranger", guild, description=STRANGER["description"])
    before = project.ids()
    version(project, **OLD, stranger="Ours now")
    assert back(project) == OLD
    (stranger,) = [one for one in project.raw() if one["name"] == "stranger"]
    assert stranger["description"] == STRANGER["description"]
    assert project.ids() == before
    assert "chat_input/stranger" not in project.session().records.manifest().scopes[GUILDS[0]].commands
    assert project.deploy(dry_run=True).plan.changed  # the sources still want it; only the rollback went back


def test_drift_is_overwritten_only_where_the_deployment_was(project):
    """Edits by other hands are undone in what the deployment had touched, and left alone elsewhere."""
    version(project, **OLD)
    version(project, **{**OLD, "ping": "Edited"})
    project.edit("patch", "ping", description="Edited by hand")
    project.edit("patch", "help", description="Helped by hand")

    result = project.rollback()

    assert result.code is ExitCode.DONE
    assert project.live() == {**OLD, "help": "Helped by hand"}
    assert [command.key for _, command in project.drift().plan.drifted] == ["chat_input/help"]


def test_entry_point_and_localizations_survive(project):
    """A rollback keeps every localization, and the global entry point that others manage."""
    names, texts = {"de": "ping", "fr": "ping"}, {"de": "Ist er wach?", "fr": "Il dort ?"}
    launch = {"name": "launch", "type": 4, "description": "Board", "handler": 2}
    project.profile(guild_ids=None, **{"global": True, "allow_global": True})
    project.sandbox.edit(APPLICATION, "global", "create", command=launch)
    project.define("ping", description="Is it awake?", name_localizations=names, description_localizations=texts)
    assert project.deploy().code is ExitCode.DONE
    (before,) = [one for one in project.raw("global") if one["name"] == "ping"]
    project.define("ping", description="Edited", description_localizations={"de": "Geändert"})
    (project.folder / "commands/ban.json").unlink()
    assert project.deploy(allow_delete=1).code is ExitCode.DONE

    result = project.rollback()

    assert result.code is ExitCode.DONE
    live = {one["name"]: one for one in project.raw("global")}
    assert set(live) == {"launch", *OLD}
    assert {**live["ping"], "version": ""} == {**before, "version": ""}
    assert live["ping"]["name_localizations"] == names
    project.check()


def test_missing_snapshot_is_said_with_another_way(project):
    """Without what was stored before a deployment nothing is guessed: no change, and `--to` as the other way."""
    first = version(project, **OLD)
    second = version(project, **NEW)
    (project.folder / f"manifests/dev/snapshots/{second}/{GUILDS[1]}.json").unlink()
    with pytest.raises(BotswainError) as failure:
        project.rollback()
    assert str(failure.value) == (
        f"snapshots/{second}/{GUILDS[1]}.json: the snapshot is gone, so there is no way back to before that"
        " deployment; ./inv rollback --to ID restores the state after an earlier one"
    )
    assert project.everywhere() == NEW
    project.check()
    assert back(project, first) == OLD


def test_failed_rollback_leaves_the_deployment_standing(project):
    """A way back that Discord refuses is undone like any deployment, and can be tried again."""
    version(project, **OLD)
    version(project, **NEW)
    project.sandbox.fault("status", method="PUT", path=GUILDS[1], status=400)
    result = project.rollback()
    assert result.code in (ExitCode.ROLLED_BACK, ExitCode.FAILED)  # whether another guild was written first is chance
    assert project.everywhere() == NEW
    project.check()
    assert back(project) == OLD


def test_dry_run_changes_nothing(project):
    """`--dry-run` shows the way back and leaves records and Discord alone."""
    version(project, **OLD)
    version(project, **NEW)
    names = project.store().names()
    result = project.rollback(dry_run=True)
    changes = {command.key: str(command.action) for command in result.plan.scopes[0].commands}
    assert changes == {
        "chat_input/ban": "create", "chat_input/help": "keep", "chat_input/kick": "delete", "chat_input/ping": "update",
    }  # fmt: skip
    assert (project.everywhere(), project.store().names()) == (NEW, names)


def refused(project, text, **options):
    """The rollback is refused with this text, and changes nothing."""
    before = project.everywhere()
    with pytest.raises(Refused, match=text) as failure:
        project.rollback(**{"allow_delete": None, **options})
    assert failure.value.code is ExitCode.REFUSED
    assert project.everywhere() == before
    project.check()


def test_deletions_of_a_rollback_are_agreed_to_like_any_others(project):
    """Going back deletes what was created: a few need --yes, many or all of them --allow-delete with their number."""
    many = {f"command-{number}": "One of many" for number in range(6)}
    version(project, **many)
    version(project, **many, extra="More")

    refused(project, "delete 3 commands with their permission overwrites in dev, and there is no terminal", yes=False)
    assert project.rollback(allow_delete=None).code is ExitCode.DONE

    refused(project, r"it clears guild .* \(6 commands\); .*say --allow-delete 18")
    refused(project, "say --allow-delete 18, not 17", allow_delete=17)
    assert project.rollback(allow_delete=18).code is ExitCode.DONE
    assert project.everywhere() == {}


def test_rollback_in_production_is_confirmed(project):
    """Off a terminal production needs --yes; on one it asks, and anything but yes changes nothing."""
    project.profile(production=True)
    version(project, **OLD)
    version(project, **{**OLD, "ping": "Edited"})

    refused(project, "this would change dev .production., and there is no terminal to ask on; .* say --yes", yes=False)
    project.person.answer = False
    refused(project, "not confirmed; nothing was changed", yes=False, interactive=True)
    assert project.person.questions == ["change dev (production)"]

    project.person.answer = True
    assert project.rollback(yes=False, interactive=True).code is ExitCode.DONE
    assert project.everywhere() == OLD


def test_options_agree_to_nothing_by_themselves():
    """Whoever says nothing has agreed to nothing."""
    assert (Options().yes, Options().allow_delete, Options().interactive) == (False, None, False)


def test_a_deletion_of_our_own_is_not_blamed_on_others(project):
    """What the last deployment deleted comes back without a word about other hands."""
    project.deploy()
    (project.folder / "commands/help.json").unlink()
    project.deploy(yes=True, allow_delete=99)
    result = project.rollback(dry_run=True)
    assert [command.drift for scope in result.plan.scopes for command in scope.commands] == [False] * sum(
        len(scope.commands) for scope in result.plan.scopes
    )
    assert "other hands" not in planned(result)


def test_a_dry_run_tells_what_the_real_one_would_refuse(project):
    """Nobody should learn only at night that a rollback needs more than its name."""
    project.deploy()
    result = project.rollback(dry_run=True, yes=False, allow_delete=None)
    assert any(note.startswith("without --dry-run it would be refused: it clears guild") for note in result.notes)
    assert project.rollback(dry_run=True, yes=True, allow_delete=99).notes == ()


def test_creates_of_today_count_on_the_way_back_too(project):
    """The plan of a rollback names how near Discord's daily limit is, as every plan does."""
    project.deploy()
    (project.folder / "commands/help.json").unlink()
    project.deploy(yes=True, allow_delete=99)
    before = max(project.session().records.creates(datetime.now(UTC)).values())
    assert project.rollback(dry_run=True).plan.creates == before + 1


def test_a_guild_that_left_the_profile_is_named(project):
    """A rollback restores what the deployment changed, there too, and says so."""
    project.deploy()
    project.profile(guild_ids=GUILDS[:2])
    text = planned(project.rollback(dry_run=True))
    assert f"guild {GUILDS[2]} is no longer in the profile; the rollback writes there all the same" in text


def test_what_the_sources_still_hold_is_said(project):
    """The next deploy would bring back what was just taken back."""
    project.deploy()
    assert any("the next deploy brings it back" in note for note in project.rollback().notes)
