"""Renames: the id stays, what it costs is said and agreed to, and there is a way back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from place import Place, places, settled, variant

from botswain.cli.markdown import plan_markdown
from botswain.cli.show import plan_lines
from botswain.cli.style import Paint
from botswain.commands.canonical import canonical, definition, key
from botswain.deployment import history, recovery
from botswain.deployment.consent import Consent, check_creates, consent, require
from botswain.deployment.history import Deployment, Outcome, ScopeResult
from botswain.deployment.planjson import plan_json
from botswain.deployment.transaction import restoring, touched_keys
from botswain.deployment.wanted import wanted
from botswain.errors import InvalidInput, Refused
from botswain.manifest import ScopeRecord
from botswain.plan import Action, Plan, ScopePlan
from botswain.profile.load import load
from botswain.secrets import environment
from tests.strategies import command_sets, renamings

GUILD = "222222222222222222"
COST = "its permission overwrites are lost"


def chat(name: str) -> str:
    """The key of a slash command."""
    return f"chat_input/{name}"


def slash(name: str, **fields: Any) -> dict[str, Any]:
    """A slash command as one would write it; all of them say the same."""
    return {"name": name, "description": "Something", **fields}


def former(**names: str) -> dict[str, str]:
    """Former keys of slash commands."""
    return {chat(new): chat(old) for new, old in names.items()}


def actions(plan: ScopePlan) -> dict[str, tuple[Action, str | None]]:
    """What happens to each command, and the name it has."""
    return {
        one.key.partition("/")[2]: (one.action, one.renamed_from and one.renamed_from.partition("/")[2])
        for one in plan.commands
    }


def ids(place: Place) -> dict[str, str]:
    """Ids by name."""
    return {raw["name"]: raw["id"] for raw in place.live()}


def lines(*scopes: ScopePlan) -> list[str]:
    """A plan as text."""
    return list(plan_lines(Plan(scopes), Paint(enabled=False)))


def rename(place: Place, old: str, new: str) -> None:
    """Does what other hands would."""
    items = [{**definition(raw), "id": raw["id"]} for raw in place.live()]
    place.put([{**item, "name": new} if item["name"] == old else item for item in items])


# What definitions may say


@pytest.fixture
def problems(desk, monkeypatch):
    """What is wrong with the desk's commands."""
    monkeypatch.chdir(desk.folder)
    environment._dotenv.cache_clear()

    def found(name: str = "dev") -> list[str]:
        with pytest.raises(InvalidInput) as error:
            wanted(load(name))
        return [str(problem) for problem in error.value.problems]

    return found


def test_a_former_name_is_known_by_kind_for_all_scopes(desk, monkeypatch):
    """`renamed_from` means a command of the same kind, wherever the new one is wanted."""
    monkeypatch.chdir(desk.folder)
    desk.command("a", renamed_from="b")
    desk.definition("b.json", {"name": "B", "type": "user", "renamed_from": "a b"})
    desk.command("owners", ownerOnly=True, renamed_from="mine")
    desk.command("plain")
    desk.profile(owner_guild_ids=[GUILD])
    want = wanted(load("dev"))
    assert want.renames == {**former(a="b", owners="mine"), "user/B": "user/a b"}
    assert all("renamed_from" not in one for commands in want.scopes.values() for one in commands.values())
    assert wanted(load("dev")) == want, "remembered"


def test_a_former_name_can_be_said_in_the_profile(desk, monkeypatch):
    """Commands that come from code have no place for it but `command_overrides`."""
    monkeypatch.chdir(desk.folder)
    desk.command("a")
    desk.profile(command_overrides={"a": {"renamed_from": "b"}})
    assert wanted(load("dev")).renames == former(a="b")


