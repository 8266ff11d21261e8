"""What discord.js bots write, in Discord's fields."""

from __future__ import annotations

import re
from typing import Any

import pytest

from botswain.commands.definition import Definition
from botswain.commands.names import PERMISSIONS
from botswain.commands.sources.fields import (
    defined,
    own_name,
    spellings,
    to_discord_fields,
    unknown_field,
    unknown_notes,
)
from botswain.commands.structure import define

NAMED: dict[str, Any] = {"name": "x", "description": "X"}


def permissions(written: Any) -> Any:
    """What becomes of default permissions."""
    return to_discord_fields({**NAMED, "defaultMemberPermissions": written})["default_member_permissions"]


def test_camel_case_at_every_level() -> None:
    """Fields of the command, its options, their options and choices; texts by locale keep their locales."""
    texts = {"pt-BR": "um", "zh-CN": "一", "nameLocalizations": "no locale, yet none of ours to rename"}
    written = {
        **NAMED,
        "nameLocalizations": texts,
        "descriptionLocalizations": texts,
        "dmPermission": False,
        "integrationTypes": [0],
        "options": [
            {
                "type": 1,
                "name": "sub",
                "options": [
                    {"name": "a", "minValue": 1, "maxValue": 2, "minLength": 3, "maxLength": 4, "channelTypes": [0]},
                    {"name": "b", "choices": [{"name": "c", "value": "nameLocalizations", "nameLocalizations": texts}]},
                ],
            }
        ],
    }
    assert to_discord_fields(written) == {
        **NAMED,
        "name_localizations": texts,
        "description_localizations": texts,
        "dm_permission": False,
        "integration_types": [0],
        "options": [
            {
                "type": 1,
                "name": "sub",
                "options": [
                    {
                        "name": "a",
                        "min_value": 1,
                        "max_value": 2,
                        "min_length": 3,
                        "max_length": 4,
                        "channel_types": [0],
                    },
                    {
                        "name": "b",
                        "choices": [{"name": "c", "value": "nameLocalizations", "name_localizations": texts}],
                    },
                ],
            }
        ],
    }


def test_discords_spelling_wins() -> None:
    """A command that has a field in both spellings means the one that Discord reads."""
    both = {**NAMED, "dm_permission": True, "dmPermission": False}
    assert to_discord_fields(both) == {**NAMED, "dm_permission": True}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (None, None),
        ("0", "0"),
        (8, 8),
        ([], 0),
        ([4, 4, "BanMembers"], 4),
        (["BanMembers", 8192, "2048"], 4 | 8192 | 2048),
        ("ManageGuildExpressions", 1 << 30),
        (["MANAGE_EMOJIS_AND_STICKERS", "ManageEmojisAndStickers"], 1 << 30),
        (["SendTTSMessages", "UseVAD", "ViewAuditLog"], 1 << 12 | 1 << 25 | 1 << 7),
        ([1 << 50, "manage_guild"], 1 << 50 | 1 << 5),
        (["BanMembers", "BanMemmbers"], ["BanMemmbers"]),
        ([True], [True]),
    ],
)
def test_permissions(written: Any, meant: Any) -> None:
    """Flags and names of any library's spelling become one number; what is none stays to be refused by its name."""
    assert permissions(written) == meant


def test_every_permission_has_its_flag_in_discord_js() -> None:
    """Names as discord.js spells its flags, `SendTTSMessages` and `UseVAD` among them."""
    for name, bit in PERMISSIONS.items():
        flag = re.sub("Tts|Vad", lambda found: found[0].upper(), name.title().replace("_", ""))
        assert permissions([flag]) == bit, name


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"default_permission": True}, {}),
        ({"default_permission": False}, {"default_member_permissions": "0"}),
        ({"defaultPermission": False}, {"default_member_permissions": "0"}),
        ({"default_permission": False, "default_member_permissions": "8"}, {"default_member_permissions": "8"}),
    ],
)
def test_default_permission_of_old_builders(written: Any, meant: Any) -> None:
    """False is for nobody but administrators, unless permissions are said; true says nothing."""
    assert to_discord_fields({**NAMED, **written}) == {**NAMED, **meant}


