"""Discord's rules, each with the message that a person gets when it is broken."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botswain.commands.canonical import canonical
from botswain.commands.rules import characters, check_command, check_scope
from botswain.commands.schema import Command, Option
from botswain.discord.enums import GLOBAL, LOCALES, CommandType, OptionType
from botswain.sandbox.forms import Form
from botswain.sandbox.texts import stored
from botswain.sandbox.validate import check_command as sandbox_check
from tests.strategies import command_sets, commands, mutations, random_command, random_commands, seeded

GUILD = "100000000000000001"


def ban(*options: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """`/ban` with these options and fields."""
    command = {"name": "ban", "description": "Bans somebody", **fields}
    return {**command, "options": list(options)} if options else command


def option(kind: OptionType = OptionType.STRING, name: str = "reason", **fields: Any) -> dict[str, Any]:
    """An option that is valid unless `fields` say otherwise."""
    return {"type": int(kind), "name": name, "description": "What for", **fields}


def messages(command: Any) -> list[str]:
    """The problems of a command, as `path: message`."""
    return [f"{path}: {message}" for path, message in check_command(command)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Ban", 'name "Ban" has capitals; Discord wants "ban"'),
        ("ЗАБАНИТЬ", 'name "ЗАБАНИТЬ" has capitals; Discord wants "забанить"'),
        (
            "ban user",
            'name "ban user" has a space; only letters, numbers, -, _ and \u02bc are allowed, such as "ban-user"',
        ),
        ("isn't", 'name "isn\'t" has the character "\'"; Discord wants \u02bc (U+02BC): "isn\u02bct"'),
        ("isn\u2019t", 'name "isn\u2019t" has the character \'\u2019\'; Discord wants \u02bc (U+02BC): "isn\u02bct"'),
        (
            "Isn't it",
            (
                'name "Isn\'t it" has the character "\'"; only letters, numbers, -, _ and \u02bc are allowed,'
                ' such as "isn\u02bct-it"'
            ),
        ),
        (
            "cafe\u0301",
            (
                "name \"cafe\u0301\" has the character '\u0301'; only letters, numbers, -, _ and \u02bc are allowed,"
                ' such as "caf\u00e9"'
            ),
        ),
        ("\u0130yi", 'name "\u0130yi" has capitals; Discord wants "iyi"'),
        ("a\u200bb", 'name "a\u200bb" has the character U+200B; only letters, numbers, -, _ and \u02bc are allowed'),
        (
            "ban!",
            'name "ban!" has the character \'!\'; only letters, numbers, -, _ and \u02bc are allowed, such as "ban"',
        ),
        ("", "name is empty; 1 to 32 characters"),
        (" ", "name is blank; 1 to 32 characters"),
        ("b" * 33, "name has 33 characters; at most 32"),
        (5, "name must be text, not 5"),
        (None, "name is missing; 1 to 32 characters"),
    ],
)
def test_chat_input_names(name: object, message: str) -> None:
    """Slash names have no capitals, spaces or punctuation, in any script."""
    path = f"/{name}" if isinstance(name, str) else ""
    assert check_command(ban(name=name)) == [(path, message)]


@pytest.mark.parametrize(
    "name", ["ban", "l\u02bcancre", "a-b_c", "निषेध", "ห้าม", "禁止", "금지", "größe", "1", "b" * 32, "ǆ"]
)
def test_names_of_all_scripts_are_welcome(name: str) -> None:
    """Hindi and Thai need their vowel signs, French its apostrophe, and 32 is counted in characters."""
    assert messages(ban(name=name)) == []


@pytest.mark.parametrize("kind", [CommandType.USER, CommandType.MESSAGE])
def test_menu_commands_are_named_freely_and_say_no_more(kind: CommandType) -> None:
    """User and message commands may have capitals and spaces, but neither description nor options."""
    assert check_command({"type": int(kind), "name": "Report It!", "description": ""}) == []
    words = kind.name.lower()
    wrong = {"type": int(kind), "name": "Report", "description": "x", "options": [option()], "handler": 1}
    assert messages(wrong) == [
        f'{words} command "Report": description is not shown for {words} commands; leave it out',
        f'{words} command "Report": handler belongs to entry points only',
        f'{words} command "Report": options belong to chat input commands only',
    ]


def test_descriptions() -> None:
    """A slash command and its options are described in 1 to 100 characters."""
    assert messages(ban(description="x" * 120)) == ["/ban: description has 120 characters; at most 100"]
    assert messages(ban(description=None)) == ["/ban: description is missing; 1 to 100 characters"]
    assert messages(ban(option(description=""))) == ["/ban reason: description is empty; 1 to 100 characters"]
    assert messages(ban(description="👍" * 100)) == []


def test_localizations() -> None:
    """Locales are Discord's 32, and a translation obeys the rule of what it translates."""
    assert messages(ban(name_localizations=dict.fromkeys(LOCALES, "x"))) == []
    assert messages(ban(name_localizations={"en": "x", "nn": "y", "ar": "z"})) == [
        '/ban: name_localizations has the unknown locale "en"; did you mean "en-GB" or "en-US"?',
        '/ban: name_localizations has the unknown locale "nn"',
        '/ban: name_localizations has the unknown locale "ar"',
    ]
    localized = option(name_localizations={"de": "Grund"}, description_localizations={"de": "x" * 101})
    assert messages(ban(localized)) == [
        '/ban reason: name_localizations.de "Grund" has capitals; Discord wants "grund"',
        "/ban reason: description_localizations.de has 101 characters; at most 100",
    ]


