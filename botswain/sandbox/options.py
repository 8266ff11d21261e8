"""What Discord refuses in the options of a chat input command."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from botswain.discord import limits
from botswain.discord.enums import ChannelType, OptionType
from botswain.sandbox.forms import Form

if TYPE_CHECKING:
    from collections.abc import Callable

    from botswain.sandbox.forms import Path

SUB = {OptionType.SUB_COMMAND, OptionType.SUB_COMMAND_GROUP}
BASIC = set(OptionType) - SUB
WITH_CHOICES = {OptionType.STRING, OptionType.INTEGER, OptionType.NUMBER}

# Letters of these scripts take marks that are neither letters nor numbers; the documented pattern names both.
_SCRIPTS = (
    (0x0900, 0x0950),
    (0x0955, 0x0963),
    (0x0966, 0x097F),
    (0xA8E0, 0xA8FF),
    (0x0E01, 0x0E3A),
    (0x0E40, 0x0E5B),
)


def is_chat_name(name: str) -> bool:
    r"""Whether `^[-_\u02BC\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$` matches, in lower case where there is one."""
    return name == name.lower() and all(_belongs(character) for character in name)


def _belongs(character: str) -> bool:
    if character in "-_\u02bc" or unicodedata.category(character)[0] in "LN":
        return True
    return any(first <= ord(character) <= last for first, last in _SCRIPTS)


def check_name(form: Form, path: Path, name: Any) -> bool:
    """A slash or option name."""
    if not form.text(path, name, *limits.NAME_LENGTH):
        return False
    return chat_pattern(form, path, name)


def chat_pattern(form: Form, path: Path, name: str) -> bool:
    """The characters of a slash or option name."""
    if is_chat_name(name):
        return True
    if all(_belongs(character) for character in name):
        form.add(path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    else:
        form.add(path, "STRING_TYPE_REGEX", "String value did not match validation regex.")
    return False


def check_localized_names(form: Form, path: Path, value: Any) -> None:
    """Slash or option names by locale."""
    for locale, name in form.localizations(path, value, *limits.NAME_LENGTH).items():
        chat_pattern(form, (*path, locale), name)


def check_options(form: Form, path: Path, value: Any, allowed: set[OptionType]) -> None:
    """All options of one level: `allowed` says which kinds may stand here."""
    models = [
        (index, model)
        for index, option in enumerate(form.items(path, value, limits.OPTIONS))
        if (model := form.model((*path, str(index)), option)) is not None
    ]
    for index, option in models:
        _check_option(form, (*path, str(index)), option, allowed)
    _check_order(form, path, models)


def _is_sub(option: dict[str, Any]) -> bool:
    kind = option.get("type")
    return isinstance(kind, int) and kind in SUB


def _check_order(form: Form, path: Path, models: list[tuple[int, dict[str, Any]]]) -> None:
    names: set[str] = set()
    optional = False
    mixed = len({_is_sub(option) for _, option in models}) > 1
    for index, option in models:
        place = (*path, str(index))
        name = option.get("name")
        if isinstance(name, str) and name in names:
            form.add(
                (*place, "name"),
                "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
                "Option name already exists",
            )
        names.add(str(name))
        if _is_sub(option):
            if mixed:
                message = "Sub-command and sub-command group option types are mutually exclusive to all other types"
                form.add((*place, "type"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
        elif option.get("required") is True:
            if optional:
                message = "Required options must be placed before non-required options"
                form.add(place, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message)
        else:
            optional = True


def _check_option(form: Form, path: Path, option: dict[str, Any], allowed: set[OptionType]) -> None:
    if "name" in option:
        check_name(form, (*path, "name"), option["name"])
    else:
        form.required((*path, "name"))
    check_localized_names(form, (*path, "name_localizations"), option.get("name_localizations"))
    if option.get("description") is None:
        form.required((*path, "description"))
    else:
        form.text((*path, "description"), option["description"], *limits.DESCRIPTION_LENGTH)
    localized = option.get("description_localizations")
    form.localizations((*path, "description_localizations"), localized, *limits.DESCRIPTION_LENGTH)
    form.boolean((*path, "required"), option.get("required"))
    if "type" not in option:
        form.required((*path, "type"))
    elif form.choice((*path, "type"), option["type"], allowed):
        _check_kind(form, path, option, OptionType(option["type"]))


def _check_kind(form: Form, path: Path, option: dict[str, Any], kind: OptionType) -> None:
    if kind is OptionType.SUB_COMMAND_GROUP:
        check_options(form, (*path, "options"), option.get("options"), {OptionType.SUB_COMMAND})
    elif kind is OptionType.SUB_COMMAND:
        check_options(form, (*path, "options"), option.get("options"), BASIC)
    elif kind is OptionType.CHANNEL:
        form.numbers((*path, "channel_types"), option.get("channel_types"), set(ChannelType))
    elif kind is OptionType.ATTACHMENT:
        _check_file_types(form, (*path, "file_types"), option.get("file_types"))
    if kind in WITH_CHOICES:
        _check_choices(form, path, option, kind)
    if kind is OptionType.STRING:
        _check_pair(form, path, option, ("min_length", "max_length"), _length)
    elif kind in WITH_CHOICES:
        check = _integer if kind is OptionType.INTEGER else Form.number
        _check_pair(form, path, option, ("min_value", "max_value"), check)


def _length(form: Form, path: Path, value: Any) -> bool:
    bounds = limits.STRING_MIN_LENGTH if path[-1] == "min_length" else limits.STRING_MAX_LENGTH
    return form.integer(path, value, *bounds)


def _integer(form: Form, path: Path, value: Any) -> bool:
    return form.integer(path, value, *limits.INTEGER_VALUE)


def _check_pair(
    form: Form,
    path: Path,
    option: dict[str, Any],
    keys: tuple[str, str],
    check: Callable[[Form, Path, Any], bool],
) -> None:
    given = {key: option[key] for key in keys if option.get(key) is not None}
    fine = [check(form, (*path, key), value) for key, value in given.items()]
    low, high = keys
    if len(fine) == 2 and all(fine) and given[low] > given[high]:
        code = f"APPLICATION_COMMAND_OPTIONS_{low.upper()}_EXCEEDS_{high.upper()}"
        form.add((*path, low), code, f"{low} must be less than or equal to {high}")


def _check_choices(form: Form, path: Path, option: dict[str, Any], kind: OptionType) -> None:
    form.boolean((*path, "autocomplete"), option.get("autocomplete"))
    choices = form.items((*path, "choices"), option.get("choices"), limits.CHOICES)
    if choices and option.get("autocomplete") is True:
        message = "Options with autocomplete enabled cannot have choices"
        form.add((*path, "choices"), "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_INVALID", message)
    for index, choice in enumerate(choices):
        place = (*path, "choices", str(index))
        if (model := form.model(place, choice)) is None:
            continue
        for key in ("name", "value"):
            if key not in model:
                form.required((*place, key))
        if "name" in model:
            form.text((*place, "name"), model["name"], *limits.CHOICE_NAME_LENGTH)
        localized = model.get("name_localizations")
        form.localizations((*place, "name_localizations"), localized, *limits.CHOICE_NAME_LENGTH)
        if "value" in model:
            _check_choice_value(form, (*place, "value"), model["value"], kind)


def _check_choice_value(form: Form, path: Path, value: Any, kind: OptionType) -> None:
    if kind is OptionType.STRING:
        form.text(path, value, 0, limits.CHOICE_VALUE_LENGTH)
    elif kind is OptionType.INTEGER:
        _integer(form, path, value)
    else:
        form.number(path, value)


def _check_file_types(form: Form, path: Path, value: Any) -> None:
    for index, kind in enumerate(form.items(path, value, limits.FILE_TYPES)):
        if kind not in ("image", "video", "audio") and not (isinstance(kind, str) and len(kind) > 1 and kind[0] == "."):
            form.add((*path, str(index)), "BASE_TYPE_CHOICES", "Must be image, video, audio or an extension.")
