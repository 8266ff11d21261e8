"""The plan: no false difference, no missed one, nothing of others touched, and a way back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from place import PLACES, Place, places, settled, updates, variant
from sandbox_client import option, slash

from botswain.commands.canonical import definition, key
from botswain.commands.settle import settled as stored
from botswain.deployment.transaction import restoring, touched_keys
from botswain.plan import Action, CommandPlan, FieldChange, ScopePlan
from tests.strategies import command_sets, mutations, random_commands, seeded

if TYPE_CHECKING:
    from collections.abc import Iterator

Raw = dict[str, Any]


ENTRY = "primary_entry_point/"


def name_path(command: Raw, path: str) -> list[str]:
    """Where a mutation's change must show: its indexes replaced by names; a renamed option shows in its list."""
    place, _how = path.split(" ", 1)
    names: list[str] = []
    part: Any = command
    for step in place.split("."):
        if isinstance(part, list):
            part = part[int(step)]
            names.append(stored(part["name"]))
        else:
            part = (part or {}).get(step)
            names.append(step)
    if names[-1] == "name" and len(names) > 1:
        names = names[:-2]
    return names


def shows(change: FieldChange, expected: list[str]) -> bool:
    """Whether a change is at this path, within it, or of the order of that very list."""
    path = ".".join(expected)
    return change.path == path or change.path.startswith((f"{path}.", f"{path} ")) or is_above(change, path)


def is_above(change: FieldChange, path: str) -> bool:
    """A whole field that appeared or vanished shows as itself, such as `name_localizations`."""
    whole = change.live is None or change.wanted is None
    return whole and path.startswith(f"{change.path}.")


def check_change(plan: ScopePlan, command: Raw, path: str, *, drift: bool) -> None:
    """The plan shows the mutation, as an intended change or as drift, and nothing else."""
    where = f"{path} of {command}"
    if path.startswith("name ("):
        created, other = sorted(plan.commands, key=lambda one: one.action)
        assert (created.action, created.drift) == (Action.CREATE, drift), where
        gone = Action.KEEP if drift or other.key.startswith(ENTRY) else Action.DELETE
        assert (other.action, other.drift) == (gone, False), where
        return
    changes = list(updates(plan).values())
    assert changes, f"missed {where}"
    expected = name_path(command, path)
    for change in changes:
        assert shows(change, expected), f"{change} for {where}"
        assert (change.intended, change.drift) == (not drift, drift), f"{change} for {where}"
    assert plan.commands[0].drift is drift


def generated(count: int, seed: int) -> Iterator[tuple[Place, list[Raw]]]:
    """A generated set in every kind of scope."""
    rng = seeded(seed)
    for values in PLACES:
        place = Place(**values)
        yield place, place.fitting(random_commands(rng, place.scope, count))


# False differences


def test_an_apply_leaves_no_difference() -> None:
    """After a deployment the plan is empty, with its record and for somebody who has none."""
    for place, commands in generated(60, seed=1):
        wanted = place.wanted(commands)
        place.put(commands)
        record = place.record(wanted)
        for known in (None, record):
            plan = place.plan(wanted, known)
            assert (plan.commands, plan.unchanged, plan.changed) == ((), len(wanted), False)
        assert plan.unrecorded is False
        assert place.plan(wanted).unrecorded is True


@given(places(), st.data())
@settings(max_examples=60, deadline=None)
def test_planning_again_gives_nothing(place: Place, data: st.DataObject) -> None:
    """Plan, apply, plan: the second plan is empty whatever was there before, and nothing more is written."""
    first = place.fitting(data.draw(command_sets(place.scope, 4)))
    record = place.deploy(first)
    second = without_second_entry_point(place.fitting(data.draw(command_sets(place.scope, 4))), first)
    record = place.deploy(second, record)
    live = place.live()
    plan = place.plan(place.wanted(second), record)
    assert not plan.changed
    assert [one.action for one in plan.commands if not one.key.startswith(ENTRY)] == []
    place.put(plan.payload())
    assert sorted(place.live(), key=key) == sorted(live, key=key), "an empty plan's payload is what is live"


def without_second_entry_point(commands: list[Raw], others: list[Raw]) -> list[Raw]:
    """An application has one entry point; what Discord refuses is no question for these tests."""
    if not any(key(one).startswith(ENTRY) for one in others):
        return commands
    return [one for one in commands if not key(one).startswith(ENTRY)]


# Missed differences


