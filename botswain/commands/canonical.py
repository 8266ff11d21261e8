"""The canonical form: one JSON shape for what a person wrote and for what Discord sends back.

Discord drops what is empty or false, fills in defaults, and adds fields of its own, so two descriptions of the same
command rarely look the same. Here `canonical(a) == canonical(b)` means that they are the same command, except for
`contexts`, `integration_types` and `handler`: absent means "Discord decides", and what Discord decided is only known
once it has been read back (`botswain.plan` compares these with what was recorded). Names, descriptions and their
localizations are in the form that Discord stores; where that is not certain, `differences` forgives
(`botswain.commands.settle`). Values of choices are the bot's own, and stay to the letter.

Source: Discord's application commands page and what its maintainers and users reported about the answers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botswain.commands.settle import same_name, same_text, settled
from botswain.discord.enums import GLOBAL, CommandType

Command = dict[str, Any]

SERVER_FIELDS = frozenset({"id", "application_id", "version", "guild_id", "name_localized", "description_localized"})
"""Discord adds these; they are no part of a definition."""
LEFT_TO_DISCORD = ("contexts", "integration_types", "handler")
"""Absent from a definition, Discord chooses them."""

_PLACES = ("contexts", "integration_types")
_KEPT = ("name", "description", "default_member_permissions", "handler")
_OPTION_KEPT = ("name", "description", "min_value", "max_value", "min_length", "max_length")
_OPTION_FLAGS = ("required", "autocomplete")
_OPTION_SETS = ("channel_types", "file_types")
_LOCALIZED = ("name", "description")
_LOCALIZATIONS = ("name_localizations", "description_localizations")


def key(command: Mapping[str, Any]) -> str:
    """What identifies a command within a scope, such as `chat_input/ping` or `user/Report`."""
    kind = command.get("type") or CommandType.CHAT_INPUT
    name = command["name"] if kind == CommandType.CHAT_INPUT else same_name(command["name"])
    try:
        return f"{CommandType(kind).name.lower()}/{name}"
    except ValueError:
        return f"type{kind}/{name}"


def settled_key(key: str) -> str:
    """A key as `key` makes it, of one that was recorded before it did so."""
    kind, _, name = key.partition("/")
    return key if kind == "chat_input" else f"{kind}/{same_name(name)}"


def canonical(command: Mapping[str, Any], scope: str) -> Command:
    """The canonical form of a definition, or of a command that Discord returned, in `scope`."""
    result: Command = {"type": command.get("type") or int(CommandType.CHAT_INPUT)}
    result |= {name: command[name] for name in _KEPT if command.get(name) not in (None, "")}
    _settle(result)
    if (permissions := result.get("default_member_permissions")) is not None:
        result["default_member_permissions"] = str(permissions)
    _localize(command, result)
    if command.get("nsfw"):
        result["nsfw"] = True
    if options := command.get("options"):
        result["options"] = [_option(option) for option in options]
    if scope == GLOBAL:
        result |= {name: sorted(command[name]) for name in _PLACES if command.get(name)}
        if command.get("dm_permission") is False:
            result["dm_permission"] = False
    return result


def _option(option: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"type": option["type"]}
    for name in _OPTION_KEPT:
        if (value := option.get(name)) is not None:
            result[name] = _number(value)
    _settle(result)
    _localize(option, result)
    for name in _OPTION_FLAGS:
        if option.get(name):
            result[name] = True
    for name in _OPTION_SETS:
        if value := option.get(name):
            result[name] = sorted(value)
    if choices := option.get("choices"):
        result["choices"] = [_choice(choice) for choice in choices]
    if options := option.get("options"):
        result["options"] = [_option(inner) for inner in options]
    return result


def _choice(choice: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"name": settled(choice["name"]), "value": _number(choice["value"])}
    _localize(choice, result)
    return result


def _localize(part: Mapping[str, Any], result: dict[str, Any]) -> None:
    for name in _LOCALIZATIONS:
        if texts := part.get(name):
            result[name] = {locale: settled(text) for locale, text in sorted(texts.items())}


def _settle(result: dict[str, Any]) -> None:
    for name in _LOCALIZED:
        if name in result:
            result[name] = settled(result[name])


def _number(value: Any) -> Any:
    """1.0 and 1 are the same bound; JSON does not keep them apart and neither does Discord."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def definition(raw: Mapping[str, Any]) -> Command:
    """What to send so that a live command stays as it is: all that Discord returned but its own fields."""
    return {name: value for name, value in raw.items() if name not in SERVER_FIELDS and name != "default_permission"}


def checksum(command: Command) -> str:
    """SHA-256 of a canonical command, independent of the order of its fields."""
    text = json.dumps(command, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Change:
    """One field that differs. `path` reads as `options.reason.max_length`; None stands for an absent value."""

    path: str
    before: Any
    after: Any


def differences(before: Any, after: Any, path: str = "") -> Iterator[Change]:
    """Every field in which two canonical values differ, options and choices matched by their names.

    Texts that may be the same one before and after Discord stored it are no difference.
    """
    if before == after:  # nearly always, and this is the quickest way to know
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from differences(before.get(name), after.get(name), f"{path}.{name}" if path else name)
    elif _named(before) and _named(after):
        yield from _named_differences(before, after, path)
    elif _alike(before, after):
        return
    elif not (isinstance(before, str) and isinstance(after, str) and _same(path, before, after)):
        yield Change(path, before, after)


def _alike(before: Any, after: Any) -> bool:
    """Whether two lists of choices, some of them called the same, differ in nothing."""
    if not (isinstance(before, list) and isinstance(after, list) and len(before) == len(after)):
        return False
    pairs = zip(before, after, strict=True)
    return all(isinstance(one, dict) and not any(differences(one, other)) for one, other in pairs)


def _same(path: str, before: str, after: str) -> bool:
    """Whether two values of a field are one text; the value of a choice is none, but the bot's own."""
    return path.rpartition(".")[2] != "value" and same_text(before, after)


def _named(value: Any) -> bool:
    """A list of options or choices whose names tell them apart."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return False
    return len({same_name(item["name"]) for item in value}) == len(value)


def _named_differences(before: list[Any], after: list[Any], path: str) -> Iterator[Change]:
    old = {same_name(item["name"]): item for item in before}
    new = {same_name(item["name"]): item for item in after}
    for name in [*old, *(name for name in new if name not in old)]:
        yield from differences(old.get(name), new.get(name), f"{path}.{(new.get(name) or old[name])['name']}")
    common_before, common_after = ([name for name in one if name in old and name in new] for one in (old, new))
    if common_before != common_after:
        yield Change(f"{path} order", common_before, common_after)


def tolerate(expected: Command, live: Command) -> Command:
    """`expected` without the localized values that say the same as the default and that Discord did not keep."""
    result = dict(expected)
    for name in _LOCALIZED:
        field = f"{name}_localizations"
        if field not in expected:
            continue
        kept = {
            locale: value
            for locale, value in expected[field].items()
            if locale in live.get(field, {}) or not same_text(value, expected.get(name, ""))
        }
        result.pop(field)
        result |= {field: kept} if kept else {}
    for field in ("options", "choices"):
        if field in expected and _named(live.get(field)):
            others = {same_name(item["name"]): item for item in live[field]}
            result[field] = [tolerate(item, others.get(same_name(item["name"]), item)) for item in expected[field]]
    return result
