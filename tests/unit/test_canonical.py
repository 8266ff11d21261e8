"""The canonical form: the same for one command however it was written or sent back, and for no other."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from place import Place, places
from sandbox_client import GUILD, option, slash

from botswain.commands.canonical import (
    LEFT_TO_DISCORD,
    SERVER_FIELDS,
    Change,
    canonical,
    checksum,
    definition,
    differences,
    key,
    tolerate,
)
from botswain.discord.enums import GLOBAL
from tests.strategies import commands, mutations, random_command, seeded

SCOPES = st.sampled_from([GLOBAL, GUILD])
SETS = ("contexts", "integration_types", "channel_types", "file_types")


def reversed_sets(value: Any) -> Any:
    """A copy with every set-typed list the other way round, and every object's fields too."""
    if isinstance(value, dict):
        fields = reversed(value.items())
        return {name: one[::-1] if name in SETS and one else reversed_sets(one) for name, one in fields}
    return [reversed_sets(one) for one in value] if isinstance(value, list) else value


def explicit(command: dict[str, Any]) -> dict[str, Any]:
    """A copy that spells out what Discord would assume."""
    filled = {"nsfw": False, "name_localizations": None, "description_localizations": {}, **command}
    return filled if "options" in filled else {**filled, "options": []}


@given(commands(), SCOPES)
@settings(max_examples=100, deadline=None)
def test_the_canonical_form_is_its_own(command: dict[str, Any], scope: str) -> None:
    """A command out of the manifest is compared with one out of the sources, so both have one form."""
    before = copy.deepcopy(command)
    form = canonical(command, scope)
    assert command == before, "the argument was changed"
    assert canonical(form, scope) == form
    assert canonical(json.loads(json.dumps(command)), scope) == form
    assert key(form) == key(command)


@given(commands())
@settings(max_examples=100, deadline=None)
def test_spelling_does_not_matter(command: dict[str, Any]) -> None:
    """Neither the order of fields and of sets nor spelling out a default makes another command."""
    form = canonical(command, GLOBAL)
    assert canonical(reversed_sets(command), GLOBAL) == form
    assert canonical(explicit(command), GLOBAL) == form
    assert checksum(canonical(reversed_sets(command), GLOBAL)) == checksum(form)


@given(places(), st.data())
@settings(max_examples=100, deadline=None)
def test_what_comes_back_is_what_was_sent(place: Place, data: st.DataObject) -> None:
    """Discord's answer has the form of the request, but for what the request left to Discord."""
    (sent,) = place.fitting([data.draw(commands(place.scope))])
    place.put([sent])
    (answer,) = place.live()
    wanted, found = canonical(sent, place.scope), canonical(answer, place.scope)
    for name in LEFT_TO_DISCORD:
        if name not in wanted:
            found.pop(name, None)
    assert list(differences(found, wanted)) == []
    assert canonical(definition(answer), place.scope) == canonical(answer, place.scope)


def test_no_mutation_goes_unnoticed() -> None:
    """Whatever users could see a difference in has another form, or it would never be deployed."""
    rng = seeded(11)
    for scope in (GLOBAL, GUILD):
        for _ in range(60):
            command = random_command(rng, scope)
            form = canonical(command, scope)
            for path, mutated in mutations(command, scope):
                other = canonical(mutated, scope)
                assert list(differences(form, other)), f"{path} of {command}"
                assert checksum(form) != checksum(other)