@pytest.mark.parametrize("values", PLACES, ids=str)
def test_every_mutation_is_an_intended_change(values: dict[str, Any]) -> None:
    """Whatever field is edited in the sources, the plan shows exactly that field, as intended."""
    for command in random_commands(seeded(2), values["scope"], 12):
        place = Place(**values)
        (sent,) = place.fitting([command])
        record = place.deploy([sent])
        for path, mutated in few(mutations(sent, place.scope)):
            if place.fitting([mutated]) != [mutated]:
                continue
            check_change(place.plan(place.wanted([mutated]), record), sent, path, drift=False)


@pytest.mark.parametrize("values", PLACES, ids=str)
def test_every_mutation_by_other_hands_is_drift(values: dict[str, Any]) -> None:
    """Whatever field is edited on Discord, the plan would set it back and names it as drift."""
    for command in random_commands(seeded(3), values["scope"], 12):
        place = Place(**values)
        (sent,) = place.fitting([command])
        wanted, record = place.wanted([sent]), place.deploy([sent])
        for path, mutated in few(mutations(sent, place.scope)):
            if place.fitting([mutated]) != [mutated]:
                continue
            elsewhere = Place(**values)
            elsewhere.put([mutated])
            check_change(elsewhere.plan(wanted, record), sent, path, drift=True)


def few(changes: Iterator[tuple[str, Raw]]) -> list[tuple[str, Raw]]:
    """Some of the mutations of a large command, all of a small one."""
    everything = list(changes)
    return seeded(4).sample(everything, min(25, len(everything)))


def test_a_change_and_drift_are_told_apart() -> None:
    """Two fields of one command, one edited in the sources and one on Discord, each go by their cause."""
    place = Place()
    old = slash(options=[option("a", max_length=5), option("b", max_length=5)])
    record = place.deploy([old])
    place.put([slash(options=[option("a", max_length=5), option("b", max_length=7)])])
    new = slash(options=[option("a", max_length=6), option("b", max_length=5)])
    found = updates(place.plan(place.wanted([new]), record))
    assert found == {
        "options.a.max_length": FieldChange("options.a.max_length", 5, 6, intended=True, drift=False),
        "options.b.max_length": FieldChange("options.b.max_length", 7, 5, intended=False, drift=True),
    }


def test_a_field_changed_on_both_sides_is_both() -> None:
    """An edit that overwrites somebody else's edit of the same field must not look like the one or the other."""
    place = Place()
    record = place.deploy([slash(description="Old")])
    place.put([slash(description="Theirs")])
    (change,) = updates(place.plan(place.wanted([slash(description="Ours")]), record)).values()
    assert (change.live, change.wanted, change.intended, change.drift) == ("Theirs", "Ours", True, True)


def test_a_change_that_neither_side_seems_to_have_made_is_drift() -> None:
    """Both replaced the options by the same ones, in another order: the order is written, and shown as theirs."""
    place = Place()
    record = place.deploy([slash(options=[option("old")])])
    place.put([slash(options=[option("b"), option("a")])])
    (change,) = updates(place.plan(place.wanted([slash(options=[option("a"), option("b")])]), record)).values()
    told = (change.path, change.live, change.wanted, change.intended, change.drift)
    assert told == ("options order", ["b", "a"], ["a", "b"], False, True)


def test_the_same_edit_on_both_sides_only_needs_recording() -> None:
    """Somebody who did by hand what the sources say now has left nothing to write."""
    place = Place()
    record = place.deploy([slash(description="Old")])
    place.put([slash(description="New")])
    plan = place.plan(place.wanted([slash(description="New")]), record)
    assert (plan.changed, plan.unrecorded) == (False, True)


def test_a_command_deleted_by_other_hands() -> None:
    """It is created anew and shown as drift."""
    place = Place()
    record = place.deploy([slash("a"), slash("b")])
    place.put([slash("a")])
    plan = place.plan(place.wanted([slash("a"), slash("b")]), record)
    assert plan.commands == (CommandPlan("chat_input/b", Action.CREATE, drift=True),)


# The payload


