"""What people may write in a definition, and what Discord is sent for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from botswain.commands.canonical import canonical
from botswain.commands.definition import Definition
from botswain.commands.names import OWN_FIELDS, PERMISSIONS
from botswain.commands.schema import Choice, Command, Option, to_discord
from botswain.commands.structure import define
from botswain.discord import limits
from botswain.discord.enums import GLOBAL, CommandType, OptionType
from tests.strategies import random_command, seeded


def request(**fields: Any) -> dict[str, Any]:
    """The request for `/ban` with these fields."""
    return to_discord(Command.model_validate({"name": "ban", "description": "Bans", **fields}))


def problems(**fields: Any) -> list[str]:
    """What is wrong with `/ban` with these fields."""
    made = define({"name": "ban", "description": "Bans", **fields}, "ban.yaml")
    return [] if isinstance(made, Definition) else [str(problem) for problem in made]


def test_only_written_fields_are_sent() -> None:
    """A default that nobody wrote is never sent: it could undo what Discord chose."""
    assert request() == {"name": "ban", "description": "Bans"}


def test_unset_null_and_set_are_three_things() -> None:
    """`contexts: null` was written on purpose and is sent; leaving it out leaves it to Discord."""
    assert "contexts" not in request()
    assert request(contexts=None)["contexts"] is None
    assert request(contexts=["guild"])["contexts"] == [0]


def test_names_and_numbers_are_the_same() -> None:
    """Every kind may be a name in any case or Discord's number, and JSON gets plain numbers."""
    by_name = request(
        type="chat_input",
        contexts=["guild", "BOT_DM"],
        integration_types=["user_install"],
        options=[{"type": "channel", "name": "where", "description": "Where", "channel_types": ["guild_text", 16]}],
    )
    by_number = request(
        type=1,
        contexts=[0, 1],
        integration_types=[1],
        options=[{"type": 7, "name": "where", "description": "Where", "channel_types": [0, 16]}],
    )
    assert json.dumps(by_name) == json.dumps(by_number)
    assert type(by_name["type"]) is int


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        (["manage_messages", "ban_members"], "8196"),
        (["BYPASS_SLOWMODE"], str(1 << 52)),
        ([], "0"),
        (0, "0"),
        ("8192", "8192"),
        ("008", "8"),
        (8192, "8192"),
        (None, None),
    ],
)
def test_permissions_are_sent_as_a_decimal_string(written: object, sent: str | None) -> None:
    """Names, numbers and digits give one string; no permission at all means administrators, null everyone."""
    assert request(default_member_permissions=written)["default_member_permissions"] == sent


def test_permission_bits_are_those_of_the_documentation() -> None:
    """The bits are positions in a list, so one name too many would move all that follow."""
    known = {"administrator": 3, "manage_messages": 13, "moderate_members": 40, "send_voice_messages": 46}
    later = {
        "set_voice_channel_status": 48,
        "use_external_apps": 50,
        "pin_messages": 51,
        "bypass_slowmode": 52,
    }
    assert {name: PERMISSIONS[name] for name in known | later} == {
        name: 1 << bit for name, bit in (known | later).items()
    }
    assert len(PERMISSIONS) == 52


@pytest.mark.parametrize("spelling", ["developmentOnly", "development_only"])
def test_own_fields_are_understood_and_not_sent(spelling: str) -> None:
    """The field developmentOnly is for Botswain; Discord would not know it."""
    made = define({"name": "reload", "description": "Reloads", spelling: True}, "reload.yaml")
    assert isinstance(made, Definition)
    assert (made.development_only, made.owner_only) == (True, False)
    assert made.payload == {"name": "reload", "description": "Reloads"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"nsfw": "yes"}, '/ban.nsfw: must be true or false, not "yes"'),
        ({"nsfw": 1}, "/ban.nsfw: must be true or false, not 1"),
        ({"description": 5}, "/ban.description: must be text, not 5"),
        ({"options": "user"}, '/ban.options: must be a list, not "user"'),
        ({"options": [5]}, "/ban options.0: must be a mapping of fields, not 5"),
        ({"contexts": "guild"}, '/ban.contexts: must be a list, not "guild"'),
        (
            {"contexts": ["gild"]},
            (
                "/ban.contexts.0: must be one of guild, bot_dm, private_channel (or its number),"
                ' not "gild"; did you mean "guild"?'
            ),
        ),
        (
            {"default_member_permissions": ["ban_member"]},
            '/ban.default_member_permissions: "ban_member" is not a permission; did you mean "ban_members"?',
        ),
        (
            {"default_member_permissions": "ban_members"},
            (
                "/ban.default_member_permissions: must be a list of permissions such as [manage_messages],"
                ' a number or null, not "ban_members"'
            ),
        ),
        (
            {"name_localizations": ["de"]},
            "/ban.name_localizations: must be a mapping of locales to texts, not a list",
        ),
        ({"name_localizations": {"de": None}}, "/ban.name_localizations.de: must be text, not null"),
        ({"descripton": "Bans"}, '/ban.descripton: unknown field; did you mean "description"?'),
        ({"developmentonly": True}, '/ban.developmentonly: unknown field; did you mean "developmentOnly"?'),
        ({"id": "1"}, "/ban.id: unknown field"),
    ],
)
def test_wrong_types_are_told_in_our_words(fields: dict[str, Any], message: str) -> None:
    """Nothing is converted silently, and the message names the field as it was written."""
    assert problems(**fields) == [f"ban.yaml: {message}"]


