"""Renames from the sources to Discord and back: the id stays, the way back knows it, and no death loses it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from deployments import APPLICATION, GUILDS, REPO, Project, planned, told

from botswain.errors import ExitCode, Refused

ASKED = "rename /old to /new (its permission overwrites are lost) in dev"


def want(project, *definitions):
    """Makes these the commands that are wanted: a name, or (name, former name)."""
    project.commands()
    for one in definitions:
        name, former = one if isinstance(one, tuple) else (one, None)
        project.define(name, description="Something", **({"renamed_from": former} if former else {}))


def deploy(project, *definitions, **options):
    """Deploys these; returns the deployment's id."""
    want(project, *definitions)
    result = project.deploy(**options)
    assert result.code is ExitCode.DONE
    project.check()
    return result.deployment.id


def back(project, to=None):
    """Rolls back; returns the ids by name, as they are in every guild."""
    result = project.rollback(to)
    assert result.code is ExitCode.DONE, told(result)
    project.check()
    return everywhere(project)


def everywhere(project):
    """Ids by name in each guild."""
    return [project.ids(guild) for guild in GUILDS]


def other_name(states, **names):
    """Ids as they are expected after a rename: the new name of what is called otherwise in `states`."""
    return [{names.get(name, name): one for name, one in state.items()} for state in states]


def overwrites(project, name, guild=GUILDS[0]):
    """Sets permission overwrites of a command, as a server owner does."""
    rules = [{"id": guild, "type": 1, "permission": False}]
    project.sandbox.set_permissions(APPLICATION, guild, project.ids(guild)[name], rules)


@pytest.fixture
def renamed(project):
    """`old` is deployed beside another command, and is to be called `new`."""
    deploy(project, "old", "help")
    want(project, ("new", "old"), "help")
    return project


def test_rename_keeps_the_id_everywhere(renamed):
    """One write a guild, the same id under the new name, what is beside it untouched, and nothing more to do."""
    before, helps = everywhere(renamed), [one for one in renamed.raw() if one["name"] == "help"]
    result = renamed.deploy()
    assert (result.code, sorted(renamed.puts()[-3:])) == (ExitCode.DONE, sorted(GUILDS))
    assert everywhere(renamed) == other_name(before, old="new")
    assert [one for one in renamed.raw() if one["name"] == "help"] == helps
    assert renamed.last().scopes[GUILDS[0]].renamed == {"chat_input/new": "chat_input/old"}
    renamed.check()
    again = renamed.deploy()
    assert (again.deployment, again.plan.changed) == (None, ())
    assert renamed.drift().plan.drifted == []


def test_rename_is_asked_about(renamed):
    """With its name and what it costs; off a terminal it needs --yes, and a no changes nothing."""
    with pytest.raises(Refused) as refusal:
        renamed.deploy(yes=False)
    assert str(refusal.value) == (f"this would {ASKED}, and there is no terminal to ask on; if you mean it, say --yes")
    assert refusal.value.code is ExitCode.REFUSED
    dry = renamed.deploy(dry_run=True, yes=False, interactive=True)
    assert told(dry) == f"note: without --dry-run it would ask, since it would {ASKED}"
    renamed.person.answer = False
    with pytest.raises(Refused, match="not confirmed"):
        renamed.deploy(yes=False, interactive=True)
    assert "old" in renamed.ids()
    renamed.person.answer = True
    assert renamed.deploy(yes=False, interactive=True).code is ExitCode.DONE
    assert renamed.person.questions == [ASKED, ASKED]


def test_rollback_renames_back_by_id(renamed):
    """It says which overwrites that loses, and asks again; the card has said so before."""
    before = everywhere(renamed)
    card = told(renamed.deploy())
    assert "renames /new back to /old; its permission overwrites are lost" in card
    assert "./inv rollback --env dev --yes\n" in f"{card}\n"
    with pytest.raises(Refused, match=r"this would rename /new to /old \(its permission overwrites are lost\) in dev"):
        renamed.rollback(yes=False)
    dry = renamed.rollback(dry_run=True)
    assert "  » /old  (was /new; its permission overwrites are lost)" in planned(dry)
    assert back(renamed) == before
    # The sources still say the same, and it is a rename again.
    assert "» /new  (was /old;" in planned(renamed.diff())


def test_renames_are_counted_with_the_creates_of_the_day(renamed):
    """Both ways, and on top of what was created and renamed since yesterday."""
    assert "3 to rename (3 of Discord's 200 a day in one scope) in 3 scopes." in planned(renamed.diff())
    renamed.deploy()
    back_ = planned(renamed.rollback(dry_run=True))
    assert "3 to rename (4 of Discord's 200 a day in one scope) in 3 scopes." in back_


