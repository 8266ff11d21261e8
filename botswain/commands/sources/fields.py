"""Commands as libraries and their users write them, in Discord's fields: `nameLocalizations`, permission flags."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botswain.commands.canonical import SERVER_FIELDS
from botswain.commands.names import OWN_FIELDS, PERMISSIONS, command_path, option_path
from botswain.commands.schema import Choice, Command, Option
from botswain.commands.structure import define
from botswain.errors import Problem
from botswain.wording import listed

if TYPE_CHECKING:
    from botswain.commands.definition import Definition

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
_OF_COMMANDS = frozenset(
    {"nsfw", "contexts", "integration_types", "default_member_permissions", "default_permission", "dm_permission"}
)
"""Fields that some libraries send with sub-commands and options as well, where Discord ignores them."""
_LEVELS = 5
"""Levels below a command that are looked at; a command may have four."""
_TYPO = 0.85
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


@dataclass(frozen=True)
class Unknown:
    """A field that a library or Discord drops, and that is therefore left out."""

    path: str
    """The command or option that has it, such as `/admin user`."""
    name: str
    meant: str = ""
    """The field that it is a misspelling of."""
    ignored: bool = False
    """Whether libraries send it all the same: Discord takes it at the top level of a command alone."""


def known_only(command: Mapping[str, Any]) -> tuple[dict[str, Any], list[Unknown]]:
    """A command in Discord's fields, as `to_discord_fields` made it, without those that Discord does not have."""
    unknown: list[Unknown] = []
    return _known(command, (*_COMMAND, *_OWN, *OWN_FIELDS), command_path(command), unknown, _LEVELS), unknown


def defined(command: object, file: str, place: str = "") -> tuple[Definition | list[Problem], list[Unknown]]:
    """The definition that a library's JSON is, or all its problems; and the fields that were left out of it."""
    if not isinstance(command, Mapping):
        return define(command, file, place), []
    known, unknown = known_only(to_discord_fields(command))
    made = define(known, file, place)
    return (unknown_problems(unknown, file) + made if isinstance(made, list) else made), unknown


def unknown_field(path: str, name: str) -> Unknown:
    """A field of a command that is none of Discord's, with what it may be meant as."""
    return Unknown(path, name, _meant(name, spellings()))


def unknown_notes(unknown: Iterable[Unknown], file: str = "") -> list[str]:
    """What people should know of fields that were left out: one line a misspelt field, one for each of the others."""
    before = f"{file}: " if file else ""
    notes = [
        f"{before}{one.path}.{one.name}: Discord has no such field, so it is left out{_opened(one)};"
        f' did you mean "{one.meant}"?'
        for one in unknown
        if one.meant
    ]
    for ignored, why in ((True, "Discord takes {} for a whole command only"), (False, "Discord has no {}")):
        places: dict[str, list[str]] = {}
        for one in unknown:
            if one.ignored is ignored and not one.meant:
                places.setdefault(one.name, []).append(one.path)
        by_places: dict[tuple[str, ...], list[str]] = {}
        for name, paths in places.items():
            by_places.setdefault(tuple(paths), []).append(name)
        notes += [
            f"{before}{listed(paths)}: {why.format(', '.join(names))}; left out" for paths, names in by_places.items()
        ]
    return notes


def _opened(unknown: Unknown) -> str:
    """What follows from a permission that is left out."""
    return " and everybody may use the command" if "permission" in unknown.meant.lower() else ""


def unknown_problems(unknown: Iterable[Unknown], file: str) -> list[Problem]:
    """The misspelt fields of a command that cannot be used anyway: they may be the reason."""
    return [
        Problem(file, f"{one.path}.{one.name}", f'unknown field; did you mean "{one.meant}"?')
        for one in unknown
        if one.meant
    ]


def _known(
    part: Mapping[str, Any], known: Sequence[str], path: str, unknown: list[Unknown], levels: int
) -> dict[str, Any]:
    """A part of a command with the fields that are known there; `levels` more may be below it."""
    result: dict[str, Any] = {}
    for name, value in part.items():
        if name in known:
            result[name] = value
        elif name not in SERVER_FIELDS:
            ignored = name in _OF_COMMANDS
            meant = "" if ignored else _meant(name, [*known, *map(_camel, known)])
            unknown.append(Unknown(path, name, meant, ignored))
    for key, model in (("options", Option), ("choices", Choice)):
        items = result.get(key)
        if levels and isinstance(items, list):
            fields = tuple(model.model_fields)
            result[key] = [
                _known(item, fields, option_path(path, items, index), unknown, levels - 1)
                if isinstance(item, Mapping)
                else item
                for index, item in enumerate(items)
            ]
    return result


def _meant(name: str, known: Sequence[str]) -> str:
    """The field that a name is but for a letter or two; empty for any other name."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=_TYPO)
    return near[0] if near else ""


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
