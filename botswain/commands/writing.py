"""Definitions as the YAML that a person would have written: names for numbers, the usual order of fields, no noise.

What is written here reads back as the same command (`canonical` of it is the same), and every text in it is text to any
reader of YAML, also to those for which `no`, `12:30` or `1e3` are something else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any

from botswain.commands.canonical import Command
from botswain.commands.names import PERMISSIONS
from botswain.discord.enums import (
    ChannelType,
    CommandType,
    ContextType,
    HandlerType,
    IntegrationType,
    OptionType,
)

WIDTH = 120
"""Longest line, where a text can be broken at all."""

_ORDER = (
    "name", "type", "description", "name_localizations", "description_localizations", "default_member_permissions",
    "nsfw", "contexts", "integration_types", "dm_permission", "handler", "required", "autocomplete", "value",
    "min_value", "max_value", "min_length", "max_length", "channel_types", "file_types", "choices", "options",
)  # fmt: skip
_SETS: dict[str, type[IntEnum]] = {
    "contexts": ContextType,
    "integration_types": IntegrationType,
    "channel_types": ChannelType,
}
_KINDS = {CommandType.USER: ".user", CommandType.MESSAGE: ".message", CommandType.PRIMARY_ENTRY_POINT: ".entry-point"}
_LONGEST_STEM = 60
_RESERVED = re.compile(r"con|prn|aux|nul|com\d|lpt\d")
"""Names that Windows keeps for devices."""

_WORDS = frozenset(["~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "=", "<<", "..."])
"""Plain, these mean something, to some readers at least: in YAML 1.1 `no` and five others are booleans."""
_NUMBERLIKE = re.compile(r"[-+.]?[0-9][0-9A-Fa-f_.,:xobeETZ+\- ]*|[-+]?\.(?:inf|nan)", re.IGNORECASE)
_LEADING = frozenset("-?:,[]{}#&*!|>'\"%@`")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_FLOW = frozenset(",[]{}:?")
_BREAK = re.compile(r"(?<=\S) (?=[^\W_])")
"""A space at which a text may go on in the next line."""


def readable(command: Command) -> dict[str, Any]:
    """A canonical command as a person would write it; `dm_permission` is left out where `contexts` say it."""
    written = _part(
        command, {"type": lambda kind: None if kind == CommandType.CHAT_INPUT else _name(CommandType, kind)}
    )
    if "contexts" in written:
        written.pop("dm_permission", None)
    return written


def _part(part: Mapping[str, Any], special: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    known = [field for field in _ORDER if field in part]
    for field in [*known, *(field for field in part if field not in _ORDER)]:
        value = part[field]
        if field in special:
            value = special[field](value)
        elif field in _SETS:
            value = [_name(_SETS[field], one) for one in value]
        elif field == "default_member_permissions":
            value = _permissions(value)
        elif field == "handler":
            value = _name(HandlerType, value)
        elif field == "options":
            value = [_part(one, {"type": lambda kind: _name(OptionType, kind)}) for one in value]
        elif field == "choices":
            value = [_part(one, {}) for one in value]
        if value is not None:
            result[field] = value
    return result


def _name(kind: type[IntEnum], value: Any) -> Any:
    """The name of a number; the number itself where it has none yet."""
    try:
        return kind(value).name.lower()
    except ValueError:
        return value


def _permissions(value: str) -> list[str] | int:
    """The names of a permission set, or its number where one of the bits has no name."""
    left, bits = [], int(value)
    for name, bit in PERMISSIONS.items():
        if bits & bit:
            left.append(name)
            bits &= ~bit
    return int(value) if bits else left


def write(command: Command) -> str:
    """The text of a definition file with this canonical command."""
    return "".join(f"{line}\n" for line in _mapping(readable(command), 0))


def _mapping(part: Mapping[str, Any], indent: int) -> Iterator[str]:
    for field, value in part.items():
        yield from _field(f"{' ' * indent}{_scalar(field)}:", value, indent, flow=field not in ("options", "choices"))


def _field(start: str, value: Any, indent: int, *, flow: bool) -> Iterator[str]:
    if not isinstance(value, Mapping | list):
        yield from _folded(f"{start} {_scalar(value)}", indent + 2)
        return
    line = f"{start} {_inline(value)}"
    if (flow and len(line) <= WIDTH) or not value:
        yield line
        return
    yield start
    if isinstance(value, Mapping):
        yield from _mapping(value, indent + 2)
    else:
        for item in value:
            yield from _item(item, indent + 2, inline=not flow and "type" not in item)


def _item(item: Any, indent: int, *, inline: bool) -> Iterator[str]:
    """One item of a list: in one line if it is a choice that fits."""
    dash = f"{' ' * indent}- "
    if not isinstance(item, Mapping):
        yield f"{dash}{_scalar(item)}"
        return
    line = f"{dash}{_inline(item)}"
    if inline and len(line) <= WIDTH:
        yield line
        return
    first, *rest = _mapping(item, indent + 2)
    yield dash + first.removeprefix(" " * (indent + 2))
    yield from rest


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_scalar(name, flow=True)}: {_inline(one)}" for name, one in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_inline(one) for one in value)}]"
    return _scalar(value, flow=True)


def _scalar(value: Any, *, flow: bool = False) -> str:
    if not isinstance(value, str):
        return _literal(value)
    if _UNPRINTABLE.search(value):
        return f'"{_UNPRINTABLE.sub(_escaped, _slashed(value))}"'
    if _plain(value, flow=flow):
        return value
    if '"' in value or "\\" in value:
        return "'{}'".format(value.replace("'", "''"))
    return f'"{value}"'


def _literal(value: float) -> str:
    """A number, true or false."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    mantissa, exponent, power = repr(value).partition("e")
    return f"{mantissa}{'' if '.' in mantissa else '.0'}{exponent}{power}"  # without a dot, YAML 1.1 sees text


