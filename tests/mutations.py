"""One visible difference at a time: every field of a generated command changed, added and removed.

See `tests.strategies` for the commands themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botswain.discord import limits
from botswain.discord.enums import GLOBAL, LOCALES, ChannelType, CommandType, OptionType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Json = dict[str, Any]

SORTED_LOCALES = sorted(LOCALES)
MEDIA = ["image", "video", "audio", ".png", ".pdf", ".txt", ".zip", ".tar.gz", ".csv", ".ogg", ".mp4", ".md"]
SERVER_CHOOSES = {"contexts": [{0, 1, 2}], "integration_types": [{0}, {0, 1}]}
"""What Discord may fill in: pinning these looks the same as leaving the field out."""

Place = tuple[str | int, ...]
Change = tuple[str, Place, Any]
"""added, changed, removed or reordered; the place; the new value."""
_GONE = object()


def mutations(command: Json, scope: str = GLOBAL) -> Iterator[tuple[str, Json]]:
    """Every field of a generated command, one at a time: (`path (how)`, the copy with the difference).

    Each copy is valid and differs from the command for its users. What Discord does not keep apart (null,
    absent and the default; a localized text equal to its default; the order of a set) never counts, nor
    does pinning `contexts` or `integration_types` to what Discord may fill in anyway. Left alone are the
    kind of a command, which is a part of its identity, and an absent `handler`, whose default is not known.
    Copies share their unchanged parts with the command: do not change them in place.
    """
    kind = CommandType(command.get("type") or 1)
    for how, place, value in _command_changes(command, kind, scope):
        yield f"{'.'.join(map(str, place))} ({how})", _edited(command, place, value)


def _edited(value: Any, place: Place, new: Any) -> Any:
    """A copy of `value` with `new` at `place`, sharing all that did not change."""
    if not place:
        return new
    copy = value.copy()
    if len(place) == 1 and new is _GONE:
        del copy[place[0]]
    else:
        inner = copy[place[0]] if len(place) > 1 else None
        copy[place[0]] = _edited(inner, place[1:], new)
    return copy


def _command_changes(command: Json, kind: CommandType, scope: str) -> Iterator[Change]:
    chat = kind is CommandType.CHAT_INPUT
    yield "changed", ("name",), _other(command["name"], 32, _localized(command, "name"), chat=chat)
    yield from _localization_changes(command, (), "name", 32, chat=chat)
    if command.get("description"):
        described = _other(command["description"], 100, _localized(command, "description"))
        yield "changed", ("description",), described
        yield from _localization_changes(command, (), "description", 100)
    elif kind is CommandType.PRIMARY_ENTRY_POINT:
        yield "added", ("description",), "Sets sail"
    if chat:
        yield from _options_changes(command, ())
    yield from _permission_changes(command)
    yield "changed", ("nsfw",), not command.get("nsfw")
    if command.get("handler"):
        yield "changed", ("handler",), 3 - command["handler"]
    if scope == GLOBAL:
        yield from _place_changes(command)


def _permission_changes(command: Json) -> Iterator[Change]:
    field = "default_member_permissions"
    now = command.get(field)
    for value in ("0", "16"):
        if value != now:
            yield "changed" if now else "added", (field,), value
    if now is not None:
        yield "removed", (field,), _GONE


def _place_changes(command: Json) -> Iterator[Change]:
    for field, values in (("contexts", ([1], [0, 2])), ("integration_types", ([1], [0]))):
        now = command.get(field)
        if now is None:
            yield "added", (field,), [1]
            continue
        yield "changed", (field,), next(value for value in values if set(value) != set(now))
        if set(now) not in SERVER_CHOOSES[field]:
            yield "removed", (field,), _GONE
    if command.get("contexts") is None:
        now = command.get("dm_permission")
        yield "changed", ("dm_permission",), now is False
        if now is False:
            yield "removed", ("dm_permission",), _GONE


def _other(text: str, most: int, avoid: Sequence[str] = (), *, chat: bool = False) -> str:
    """A valid text that is neither `text` nor one to avoid."""
    endings = "xyzwvutsrq" if chat else "!?.xyzwvut"
    kept = text if len(text) < most else text[: most - 1]
    candidates = [*(kept + ending for ending in endings), *(f"{kept[:20]}{number}" for number in range(100))]
    return next(one for one in candidates if one != text and one not in avoid)


def _localized(part: Json, field: str) -> list[str]:
    return list((part.get(f"{field}_localizations") or {}).values())


def _localization_changes(part: Json, place: Place, field: str, most: int, *, chat: bool = False) -> Iterator[Change]:
    """Each localized text changed and removed, and one added."""
    default, name = part[field], f"{field}_localizations"
    now = part.get(name) or {}
    free = [locale for locale in SORTED_LOCALES if locale not in now]
    if free:
        added = {**now, free[0]: _other(default, most, chat=chat)}
        yield "added", (*place, name), added
    for locale, text in now.items():
        yield "changed", (*place, name, locale), _other(text, most, [default], chat=chat)
        if text != default:
            yield "removed", (*place, name, locale), _GONE


def _options_changes(part: Json, place: Place, kind: OptionType | None = None) -> Iterator[Change]:
    """Options added, removed and reordered, and each of them changed."""
    options, here = part.get("options") or [], (*place, "options")
    names = [option["name"] for option in options]
    if len(options) < limits.OPTIONS:
        nested = kind is OptionType.SUB_COMMAND_GROUP or any(option["type"] <= 2 for option in options)
        new = {"type": 1 if nested else 5, "name": _other("new", 32, names, chat=True), "description": "New"}
        yield "added", here, [*options, new]
    if len(options) > (kind is OptionType.SUB_COMMAND_GROUP):
        yield "removed", here, options[1:]
        yield "removed", here, options[:-1]
    yield from _reordered(here, options, "required")
    for index, option in enumerate(options):
        others = [name for name in names if name != option["name"]]
        yield from _option_changes(option, (*here, index), others)
    yield from _required_changes(here, options)


def _reordered(here: Place, items: list[Json], alike: str) -> Iterator[Change]:
    """The first two neighbours that may change places."""
    for index in range(len(items) - 1):
        first, second = items[index : index + 2]
        if bool(first.get(alike)) == bool(second.get(alike)):
            yield "reordered", here, [*items[:index], second, first, *items[index + 2 :]]
            return


def _required_changes(here: Place, options: list[Json]) -> Iterator[Change]:
    """The last required option made optional, and the first optional one required."""
    if not options or options[0]["type"] <= OptionType.SUB_COMMAND_GROUP:
        return
    required = sum(bool(option.get("required")) for option in options)
    if required:
        yield "changed", (*here, required - 1, "required"), False
        yield "removed", (*here, required - 1, "required"), _GONE
    if required < len(options):
        yield "changed", (*here, required, "required"), True


def _option_changes(option: Json, place: Place, others: Sequence[str]) -> Iterator[Change]:
    kind = OptionType(option["type"])
    name = _other(option["name"], 32, [*others, *_localized(option, "name")], chat=True)
    yield "changed", (*place, "name"), name
    yield from _localization_changes(option, place, "name", 32, chat=True)
    description = _other(option["description"], 100, _localized(option, "description"))
    yield "changed", (*place, "description"), description
    yield from _localization_changes(option, place, "description", 100)
    if kind <= OptionType.SUB_COMMAND_GROUP:
        yield from _options_changes(option, place, kind)
        return
    yield from _kind_changes(option, place, kind)
    if kind is OptionType.STRING:
        yield from _bound_changes(option, place, "length", limits.STRING_MIN_LENGTH, limits.STRING_MAX_LENGTH)
    elif kind in (OptionType.INTEGER, OptionType.NUMBER):
        yield from _bound_changes(option, place, "value", limits.INTEGER_VALUE, limits.INTEGER_VALUE)
    if kind in (OptionType.STRING, OptionType.INTEGER, OptionType.NUMBER):
        yield from _choices_changes(option, place, kind)
    elif kind is OptionType.CHANNEL:
        yield from _set_changes(option, (*place, "channel_types"), list(range(6)), len(ChannelType))
    elif kind is OptionType.ATTACHMENT:
        yield from _set_changes(option, (*place, "file_types"), MEDIA, limits.FILE_TYPES)


def _kind_changes(option: Json, place: Place, kind: OptionType) -> Iterator[Change]:
    special = ("choices", "autocomplete", "channel_types", "file_types", "min_value", "max_value")
    given = {name: option.get(name) for name in (*special, "min_length", "max_length")}
    # A bound of 0 is one, and `0 in (False,)` is true.
    used = [name for name, value in given.items() if value is not None and value is not False and value != []]
    if not used:
        new = OptionType.ROLE if kind is OptionType.USER else OptionType.USER
        yield "changed", (*place, "type"), int(new)
    elif kind is OptionType.INTEGER:
        yield "changed", (*place, "type"), int(OptionType.NUMBER)


def _bound_changes(
    option: Json, place: Place, what: str, low: tuple[int, int], high: tuple[int, int]
) -> Iterator[Change]:
    """Each bound moved by one, removed, or added next to the other; they never cross."""
    least, most = option.get(f"min_{what}"), option.get(f"max_{what}")
    for field, now, other, (bottom, top), sign in (
        (f"min_{what}", least, most, low, 1),
        (f"max_{what}", most, least, high, -1),
    ):
        if now is None:
            candidates = [1 if other is None else other]
        else:
            candidates = [now - 1, now + 1]
            yield "removed", (*place, field), _GONE
        for value in candidates:
            if bottom <= value <= top and (other is None or sign * value <= sign * other):
                yield "added" if now is None else "changed", (*place, field), value
                break


def _choices_changes(option: Json, place: Place, kind: OptionType) -> Iterator[Change]:
    choices, here = option.get("choices") or [], (*place, "choices")
    names = [choice["name"] for choice in choices]
    if option.get("autocomplete"):
        yield "removed", (*place, "autocomplete"), _GONE
        return
    if not choices:
        yield "added", (*place, "autocomplete"), True
    if len(choices) < limits.CHOICES:
        new = {"name": _other("New", 100, names), "value": "new" if kind is OptionType.STRING else 1}
        yield "added", here, [*choices, new]
    if choices:
        yield "removed", here, choices[:-1]
        yield from _reordered(here, choices, "none")
    for index, choice in enumerate(choices):
        inside, value = (*here, index), choice["value"]
        avoid = [*names, *_localized(choice, "name")]
        yield "changed", (*inside, "name"), _other(choice["name"], 100, avoid)
        yield from _localization_changes(choice, inside, "name", 100)
        if isinstance(value, str):
            yield "changed", (*inside, "value"), _other(value, 100)
        else:
            yield "changed", (*inside, "value"), value - 1 if value > 0 else value + 1


def _set_changes(option: Json, place: Place, known: Sequence[Any], most: int) -> Iterator[Change]:
    now = option.get(str(place[-1])) or []
    free = [item for item in known if item not in now]
    if free and len(now) < most:
        yield "added", place, [*now, free[0]]
    if now:
        yield "removed", place, now[1:]
        yield "removed", place, _GONE
    if free and now:
        yield "changed", place, [*now[:-1], free[0]]