@pytest.mark.parametrize(
    ("old", "problem"),
    [
        ("a", "renamed_from is the command's own name; leave it out, or write the name that it had before"),
        ("B", 'renamed_from "B" has capitals; Discord wants "b"'),
        ("b c", 'renamed_from "b c" has a space; only letters, numbers, -, _ and \u02bc are allowed, such as "b-c"'),
        ("b" * 33, "renamed_from has 33 characters; at most 32"),
    ],
)
def test_a_former_name_that_no_command_can_have_had(desk, problems, old, problem):
    """It is told by file and command, like every other problem."""
    desk.command("a", renamed_from=old)
    assert problems() == [f"commands/a.json: /a: {problem}"]


@pytest.mark.parametrize("owner", [False, True])
def test_a_former_name_that_is_wanted_still(desk, problems, owner):
    """One of the two cannot be meant, wherever they are registered."""
    desk.command("a", renamed_from="b")
    desk.command("b", ownerOnly=owner)
    desk.profile(owner_guild_ids=[GUILD])
    told = "commands/a.json: /a: renamed_from: /b is a command still (commands/b.json); remove that one, or"
    assert problems() == [f"{told} renamed_from here"]


def test_a_command_that_this_environment_leaves_out_is_no_holder_of_its_name(desk, monkeypatch):
    """Old and new may stand side by side in the sources, as long as no environment wants both."""
    monkeypatch.chdir(desk.folder)
    desk.command("a", renamed_from="b")
    desk.command("b")
    desk.profile(enabled_commands=["!b"])
    assert wanted(load("dev")).renames == former(a="b")


def test_two_commands_from_one(desk, problems):
    """An id goes to one of them."""
    desk.command("a", renamed_from="x")
    desk.command("b", renamed_from="x")
    told = "commands/b.json: /b: renamed_from: /a (commands/a.json) was /x too; an id goes to one command"
    assert problems() == [told]


def test_names_cannot_be_swapped_at_once(desk, problems):
    """A swap is refused on both sides with the way to do it; a chain is a name that is wanted still."""
    desk.command("a", renamed_from="b")
    desk.command("b", renamed_from="a")
    desk.command("c", renamed_from="d")
    desk.command("d", renamed_from="e")
    way = "at once; rename one of them to a third name first, and deploy that"
    chain = "renamed_from: /d is a command still (commands/d.json); remove that one, or renamed_from here"
    assert problems() == [
        f"commands/a.json: /a: cannot swap names with /b {way}",
        f"commands/b.json: /b: cannot swap names with /a {way}",
        f"commands/c.json: /c: {chain}",
    ]


def test_kinds_do_not_get_into_each_others_way(desk, monkeypatch):
    """A user command of the former name of a slash command is another command."""
    monkeypatch.chdir(desk.folder)
    desk.command("a", renamed_from="b")
    desk.definition("b.json", {"name": "b", "type": "user"})
    assert wanted(load("dev")).renames == former(a="b")


# The plan of a scope


@given(places(), st.data())
@settings(max_examples=80, deadline=None)
def test_renames_keep_ids_and_can_be_undone(place: Place, data: st.DataObject) -> None:
    """Whatever else changes beside them: live is what is wanted, ids stay, and the way back restores all of it."""
    first = place.fitting(data.draw(command_sets(place.scope, 5)))
    second, renames = data.draw(renamings(first))
    second = [variant(data, one, place) if data.draw(st.booleans()) else one for one in second]
    second = [one for one in second if data.draw(st.integers(0, 4))]
    used = {key(one) for one in (*first, *second)}
    new = place.fitting(data.draw(command_sets(place.scope, 2)))
    second += [one for one in new if key(one) not in used and one.get("type") != 4]
    renames = {name: renames[name] for name in renames.keys() & {key(one) for one in second}}
    known = place.deploy(first) if data.draw(st.booleans()) else place.put(first)
    old = {key(raw): raw for raw in place.live()}

    plan = place.plan(place.wanted(second), known, renames=renames)
    assert plan.renames == renames
    record = place.apply(plan)

    live = {key(raw): raw for raw in place.live()}
    kept = {one.key for one in plan.having(Action.KEEP)}
    assert live.keys() == plan.wanted.keys() | kept
    assert kept.isdisjoint(renames.values())
    touched = {*touched_keys(plan)}
    for name, raw in live.items():
        before = old.get(renames.get(name, name))
        assert before is None or raw["id"] == before["id"]
        assert name in touched or raw == before
    again = place.plan(place.wanted(second), record, renames=renames)
    assert not again.changed
    assert not again.unrecorded

    for remembered in (record, plan.record):  # a rollback, and the undoing of a deployment that failed
        back = restoring(place.scope, touched_keys(plan), plan.live_commands(), place.live(), remembered)
        place.put(back.payload())
        assert back.mismatches(place.live()) == []
        restored = {key(raw): raw for raw in place.live()}
        assert restored.keys() == old.keys()
        gone = {one.key for one in plan.having(Action.DELETE)}
        for name, raw in restored.items():
            assert settled(raw) == settled(old[name])
            assert name in gone or raw["id"] == old[name]["id"]
        ours = restoring(place.scope, touched_keys(plan), list(live.values()), place.live(), remembered)
        place.put(ours.payload())
        assert {name: settled(raw) for name, raw in live.items()} == {key(raw): settled(raw) for raw in place.live()}