@pytest.mark.parametrize(
    ("written", "returned"),
    [
        ({}, {"type": 1, "nsfw": False, "name_localizations": None, "default_member_permissions": None}),
        ({"options": []}, {}),
        ({"options": [option(required=False)]}, {"options": [option()]}),
        ({"options": [option(autocomplete=False, choices=[])]}, {"options": [option()]}),
        ({"options": [option(min_length=None)]}, {"options": [option(name_localizations=None)]}),
        ({"options": [option(kind=7, channel_types=[])]}, {"options": [option(kind=7)]}),
        ({"name_localizations": {}}, {"name_localizations": None}),
        ({"default_member_permissions": 8}, {"default_member_permissions": "8"}),
        ({"contexts": [2, 0]}, {"contexts": [0, 2]}),
        ({"dm_permission": True}, {}),
        ({"dm_permission": None}, {"dm_permission": True}),
        ({}, {"default_permission": True, "name_localized": "ping", "version": "1", "application_id": "2"}),
        (
            {"options": [option(kind=4, choices=[{"name": "one", "value": 1}])]},
            {"options": [option(kind=4, choices=[{"name": "one", "value": 1.0, "name_localizations": None}])]},
        ),
        (
            {"options": [option(kind=10, min_value=0, max_value=2.5)]},
            {"options": [option(kind=10, min_value=0.0, max_value=2.5)]},
        ),
    ],
)
def test_noise(written: dict[str, Any], returned: dict[str, Any]) -> None:
    """What Discord drops, fills in or respells is no difference."""
    assert canonical(slash(**written), GLOBAL) == canonical(slash(**returned), GLOBAL)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"default_member_permissions": "0"}, {}),
        ({"dm_permission": False}, {}),
        ({"contexts": [0]}, {}),
        ({"nsfw": True}, {}),
        ({"options": [option(min_length=0)]}, {"options": [option()]}),
        ({"options": [option(kind=4, min_value=0)]}, {"options": [option(kind=4)]}),
        (
            {"options": [option(choices=[{"name": "one", "value": "1"}])]},
            {"options": [option(choices=[{"name": "one", "value": 1}])]},
        ),
        ({"options": [option("a"), option("b")]}, {"options": [option("b"), option("a")]}),
    ],
)
def test_no_noise(one: dict[str, Any], other: dict[str, Any]) -> None:
    """A zero is not nothing, text is not a number, and the order of options is what users see."""
    assert canonical(slash(**one), GLOBAL) != canonical(slash(**other), GLOBAL)


def test_guild_commands_have_no_places() -> None:
    """Discord keeps these fields for global commands only, so in a guild they would differ for ever."""
    command = slash(contexts=[0], integration_types=[1], dm_permission=False)
    assert canonical(command, GUILD) == canonical(slash(), GUILD)


def test_key_of_a_kind_yet_unknown() -> None:
    """A kind of command that Discord invents tomorrow is still told apart and kept."""
    assert key({"type": 9, "name": "x"}) == "type9/x"


@given(places(), st.data())
@settings(max_examples=50, deadline=None)
def test_an_echo_leaves_out_server_fields_only(place: Place, data: st.DataObject) -> None:
    """What is not ours is sent back byte for byte, nulls included, or the PUT would change it."""
    place.put(place.fitting([data.draw(commands(place.scope))]))
    (raw,) = place.live()
    echo = definition({**raw, "field_of_tomorrow": [1], "default_permission": True})
    kept = {name: value for name, value in raw.items() if name not in SERVER_FIELDS}
    assert json.dumps(echo) == json.dumps({**kept, "field_of_tomorrow": [1]})


def test_differences_name_the_field() -> None:
    """Options and choices go by name, so one that is inserted does not shift all others."""
    before = canonical(slash(options=[option("a"), option("b", max_length=5)]), GLOBAL)
    after = canonical(slash(options=[option("new"), option("a"), option("b", max_length=6)]), GLOBAL)
    changes = {change.path: change for change in differences(before, after)}
    assert set(changes) == {"options.new", "options.b.max_length"}
    assert changes["options.b.max_length"] == Change("options.b.max_length", 5, 6)
    assert changes["options.new"].before is None


def test_differences_of_order() -> None:
    """The same options in another order are one change, not one for each option."""
    before, after = ({"options": [option(name) for name in names]} for names in ("abc", "cab"))
    assert list(differences(before, after)) == [Change("options order", ["a", "b", "c"], ["c", "a", "b"])]


@pytest.mark.parametrize(
    ("live", "kept"),
    [({}, {"fr": "autre"}), ({"de": "ping"}, {"de": "ping", "fr": "autre"})],
)
def test_a_localization_equal_to_the_default(live: dict[str, str], kept: dict[str, str]) -> None:
    """Discord may or may not store such a text, so it counts only where Discord has it."""
    texts = {"de": "ping", "fr": "autre"}
    expected = canonical(slash(name_localizations=texts), GLOBAL)
    found = canonical(slash(name_localizations=live), GLOBAL)
    assert tolerate(expected, found)["name_localizations"] == kept


def test_tolerance_reaches_options_and_choices() -> None:
    """The same holds for the texts inside, and for a command that has no other difference."""

    def command(texts: dict[str, str] | None) -> dict[str, Any]:
        choice = {"name": "one", "value": "1", "name_localizations": texts and {"de": "one"}}
        inner = option(choices=[choice], name_localizations=texts)
        return canonical(slash(options=[inner]), GLOBAL)

    full, bare = command({"de": "text"}), command(None)
    assert tolerate(full, bare) == bare
    assert tolerate(full, full) == full
    assert tolerate(bare, full) == bare, "a text that only Discord has is a difference"