def test_required_options_come_first() -> None:
    """Discord refuses a required option after an optional one."""
    command = ban(option(), option(OptionType.USER, "user", required=True), option(name="last"))
    assert messages(command) == [
        '/ban user: is required but comes after "reason", which is optional; required options come first'
    ]


def test_option_names_are_unique_at_one_level() -> None:
    """Two options of one name cannot be told apart."""
    assert messages(ban(option(), option())) == ['/ban: 2 options are named "reason"; names are unique at one level']


def test_twenty_five_options_and_choices() -> None:
    """25 is the limit at every level."""
    many = [option(name=f"o{number}") for number in range(26)]
    choices = [{"name": str(number), "value": str(number)} for number in range(26)]
    assert messages(ban(*many)) == ["/ban: 26 options at one level; at most 25"]
    assert messages(ban(option(choices=choices))) == ["/ban reason: 26 choices; at most 25"]
    assert messages(ban(*many[:25])) == messages(ban(option(choices=choices[:25]))) == []


def test_nesting() -> None:
    """Command, group, sub-command, option; nothing deeper, and no mixture."""
    sub = option(OptionType.SUB_COMMAND, "set", options=[option()])
    group = option(OptionType.SUB_COMMAND_GROUP, "log", options=[sub])
    assert messages(ban(group, sub)) == []
    assert messages(ban(sub, option())) == ["/ban: sub-commands and other options are mixed; a command has either"]
    deeper = option(OptionType.SUB_COMMAND_GROUP, "out", options=[group])
    assert messages(ban(deeper)) == [
        "/ban out log: is of kind sub-command group; a sub-command group holds sub-commands only"
    ]
    inside = option(OptionType.SUB_COMMAND, "out", options=[sub])
    assert messages(ban(inside)) == ["/ban out set: a sub-command cannot be inside a sub-command"]
    assert messages(ban({**sub, "required": True})) == [
        "/ban set: required is for options that take a value, not for sub-command"
    ]


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (3, {"min_length": 7, "max_length": 3}, "min_length 7 is above max_length 3"),
        (3, {"min_length": 6001}, "min_length is 6001; 0 to 6,000"),
        (3, {"max_length": 0}, "max_length is 0; 1 to 6,000"),
        (3, {"max_length": 2.5}, "max_length must be a whole number, not 2.5"),
        (3, {"min_value": 1}, "min_value is for integer and number options, not for string"),
        (4, {"min_length": 1}, "min_length is for string options, not for integer"),
        (4, {"min_value": 5, "max_value": 4}, "min_value 5 is above max_value 4"),
        (
            4,
            {"max_value": 2**53},
            "max_value is 9007199254740992; -9,007,199,254,740,991 to 9,007,199,254,740,991",
        ),
        (4, {"min_value": 0.5}, "min_value must be a whole number, not 0.5"),
        (10, {"min_value": "1"}, 'min_value must be a number, not "1"'),
        (6, {"autocomplete": True}, "autocomplete is for string, integer and number options, not for user"),
        (6, {"channel_types": [0]}, "channel_types is for channel options, not for user"),
        (7, {"channel_types": [6]}, "channel_types has the unknown value 6"),
        (7, {"channel_types": [0, 0]}, "channel_types has a value twice"),
        (11, {"file_types": ["png"]}, 'file_types has "png"; image, video, audio or an ending such as .png'),
        (11, {"file_types": [".a"] * 11}, "11 file_types; at most 10"),
        (3, {"required": "yes"}, 'required must be true or false, not "yes"'),
        (12, {}, "type 12 is no option type (1 to 11)"),
        ("3", {}, 'type "3" is no option type (1 to 11)'),
    ],
)
def test_fields_of_one_kind(kind: Any, fields: dict[str, Any], message: str) -> None:
    """Bounds, channel types and file types belong to their kinds and have limits of their own."""
    found = messages(ban({**option(), "type": kind, **fields}))
    assert found == [f"/ban reason: {message}"]