def test_what_else_changed_is_told_beneath_the_rename() -> None:
    """The name is no field of its own; an edit by other hands is told apart from ours."""
    place = Place()
    record = place.deploy([slash("a", description="Old", nsfw=True)])
    place.put([slash("a", description="Old", nsfw=False)])
    new = [slash("b", description="New", nsfw=True)]
    plan = place.plan(place.wanted(new), record, renames=former(b="a"))
    (command,) = plan.commands
    assert (command.key, command.action, command.renamed_from) == (chat("b"), Action.RENAME, chat("a"))
    assert {one.path: (one.intended, one.drift) for one in command.fields} == {
        "description": (True, False),
        "nsfw": (False, True),
    }
    assert plan.changed
    assert plan.live_count == 1


def test_a_rename_leaves_to_discord_what_the_definition_leaves() -> None:
    """Values that Discord chose when it was recorded are no difference, as without a rename."""
    place = Place(contexts=(0, 1, 2), installs=(0,))
    record = place.deploy([slash("a")])
    plan = place.plan(place.wanted([slash("b")]), record, renames=former(b="a"))
    assert [one.fields for one in plan.commands] == [()]


def test_without_its_former_name_it_is_a_new_command_and_a_deletion() -> None:
    """Nothing is guessed; but where both look alike, a line says how to keep the id."""
    place = Place()
    record = place.deploy([slash("a", description="Same"), slash("other", description="Other")])
    wants = place.wanted([slash("b", description="Same"), slash("c", description="Different")])
    plan = place.plan(wants, record, renames={})
    assert actions(plan) == {
        "b": (Action.CREATE, None), "c": (Action.CREATE, None),
        "a": (Action.DELETE, None), "other": (Action.DELETE, None),
    }  # fmt: skip
    hints = [line for line in lines(plan) if "looks like" in line]
    assert hints == ["      looks like a rename; renamed_from: a in its definition keeps the id of /a"]
    assert lines(plan).index(hints[0]) == lines(plan).index("  + /b") + 1
    assert "looks like a rename of `/a`, whose id `renamed_from` would keep" in plan_markdown(Plan((plan,)), "dev")
    assert [one["looksLike"] for one in plan_json(Plan((plan,)))["scopes"][0]["commands"]] == [
        chat("a"), None, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "alike"),
    [
        ([slash("a", options=[slash("o", type=3)])], [slash("b", description="!", options=[slash("o", type=3)])], 1),
        ([slash("a", options=[slash("o", type=3)])], [slash("b", description="!", options=[slash("p", type=3)])], 0),
        ([slash("a", description="?")], [slash("b", description="!")], 0),
        ([{"name": "A", "type": 2}], [{"name": "B", "type": 2}], 1),
        ([{"name": "A", "type": 2}], [{"name": "B", "type": 3}], 0),
        ([{"name": "A", "type": 2}, {"name": "A2", "type": 2}], [{"name": "B", "type": 2}], 0),
        ([slash("a")], [slash("b"), slash("c")], 1),
    ],
)
def test_what_looks_alike(old, new, alike) -> None:
    """Its description or its options, or being the only two of their kind; each deleted command is named once."""
    place = Place()
    record = place.deploy(old)
    plan = place.plan(place.wanted(new), record, renames={})
    assert len([one for one in plan.commands if one.looks_like]) == alike