def test_wrong_types_inside_options_name_the_option() -> None:
    """A long list of options is searched by name, not by counting."""
    reason = {"type": "string", "name": "reason", "description": "Why", "max_length": "abc"}
    choice = {"name": "A", "value": None, "valeu": 1}
    inner = {"type": 4, "name": "n", "description": "N", "choices": [choice]}
    group = {
        "type": 2,
        "name": "g",
        "description": "G",
        "options": [{"type": 1, "name": "s", "options": [inner]}],
    }
    assert problems(options=[reason]) == ['ban.yaml: /ban reason.max_length: must be a whole number, not "abc"']
    assert problems(options=[group]) == [
        "ban.yaml: /ban g s.description: is missing",
        "ban.yaml: /ban g s n.choices.0.value: must be text or a number, not null",
        'ban.yaml: /ban g s n.choices.0.valeu: unknown field; did you mean "value"?',
    ]


def test_rules_are_checked_beside_a_wrong_field() -> None:
    """Mending the typing error must not be what reveals the next problem."""
    found = problems(name="Ban", nfsw=True, options=[{"type": 3, "name": "a", "description": "", "required": 1}])
    assert found == [
        "ban.yaml: /Ban a.required: must be true or false, not 1",
        'ban.yaml: /Ban.nfsw: unknown field; did you mean "nsfw"?',
        'ban.yaml: /Ban: name "Ban" has capitals; Discord wants "ban"',
        "ban.yaml: /Ban a: description is empty; 1 to 100 characters",
    ]


@pytest.mark.parametrize("number", [float("inf"), float("nan"), 10**400, True, "5"])
def test_a_bound_is_a_finite_number(number: object) -> None:
    """Values that JSON or Discord cannot carry are refused rather than crashing what comes later."""
    option = {"type": "number", "name": "n", "description": "N", "min_value": number}
    assert len(problems(options=[option])) == 1


def test_generated_requests_come_through_unchanged() -> None:
    """Discord's own JSON is a valid definition of itself, field for field."""
    rng = seeded(1)
    for _ in range(300):
        command = random_command(rng)
        made = define(command, "x.json")
        assert isinstance(made, Definition)
        assert made.payload == command
        assert canonical(made.payload, GLOBAL) == canonical(command, GLOBAL)


@pytest.fixture
def published(openapi: Any) -> dict[str, Any]:
    """The schemas of Discord's published API description."""
    schemas: dict[str, Any] = openapi["components"]["schemas"]
    return schemas


def test_every_published_command_field_is_known(published: dict[str, Any]) -> None:
    """A field that Discord adds to its request would otherwise be an unknown field to our users."""
    theirs = set(published["ApplicationCommandCreateRequest"]["properties"])
    documented = {"nsfw"}  # the documentation has it, the schema forgets it
    ours = {name for name in Command.model_fields if name not in OWN_FIELDS.values()}
    assert theirs | documented == ours


def test_every_published_option_field_is_known(published: dict[str, Any]) -> None:
    """The same for options of all kinds and for choices."""
    options = published["ApplicationCommandCreateRequest"]["properties"]["options"]["items"]["oneOf"]
    names = [option["$ref"].rsplit("/", 1)[1] for option in options]
    assert len(names) == len(OptionType)
    theirs = {field for name in names for field in published[name]["properties"]}
    documented = {"file_types"}  # newer than the schema
    assert set(Option.model_fields) == theirs | documented
    kinds = [published[f"ApplicationCommandOption{kind}Choice"] for kind in ("String", "Integer", "Number")]
    assert all(set(kind["properties"]) == set(Choice.model_fields) for kind in kinds)


def test_permissions_fit_the_published_bound(published: dict[str, Any]) -> None:
    """The bound doubles with each new permission; a change here means that a name may be missing."""
    field = published["ApplicationCommandCreateRequest"]["properties"]["default_member_permissions"]
    assert (field["minimum"], field["maximum"]) == limits.PERMISSIONS
    assert sum(PERMISSIONS.values()) <= field["maximum"]


def test_kinds_are_complete() -> None:
    """A kind that is sent as a name in JSON would be refused by Discord."""
    for kind in CommandType:
        assert request(type=kind.name.lower())["type"] == int(kind)