def test_choices() -> None:
    """Choices have the kind of their option, are short, and exclude autocomplete."""
    long = {"name": "Long", "value": "x" * 101}
    number = {"name": "Number", "value": 5}
    nameless = {"name": "", "value": "x"}
    found = messages(ban(option(choices=[long, number, nameless, {"name": "None"}], autocomplete=True)))
    assert found == [
        "/ban reason: has choices and autocomplete; Discord allows one of the two",
        '/ban reason: choice "Long" value has 101 characters; at most 100',
        '/ban reason: choice "Number" value must be text, as the option is, not 5',
        "/ban reason: choice name is empty; 1 to 100 characters",
        '/ban reason: choice "None" has no value',
    ]
    whole = option(OptionType.INTEGER, choices=[{"name": "Half", "value": 0.5}])
    assert messages(ban(whole)) == ['/ban reason: choice "Half" value must be a whole number, not 0.5']


def test_entry_points() -> None:
    """An entry point has a handler and no options, and stands in the global scope, once."""
    launch = {"type": 4, "name": "Launch", "handler": 2}
    assert check_scope([launch], GLOBAL) == []
    assert messages({**launch, "handler": 3}) == [
        'entry point "Launch": handler 3 is not 1 (app_handler) or 2 (discord_launch_activity)'
    ]
    assert check_scope([launch], GUILD) == [
        ('entry point "Launch"', "an entry point is global; it cannot be in a guild")
    ]
    assert check_scope([launch, {**launch, "name": "Other"}], GLOBAL) == [
        ("", "2 entry points in one scope; at most 1")
    ]


def test_contexts_and_integration_types() -> None:
    """An empty list would make the command unreachable; null and absent are Discord's choice."""
    assert messages(ban(contexts=None, integration_types=None)) == []
    assert messages(ban(contexts=[], integration_types=[0, 0, 2])) == [
        "/ban: contexts is empty; name at least one, or leave it out for Discord's default",
        "/ban: integration_types has the unknown value 2",
        "/ban: integration_types has a value twice",
    ]
    assert check_scope([ban(contexts=[0])], GUILD) == []