def test_what_comes_from_no_sources_gets_no_hint() -> None:
    """A rollback has no definition in which somebody could say `renamed_from`."""
    place = Place()
    record = place.deploy([slash("a")])
    plan = place.plan(place.wanted([slash("b")]), record)
    assert [one.looks_like for one in plan.commands] == [None, None]


def test_a_rename_that_was_done_is_no_difference() -> None:
    """`renamed_from` may stay in the definition: nothing is written, and nothing is said."""
    place = Place()
    record = place.deploy([slash("b")])
    plan = place.plan(place.wanted([slash("b")]), record, renames=former(b="a"))
    assert (plan.changed, plan.unrecorded, plan.commands) == (False, False, ())


def test_a_stranger_that_has_the_former_name_by_now_is_left_alone() -> None:
    """Once the rename was done, the old name may be anybody's: even if ours was deleted by other hands since."""
    place = Place()
    record = place.deploy([slash("b")])
    place.put([slash("a")])
    plan = place.plan(place.wanted([slash("b")]), record, renames=former(b="a"))
    assert actions(plan) == {"b": (Action.CREATE, None), "a": (Action.KEEP, None)}


def test_a_command_that_was_made_anew_by_hand_is_renamed_by_its_name() -> None:
    """Its recorded id is gone; under a recorded name it is ours all the same."""
    place = Place()
    record = place.deploy([slash("a")])
    place.put([])
    place.put([slash("a")])
    plan = place.plan(place.wanted([slash("b")]), record, renames=former(b="a"))
    assert lines(plan)[1] == f"  » /b  (was /a; {COST})"


def test_two_of_ours_become_one() -> None:
    """The new name was ours before and is gone; as long as the old one is ours too, it is what `renamed_from` means."""
    place = Place()
    record = place.deploy([slash("a"), slash("b")])
    place.put([{**definition(raw), "id": raw["id"]} for raw in place.live() if raw["name"] == "a"])
    plan = place.plan(place.wanted([slash("b")]), record, renames=former(b="a"))
    assert actions(plan) == {"b": (Action.RENAME, "a")}


def test_a_former_name_that_is_not_live_is_a_new_command() -> None:
    """In a guild that never had it there is nothing to rename."""
    place = Place()
    plan = place.plan(place.wanted([slash("b")]), None, renames=former(b="a"))
    assert actions(plan) == {"b": (Action.CREATE, None)}


@pytest.mark.parametrize("options", [{}, {"delete_unmanaged": True}])
def test_a_stranger_s_command_is_renamed_when_told(options) -> None:
    """`renamed_from` adopts what Botswain never deployed, and the plan says that it did not."""
    place = Place()
    place.put([slash("a")])
    before = ids(place)
    plan = place.plan(place.wanted([slash("b")]), None, renames=former(b="a"), **options)
    assert lines(plan)[1] == f"  » /b  (was /a; {COST}; not deployed by Botswain)"
    assert not plan.commands[0].drift
    place.apply(plan)
    assert ids(place) == {"b": before["a"]}


def test_an_entry_point_is_renamed() -> None:
    """An application has one, and it cannot be deleted: this is how it gets another name."""
    place = Place()
    place.put([{"name": "launch", "type": 4, "handler": 2}])
    before = ids(place)
    key_, old = "primary_entry_point/board", "primary_entry_point/launch"
    plan = place.plan(place.wanted([{"name": "board", "type": 4, "handler": 2}]), None, renames={key_: old})
    assert [(one.key, one.action) for one in plan.commands] == [(key_, Action.RENAME)]
    place.apply(plan)
    assert ids(place) == {"board": before["launch"]}


