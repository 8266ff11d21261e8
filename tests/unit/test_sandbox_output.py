"""What comes back is not what was sent: the noise that a comparison has to live with."""

from __future__ import annotations

import pytest
from sandbox_client import APP, GUILD, Client, option, slash


@pytest.fixture
def client():
    """A bot without limits."""
    return Client()


def test_keys_of_a_guild_command(client):
    """A guild command has its guild, and nothing that only global commands have."""
    made = client.post(slash()).data
    assert made == {
        "id": made["id"],
        "application_id": APP,
        "version": made["version"],
        "default_member_permissions": None,
        "type": 1,
        "name": "ping",
        "name_localizations": None,
        "description": "About ping",
        "description_localizations": None,
        "guild_id": GUILD,
        "nsfw": False,
    }


def test_keys_that_only_global_commands_have(client):
    """`dm_permission` is always a boolean; contexts and install types are filled in."""
    made = client.post(slash(), "global").data
    extra = {"dm_permission": True, "contexts": [0, 1, 2], "integration_types": [0, 1]}
    assert {key: made[key] for key in extra} == extra
    assert "guild_id" not in made


@pytest.mark.parametrize(
    "noise",
    [
        {"options": []},
        {"options": None},
        {"name_localizations": {}},
        {"description_localizations": None},
        {"nsfw": None},
        {"type": None},
        {"default_permission": True},
    ],
)
def test_empty_fields_leave_no_trace(client, noise):
    """Empty lists and maps, null and unknown keys come back as if never sent."""
    plain = client.post(slash()).data
    assert client.post(slash(**noise)).data == plain


@pytest.mark.parametrize(
    "noise",
    [
        {"required": False},
        {"autocomplete": False},
        {"choices": []},
        {"min_length": None, "max_length": None},
        {"channel_types": [0]},
        {"min_value": 3},
        {"name_localizations": {}},
    ],
)
def test_empty_option_fields_leave_no_trace(client, noise):
    """False, empty and inapplicable option fields vanish."""
    plain = client.post(slash(options=[option()])).data
    assert client.post(slash(options=[option(**noise)])).data == plain


def test_true_and_set_option_fields_stay(client):
    """What says something comes back, in the order sent."""
    options = [
        option("a", required=True, min_length=0, max_length=5),
        option("b", kind=4, autocomplete=True, min_value=0),
        option("c", choices=[{"name": "z", "value": "1"}, {"name": "a", "value": "2"}]),
    ]
    got = client.post(slash(options=options)).data["options"]
    expected = [{**one, "name_localizations": None, "description_localizations": None} for one in options]
    assert got == expected


@pytest.mark.parametrize(("sent", "got"), [(32, "32"), ("32", "32"), ("0", "0"), (0, "0"), (None, None)])
def test_permissions_come_back_as_text(client, sent, got):
    """A number becomes a string; `"0"` is not null."""
    assert client.post(slash(default_member_permissions=sent)).data["default_member_permissions"] == got


def test_context_menus_have_an_empty_description(client):
    """Users and messages have no description but the empty text."""
    assert client.post({"name": "Who", "type": 2}).data["description"] == ""


def test_sets_have_no_order(client):
    """Contexts, install types and channel types in another order are the same command."""
    one = slash(contexts=[2, 0], integration_types=[1, 0], options=[option(kind=7, channel_types=[5, 0])])
    other = slash(contexts=[0, 2], integration_types=[0, 1], options=[option(kind=7, channel_types=[0, 5])])
    assert client.post(one, "global").data["version"] == client.post(other, "global").data["version"]


GERMAN = {"de": "klingel"}
CHOICE = {"name": "a", "value": "a", "name_localizations": GERMAN}
TRANSLATED = slash(
    name_localizations=GERMAN,
    options=[option(name_localizations=GERMAN, choices=[CHOICE])],
)


def parts(command):
    """A command, its option, and that one's choice."""
    option = command["options"][0]
    return command, option, option["choices"][0]


def test_lists_leave_localizations_out_unless_asked(client):
    """A plain list has no localization keys at any depth; asked for, it has what a single GET has."""
    made = client.put([TRANSLATED]).data[0]
    for part in parts(client.get().data[0]):
        assert not any("local" in key for key in part)
    (full,) = client.get(query="with_localizations=true").data
    assert full == made == client.ask("GET", f"{client.scope_path(GUILD)}/{made['id']}").data
    for part in parts(full):
        assert part["name_localizations"] == GERMAN
    assert full["description_localizations"] is None


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"X_Discord_Locale": "de"}, True),
        ({"Accept_Language": "de;q=0.9, en"}, True),
        ({"X_Discord_Locale": "fr", "Accept_Language": "de"}, False),
        ({"Accept_Language": "*"}, False),
    ],
)
def test_the_callers_own_language(client, headers, told):
    """A plain list tells the caller's language, X-Discord-Locale before Accept-Language."""
    client.put([TRANSLATED])
    for part in parts(client.get(**headers).data[0]):
        assert part.get("name_localized") == ("klingel" if told else None)
