"""What a profile does with definitions: overrides and selection."""

from __future__ import annotations

from typing import Any

import pytest

from botswain.commands.definition import Definition
from botswain.commands.selection import apply_overrides, select
from botswain.errors import InvalidInput

PROFILE = "profiles/dev.yaml"


def definition(name: str, kind: int = 1, **fields: Any) -> Definition:
    """A command as it was read from a file."""
    described = {"description": f"Does {name}"} if kind == 1 else {}
    return Definition({"name": name, "type": kind, **described, **fields}, f"commands/{name}.yaml")


BAN = definition("ban", default_member_permissions="4", name_localizations={"de": "verbannen", "fr": "bannir"})
ALL = [BAN, definition("ban-list"), definition("ping"), definition("Report", 2), definition("ping", 3)]


def overridden(overrides: dict[str, Any]) -> list[str]:
    """The problems of overrides."""
    with pytest.raises(InvalidInput) as caught:
        apply_overrides(ALL, overrides, file=PROFILE)
    return str(caught.value).split("\n")


def test_no_overrides_change_nothing() -> None:
    """The usual case costs nothing."""
    assert apply_overrides(ALL, {}) == ALL


def test_overrides_are_merged_deeply() -> None:
    """Mappings are merged, lists and texts replaced, null removes, and the rest stays."""
    override = {
        "description": "Makes somebody walk the plank",
        "default_member_permissions": None,
        "name_localizations": {"de": "kielholen", "fr": None},
        "contexts": ["guild"],
    }
    changed, *others = apply_overrides(ALL, {"ban": override})
    assert changed.payload == {
        "name": "ban",
        "type": 1,
        "description": "Makes somebody walk the plank",
        "name_localizations": {"de": "kielholen"},
        "contexts": [0],
    }
    assert changed.file == BAN.file
    assert others == ALL[1:]
    assert BAN.payload["name_localizations"] == {"de": "verbannen", "fr": "bannir"}


def test_a_glob_overrides_all_that_it_matches() -> None:
    """`*` is for every command, `user/*` for a kind; a command's own override has the last word."""
    changed = apply_overrides(ALL, {"ban": {"nsfw": False}, "*": {"nsfw": True}, "user/*": {"contexts": ["guild"]}})
    assert [one.payload["nsfw"] for one in changed] == [False, True, True, True, True]
    assert ["contexts" in one.payload for one in changed] == [False, False, False, True, False]
    assert overridden({"x*": {"nsfw": True}}) == [f"{PROFILE}: command_overrides.x*: there is no such command"]


def test_own_fields_can_be_overridden_in_both_spellings() -> None:
    """A profile may keep a command to developers, or release one."""
    (kept,) = apply_overrides([BAN], {"ban": {"development_only": True, "ownerOnly": True}})
    assert (kept.development_only, kept.owner_only) == (True, True)
    (released,) = apply_overrides([kept], {"ban": {"developmentOnly": False, "owner_only": None}})
    assert (released.development_only, released.owner_only) == (False, False)


def test_overrides_are_checked_like_a_source() -> None:
    """An override can break a rule as well as a file can; all of them are told, with the profile's field."""
    found = overridden(
        {
            "bann": {},
            "ban": {"description": "x" * 101, "nsfw": True},
            "ban-list": {"nfsw": "x"},
            "ping": {},
            "user/Report": {"name": "Report it"},
        }
    )
    assert found == [
        f'{PROFILE}: command_overrides.bann: there is no such command; did you mean "ban"?',
        f"{PROFILE}: command_overrides.ban: /ban: description has 101 characters; at most 100",
        f'{PROFILE}: command_overrides.ban-list: /ban-list.nfsw: unknown field; did you mean "nsfw"?',
        (
            f"{PROFILE}: command_overrides.ping: chat_input/ping and message/ping have this name;"
            " write one of those keys"
        ),
    ]


def test_an_override_cannot_take_a_name_that_is_in_use() -> None:
    """Two commands of one name cannot both be registered."""
    assert overridden({"ban": {"name": "ban-list"}}) == [
        (
            f"{PROFILE}: command_overrides: chat_input/ban-list is defined already in commands/ban.yaml;"
            " names are unique per kind"
        )
    ]


@pytest.mark.parametrize(
    ("enabled", "chosen"),
    [
        (["*"], "chat_input/ban chat_input/ban-list chat_input/ping user/Report message/ping"),
        (["ban*"], "chat_input/ban chat_input/ban-list"),
        (["ping", "ban"], "chat_input/ban chat_input/ping message/ping"),
        (["message/*", "Rep?rt"], "user/Report message/ping"),
        (["!ban*", "*"], "chat_input/ping user/Report message/ping"),
        (["!*/ping"], "chat_input/ban chat_input/ban-list user/Report"),
        ([], ""),
    ],
)
def test_selection(enabled: list[str], chosen: str) -> None:
    """Globs over names or keys; an exclusion wins wherever it stands, and alone starts from all."""
    assert [one.key for one in select(ALL, enabled)] == chosen.split()


def test_a_pattern_without_a_command_is_a_problem() -> None:
    """A misspelt pattern would silently delete a command, or fail to leave one out."""
    with pytest.raises(InvalidInput) as caught:
        select(ALL, ["ban", "pign", "!report", "x*"], file=PROFILE)
    assert str(caught.value).split("\n") == [
        f'{PROFILE}: enabled_commands.1: "pign" matches no command; did you mean "ping"?',
        f'{PROFILE}: enabled_commands.2: "!report" matches no command; did you mean "Report"?',
        f'{PROFILE}: enabled_commands.3: "x*" matches no command',
    ]