def _plain(text: str, *, flow: bool) -> bool:
    """Whether a text needs no quotes, by YAML's rules and for any of its readers."""
    return not (
        not text
        or text[0] in _LEADING
        or text != text.strip()
        or text.endswith(":")
        or ": " in text
        or " #" in text
        or text.lower() in _WORDS
        or _NUMBERLIKE.fullmatch(text)
        or (flow and not _FLOW.isdisjoint(text))
    )


def _slashed(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character) or f"\\u{ord(character):04x}"


def _folded(line: str, indent: int) -> Iterator[str]:
    """A line that is too long, broken at single spaces of its text, which YAML reads as the spaces that they were."""
    start = line.index(":") + 2
    while len(line) > WIDTH:
        places = [place.start() for place in _BREAK.finditer(line, start)]
        fitting = [place for place in places if place <= WIDTH] or places[:1]
        if not fitting:
            break
        yield line[: fitting[-1]]
        line = f"{' ' * indent}{line[fitting[-1] + 1 :]}"
        start = indent
    yield line


def file_names(commands: Sequence[Command], taken: Collection[str] = ()) -> list[str]:
    """A file name for each command, none of them taken, also where case and Unicode forms make no difference."""
    used = {_folded_name(name) for name in taken}
    names = []
    for command in commands:
        stem, kind = _stem(str(command["name"])), _KINDS.get(command["type"], "")
        candidates = (f"{stem}{'' if number == 1 else f'-{number}'}{kind}.yaml" for number in range(1, 10_000))
        name = next(one for one in candidates if _folded_name(one) not in used)
        used.add(_folded_name(name))
        names.append(name)
    return names


def _folded_name(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _stem(name: str) -> str:
    """A command's name as a part of a file's: letters, marks, digits, `-` and `_`."""
    text = unicodedata.normalize("NFC", name).lower()
    kept = "".join(one if one in "-_" or unicodedata.category(one)[0] in "LMN" else "-" for one in text)
    stem = re.sub("-{2,}", "-", kept).strip("-_")
    while len(stem.encode()) > _LONGEST_STEM:
        stem = stem[:-1].rstrip("-_")
    if not stem or unicodedata.category(stem[0])[0] == "M":
        stem = f"command{'-' if stem else ''}{stem}"
    return f"{stem}-command" if _RESERVED.fullmatch(stem) else stem
