"""Discord's rules for application commands, checked on request JSON without asking Discord.

They hold for one command (`check_command`) and for the commands of one scope together (`check_scope`). Both
take any JSON value and tell all problems at once, as (path, message): the path is the command as users see
it, `/ban`, then its parts, `/config set value` (see `botswain.commands.names`); it is empty for what
concerns a whole scope.

Source: the application commands page of Discord's documentation. Where the published schema is laxer, the
documentation counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botswain.commands import texts
from botswain.commands.names import command_path, kind_of
from botswain.commands.options import Found, check_options, check_set
from botswain.commands.settle import same_name, settled
from botswain.discord import limits
from botswain.discord.enums import GLOBAL, CommandType, ContextType, HandlerType, IntegrationType
from botswain.wording import shown

_KIND_WORDS = {
    CommandType.CHAT_INPUT: "chat input commands",
    CommandType.USER: "user commands",
    CommandType.MESSAGE: "message commands",
    CommandType.PRIMARY_ENTRY_POINT: "entry points",
}
_CONTEXT_MENU = (CommandType.USER, CommandType.MESSAGE)
_ENTRY_POINT = CommandType.PRIMARY_ENTRY_POINT


def check_command(payload: Any) -> list[Found]:
    """Every rule that a command breaks on its own, whatever its scope."""
    if not isinstance(payload, Mapping):
        return [("", f"must be a mapping of fields, not {shown(payload)}")]
    kind, path = _kind(payload), command_path(payload)
    found = [(path, message) for message in _own_fields(payload, kind)]
    if kind is CommandType.CHAT_INPUT:
        found += check_options(path, payload.get("options"))
    elif payload.get("options"):
        found.append((path, "options belong to chat input commands only"))
    total = characters(payload)
    if total > limits.COMMAND_CHARACTERS:
        message = f"{total:,} characters in names, descriptions and choice values"
        found.append((path, f"{message}; at most {limits.COMMAND_CHARACTERS:,}"))
    return found


def check_scope(payloads: Sequence[Any], scope: str) -> list[Found]:
    """Every rule that the commands of one scope break, each alone and together.

    `contexts`, `integration_types` and `dm_permission` mean nothing in a guild and break no rule there; the
    canonical form leaves them out.
    """
    found: list[Found] = []
    for index, payload in enumerate(payloads):
        problems = check_command(payload)
        if scope != GLOBAL and isinstance(payload, Mapping) and _kind(payload) is _ENTRY_POINT:
            problems.append((command_path(payload), "an entry point is global; it cannot be in a guild"))
        found += [(path or f"commands.{index}", message) for path, message in problems]
    known = [payload for payload in payloads if isinstance(payload, Mapping)]
    return found + [("", message) for message in _counts(known)] + list(_twice(known))


def characters(payload: Mapping[str, Any]) -> int:
    """The characters that count towards the limit of a whole command.

    Names, descriptions and values of choices, at all levels; of a localized text only its longest
    variant, the default included.
    """
    total, level = 0, [payload]
    for _depth in range(4):  # command, group, sub-command, option: anything deeper is a problem of its own
        total += sum(_own_characters(part) for part in level)
        level = [inner for part in level for inner in _mappings(part.get("options"))]
    return total


def _own_characters(part: Mapping[str, Any]) -> int:
    total = sum(_longest(part, field) for field in ("name", "description"))
    for choice in _mappings(part.get("choices")):
        value = choice.get("value", "")
        total += _longest(choice, "name") + len(value if isinstance(value, str) else shown(value))
    return total


def _longest(part: Mapping[str, Any], field: str) -> int:
    localized = part.get(f"{field}_localizations")
    variants = [part.get(field), *(localized.values() if isinstance(localized, Mapping) else ())]
    return max((len(settled(text)) for text in variants if isinstance(text, str)), default=0)


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _kind(payload: Mapping[str, Any]) -> CommandType | None:
    """The kind by its number; names are for definitions, not for requests."""
    return None if isinstance(payload.get("type"), str) else kind_of(payload)


def _own_fields(payload: Mapping[str, Any], kind: CommandType | None) -> Iterator[str]:
    if kind is None:
        yield f"type {shown(payload.get('type'))} is no command type (1 to 4)"
    check = texts.chat_name if kind is CommandType.CHAT_INPUT else texts.free_name
    yield from check("name", payload.get("name"))
    yield from texts.localizations("name_localizations", payload.get("name_localizations"), check)
    yield from _description(payload, kind)
    yield from _permissions(payload.get("default_member_permissions"))
    yield from _flags(payload)
    yield from _places(payload)
    yield from _handler(payload.get("handler"), kind)


def _description(payload: Mapping[str, Any], kind: CommandType | None) -> Iterator[str]:
    value, localized = payload.get("description"), payload.get("description_localizations")
    if kind in _CONTEXT_MENU:
        for field in ("description", "description_localizations"):
            if payload.get(field):
                yield f"{field} is not shown for {_KIND_WORDS[kind]}; leave it out"
        return
    if kind is CommandType.CHAT_INPUT or value not in (None, ""):
        yield from texts.description("description", value)
    yield from texts.localizations("description_localizations", localized, texts.description)


def _permissions(value: Any) -> Iterator[str]:
    if value is None:
        return
    label, (least, most) = "default_member_permissions", limits.PERMISSIONS
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 40:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        yield f"{label} must be a decimal number, not {shown(value)}"
    elif not least <= value <= most:
        yield f"{label} is {shown(value)}; {least} to {most:,}"


def _flags(payload: Mapping[str, Any]) -> Iterator[str]:
    for field in ("nsfw", "dm_permission"):
        value = payload.get(field)
        if value is not None and not isinstance(value, bool):
            yield f"{field} must be true or false, not {shown(value)}"


def _places(payload: Mapping[str, Any]) -> Iterator[str]:
    for field, kind in (("contexts", ContextType), ("integration_types", IntegrationType)):
        value = payload.get(field)
        if value == []:
            yield f"{field} is empty; name at least one, or leave it out for Discord's default"
        yield from check_set(field, value, list(kind))


def _handler(value: Any, kind: CommandType | None) -> Iterator[str]:
    if value is None:
        return
    if kind is not _ENTRY_POINT:
        yield "handler belongs to entry points only"
    elif isinstance(value, bool) or value not in list(HandlerType):
        yield f"handler {shown(value)} is not 1 (app_handler) or 2 (discord_launch_activity)"


def _counts(payloads: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    kinds = [_kind(payload) for payload in payloads]
    for kind, most in limits.COMMANDS_PER_SCOPE.items():
        count = kinds.count(kind)
        if count > most:
            yield f"{count:,} {_KIND_WORDS[kind]} in one scope; at most {most}"


def _twice(payloads: Sequence[Mapping[str, Any]]) -> Iterator[Found]:
    seen: dict[tuple[CommandType | None, str], int] = {}
    for payload in payloads:
        if isinstance(name := payload.get("name"), str):
            kind = _kind(payload)
            key = (kind, name if kind is CommandType.CHAT_INPUT else same_name(name))
            seen[key] = seen.get(key, 0) + 1
            if seen[key] == 2:
                path = command_path(payload)
                yield path, "is there more than once; names are unique per kind in one scope"