def test_overwrites_are_lost_both_ways(renamed):
    """What the plan says is what Discord does: neither the rename nor the way back keeps what owners set."""
    overwrites(renamed, "old")
    renamed.deploy()
    lost = renamed.sandbox.permissions(APPLICATION).get(GUILDS[0])
    overwrites(renamed, "new")
    renamed.rollback()
    assert (lost, renamed.sandbox.permissions(APPLICATION).get(GUILDS[0])) == ({}, {})


def test_rename_with_everything_else_at_once_is_undone_exactly(project):
    """A renamed and edited, a new, a deleted and an edited command in one deployment: all are restored."""
    deploy(project, "old", "gone", "edited", "same")
    before, raws = everywhere(project), {one["name"]: one for one in project.raw()}
    want(project, "added", "same")
    project.define("new", description="Another", renamed_from="old", nsfw=True)
    project.define("edited", description="Edited")
    plan = planned(project.diff())
    assert '  » /new  (was /old; its permission overwrites are lost)\n      ~ description: "Something" → ' in plan
    result = project.deploy(allow_delete=3)
    assert result.code is ExitCode.DONE
    assert project.ids()["new"] == before[0]["old"]
    restored = back(project)
    for state, former in zip(restored, before, strict=True):
        assert state.keys() == former.keys()
        assert {name: one for name, one in state.items() if name != "gone"} == {
            name: one for name, one in former.items() if name != "gone"
        }
    now = {one["name"]: one for one in project.raw()}
    assert now["same"] == raws["same"]
    fresh = {"id", "version"}
    for name, one in now.items():
        assert {k: v for k, v in one.items() if k not in fresh} == {
            k: v for k, v in raws[name].items() if k not in fresh
        }


def test_chain_of_renames_walks_back_and_jumps(project):
    """a, b, c: two rollbacks, or one `--to` the first, and forward again; it is the same command all the way."""
    first = deploy(project, "a", "help")
    states = [everywhere(project)]
    deploy(project, ("b", "a"), "help")
    third = deploy(project, ("c", "b"), "help")
    assert everywhere(project) == other_name(states[0], a="c")
    assert back(project) == other_name(states[0], a="b")
    assert back(project) == states[0]
    assert back(project, third) == other_name(states[0], a="c")
    assert back(project, first) == states[0]
    undone = project.last().id
    assert back(project, third) == other_name(states[0], a="c")
    assert back(project, undone) == states[0]


def test_former_name_may_stay_and_be_used_again(project):
    """Later another command takes the old name: two commands, each undone by its own deployment."""
    deploy(project, "a")
    first = everywhere(project)
    deploy(project, ("b", "a"))
    deploy(project, "b", "a")
    assert [state["b"] for state in everywhere(project)] == [state["a"] for state in first]
    assert back(project) == other_name(first, a="b")
    assert back(project) == first


def test_renamed_by_other_hands_is_renamed_back(project):
    """`drift` says so, the next deployment asks and keeps the id; it makes no second command."""
    deploy(project, "a", "help")
    before = everywhere(project)
    theirs = {"name": "theirs", "description": "Theirs"}
    project.sandbox.edit(APPLICATION, GUILDS[1], "patch", name="a", command=theirs)
    text = planned(project.drift())
    assert "  » /a  (was /theirs; its permission overwrites are lost; renamed by other hands)" in text
    assert '      ~ description: "Theirs" → "Something"  (edited by other hands)' in text
    with pytest.raises(Refused, match="rename /theirs to /a"):
        project.deploy(yes=False)
    assert project.deploy().code is ExitCode.DONE
    assert everywhere(project) == before
    project.check()
    assert project.rollback(dry_run=True).plan.changed == ()  # what was deployed is live
    assert project.rollback(with_edits=True).code is ExitCode.DONE
    assert project.ids(GUILDS[1]) == other_name(before, a="theirs")[1]


def test_guild_that_was_skipped_is_renamed_later(renamed):
    """The bot was not let in while the others were renamed: there it is still the old name, and then it is not."""
    before = everywhere(renamed)
    renamed.sandbox.set_guild(GUILDS[1], "forbidden")
    assert renamed.deploy().deployment.outcome == "partial"
    renamed.sandbox.set_guild(GUILDS[1], "open")
    assert renamed.ids(GUILDS[1]) == before[1]
    result = renamed.deploy()
    assert list(result.deployment.scopes) == [GUILDS[1]]
    assert everywhere(renamed) == other_name(before, old="new")
    renamed.check()
    assert back(renamed)[1] == before[1]
    assert back(renamed) == before