def test_permissions_have_a_bound() -> None:
    """The largest set of all known permissions has 54 bits; text must be decimal digits."""
    assert messages(ban(default_member_permissions=str(2**54 - 1))) == []
    assert messages(ban(default_member_permissions=str(2**54))) == [
        "/ban: default_member_permissions is 18014398509481984; 0 to 18,014,398,509,481,983"
    ]
    assert messages(ban(default_member_permissions="0x8")) == [
        '/ban: default_member_permissions must be a decimal number, not "0x8"'
    ]


def eight_thousand(extra: int) -> dict[str, Any]:
    """A command of 8,000 characters and `extra` more."""
    choices = [{"name": f"{number:02}" + "n" * 38, "value": "v" * 40} for number in range(20)]
    options = [option(name=f"o{number}", description="d" * 48, choices=choices) for number in range(4)]
    command = ban(*options, description="d")
    left = 8000 + extra - characters(command)
    for number in range(4, 25):
        size = min(left, 100 + 3)
        if size > 3:
            command["options"].append(option(name=f"o{number:02}", description="d" * (size - 3)))
            left -= size
    assert left == 0
    return command


def test_eight_thousand_characters() -> None:
    """Names, descriptions and choice values of a whole command are counted together."""
    assert messages(eight_thousand(0)) == []
    assert messages(eight_thousand(1)) == [
        "/ban: 8,001 characters in names, descriptions and choice values; at most 8,000"
    ]


def test_characters_count_at_every_level() -> None:
    """A choice four levels down counts like the command's name; numbers count by their digits."""
    choices = [{"name": "Ten", "value": 10}]
    inner = {"type": 4, "name": "days", "description": "Days", "choices": choices}
    sub = {"type": 1, "name": "set", "description": "Sets", "options": [inner]}
    group = {"type": 2, "name": "log", "description": "Logs", "options": [sub]}
    assert characters(ban(group)) == len("banBans somebody" + "logLogs" + "setSets" + "daysDays" + "Ten10")


def test_only_the_longest_translation_counts() -> None:
    """32 translations do not use up the limit 32 times, but a longer one counts instead of the default."""
    base = ban(option())
    shorter = ban(option(description_localizations={"de": "kurz", "fr": "court"}))
    longer = ban(option(description_localizations={"de": "Wozu denn eigentlich", "fr": "court"}))
    assert characters(base) == len("banBans somebodyreasonWhat for")
    assert characters(shorter) == characters(base)
    assert characters(longer) == characters(base) + len("Wozu denn eigentlich") - len("What for")


@pytest.mark.parametrize(
    ("kind", "most", "words"),
    [(1, 100, "chat input commands"), (2, 15, "user commands"), (3, 15, "message commands")],
)
@pytest.mark.parametrize("scope", [GLOBAL, GUILD])
def test_commands_per_scope(kind: int, most: int, words: str, scope: str) -> None:
    """Each kind has its own limit, in the global scope and in every guild."""
    described = {"description": "x"} if kind == 1 else {}
    several = [{"type": kind, "name": f"c{number}", **described} for number in range(most + 1)]
    assert check_scope(several[:most], scope) == []
    assert check_scope(several, scope) == [("", f"{most + 1} {words} in one scope; at most {most}")]


def test_names_are_unique_per_kind() -> None:
    """A slash command and a user command may share a name; two slash commands may not."""
    user = {"type": 2, "name": "ban"}
    assert check_scope([ban(), user], GLOBAL) == []
    twice = [("/ban", "is there more than once; names are unique per kind in one scope")]
    assert check_scope([ban(), user, ban(type=1)], GLOBAL) == twice
    assert check_scope([ban(), user, ban(type=1), ban()], GLOBAL) == twice


