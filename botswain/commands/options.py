"""Rules on the options of a chat input command: kinds, nesting, order, choices and bounds.

Every function yields (path, message) and accepts any JSON value. A field that is null, false or empty
counts as absent, since Discord does not keep those apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botswain.commands import texts
from botswain.commands.names import option_path
from botswain.discord import limits
from botswain.discord.enums import ChannelType, OptionType
from botswain.wording import shown

Found = tuple[str, str]
"""A command path and what is wrong there."""

_NESTED = (OptionType.SUB_COMMAND, OptionType.SUB_COMMAND_GROUP)
_TYPED = (OptionType.STRING, OptionType.INTEGER, OptionType.NUMBER)
_NUMERIC = (OptionType.INTEGER, OptionType.NUMBER)
_BELONGS = {
    "options": _NESTED,
    "required": tuple(kind for kind in OptionType if kind not in _NESTED),
    "choices": _TYPED,
    "autocomplete": _TYPED,
    "min_value": _NUMERIC,
    "max_value": _NUMERIC,
    "min_length": (OptionType.STRING,),
    "max_length": (OptionType.STRING,),
    "channel_types": (OptionType.CHANNEL,),
    "file_types": (OptionType.ATTACHMENT,),
}
"""Which kinds a field belongs to."""
_NUMBER_VALUE = (-(2**53), 2**53)
_MEDIA = ("image", "video", "audio")


def check_options(parent: str, options: Any, inside: OptionType | None = None) -> Iterator[Found]:
    """The options of a command, or of the sub-command or group that `inside` says."""
    if options is None:
        return
    if not isinstance(options, list):
        yield parent, f"options must be a list, not {shown(options)}"
        return
    if len(options) > limits.OPTIONS:
        yield parent, f"{len(options):,} options at one level; at most {limits.OPTIONS}"
    for index, option in enumerate(options):
        path = option_path(parent, options, index)
        if isinstance(option, Mapping):
            yield from _check_option(path, option, inside)
        else:
            yield path, f"must be a mapping of fields, not {shown(option)}"
    yield from _check_together(parent, options)


def _check_together(parent: str, options: Sequence[Any]) -> Iterator[Found]:
    """What the options of one level must obey as a set."""
    known = [option for option in options if isinstance(option, Mapping)]
    names = [option.get("name") for option in known if isinstance(option.get("name"), str)]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield parent, f"{names.count(name)} options are named {shown(name)}; names are unique at one level"
    kinds = {kind in _NESTED for option in known if (kind := _kind(option)) is not None}
    if len(kinds) > 1:
        yield parent, "sub-commands and other options are mixed; a command has either"
    yield from _check_order(parent, options)


def _check_order(parent: str, options: Sequence[Any]) -> Iterator[Found]:
    """Required options come before optional ones."""
    optional: Mapping[str, Any] | None = None
    for index, option in enumerate(options):
        if not isinstance(option, Mapping) or _kind(option) in _NESTED:
            continue
        if not option.get("required"):
            optional = option if optional is None else optional
        elif optional is not None:
            before = shown(optional.get("name"))
            message = f"is required but comes after {before}, which is optional; required options come first"
            yield option_path(parent, options, index), message


def _kind(option: Mapping[str, Any]) -> OptionType | None:
    value = option.get("type")
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return OptionType(value) if value in OptionType._value2member_map_ else None


def _check_option(path: str, option: Mapping[str, Any], inside: OptionType | None) -> Iterator[Found]:
    kind = _kind(option)
    for message in _texts(option):
        yield path, message
    if kind is None:
        value = option.get("type")
        yield path, "type is missing" if value is None else f"type {shown(value)} is no option type (1 to 11)"
        return
    for message in (*_misplaced(option, kind, inside), *_flags(option)):
        yield path, message
    if kind in _NESTED:
        if inside is None or (inside, kind) == (OptionType.SUB_COMMAND_GROUP, OptionType.SUB_COMMAND):
            yield from check_options(path, option.get("options"), kind)
        return
    for message in _details(option, kind):
        yield path, message


def _texts(option: Mapping[str, Any]) -> Iterator[str]:
    yield from texts.chat_name("name", option.get("name"))
    yield from texts.localizations("name_localizations", option.get("name_localizations"), texts.chat_name)
    yield from texts.description("description", option.get("description"))
    yield from texts.localizations(
        "description_localizations", option.get("description_localizations"), texts.description
    )


def _misplaced(option: Mapping[str, Any], kind: OptionType, inside: OptionType | None) -> Iterator[str]:
    """An option where its kind may not stand, and fields that its kind does not have."""
    if inside is OptionType.SUB_COMMAND and kind in _NESTED:
        yield f"a {_words(kind)} cannot be inside a sub-command"
    elif inside is OptionType.SUB_COMMAND_GROUP and kind is not OptionType.SUB_COMMAND:
        yield f"is of kind {_words(kind)}; a sub-command group holds sub-commands only"
    for field, kinds in _BELONGS.items():
        value = option.get(field)
        given = value is not None and value is not False and value not in ([], {})
        if given and kind not in kinds:
            yield f"{field} is for {_either(kinds)}, not for {_words(kind)}"


def _words(kind: OptionType) -> str:
    return {OptionType.SUB_COMMAND: "sub-command", OptionType.SUB_COMMAND_GROUP: "sub-command group"}.get(
        kind, kind.name.lower()
    )


def _either(kinds: Sequence[OptionType]) -> str:
    if len(kinds) > len(_TYPED):
        return "options that take a value"
    *most, last = (_words(kind) for kind in kinds)
    return f"{', '.join(most)} and {last} options" if most else f"{last} options"


def _flags(option: Mapping[str, Any]) -> Iterator[str]:
    for field in ("required", "autocomplete"):
        value = option.get(field)
        if value is not None and not isinstance(value, bool):
            yield f"{field} must be true or false, not {shown(value)}"


def _details(option: Mapping[str, Any], kind: OptionType) -> Iterator[str]:
    """The fields of single kinds."""
    if kind in _TYPED:
        yield from _choices(option, kind)
    if kind in _NUMERIC:
        yield from _bounds(option, "value", {"min_value": _range(kind), "max_value": _range(kind)}, kind)
    elif kind is OptionType.STRING:
        bounds = {"min_length": limits.STRING_MIN_LENGTH, "max_length": limits.STRING_MAX_LENGTH}
        yield from _bounds(option, "length", bounds, OptionType.INTEGER)
    elif kind is OptionType.CHANNEL:
        yield from _channel_types(option.get("channel_types"))
    elif kind is OptionType.ATTACHMENT:
        yield from _file_types(option.get("file_types"))


def _range(kind: OptionType) -> tuple[int, int]:
    return limits.INTEGER_VALUE if kind is OptionType.INTEGER else _NUMBER_VALUE


def _number(label: str, value: Any, kind: OptionType, bounds: tuple[int, int]) -> Iterator[str]:
    """A bound or choice of an integer or number option."""
    whole = kind is OptionType.INTEGER
    right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not right or (isinstance(value, float) and not math.isfinite(value)):
        yield f"{label} must be a {'whole number' if whole else 'number'}, not {shown(value)}"
    elif not bounds[0] <= value <= bounds[1]:
        yield f"{label} is {shown(value)}; {bounds[0]:,} to {bounds[1]:,}"


def _bounds(
    option: Mapping[str, Any], what: str, bounds: Mapping[str, tuple[int, int]], kind: OptionType
) -> Iterator[str]:
    wrong = [
        message
        for field, limit in bounds.items()
        if option.get(field) is not None
        for message in _number(field, option[field], kind, limit)
    ]
    yield from wrong
    least, most = option.get(f"min_{what}"), option.get(f"max_{what}")
    if not wrong and least is not None and most is not None and least > most:
        yield f"min_{what} {least:,} is above max_{what} {most:,}"


def _choices(option: Mapping[str, Any], kind: OptionType) -> Iterator[str]:
    choices = option.get("choices")
    if not choices and (choices is None or isinstance(choices, list)):
        return
    if not isinstance(choices, list):
        yield f"choices must be a list, not {shown(choices)}"
        return
    if option.get("autocomplete") is True:
        yield "has choices and autocomplete; Discord allows one of the two"
    if len(choices) > limits.CHOICES:
        yield f"{len(choices):,} choices; at most {limits.CHOICES}"
    for index, choice in enumerate(choices):
        if isinstance(choice, Mapping):
            yield from _choice(choice, kind)
        else:
            yield f"choices.{index} must be a mapping of name and value, not {shown(choice)}"


def _choice(choice: Mapping[str, Any], kind: OptionType) -> Iterator[str]:
    name, value = choice.get("name"), choice.get("value")
    label = texts.named("choice", name)
    yield from texts.choice_name("choice name", name)
    yield from texts.localizations(f"{label} name_localizations", choice.get("name_localizations"), texts.choice_name)
    if value is None:
        yield f"{label} has no value"
    elif kind is not OptionType.STRING:
        yield from _number(f"{label} value", value, kind, _range(kind))
    elif not isinstance(value, str):
        yield f"{label} value must be text, as the option is, not {shown(value)}"
    elif len(value) > limits.CHOICE_VALUE_LENGTH:
        yield texts.too_long(f"{label} value", value, limits.CHOICE_VALUE_LENGTH)


def _channel_types(value: Any) -> Iterator[str]:
    yield from check_set("channel_types", value, list(ChannelType))


def _file_types(value: Any) -> Iterator[str]:
    if value is None:
        return
    if not isinstance(value, list):
        yield f"file_types must be a list, not {shown(value)}"
        return
    if len(value) > limits.FILE_TYPES:
        yield f"{len(value):,} file_types; at most {limits.FILE_TYPES}"
    for item in value:
        if not isinstance(item, str) or not (item in _MEDIA or (item.startswith(".") and len(item) > 1)):
            yield f"file_types has {shown(item)}; image, video, audio or an ending such as .png"


def check_set(label: str, value: Any, known: Sequence[int]) -> Iterator[str]:
    """A list of numbers that must be known and different; null is no list."""
    if value is None:
        return
    if not isinstance(value, list):
        yield f"{label} must be a list, not {shown(value)}"
        return
    for item in value:
        if not isinstance(item, int) or isinstance(item, bool) or item not in known:
            yield f"{label} has the unknown value {shown(item)}"
    numbers = [item for item in value if isinstance(item, int)]
    if len(set(numbers)) < len(numbers):
        yield f"{label} has a value twice"