def test_way_back_to_a_name_that_a_stranger_took(renamed):
    """In that guild their command becomes what ours was, ours goes, and both are said; elsewhere ids are kept."""
    before = everywhere(renamed)
    renamed.deploy()
    renamed.edit("create", "old", GUILDS[2], description="A stranger's")
    taken = renamed.ids(GUILDS[2])["old"]
    text = planned(renamed.rollback(dry_run=True))
    lost = "its permission overwrites are lost"
    assert f"- /new  ({lost}; not renamed, since another command is called /old)" in text
    assert '~ description: "A stranger\'s" → "Something"' in text
    after = back(renamed)
    assert after[:2] == before[:2]
    assert after[2] == {**before[2], "old": taken}


def test_way_back_of_what_was_deleted_by_hand(renamed):
    """Its id is gone with it, so it is made anew under its old name; elsewhere ids are kept."""
    before = everywhere(renamed)
    renamed.deploy()
    renamed.edit("delete", "new", GUILDS[2])
    text = planned(renamed.rollback(dry_run=True))
    assert f"guild {GUILDS[2]}\n  + /old" in text
    after = back(renamed)
    assert after[:2] == before[:2]
    assert after[2].keys() == before[2].keys()


def test_way_back_of_what_other_hands_renamed_again(renamed):
    """It is found by its id under whatever name they gave it."""
    before = everywhere(renamed)
    renamed.deploy()
    renamed.edit("patch", "new", GUILDS[2], description="Something")
    renamed.sandbox.edit(APPLICATION, GUILDS[2], "patch", name="new", command={"name": "theirs"})
    assert back(renamed) == before


def test_stranger_that_took_the_new_name_becomes_ours(renamed):
    """Discord allows a name once: theirs becomes what is wanted, ours goes with its reason, and all of it is undone."""
    renamed.edit("create", "new", GUILDS[0], description="A stranger's")
    before = everywhere(renamed)
    with pytest.raises(Refused, match="it deletes 1 of 3 commands"):
        renamed.deploy()
    assert renamed.deploy(allow_delete=1).code is ExitCode.DONE
    assert renamed.ids(GUILDS[0]) == {name: one for name, one in before[0].items() if name != "old"}
    assert everywhere(renamed)[1:] == other_name(before, old="new")[1:]
    after = back(renamed)
    assert after[1:] == before[1:]
    assert after[0].keys() == before[0].keys()
    assert after[0]["new"] == before[0]["new"]
    (theirs,) = [one for one in renamed.raw() if one["name"] == "new"]
    assert theirs["description"] == "A stranger's"


@pytest.mark.parametrize("unmanaged", ["keep", "refuse", "delete"])
def test_stranger_s_command_is_adopted_by_its_name(project, unmanaged):
    """Whatever the policy for others', `renamed_from` makes that one ours with its id; the way back gives it back."""
    for guild in GUILDS:
        project.edit("create", "theirs", guild, description="Something")
    before = everywhere(project)
    project.profile(commands={"unmanaged": unmanaged})
    want(project, ("ours", "theirs"))
    assert "» /ours  (was /theirs; its permission overwrites are lost; not deployed by Botswain)" in planned(
        project.diff()
    )
    assert project.deploy().code is ExitCode.DONE
    assert everywhere(project) == other_name(before, theirs="ours")
    assert back(project) == before
    assert project.session().records.manifest().scopes == {}


def test_entry_point_gets_another_name(project):
    """An application's only entry point keeps its id under the new name, and comes back."""
    point = {"name": "launch", "type": 4, "description": "Start", "handler": 2}
    project.sandbox.edit(APPLICATION, "global", "create", command=point)
    before = project.ids("global")
    project.profile(commands={"entry_point": True})
    project.define("board", type="primary_entry_point", description="Board", handler=2, renamed_from="launch")
    result = project.deploy()
    assert (result.code, project.ids("global")) == (ExitCode.DONE, {"board": before["launch"]})
    assert project.deploy().deployment is None
    assert project.rollback().code is ExitCode.DONE
    assert project.ids("global") == before


def test_entry_point_of_another_name_is_still_refused_and_told_how(project):
    """Without `renamed_from` it would be a second one."""
    point = {"name": "launch", "type": 4, "description": "Start", "handler": 2}
    project.sandbox.edit(APPLICATION, "global", "create", command=point)
    project.profile(commands={"entry_point": True})
    project.define("board", type="primary_entry_point", description="Board")
    with pytest.raises(Refused, match=r"say renamed_from: launch in it"):
        project.deploy()


def test_production_names_the_rename_in_its_question(project):
    """Beside what other hands edited there."""
    project.profile(production=True)
    deploy(project, "old", "help")
    want(project, ("new", "old"), "help")
    project.edit("patch", "help", description="Theirs")
    assert project.deploy(yes=False, interactive=True).code is ExitCode.DONE
    lost = "its permission overwrites are lost"
    asked = f"rename /old to /new ({lost}) and overwrite 1 command edited by other hands in dev (production)"
    assert project.person.questions == [asked]