def test_all_problems_at_once() -> None:
    """A person mends a file in one go, not one message at a time."""
    command = ban(option(name="Why"), name="Ban", description="", nsfw="no", type=1)
    assert messages(command) == [
        '/Ban: name "Ban" has capitals; Discord wants "ban"',
        "/Ban: description is empty; 1 to 100 characters",
        '/Ban: nsfw must be true or false, not "no"',
        '/Ban Why: name "Why" has capitals; Discord wants "why"',
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)
FIELDS = [
    "name", "type", "description", "options", "choices", "value", "required", "autocomplete", "min_value",
    "max_value", "min_length", "max_length", "channel_types", "file_types", "contexts", "integration_types",
    "default_member_permissions", "nsfw", "dm_permission", "handler", "name_localizations",
    "description_localizations",
]  # fmt: skip
NEARLY = st.recursive(
    JSON | st.integers(0, 12) | st.just(10**400) | st.just("9" * 5000) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
    max_leaves=25,
)


@given(NEARLY)
def test_rules_never_raise(value: Any) -> None:
    """Whatever a file or a server holds, the answer is a list of problems."""
    assert all(path is not None and message for path, message in check_command(value))
    check_scope([value, value], GLOBAL)


@given(st.sampled_from([GLOBAL, GUILD]).flatmap(command_sets))
@settings(max_examples=40, deadline=None)
def test_generated_sets_are_valid(several: list[dict[str, Any]]) -> None:
    """The commands that all other tests use obey the rules, so that a failure there is a failure there."""
    assert check_scope(several, GLOBAL) == []


@given(commands(), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_mutation_is_valid_and_visible(command: dict[str, Any], seed: int) -> None:
    """A mutated field leaves a valid command that is not the same command."""
    assert check_command(command) == []
    changes = list(mutations(command))
    for path, mutated in seeded(seed).sample(changes, min(15, len(changes))):
        assert check_command(mutated) == [], path
        assert canonical(mutated, GLOBAL) != canonical(command, GLOBAL), path


def test_generated_commands_cover_everything() -> None:
    """Every kind, field, option kind and channel state occurs; a generator that avoids one proves nothing."""
    rng = seeded(7)
    several = [random_command(rng) for _ in range(1500)]
    options = list(_options_of(several))
    assert {command.get("type") or 1 for command in several} == set(CommandType)
    assert {option["type"] for option in options} == set(OptionType)
    seen = {field for part in [*several, *options] for field in part}
    assert seen | {"value"} == set(FIELDS)
    for field in ("contexts", "integration_types", "name_localizations", "dm_permission"):
        states = {type(command.get(field, "unset")).__name__ for command in several}
        assert {"str", "NoneType"} < states, field


def test_the_same_seed_gives_the_same_commands() -> None:
    """A failure found with a seed can be found again."""
    assert random_commands(seeded(3), GUILD, 50) == random_commands(seeded(3), GUILD, 50)
    assert len(random_commands(seeded(3), GLOBAL, 130)) == 130


SPOILERS: list[Any] = [
    None, True, 0, 1, 2, 5, -1, 0.5, 2**53, "", " ", "A", "a b", "x" * 33, "x" * 101, [], {}, [0], [1, 1],
    [9], {"de": "ok"}, {"de": "Not Ok"}, {"xx": "a"}, ["image"], ["png"], [{"name": "n", "value": "v"}],
    [{"type": 3, "name": "a", "description": "b", "required": True}],
]  # fmt: skip


def test_what_the_rules_accept_the_sandbox_accepts() -> None:
    """Two readings of the documentation agree: what passes here is not refused half-way through a deploy."""
    rng = seeded(5)
    accepted = 0
    for _ in range(2500):
        command = copy.deepcopy(random_command(rng))
        part = rng.choice([command, *_options_of([command])])
        fields = Command.model_fields if part is command else Option.model_fields
        part[rng.choice(sorted(fields.keys() & set(FIELDS)))] = copy.deepcopy(rng.choice(SPOILERS))
        if not check_command(command):
            accepted += 1
            form = Form()
            sandbox_check(form, (), stored(command), scope=GLOBAL, install_types={0, 1})
            assert form.errors == {}, command
    assert 200 < accepted < 2000


def _options_of(parts: list[dict[str, Any]]) -> Any:
    for part in parts:
        inner = part.get("options") or []
        yield from inner
        yield from _options_of(inner)
