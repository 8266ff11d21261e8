"""What the double refuses, and where in the nested form error it says so."""

from __future__ import annotations

import pytest
from sandbox_client import GUILD, Client, option, slash

from botswain.sandbox.options import is_chat_name
from botswain.sandbox.validate import characters


def refusals(command, scope="global"):
    """Paths and codes of the complaints about one command."""
    answer = Client().post(command, scope)
    if answer.status < 300:
        return {}
    assert (answer.status, answer.code, answer.data["message"]) == (400, 50035, "Invalid Form Body")
    found = {}

    def walk(place, path):
        for key, value in place.items():
            if key == "_errors":
                found[".".join(path)] = [one["code"] for one in value]
            else:
                walk(value, [*path, key])

    walk(answer.data["errors"], [])
    return found


def many(count):
    """So many options."""
    return [option(f"o{index}") for index in range(count)]


def localized(length):
    """A German text of that length."""
    return {"de": "x" * length}


GOOD = {
    "a plain command": slash(),
    "letters of any script and an apostrophe": slash("naïve-l\u02bcété_東京"),
    "thai with tone marks": slash("คำสั่ง"),
    "hindi with vowel signs": slash("मौसम"),
    "permissions as text": slash(default_member_permissions="32"),
    "permissions as a number": slash(default_member_permissions=32),
    "media channels": slash(options=[option(kind=7, channel_types=[16])]),
    "a context menu with capitals and spaces": {"name": "Report This", "type": 3},
    "a context menu with an empty description": {"name": "Who", "type": 2, "description": ""},
    "group, sub-command, option": slash(options=[option("g", 2, options=[option("s", 1, options=many(25))])]),
    "an empty string as a choice": slash(options=[option(choices=[{"name": "none", "value": ""}])]),
    "unknown keys": slash(flavour="vanilla"),
    "a length range": slash(options=[option(min_length=0, max_length=6000)]),
}


@pytest.mark.parametrize("command", GOOD.values(), ids=GOOD.keys())
def test_accepts(command):
    """Everything documented as valid passes, even where the published schema would refuse it."""
    assert refusals(command) == {}


