"""Valid commands as Discord's request JSON, of every kind and with every field, for everyone's tests.

- `commands(scope)` and `command_sets(scope)` are hypothesis strategies.
- `renamings(commands)` gives some commands of a set other names.
- `random_command(rng, scope, kind)` and `random_commands(rng, scope, count)` make the same from a seeded
  generator, much faster and without shrinking.
  `seeded(1)` is such a generator.
- `mutations(command, scope)` yields copies in which one field differs in a way that users could see.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from hypothesis import strategies as st

from botswain.commands.canonical import key
from botswain.commands.rules import characters
from botswain.commands.settle import same_name, settled
from botswain.discord import limits
from botswain.discord.enums import GLOBAL, ChannelType, CommandType, OptionType
from tests.mutations import MEDIA, SORTED_LOCALES, Json, mutations

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["command_sets", "commands", "mutations", "random_command", "random_commands", "renamings", "seeded"]

Item = TypeVar("Item")
BASIC = [kind for kind in OptionType if kind > OptionType.SUB_COMMAND_GROUP]
ROOM = 1000
"""Characters left free below the limit of a command, so that a mutation may add some."""

_NAME_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz", "abcxyz0123456789-_\u02bc", "äöüßéñøłç", "абвгдежзий", "αβγδες",
    "日本語中文字", "한국어명령", "कखगघिीुू", "กขคงิีุู",
)  # fmt: skip
_TEXT_ALPHABET = "abcdefghij ABC XYZ 0123456789 .,!?'\"-_/\\<>&@#{}[]:;%$ äöüß éèñ жзий 日本語 한국 हिन्दी ไทย 🏴⚓️👍"
_SPACES = " \n\t\u00a0\u3000"
_PERMISSIONS = [None, "0", "8", "8192", "1099511627778", str(limits.PERMISSIONS[1])]


class Chooser(Protocol):
    """Where the generator's decisions come from. The first or smallest choice is the simplest."""

    def integer(self, least: int, most: int) -> int:
        """A number between the two."""

    def text(self, alphabet: str, least: int, most: int) -> str:
        """A text of `least` to `most` of these characters."""


class Seeded:
    """Decisions of a pseudo-random generator."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def integer(self, least: int, most: int) -> int:
        """As `Chooser` says."""
        return least + int(self._rng.random() * (most - least + 1))

    def text(self, alphabet: str, least: int, most: int) -> str:
        """As `Chooser` says."""
        return "".join(self._rng.choices(alphabet, k=self.integer(least, most)))


class Drawn:
    """Decisions drawn from hypothesis, which records and shrinks them."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def integer(self, least: int, most: int) -> int:
        """As `Chooser` says."""
        return self._draw(st.integers(least, most))

    def text(self, alphabet: str, least: int, most: int) -> str:
        """As `Chooser` says."""
        return self._draw(st.text(alphabet, min_size=least, max_size=most))


@st.composite
def commands(draw: st.DrawFn, scope: str = GLOBAL, kind: CommandType | None = None) -> Json:
    """One valid command of any kind that may be in `scope`."""
    return _command(Drawn(draw), scope, kind)


@st.composite
def command_sets(draw: st.DrawFn, scope: str = GLOBAL, max_size: int = 8) -> list[Json]:
    """Commands that may be in one scope together, in any order."""
    return _commands(Drawn(draw), scope, draw(st.integers(0, max_size)))


@st.composite
def renamings(draw: st.DrawFn, commands: Sequence[Json]) -> tuple[list[Json], dict[str, str]]:
    """The commands with new names for some of them, and the former keys of those by their keys."""
    chooser = Drawn(draw)
    taken = {key(one) for one in commands}
    result, former = [], {}
    for one in commands:
        chat = (one.get("type") or CommandType.CHAT_INPUT) == CommandType.CHAT_INPUT
        renamed = {**one, "name": (_chat_name if chat else _free_name)(chooser)}
        if key(renamed) in taken or _chance(chooser, 40):
            result.append(one)
        else:
            taken.add(key(renamed))
            former[key(renamed)] = key(one)
            result.append(renamed)
    return result, former


def seeded(seed: int) -> random.Random:
    """A generator of random numbers that gives the same ones again."""
    return random.Random(seed)


def random_command(rng: random.Random, scope: str = GLOBAL, kind: CommandType | None = None) -> Json:
    """One valid command; equal states of `rng` give equal commands."""
    return _command(Seeded(rng), scope, kind)


def random_commands(rng: random.Random, scope: str = GLOBAL, count: int = 20) -> list[Json]:
    """`count` commands (at most 130) that may be in one scope together."""
    return _commands(Seeded(rng), scope, count)


# Decisions


def _chance(chooser: Chooser, percent: int) -> bool:
    return chooser.integer(0, 99) >= 100 - percent


def _pick(chooser: Chooser, items: Sequence[Item]) -> Item:
    return items[chooser.integer(0, len(items) - 1)]