@given(places(), st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_not_ours_stays(place: Place, data: st.DataObject) -> None:
    """Commands of other hands and entry points are sent back as they are and keep id and version; ours keep ids."""
    theirs = place.fitting(data.draw(command_sets(place.scope, 4)))
    place.put(theirs)
    before_ = {key(raw): raw for raw in place.live()}
    ours = without_second_entry_point(place.fitting(data.draw(command_sets(place.scope, 4))), theirs)
    plan = place.plan(place.wanted(ours))
    for item in plan.payload():
        name, former = key(item), before_.get(key(item))
        assert item.get("id") == (former["id"] if former else None)
        if name not in plan.wanted and former:
            assert json.dumps(item) == json.dumps({**definition(former), "id": former["id"]})
    place.apply(plan)
    after = {key(raw): raw for raw in place.live()}
    assert set(after) == {*before_, *plan.wanted}
    for name in before_.keys() - plan.wanted.keys():
        assert after[name] == before_[name]
    assert all(after[name]["id"] == raw["id"] for name, raw in before_.items())


@given(places(), st.data())
@settings(max_examples=40, deadline=None)
def test_unmanaged_commands_are_deleted_only_when_told(place: Place, data: st.DataObject) -> None:
    """`unmanaged: delete` clears what others made, but never an entry point."""
    place.put(place.fitting(data.draw(command_sets(place.scope, 4))))
    live = {key(raw) for raw in place.live()}
    assert {one.action for one in place.plan({}).commands} <= {Action.KEEP}
    plan = place.plan({}, delete_unmanaged=True)
    kept = {one.key for one in plan.having(Action.KEEP)}
    assert kept == {name for name in live if name.startswith(ENTRY)}
    assert {one.key for one in plan.having(Action.DELETE)} == live - kept
    assert not any(one.managed for one in plan.commands)


def test_only_what_is_recorded_is_deleted() -> None:
    """A command that left the sources goes; one that somebody else made stays."""
    place = Place()
    record = place.deploy([slash("ours"), slash("leaving")])
    place.put([*(definition(raw) for raw in place.live()), slash("theirs")])
    plan = place.plan(place.wanted([slash("ours")]), record)
    assert {one.key: one.action for one in plan.commands} == {
        "chat_input/leaving": Action.DELETE,
        "chat_input/theirs": Action.KEEP,
    }
    place.apply(plan)
    assert [raw["name"] for raw in place.live()] == ["ours", "theirs"]


def test_a_mismatch_is_named() -> None:
    """What reads back differently from what was written is told by command and field."""
    place = Place()
    plan = place.plan(place.wanted([slash("a", nsfw=True), slash("b")]))
    place.put([slash("a"), slash("c")])
    assert plan.mismatches(place.live()) == [
        "chat_input/a nsfw",
        "chat_input/b is missing",
        "chat_input/c is still there",
    ]


# The way back


@given(places(), st.data())
@settings(max_examples=60, deadline=None)
def test_rollback_restores_exactly(place: Place, data: st.DataObject) -> None:
    """Undone, every command that an apply touched is what it was, and all others were not written at all."""
    first = place.fitting(data.draw(command_sets(place.scope, 4)))
    second = without_second_entry_point(place.fitting(data.draw(command_sets(place.scope, 4))), first)
    second += [variant(data, one, place) for one in first if data.draw(st.booleans())]
    second = list({key(one): one for one in second}.values())
    entry_is_new = any(key(one).startswith(ENTRY) for one in second)
    entry_is_new = entry_is_new and not any(key(one).startswith(ENTRY) for one in first)
    known = place.deploy(first) if data.draw(st.booleans()) else place.put(first)
    old = {key(raw): raw for raw in place.live()}
    plan = place.plan(place.wanted(second), known)
    record = place.apply(plan)
    for remembered in (
        record,
        plan.record,
    ):  # a later rollback knows the new record, an undo only the old one
        middle = {key(raw): raw for raw in place.live()}
        back = restoring(place.scope, touched_keys(plan), plan.live_commands(), place.live(), remembered)
        place.put(back.payload())
        assert back.mismatches(place.live()) == []
        new = {key(raw): raw for raw in place.live()}
        for name, former in old.items():
            assert settled(new[name]) == settled(former)
            assert name not in middle or new[name]["id"] == middle[name]["id"]
            assert name in touched_keys(plan) or new[name] == former
        left = new.keys() - old.keys()
        assert all(name.startswith(ENTRY) for name in left), "an entry point is never deleted"
        assert bool(left) is entry_is_new
        place.put(plan_again(plan, new))


def plan_again(plan: ScopePlan, live: dict[str, Raw]) -> list[Raw]:
    """The payload of a plan for what is live now: ids may be others."""
    items = [{name: value for name, value in one.items() if name != "id"} for one in plan.payload()]
    return [{**one, "id": live[key(one)]["id"]} if key(one) in live else one for one in items]