BAD = {
    "no name": ({"description": "x"}, "name", "BASE_TYPE_REQUIRED"),
    "name too long": (slash("a" * 33), "name", "BASE_TYPE_BAD_LENGTH"),
    "name no text": (slash() | {"name": 5}, "name", "STRING_TYPE_CONVERT"),
    "capitals": (slash("Ping"), "name", "APPLICATION_COMMAND_INVALID_NAME"),
    "a space": (slash("pi ng"), "name", "STRING_TYPE_REGEX"),
    "an apostrophe of keyboards": (slash("isn't"), "name", "STRING_TYPE_REGEX"),
    "a localized capital": (
        slash(name_localizations={"de": "Ping"}),
        "name_localizations.de",
        "APPLICATION_COMMAND_INVALID_NAME",
    ),
    "unknown locale": (slash(name_localizations={"xx": "a"}), "name_localizations.xx", "ENUM_TYPE_COERCE"),
    "locale of the schema alone": (
        slash(name_localizations={"ar": "a"}),
        "name_localizations.ar",
        "ENUM_TYPE_COERCE",
    ),
    "no description": ({"name": "a"}, "description", "BASE_TYPE_REQUIRED"),
    "empty description": (slash(description=""), "description", "BASE_TYPE_REQUIRED"),
    "description too long": (slash(description="x" * 101), "description", "BASE_TYPE_BAD_LENGTH"),
    "localized description too long": (
        slash(description_localizations=localized(101)),
        "description_localizations.de",
        "BASE_TYPE_BAD_LENGTH",
    ),
    "description of a context menu": (
        {"name": "Who", "type": 2, "description": "x"},
        "description",
        "APPLICATION_COMMAND_INVALID_DESCRIPTION",
    ),
    "options of a context menu": (
        {"name": "Who", "type": 3, "options": [option()]},
        "options",
        "APPLICATION_COMMAND_INVALID_OPTIONS",
    ),
    "options of an entry point": (
        {"name": "Launch", "type": 4, "options": [option()]},
        "options",
        "APPLICATION_COMMAND_INVALID_OPTIONS",
    ),
    "unknown type": (slash(type=9), "type", "BASE_TYPE_CHOICES"),
    "unknown handler": ({"name": "Launch", "type": 4, "handler": 3}, "handler", "BASE_TYPE_CHOICES"),
    "26 options": (slash(options=many(26)), "options", "BASE_TYPE_MAX_LENGTH"),
    "options no list": (slash(options={}), "options", "LIST_TYPE_CONVERT"),
    "option no object": (slash(options=["x"]), "options.0", "MODEL_TYPE_CONVERT"),
    "option without a type": (
        slash(options=[{"name": "a", "description": "b"}]),
        "options.0.type",
        "BASE_TYPE_REQUIRED",
    ),
    "option name twice": (
        slash(options=[option("a"), option("a")]),
        "options.1.name",
        "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
    ),
    "required after optional": (
        slash(options=[option("a"), option("b", required=True)]),
        "options.1",
        "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
    ),
    "sub-command beside an option": (
        slash(options=[option("a", 1), option("b")]),
        "options.0.type",
        "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
    ),
    "a group in a group": (
        slash(options=[option("a", 2, options=[option("b", 2)])]),
        "options.0.options.0.type",
        "BASE_TYPE_CHOICES",
    ),
    "a sub-command in a sub-command": (
        slash(options=[option("a", 1, options=[option("b", 1)])]),
        "options.0.options.0.type",
        "BASE_TYPE_CHOICES",
    ),
    "26 choices": (
        slash(options=[option(choices=[{"name": str(n), "value": "v"} for n in range(26)])]),
        "options.0.choices",
        "BASE_TYPE_MAX_LENGTH",
    ),
    "choice value of 101": (
        slash(options=[option(choices=[{"name": "n", "value": "v" * 101}])]),
        "options.0.choices.0.value",
        "BASE_TYPE_MAX_LENGTH",
    ),
    "choice value of another type": (
        slash(options=[option(kind=4, choices=[{"name": "n", "value": "1"}])]),
        "options.0.choices.0.value",
        "NUMBER_TYPE_COERCE",
    ),
    "choices and autocomplete": (
        slash(options=[option(autocomplete=True, choices=[{"name": "n", "value": "v"}])]),
        "options.0.choices",
        "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_INVALID",
    ),
    "least length over most": (
        slash(options=[option(min_length=5, max_length=4)]),
        "options.0.min_length",
        "APPLICATION_COMMAND_OPTIONS_MIN_LENGTH_EXCEEDS_MAX_LENGTH",
    ),
    "most length of nothing": (
        slash(options=[option(max_length=0)]),
        "options.0.max_length",
        "NUMBER_TYPE_MIN",
    ),
    "least value over most": (
        slash(options=[option(kind=10, min_value=2.5, max_value=1)]),
        "options.0.min_value",
        "APPLICATION_COMMAND_OPTIONS_MIN_VALUE_EXCEEDS_MAX_VALUE",
    ),
    "integer beyond 2^53": (
        slash(options=[option(kind=4, max_value=2**53)]),
        "options.0.max_value",
        "NUMBER_TYPE_MAX",
    ),
    "unknown channel type": (
        slash(options=[option(kind=7, channel_types=[6])]),
        "options.0.channel_types.0",
        "BASE_TYPE_CHOICES",
    ),
    "channel type twice": (
        slash(options=[option(kind=7, channel_types=[0, 0])]),
        "options.0.channel_types",
        "SET_TYPE_CONTAINS_DUPLICATE",
    ),
    "11 file types": (
        slash(options=[option(kind=11, file_types=[f".{n}" for n in range(11)])]),
        "options.0.file_types",
        "BASE_TYPE_MAX_LENGTH",
    ),
    "permissions beyond the highest bit": (
        slash(default_member_permissions=str(2**54)),
        "default_member_permissions",
        "NUMBER_TYPE_MAX",
    ),
    "permissions no number": (
        slash(default_member_permissions="all"),
        "default_member_permissions",
        "NUMBER_TYPE_COERCE",
    ),
    "nsfw no boolean": (slash(nsfw="yes"), "nsfw", "BOOLEAN_TYPE_CONVERT"),
    "no context at all": (slash(contexts=[]), "contexts", "BASE_TYPE_MIN_LENGTH"),
    "unknown context": (slash(contexts=[3]), "contexts.0", "BASE_TYPE_CHOICES"),
    "unknown install type": (slash(integration_types=[2]), "integration_types.0", "BASE_TYPE_CHOICES"),
}


