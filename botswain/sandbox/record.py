"""The stored form of a command: what Discord makes of what it was sent.

Empty and false things vanish, defaults are filled in, and what the scope does not support is left out. Two
commands are the same when their records are, so a record also decides whether a write mints a new version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botswain.discord.enums import GLOBAL, CommandType, HandlerType, OptionType

if TYPE_CHECKING:
    from collections.abc import Sequence

Record = dict[str, Any]

_SERVER_FIELDS = ("id", "application_id", "version", "guild_id")


def make(
    command: dict[str, Any], *, scope: str, contexts: Sequence[int] | None, install_types: Sequence[int]
) -> Record:
    """The record of a valid command without its ids; `contexts` and `install_types` are the defaults."""
    kind = CommandType(command.get("type") or CommandType.CHAT_INPUT)
    permissions = command.get("default_member_permissions")
    record: Record = {
        "default_member_permissions": None if permissions is None else str(int(permissions)),
        "type": int(kind),
        "name": command["name"],
        "name_localizations": command.get("name_localizations") or None,
        "description": command.get("description") or "",
        "description_localizations": command.get("description_localizations") or None,
    }
    if scope == GLOBAL:
        record["dm_permission"] = command.get("dm_permission") is not False
        record["contexts"] = _set(command.get("contexts") or contexts)
        record["integration_types"] = _set(command.get("integration_types") or install_types)
    if kind is CommandType.CHAT_INPUT and command.get("options"):
        record["options"] = [_option(option) for option in command["options"]]
    record["nsfw"] = command.get("nsfw") is True
    if kind is CommandType.PRIMARY_ENTRY_POINT:
        record["handler"] = command.get("handler") or int(HandlerType.APP_HANDLER)
    return record


def same(one: Record, other: Record) -> bool:
    """Whether two records say the same but for their ids."""
    return content(one) == content(other)


def content(record: Record) -> Record:
    """A record without what the server gave it."""
    return {key: value for key, value in record.items() if key not in _SERVER_FIELDS}


def _set(values: Sequence[int] | None) -> list[int] | None:
    return None if values is None else sorted(values)


def _option(option: dict[str, Any]) -> Record:
    kind = OptionType(option["type"])
    record: Record = {
        "type": int(kind),
        "name": option["name"],
        "name_localizations": option.get("name_localizations") or None,
        "description": option["description"],
        "description_localizations": option.get("description_localizations") or None,
    }
    for key in ("required", "autocomplete"):
        if option.get(key) is True and _fits(key, kind):
            record[key] = True
    for key in ("min_value", "max_value", "min_length", "max_length", "file_types"):
        if option.get(key) not in (None, []) and _fits(key, kind):
            record[key] = option[key]
    if option.get("channel_types") and kind is OptionType.CHANNEL:
        record["channel_types"] = sorted(option["channel_types"])
    if option.get("choices") and _fits("choices", kind):
        record["choices"] = [_choice(choice) for choice in option["choices"]]
    if option.get("options") and _fits("options", kind):
        record["options"] = [_option(child) for child in option["options"]]
    return record


_VALUED = {OptionType.INTEGER, OptionType.NUMBER}
_CHOOSING = {OptionType.STRING, *_VALUED}
_NESTING = {OptionType.SUB_COMMAND, OptionType.SUB_COMMAND_GROUP}
_KINDS = {
    "required": set(OptionType) - _NESTING,
    "autocomplete": _CHOOSING,
    "choices": _CHOOSING,
    "min_value": _VALUED,
    "max_value": _VALUED,
    "min_length": {OptionType.STRING},
    "max_length": {OptionType.STRING},
    "file_types": {OptionType.ATTACHMENT},
    "options": _NESTING,
}


def _fits(key: str, kind: OptionType) -> bool:
    """Whether this kind of option has the field at all; Discord's schema ignores what it does not know."""
    return kind in _KINDS[key]


def _choice(choice: dict[str, Any]) -> Record:
    record = {"name": choice["name"], "value": choice["value"]}
    if choice.get("name_localizations"):
        record["name_localizations"] = choice["name_localizations"]
    return record
