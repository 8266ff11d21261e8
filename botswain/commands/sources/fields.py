"""Commands as libraries and their users write them, in Discord's fields: `nameLocalizations`, permission flags."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from botswain.commands.names import PERMISSIONS
from botswain.commands.schema import Choice, Command, Option

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OWN = ("development_only", "owner_only", "renamed_from")
_COMMAND = tuple(name for name in Command.model_fields if name not in _OWN)
_FORMER_PERMISSIONS = {
    "manage_emojis_and_stickers": "manage_guild_expressions",
    "start_embedded_activities": "use_embedded_activities",
    "use_public_threads": "create_public_threads",
    "use_private_threads": "create_private_threads",
}
"""What discord.js called some permissions before Discord renamed them."""
_TYPO = 0.9
"""How alike two names are when one is a misspelling of the other."""


def spellings() -> list[str]:
    """Every field of a command in both spellings, with the one that old builders wrote."""
    snake = [*_COMMAND, "default_permission"]
    return list(dict.fromkeys([*snake, *map(_camel, snake)]))


def to_discord_fields(command: Mapping[str, Any]) -> dict[str, Any]:
    """The command with Discord's names of fields, at every level; values that make no sense stay for validation."""
    result = _renamed(command, (*_COMMAND, "default_permission"))
    if "default_member_permissions" in result:
        result["default_member_permissions"] = _permissions(result["default_member_permissions"])
    # Discord reads false as "for nobody but administrators" and true as nothing said.
    if result.pop("default_permission", None) is False:
        result.setdefault("default_member_permissions", "0")
    return _with_options(result)


def own_name(name: str) -> str:
    """One of our own fields, whatever its spelling, as definitions write it."""
    return _HUMP.sub("_", name).lower()


def misspelt(names: Iterable[str]) -> dict[str, str]:
    """Those names that are one of Discord's fields but for a letter or two, with what they should be."""
    known = spellings()
    found = {name: difflib.get_close_matches(name, known, n=1, cutoff=_TYPO) for name in names}
    return {name: near[0] for name, near in found.items() if near}


def _with_options(part: dict[str, Any]) -> dict[str, Any]:
    for key, model in (("options", Option), ("choices", Choice)):
        items = part.get(key)
        if isinstance(items, list):
            part[key] = [
                _with_options(_renamed(item, model.model_fields)) if isinstance(item, Mapping) else item
                for item in items
            ]
    return part


def _renamed(part: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    by_camel = {_camel(name): name for name in known}
    renamed = {by_camel.get(name, name): value for name, value in part.items()}
    return {**renamed, **{name: value for name, value in part.items() if name in renamed}}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _permissions(value: object) -> object:
    """Flags, their names or both as one number; as it is where validation should have its say."""
    if isinstance(value, str) and not value.isdigit():
        value = [value]
    if not isinstance(value, list):
        return value
    total = 0
    for one in value:
        if isinstance(one, int) and not isinstance(one, bool):
            total |= one
        elif isinstance(one, str) and one.isascii() and one.isdigit():
            total |= int(one)
        elif isinstance(one, str) and (name := _permission(one)) in PERMISSIONS:
            total |= PERMISSIONS[name]
        else:
            return [one]
    return total


def _permission(name: str) -> str:
    snake = _HUMP.sub("_", name).lower()
    return _FORMER_PERMISSIONS.get(snake, snake)