def test_other_hands_renamed_a_command_of_ours() -> None:
    """It is renamed back by its id, as drift, instead of being made a second time."""
    place = Place()
    record = place.deploy([slash("a"), slash("b")])
    before = ids(place)
    rename(place, "a", "theirs")
    for declared in ({}, None, former(a="long-ago")):
        plan = place.plan(place.wanted([slash("a"), slash("b")]), record, renames=declared)
        assert actions(plan) == {"a": (Action.RENAME, "theirs")}
        assert [(scope, one.key) for scope, one in Plan((plan,)).drifted] == [("global", chat("a"))]
        assert lines(plan)[1] == f"  » /a  (was /theirs; {COST}; renamed by other hands)"
    row = f"| `/a` | **rename** | was /theirs; {COST}<br>*(renamed by other hands)* |"
    assert row in plan_markdown(Plan((plan,)), "dev")
    place.apply(plan)
    assert ids(place) == before


def test_other_hands_renamed_what_was_to_be_renamed() -> None:
    """Its recorded id finds it under whatever name; a stranger that took the former name stays."""
    place = Place()
    record = place.deploy([slash("a")])
    before = ids(place)
    rename(place, "a", "theirs")
    place.put([*({**definition(raw), "id": raw["id"]} for raw in place.live()), slash("a", description="Stranger")])
    plan = place.plan(place.wanted([slash("b")]), record, renames=former(b="a"))
    assert actions(plan) == {"b": (Action.RENAME, "theirs"), "a": (Action.KEEP, None)}
    place.apply(plan)
    assert ids(place)["b"] == before["a"]
    assert {raw["name"]: raw["description"] for raw in place.live()}["a"] == "Stranger"


def test_a_name_that_other_hands_swapped_with_one_of_ours_is_ours_still() -> None:
    """What left the sources goes, even under a name that was another one's: its id says that it is ours."""
    place = Place()
    record = place.deploy([slash("a"), slash("c")])
    a, c = ({**definition(raw), "id": raw["id"]} for raw in place.live())
    place.put([{**a, "name": "c"}, {**c, "name": "a"}])
    plan = place.plan(place.wanted([slash("a")]), record)
    assert actions(plan) == {"c": (Action.DELETE, None)}


def test_a_command_that_is_wanted_under_its_live_name_is_not_taken_for_another() -> None:
    """Other hands moved ours to a name that we want too: both are wanted, so one is made anew."""
    place = Place()
    record = place.deploy([slash("a")])
    rename(place, "a", "b")
    plan = place.plan(place.wanted([slash("a"), slash("b")]), record, renames={})
    assert actions(plan) == {"a": (Action.CREATE, None)}
    place.apply(plan)
    assert sorted(ids(place)) == ["a", "b"]


def test_one_live_command_becomes_one_only() -> None:
    """Should two wanted commands claim it, an id goes before a name, and the other is made anew."""
    place = Place()
    record = place.deploy([slash("a")])
    rename(place, "a", "x")
    plan = place.plan(place.wanted([slash("a"), slash("b")]), record, renames=former(b="x"))
    assert actions(plan) == {"a": (Action.RENAME, "x"), "b": (Action.CREATE, None)}
    place.apply(plan)


def test_a_new_name_that_another_command_took() -> None:
    """Then that one becomes ours and the old one goes, with the reason; Discord gets no name twice."""
    place = Place()
    record = place.deploy([slash("a")])
    place.put([*({**definition(raw), "id": raw["id"]} for raw in place.live()), slash("b", description="Stranger")])
    plan = place.plan(place.wanted([slash("b")]), record, renames=former(b="a"))
    assert actions(plan) == {"b": (Action.UPDATE, None), "a": (Action.DELETE, None)}
    told = f"({COST}; not renamed, since another command is called /b)"
    assert f"  - /a  {told}" in lines(plan)
    assert f"| `/a` | **delete** | {told[1:-1]} |" in plan_markdown(Plan((plan,)), "dev")
    assert [one["nameTaken"] for one in plan_json(Plan((plan,)))["scopes"][0]["commands"]] == [None, chat("b")]
    place.apply(plan)
    assert list(ids(place)) == ["b"]


