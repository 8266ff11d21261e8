"""What Discord refuses in a command: fields, bounds, rules between them, nested as error 50035 nests them.

Written from Discord's documentation alone. The product's own rules live elsewhere and share nothing with
these but the table of limits, so that a mistake in one is seen by the other.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botswain.discord import limits
from botswain.discord.enums import GLOBAL, CommandType, ContextType, HandlerType, IntegrationType, OptionType
from botswain.sandbox import options

if TYPE_CHECKING:
    from collections.abc import Collection

    from botswain.sandbox.forms import Form, Path


def check_command(
    form: Form, path: Path, command: dict[str, Any], *, scope: str, install_types: Collection[int]
) -> None:
    """One whole command as a POST, a PUT's item, or the outcome of a PATCH; complaints go to `form`."""
    kind = command.get("type")
    if kind is None:
        kind = CommandType.CHAT_INPUT
    elif not form.choice((*path, "type"), kind, set(CommandType)):
        return
    before = json.dumps(form.errors)
    _check_words(form, path, command, CommandType(kind))
    _check_shape(form, path, command, CommandType(kind))
    _check_access(form, path, command)
    if scope == GLOBAL:
        _check_reach(form, path, command, install_types)
    elif kind == CommandType.PRIMARY_ENTRY_POINT:
        message = "Primary Entry Point commands can only be global"
        form.add((*path, "type"), "APPLICATION_COMMAND_INVALID_TYPE", message)
    if json.dumps(form.errors) == before and characters(command) > limits.COMMAND_CHARACTERS:
        message = f"Command exceeds maximum size ({limits.COMMAND_CHARACTERS})"
        form.add(path, "APPLICATION_COMMAND_TOO_LARGE", message)


def _check_words(form: Form, path: Path, command: dict[str, Any], kind: CommandType) -> None:
    if command.get("name") is None:
        form.required((*path, "name"))
    elif kind is CommandType.CHAT_INPUT:
        options.check_name(form, (*path, "name"), command["name"])
    else:
        form.text((*path, "name"), command["name"], *limits.NAME_LENGTH)
    names = (*path, "name_localizations")
    if kind is CommandType.CHAT_INPUT:
        options.check_localized_names(form, names, command.get("name_localizations"))
    else:
        form.localizations(names, command.get("name_localizations"), *limits.NAME_LENGTH)
    _check_description(form, path, command, kind)


def _check_description(form: Form, path: Path, command: dict[str, Any], kind: CommandType) -> None:
    description = command.get("description")
    localized = command.get("description_localizations")
    if kind in {CommandType.USER, CommandType.MESSAGE}:
        for key, value in (("description", description), ("description_localizations", localized)):
            if value:
                message = "Context menu commands cannot have a description"
                form.add((*path, key), "APPLICATION_COMMAND_INVALID_DESCRIPTION", message)
        return
    if kind is CommandType.CHAT_INPUT and description is None:
        form.required((*path, "description"))
    elif description is not None:
        least, most = limits.DESCRIPTION_LENGTH
        form.text((*path, "description"), description, least if kind is CommandType.CHAT_INPUT else 0, most)
    form.localizations((*path, "description_localizations"), localized, *limits.DESCRIPTION_LENGTH)


def _check_shape(form: Form, path: Path, command: dict[str, Any], kind: CommandType) -> None:
    if kind is CommandType.CHAT_INPUT:
        options.check_options(form, (*path, "options"), command.get("options"), set(OptionType))
    elif command.get("options"):
        message = "Only chat input commands can have options"
        form.add((*path, "options"), "APPLICATION_COMMAND_INVALID_OPTIONS", message)
    if kind is CommandType.PRIMARY_ENTRY_POINT and command.get("handler") is not None:
        form.choice((*path, "handler"), command["handler"], set(HandlerType))


def _check_access(form: Form, path: Path, command: dict[str, Any]) -> None:
    for key in ("nsfw", "dm_permission"):
        form.boolean((*path, key), command.get(key))
    value = command.get("default_member_permissions")
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if value is not None:
        form.integer((*path, "default_member_permissions"), value, *limits.PERMISSIONS)


def _check_reach(form: Form, path: Path, command: dict[str, Any], install_types: Collection[int]) -> None:
    form.numbers((*path, "contexts"), command.get("contexts"), set(ContextType), least=1)
    place = (*path, "integration_types")
    for kind in form.numbers(place, command.get("integration_types"), set(IntegrationType), least=1):
        if kind not in install_types:
            message = f"Integration type {kind} is not enabled for this application"
            form.add(place, "APPLICATION_COMMAND_INVALID_INTEGRATION_TYPE", message)


def characters(part: Any) -> int:
    """Names, descriptions and choice values of a command or a part; of a localized field the longest.

    What has the wrong type counts nothing: other checks name it.
    """
    if not isinstance(part, dict):
        return 0
    total = _longest(part, "name", "name_localizations")
    total += _longest(part, "description", "description_localizations")
    if "value" in part:
        total += len(str(part["value"]))
    for children in (part.get("options"), part.get("choices")):
        total += sum(map(characters, children)) if isinstance(children, list) else 0
    return total


def _longest(part: dict[str, Any], key: str, localizations: str) -> int:
    localized = part.get(localizations)
    values = [part.get(key), *(localized.values() if isinstance(localized, dict) else ())]
    return max((len(value) for value in values if isinstance(value, str)), default=0)


def check_bulk(form: Form, commands: list[Any], *, scope: str, install_types: Collection[int]) -> list[dict[str, Any]]:
    """Every command of a bulk PUT and the uniqueness of their names; the first level is the index sent."""
    models: list[dict[str, Any]] = []
    names: set[tuple[Any, Any]] = set()
    for index, item in enumerate(commands):
        path = (str(index),)
        if (command := form.model(path, item)) is None:
            continue
        check_command(form, path, command, scope=scope, install_types=install_types)
        key = (str(command.get("type") or int(CommandType.CHAT_INPUT)), str(command.get("name")))
        if key in names:
            message = "Application command names must be unique"
            form.add((*path, "name"), "APPLICATION_COMMANDS_DUPLICATE_NAME", message)
        names.add(key)
        models.append(command)
    return models