def _count(chooser: Chooser, least: int, most: int, usual: int = 3) -> int:
    """A few, and sometimes as many as are allowed."""
    return chooser.integer(least, most if _chance(chooser, 6) else min(most, least + usual))


def _subset(chooser: Chooser, items: Sequence[Item], count: int) -> list[Item]:
    left = list(items)
    return [left.pop(chooser.integer(0, len(left) - 1)) for _ in range(min(count, len(left)))]


def _set(chooser: Chooser, part: Json, field: str, value: Any, nothing: Sequence[Any] = (None,)) -> None:
    """Sets a field, leaves it out, or gives it one of the values that mean nothing."""
    state = chooser.integer(0, 9)
    if state >= 5:
        part[field] = value
    elif state == 4 and nothing:
        part[field] = _pick(chooser, nothing)


# Texts


def _chat_name(chooser: Chooser) -> str:
    return chooser.text(_pick(chooser, _NAME_ALPHABETS), 1, 32 if _chance(chooser, 10) else 10)


def _free_text(chooser: Chooser, most: int, usual: int) -> str:
    """A text as people write it: now and then with space around it, runs of it, line breaks and wide spaces."""
    text = chooser.text(_TEXT_ALPHABET, 1, most if _chance(chooser, 6) else usual)
    if _chance(chooser, 25):
        text = "".join(chooser.text(_SPACES, 1, 2) if one == " " else one for one in text)
        text = f"{chooser.text(_SPACES, 0, 2)}{text}{chooser.text(_SPACES, 0, 2)}"
    return text if 0 < len(settled(text)) <= most else text.strip()[:most].strip() or "x"


def _free_name(chooser: Chooser) -> str:
    return _free_text(chooser, 32, 16)


def _choice_name(chooser: Chooser) -> str:
    return _free_text(chooser, 100, 12)


def _description(chooser: Chooser) -> str:
    return _free_text(chooser, 100, 24)


def _unique(chooser: Chooser, make: Any, taken: set[str]) -> str:
    name = make(chooser)
    if same_name(name) in taken:
        start = name.strip()[:28]
        name = next(one for number in range(1000) if same_name(one := f"{start}{number}") not in taken)
    taken.add(same_name(name))
    return str(name)


def _localize(chooser: Chooser, part: Json, field: str, make: Any) -> None:
    if chooser.integer(0, 9) < 6:
        return
    count = 32 if _chance(chooser, 2) else chooser.integer(1, 3)
    texts = {
        locale: part[field] if _chance(chooser, 5) else make(chooser)
        for locale in _subset(chooser, SORTED_LOCALES, count)
    }
    _set(chooser, part, f"{field}_localizations", texts, (None, {}))


# Commands


def _commands(chooser: Chooser, scope: str, count: int) -> list[Json]:
    room = {kind: most for kind, most in limits.COMMANDS_PER_SCOPE.items() if _allowed(kind, scope)}
    taken: dict[CommandType, set[str]] = {kind: set() for kind in room}
    result = []
    for _ in range(count):
        open_kinds = [kind for kind, most in room.items() if len(taken[kind]) < most]
        if not open_kinds:
            break
        kind = open_kinds[0] if _chance(chooser, 70) else _pick(chooser, open_kinds)
        result.append(_command(chooser, scope, kind, taken[kind]))
    return result


def _allowed(kind: CommandType, scope: str) -> bool:
    return scope == GLOBAL or kind is not CommandType.PRIMARY_ENTRY_POINT


def _command(chooser: Chooser, scope: str, kind: CommandType | None, taken: set[str] | None = None) -> Json:
    if kind is None:
        kinds = [kind for kind in CommandType if _allowed(kind, scope)]
        kind = CommandType.CHAT_INPUT if _chance(chooser, 60) else _pick(chooser, kinds)
    chat = kind is CommandType.CHAT_INPUT
    make_name = _chat_name if chat else _free_name
    command: Json = {"name": _unique(chooser, make_name, set() if taken is None else taken)}
    if not chat or _chance(chooser, 50):
        command["type"] = int(kind)
    _localize(chooser, command, "name", make_name)
    if chat or (kind is CommandType.PRIMARY_ENTRY_POINT and _chance(chooser, 60)):
        command["description"] = _description(chooser)
        _localize(chooser, command, "description", _description)
    elif _chance(chooser, 40):
        command["description"] = ""
    if chat:
        _add_options(chooser, command)
    else:
        _set(chooser, command, "options", [])
    _set(chooser, command, "default_member_permissions", _pick(chooser, _PERMISSIONS))
    _set(chooser, command, "nsfw", _chance(chooser, 50), ())
    if kind is CommandType.PRIMARY_ENTRY_POINT:
        _set(chooser, command, "handler", chooser.integer(1, 2))
    if scope == GLOBAL:
        _add_places(chooser, command)
    return _shortened(command)