def test_read_back_with_another_id_is_a_mismatch() -> None:
    """A rename is proven by its id; a command of the new name alone is none."""
    place = Place()
    record = place.deploy([slash("a")])
    plan = place.plan(place.wanted([slash("b")]), record, renames=former(b="a"))
    place.put([])
    place.put([slash("b")])
    told = "chat_input/b is not the command that was chat_input/a: it has another id"
    assert plan.mismatches(place.live()) == [told]


# What is said and asked


def renaming(place: Place, **names: str) -> ScopePlan:
    """The plan that renames commands, by new and old name, beside as many that stay."""
    stay = [slash(f"stays-{index}") for index in range(len(names))]
    record = place.deploy([*(slash(old) for old in names.values()), *stay])
    return place.plan(place.wanted([*(slash(new) for new in names), *stay]), record, renames=former(**names))


def test_text() -> None:
    """One line with what it costs, the fields beneath, and a count of its own."""
    place = Place(GUILD)
    record = place.deploy([slash("old", description="x"), slash("b")])
    new = [slash("new", description="y"), slash("b")]
    plan = place.plan(place.wanted(new), record, renames=former(new="old"))
    assert lines(plan) == [
        f"guild {GUILD}",
        f"  » /new  (was /old; {COST})",
        '      ~ description: "x" → "y"',
        "    1 unchanged",
        "Plan: 1 to rename (1 of Discord's 200 a day).",
    ]
    assert f'| `/new` | **rename** | was /old; {COST}<br>`description`: `"x"` → `"y"` |' in plan_markdown(
        Plan((plan,)), "dev"
    )
    document = json.loads(json.dumps(plan_json(Plan((plan,)))))
    assert (document["counts"]["rename"], document["changed"], document["createsToday"]) == (1, True, 1)
    (command,) = document["scopes"][0]["commands"]
    assert (command["action"], command["command"], command["renamedFrom"]) == ("rename", chat("new"), chat("old"))
    assert [one["path"] for one in command["fields"]] == ["description"]


def test_a_rename_is_asked_about_everywhere() -> None:
    """Like a deletion: on a terminal a question with its name, off it --yes; but it is none of --allow-delete's."""
    plan = renaming(Place(), b="a")
    need = consent([plan], production=False, environment="dev")
    assert need == Consent("rename /a to /b (its permission overwrites are lost) in dev")
    assert require(need, yes=False, allow_delete=None, interactive=True)
    assert not require(need, yes=True, allow_delete=None, interactive=False)
    with pytest.raises(Refused, match=r"this would rename /a to /b .*; if you mean it, say --yes"):
        require(need, yes=False, allow_delete=None, interactive=False)


def test_many_renames_are_no_large_deletion() -> None:
    """A scope whose every command gets another name loses none of them."""
    place = Place()
    record = place.deploy([slash("a1"), slash("a2")])
    wants = place.wanted([slash("b1"), slash("b2")])
    plan = place.plan(wants, record, renames=former(b1="a1", b2="a2"))
    need = consent([plan], production=True, environment="prod")
    assert (need.deletions, need.large) == (0, None)
    told = "rename /a1 to /b1, /a2 to /b2 (their permission overwrites are lost) in prod (production)"
    assert need.question == told


def test_renames_do_not_make_a_deletion_look_larger_or_smaller() -> None:
    """The renamed commands are a part of the scope that deletions are held against."""
    place = Place()
    record = place.deploy([slash("a"), slash("gone"), slash("s1"), slash("s2"), slash("s3")])
    wants = place.wanted([slash("b"), slash("s1"), slash("s2"), slash("s3")])
    need = consent([place.plan(wants, record, renames=former(b="a"))], production=False, environment="dev")
    assert (need.deletions, need.large) == (1, None)
    deleting = "delete 1 command with its permission overwrites"
    assert need.question == f"{deleting} and rename /a to /b (its permission overwrites are lost) in dev"