# What goes wrong on the way


def test_lost_reply_is_read_and_not_written_twice(renamed):
    """The write took effect: the ids under the new names prove it."""
    before = everywhere(renamed)
    puts = len(renamed.puts())
    renamed.sandbox.fault("drop", method="PUT", path=GUILDS[1], after=True)
    assert renamed.deploy().code is ExitCode.DONE
    assert everywhere(renamed) == other_name(before, old="new")
    assert sorted(renamed.puts()[puts:]) == sorted(GUILDS)
    renamed.check()


@pytest.mark.parametrize("lost", [False, True])
def test_failed_deployment_renames_back(renamed, lost):
    """What was written is undone by id, also where the reply to it was lost."""
    before = everywhere(renamed)
    if lost:
        renamed.sandbox.fault("drop", method="PUT", path=GUILDS[1], after=True)
    renamed.sandbox.fault("status", method="PUT", path=GUILDS[2], status=400)
    renamed.sandbox.fault("latency", method="PUT", path=GUILDS[2], seconds=0.3)
    result = renamed.deploy()
    assert (result.code, result.deployment.outcome) == (ExitCode.ROLLED_BACK, "rolled back")
    assert everywhere(renamed) == before
    renamed.check()
    assert renamed.deploy().code is ExitCode.DONE
    assert back(renamed) == before


def killed_at_every_point(project, folder, task, monkeypatch):
    """The project as each killed run left it, with the point."""
    done = subprocess.run(
        [sys.executable, REPO / "tests/killing.py", project.folder, folder, task],
        env={"PYTHONPATH": str(REPO), "BOTSWAIN_ACTOR": "anna@ship"}, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    *cut, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert (last["point"], last["code"]) == (None, 0)
    assert len(cut) > 50
    for run in cut:
        monkeypatch.chdir(run["folder"])
        one = Project(Path(run["folder"]))
        yield one, f"{Path(run['folder']).name}: {run['point']}"
        one.sandbox.close()


@pytest.mark.slow
def test_deploy_killed_at_any_point_is_finished_or_undone(renamed, tmp_path_factory, monkeypatch):
    """What a dead run renamed is found by looking: the next deployment does the rest, the rollbacks undo each."""
    before = everywhere(renamed)
    after = other_name(before, old="new")
    counts = set()
    for project, point in killed_at_every_point(renamed, tmp_path_factory.mktemp("killed"), "deploy", monkeypatch):
        now = everywhere(project)
        assert all(one in (old, new) for one, old, new in zip(now, before, after, strict=True)), point
        written = sum(one == new for one, new in zip(now, after, strict=True))
        counts.add(written)
        result = project.deploy()
        assert result.code is ExitCode.DONE, point
        assert everywhere(project) == after, point
        project.check()
        if 0 < written < len(GUILDS):
            assert result.settled.outcome == "interrupted", point
            assert back(project) == now, point
        assert back(project) == before, point
    assert counts == {0, 1, 2, 3}


@pytest.mark.slow
def test_rollback_killed_at_any_point_is_finished_by_the_next(renamed, tmp_path_factory, monkeypatch):
    """Typed again it renames back what is left, and never goes one deployment too far."""
    before = everywhere(renamed)
    renamed.deploy()
    after = everywhere(renamed)
    for project, point in killed_at_every_point(renamed, tmp_path_factory.mktemp("killed"), "rollback", monkeypatch):
        now = everywhere(project)
        assert all(one in (old, new) for one, old, new in zip(now, before, after, strict=True)), point
        result = project.rollback()
        assert result.code is ExitCode.DONE, point
        if now == before:
            assert "is complete: nothing else was done" in told(result), point
        assert everywhere(project) == before, point
        project.check()
        assert project.deploy().code is ExitCode.DONE, point
        assert everywhere(project) == after, point
        project.check()


@pytest.mark.slow
def test_deploy_killed_at_any_point_can_be_rolled_back(renamed, tmp_path_factory, monkeypatch):
    """`rollback` right after a death means that deployment, and renames back by id what it had renamed."""
    before = everywhere(renamed)
    for project, point in killed_at_every_point(renamed, tmp_path_factory.mktemp("killed"), "deploy", monkeypatch):
        now = everywhere(project)
        result = project.rollback()
        assert result.code is ExitCode.DONE, point
        assert everywhere(project) == before, point
        assert bool(result.deployment) == (now != before), point
        assert project.deploy().code is ExitCode.DONE, point
        project.check()