def test_values_that_make_no_sense_are_left_for_validation() -> None:
    """They are told with their path, and nothing here fails for them."""
    written = {**NAMED, "options": [5, {"name": "a", "type": 3, "description": "A", "choices": {"b": 1}}]}
    made = define(to_discord_fields(written), "x.js")
    assert isinstance(made, list)
    assert [problem.path for problem in made] == ["/x options.0", "/x a.choices"]


def test_misspelt_fields_are_told_apart_from_others() -> None:
    """A field that is one of Discord's but for a letter or two gets a proposal; `cooldown` is the bot's own."""
    own = ["cooldown", "aliases", "category", "usage", "permissions", "guildOnly", "longDescription"]
    assert [unknown_field("/x", one).meant for one in own] == [""] * len(own)
    assert unknown_field("/x", "defaultMemberPermission").meant == "defaultMemberPermissions"
    assert unknown_field("/x", "desciption").meant == "description"


def test_a_misspelt_field_in_code_is_left_out_with_a_proposal() -> None:
    """The bot runs without it, so it is deployed without it; a permission that is lost is said to be."""
    option = {"type": 3, "name": "o", "description": "O", "require": True, "choises": []}
    made, unknown = defined(
        {**NAMED, "descriptionLocalisations": {}, "defaultMemberPermission": 8, "options": [option]}, "x.js"
    )
    assert isinstance(made, Definition)
    assert made.payload == {**NAMED, "options": [{"type": 3, "name": "o", "description": "O"}]}
    dropped = "Discord has no such field, so it is left out"
    assert unknown_notes(unknown, "x.js") == [
        f'x.js: /x.descriptionLocalisations: {dropped}; did you mean "descriptionLocalizations"?',
        (
            f"x.js: /x.defaultMemberPermission: {dropped} and everybody may use the command;"
            ' did you mean "defaultMemberPermissions"?'
        ),
        f'x.js: /x o.require: {dropped}; did you mean "required"?',
        f'x.js: /x o.choises: {dropped}; did you mean "choices"?',
    ]


def test_a_misspelt_field_that_is_needed_is_an_error() -> None:
    """Without its description a command cannot be deployed, and the misspelling is named beside that."""
    made, _ = defined({"name": "x", "desciption": "X"}, "x.js")
    assert isinstance(made, list)
    assert next(str(one) for one in made) == 'x.js: /x.desciption: unknown field; did you mean "description"?'


def test_fields_of_whole_commands_below_the_top_are_left_out_with_a_note() -> None:
    """Discord ignores them there, and libraries send them; what Discord adds to its answers goes without a word."""
    everywhere = {"nsfw": False, "contexts": None, "integration_types": [0], "default_member_permissions": None}
    sub = {"type": 1, "name": "s", "description": "S", "dm_permission": True, **everywhere, "options": []}
    group = {"type": 2, "name": "g", "description": "G", **everywhere, "options": [sub]}
    written = {**NAMED, "id": "1", "version": "2", "application_id": "3", "options": [group]}
    made, unknown = defined(written, "x.js")
    assert isinstance(made, Definition)
    (kept,) = made.payload["options"]
    assert kept == {
        "type": 2, "name": "g", "description": "G",
        "options": [{"type": 1, "name": "s", "description": "S", "options": []}],
    }  # fmt: skip
    assert unknown_notes(unknown) == [
        (
            "/x g, /x g s: Discord takes nsfw, contexts, integration_types, default_member_permissions for a whole"
            " command only; left out"
        ),
        "/x g s: Discord takes dm_permission for a whole command only; left out",
    ]


def test_spellings_cover_what_is_read() -> None:
    """Both spellings of what Discord has, and nothing that is ours."""
    assert {"nameLocalizations", "name_localizations", "options", "nsfw", "default_permission"} <= {*spellings()}
    assert not {"developmentOnly", "owner_only", "renamed_from"} & {*spellings()}
    assert [own_name(one) for one in ("developmentOnly", "owner_only", "renamedFrom")] == [
        "development_only",
        "owner_only",
        "renamed_from",
    ]