@pytest.mark.parametrize(("command", "path", "code"), BAD.values(), ids=BAD.keys())
def test_refuses(command, path, code):
    """Each rule has its place in the error and is the only complaint about its example."""
    assert refusals(command) == {path: [code]}


def test_all_complaints_at_once():
    """Everything wrong with a body is told, nested by key and index."""
    command = slash("Bad Name", description="", options=[option("a", required=True), {"type": 3, "name": "B"}])
    assert set(refusals(command)) == {"name", "description", "options.1.name", "options.1.description"}


def test_install_type_that_the_application_lacks():
    """`integration_types` must be enabled on the application."""
    client = Client()
    client.ask("PATCH", "/applications/@me", {"integration_types_config": {"0": {}}})
    answer = client.post(slash(integration_types=[1]), "global")
    assert "integration_types" in answer.data["errors"]


def test_guild_commands_ignore_what_only_global_ones_have():
    """Contexts and install types of a guild command are neither checked nor kept."""
    answer = Client().post(slash(contexts=[9], integration_types=[9], dm_permission=False), GUILD)
    assert answer.status == 201
    assert not {"contexts", "integration_types", "dm_permission"} & set(answer.data)


def big(size):
    """A command of exactly so many characters, between 7,500 and 8,100."""
    options = [option(f"o{index:02}", description="d" * 97) for index in range(25)]
    for each in options[:20]:
        each["choices"] = [{"name": f"{n:02}" + "n" * 23, "value": "v" * 25} for n in range(5)]
    command = slash("big", description="d", options=options)
    rest = size - characters(command)
    fill = [100] * (rest // 200) + [rest % 200 // 2]
    options[-1]["choices"] = [
        {"name": f"{n:02}".ljust(length, "n"), "value": "v" * length} for n, length in enumerate(fill)
    ]
    options[-1]["choices"][-1]["value"] += "v" * (rest % 2)
    assert characters(command) == size
    return command


def test_8000_characters_and_not_one_more():
    """Names, descriptions and choice values count together."""
    assert refusals(big(8000)) == {}
    assert refusals(big(8001)) == {"": ["APPLICATION_COMMAND_TOO_LARGE"]}


def test_of_a_localized_field_only_the_longest_counts():
    """Ten translations no longer than the original cost nothing."""
    plain = slash("ping", description="d" * 50)
    translated = plain | {"description_localizations": dict.fromkeys(("de", "fr", "it"), "d" * 50)}
    assert characters(translated) == characters(plain) == 54
    assert characters(plain | {"description_localizations": {"de": "d" * 60, "fr": ""}}) == 64


def test_too_large_in_a_put_is_told_under_its_index():
    """The first level is the index in the payload that was sent."""
    answer = Client().put([slash("a"), big(8001)])
    assert answer.data["errors"]["1"]["_errors"][0]["code"] == "APPLICATION_COMMAND_TOO_LARGE"


def test_duplicate_names_in_a_put():
    """Names are unique per type: the second of two slash commands is refused, a user command is not."""
    answer = Client().put([slash("a"), {"name": "a", "type": 2}, slash("a")])
    assert set(answer.data["errors"]) == {"2"}
    assert answer.data["errors"]["2"]["name"]["_errors"][0] == {
        "code": "APPLICATION_COMMANDS_DUPLICATE_NAME",
        "message": "Application command names must be unique",
    }


def test_body_that_is_no_json():
    """50109, and for another content type a form error."""
    client = Client()
    assert client.put(b"{").code == 50109
    answer = client.put([], Content_Type="text/plain")
    assert answer.data["errors"]["_errors"][0]["code"] == "CONTENT_TYPE_INVALID"
    assert client.put([], Content_Type="application/json; charset=utf-8").status == 200


def test_body_of_the_wrong_shape():
    """A PUT takes a list, a POST an object."""
    client = Client()
    assert client.put({}).data["errors"]["_errors"][0]["code"] == "LIST_TYPE_CONVERT"
    assert client.post([]).data["errors"]["_errors"][0]["code"] == "MODEL_TYPE_CONVERT"


@pytest.mark.parametrize(("name", "fine"), [("ß", True), ("É", False), ("a.b", False), ("٣", True), ("a\n", False)])
def test_chat_names(name, fine):
    """Any letter or number, lower case where there is one, and nothing else but - _ and the apostrophe."""
    assert is_chat_name(name) is fine