def test_the_question_names_each_rename_once_and_not_too_many() -> None:
    """500 guilds have the same renames, and nobody reads forty names."""
    plan = renaming(Place(), b="a")
    need = consent([plan, plan, plan], production=False, environment="dev")
    assert need.question == "rename /a to /b (its permission overwrites are lost) in dev"
    many = renaming(Place(), **{f"new-{index}": f"old-{index}" for index in range(4)})
    need = consent([many], production=False, environment="dev")
    assert need.question == "rename 4 commands (their permission overwrites are lost) in dev"


def test_a_rename_counts_as_a_create_of_the_day() -> None:
    """Whether Discord counts it is not known, so it is counted before Discord does."""
    plan = renaming(Place(), b="a")
    check_creates([plan], {"global": 199})
    with pytest.raises(Refused) as refusal:
        check_creates([plan], {"global": 200})
    assert str(refusal.value) == (
        "global: would create or rename 1 commands, and 200 were created or renamed in the last 24 hours;"
        " Discord allows 200 a day; wait, or edit rather than replace"
    )
    assert Plan((plan,), created_today={"global": 7}).creates == 8


# What is recorded


def deployment(result: ScopeResult) -> Deployment:
    """A deployment that did this in one guild."""
    usual: dict[str, Any] = {
        "id": "20261122-101530-3f9a2c", "kind": "deploy", "environment": "dev", "actor": "me",
        "started_at": "2026-11-22T10:15:30.123Z", "git_sha": None, "build_id": None, "tool_version": "0",
        "previous": None, "outcome": Outcome.DONE,
    }  # fmt: skip
    return Deployment(**usual, scopes={GUILD: result})


def test_the_history_remembers_both_names() -> None:
    """What a deployment renamed is touched under either name, and survives being written and read."""
    result = ScopeResult.planned(renaming(Place(), b="a"))
    assert result.renamed == former(b="a")
    assert (result.created, result.updated, result.deleted) == ((), (), ())
    assert {*result.touched} == {chat("a"), chat("b")}
    entry = deployment(result)
    assert history.from_json(json.loads(json.dumps(history.to_json(entry))), "x") == entry


def test_history_from_before_there_were_renames_is_read() -> None:
    """Older entries have no `renamed`."""
    document = history.to_json(deployment(ScopeResult("written", created=(chat("a"),))))
    del document["scopes"][GUILD]["renamed"]
    assert history.from_json(document, "x").scopes[GUILD] == ScopeResult("written", created=(chat("a"),))


@pytest.mark.parametrize(
    ("live", "state"), [(["b"], "written"), (["a"], "undone"), (["a", "b"], "failed"), ([], "failed")]
)
def test_how_far_a_dead_rename_got_shows_in_both_names(live, state) -> None:
    """Written means the new name and not the old one; undone the old one and not the new; all else is neither."""
    raw = {name: {"id": name, "type": 1, **slash(name)} for name in ("a", "b")}
    target = SimpleNamespace(scopes={GUILD: ScopeRecord({chat("b"): canonical(raw["b"], GUILD)})})
    session = SimpleNamespace(records=SimpleNamespace(snapshot=lambda *_: [raw["a"]]))
    draft = deployment(ScopeResult("planned", renamed=former(b="a")))
    assert recovery._state(session, draft, GUILD, [raw[name] for name in live], target) == state


def test_renames_of_the_last_day_count_with_creates(desk, monkeypatch):
    """The records know both, for the limit of the day."""
    monkeypatch.chdir(desk.folder)
    desk.command("a")
    assert desk.inv("deploy", "--env", "dev").code == 0
    (desk.folder / "commands/a.json").unlink()
    desk.command("b", renamed_from="a")
    assert desk.inv("deploy", "--env", "dev", "--yes").code == 0
    from botswain.deployment.session import Session

    records = Session.open("dev", records_only=True).records
    assert list(records.creates(datetime.now(UTC)).values()) == [2]
    assert " »1" in desk.inv("history", "--env", "dev").out