def _add_places(chooser: Chooser, command: Json) -> None:
    """The fields that only global commands have, each unset, null or set."""
    _set(chooser, command, "contexts", _subset(chooser, [0, 1, 2], chooser.integer(1, 3)))
    _set(chooser, command, "integration_types", _subset(chooser, [0, 1], chooser.integer(1, 2)))
    if _chance(chooser, 30):
        command["dm_permission"] = _pick(chooser, [True, False, None])


def _shortened(command: Json) -> Json:
    """The command with as many options and choices as fit into its characters."""
    while characters(command) > limits.COMMAND_CHARACTERS - ROOM:
        lists = sorted(_lists(command), key=len)
        lists[-1].pop()
    return command


def _lists(part: Json) -> Iterator[list[Any]]:
    for field in ("options", "choices"):
        inner = part.get(field)
        if inner:
            yield inner
            for item in inner:
                yield from _lists(item)


def _add_options(chooser: Chooser, command: Json) -> None:
    shape = chooser.integer(0, 9)
    if shape < 2:
        _set(chooser, command, "options", [], (None,))
    elif shape < 7:
        command["options"] = _basic_options(chooser)
    else:
        command["options"] = _nested_options(chooser)


def _basic_options(chooser: Chooser) -> list[Json]:
    taken: set[str] = set()
    options = [_basic(chooser, taken) for _ in range(_count(chooser, 1, limits.OPTIONS))]
    required = chooser.integer(0, len(options))
    for index, option in enumerate(options):
        if index < required:
            option["required"] = True
        else:
            _set(chooser, option, "required", value=False)
    return options


def _nested_options(chooser: Chooser, *, inside_group: bool = False) -> list[Json]:
    taken: set[str] = set()
    options = []
    for _ in range(_count(chooser, 1, limits.OPTIONS, usual=2)):
        option = _named_option(chooser, taken, OptionType.SUB_COMMAND)
        if not inside_group and _chance(chooser, 25):
            option["type"] = int(OptionType.SUB_COMMAND_GROUP)
            option["options"] = _nested_options(chooser, inside_group=True)
        else:
            _set(chooser, option, "options", _basic_options(chooser), (None, []))
        options.append(option)
    return options


def _named_option(chooser: Chooser, taken: set[str], kind: OptionType) -> Json:
    option: Json = {
        "type": int(kind),
        "name": _unique(chooser, _chat_name, taken),
        "description": _description(chooser),
    }
    _localize(chooser, option, "name", _chat_name)
    _localize(chooser, option, "description", _description)
    return option


def _basic(chooser: Chooser, taken: set[str]) -> Json:
    kind = _pick(chooser, BASIC)
    option = _named_option(chooser, taken, kind)
    if kind in (OptionType.STRING, OptionType.INTEGER, OptionType.NUMBER):
        _add_values(chooser, option, kind)
    elif kind is OptionType.CHANNEL:
        types = _subset(chooser, [int(kind) for kind in ChannelType], _count(chooser, 1, len(ChannelType)))
        _set(chooser, option, "channel_types", types, (None, []))
    elif kind is OptionType.ATTACHMENT:
        files = _subset(chooser, MEDIA, _count(chooser, 1, limits.FILE_TYPES))
        _set(chooser, option, "file_types", files, (None, []))
    return option


def _add_values(chooser: Chooser, option: Json, kind: OptionType) -> None:
    """Choices or autocomplete, and the bounds, of an option that people type."""
    if _chance(chooser, 40):
        taken: set[str] = set()
        option["choices"] = [_choice(chooser, kind, taken) for _ in range(_count(chooser, 1, limits.CHOICES))]
    else:
        _set(chooser, option, "autocomplete", _chance(chooser, 50))
        if _chance(chooser, 5):
            option["choices"] = []
    what = "length" if kind is OptionType.STRING else "value"
    if kind is OptionType.STRING:
        bounds: list[int | float] = [chooser.integer(0, 6000), chooser.integer(1, 6000)]
    else:
        bounds = [_number(chooser, kind), _number(chooser, kind)]
    _set(chooser, option, f"min_{what}", min(bounds))
    _set(chooser, option, f"max_{what}", max(bounds))


def _choice(chooser: Chooser, kind: OptionType, taken: set[str]) -> Json:
    string = kind is OptionType.STRING
    choice: Json = {
        "name": _unique(chooser, _choice_name, taken),
        "value": _choice_name(chooser) if string else _number(chooser, kind),
    }
    _localize(chooser, choice, "name", _choice_name)
    return choice


def _number(chooser: Chooser, kind: OptionType) -> int | float:
    least, most = limits.INTEGER_VALUE
    value = chooser.integer(least, most) if _chance(chooser, 10) else chooser.integer(-1000, 1000)
    return value / 8 if kind is OptionType.NUMBER and _chance(chooser, 50) else value
