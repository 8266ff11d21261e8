"""Rules on what users read: names, descriptions and their localizations.

Lengths are counted in Unicode code points, as far as known the way Discord counts, and of the text as it is sent
(`botswain.commands.settle`). Every function yields one message a problem and accepts any JSON value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

from botswain.commands.settle import settled
from botswain.discord import limits
from botswain.discord.enums import LOCALES
from botswain.wording import nearest, shown

Check = Callable[[str, Any], Iterator[str]]
"""Checks one text; the first argument is what the message calls it."""

_DEVANAGARI = "\u0900-\u0950\u0955-\u0963\u0966-\u097f\ua8e0-\ua8ff\U00011b00-\U00011b09"
_THAI = "\u0e01-\u0e3a\u0e40-\u0e5b"
_LETTERS_AND_NUMBERS = r"[^\W_]"  # Python's word characters are Unicode's letters and numbers, and "_"
APOSTROPHE = "\u02bc"
"""The one that names may have, a letter to Unicode; Discord refuses the one of keyboards (discord-api-docs 8567)."""
_CHAT_NAME = re.compile(rf"(?:{_LETTERS_AND_NUMBERS}|[-_{APOSTROPHE}{_DEVANAGARI}{_THAI}])+")
"""Discord's pattern for names; Devanagari and Thai bring their vowel signs, which are no letters."""
_APOSTROPHES = dict.fromkeys(map(ord, "'\u2019\u2018`\u00b4"), APOSTROPHE)


def chat_name(label: str, value: Any) -> Iterator[str]:
    """The name of a chat input command or an option: no spaces, no capitals."""
    if not (yield from _text(label, value, limits.NAME_LENGTH)):
        return
    if not _CHAT_NAME.fullmatch(value):
        yield f"{label} {shown(value)} has {_odd(value)}{_wanted(value)}"
    elif value != value.lower():
        better = _proposal(value)
        yield f"{label} {shown(value)} has capitals; Discord wants {shown(better) if better else 'small letters'}"


def is_chat_name(value: str) -> bool:
    """Whether Discord takes a text as the name of a chat input command or an option."""
    return 0 < len(value) <= limits.NAME_LENGTH[1] and bool(_CHAT_NAME.fullmatch(value)) and value == value.lower()


def free_name(label: str, value: Any) -> Iterator[str]:
    """The name of a user or message command or of an entry point; capitals and spaces are welcome."""
    yield from _text(label, value, limits.NAME_LENGTH)


def choice_name(label: str, value: Any) -> Iterator[str]:
    """What a choice is called."""
    yield from _text(label, value, limits.CHOICE_NAME_LENGTH)


def description(label: str, value: Any) -> Iterator[str]:
    """A description where there has to be one."""
    yield from _text(label, value, limits.DESCRIPTION_LENGTH)


def localizations(label: str, value: Any, check: Check) -> Iterator[str]:
    """Texts by locale, each under the same rule as the text that it translates."""
    if value is None:
        return
    if not isinstance(value, Mapping):
        yield f"{label} must be a mapping of locales to texts, not {shown(value)}"
        return
    for locale, text in value.items():
        if locale not in LOCALES:
            yield f"{label} has the unknown locale {shown(locale)}{_nearest_locale(locale)}"
        yield from check(f"{label}.{locale}", text)


def named(label: str, value: Any) -> str:
    """What to call a part in a message: `choice "Rum"`, or `choice` if it has no name."""
    return f"{label} {shown(value)}" if isinstance(value, str) else label


def too_long(label: str, text: str, most: int) -> str:
    """The message for a text of more than `most` characters."""
    return f"{label} has {len(text):,} characters; at most {most:,}"


def _text(label: str, value: Any, length: tuple[int, int]) -> Generator[str, None, bool]:
    """Whether the text can be judged further; yields what is wrong with its kind or length.

    Used as `if (yield from _text(...))`.
    """
    least, most = length
    if value is None:
        yield f"{label} is missing; {least} to {most} characters"
    elif not isinstance(value, str):
        yield f"{label} must be text, not {shown(value)}"
    elif not (text := settled(value)):
        yield f"{label} is {'blank' if value else 'empty'}; {least} to {most} characters"
    elif len(text) > most:
        yield too_long(label, text, most)
    else:
        return True
    return False


def _odd(name: str) -> str:
    """The first character of a name that does not belong there, in words."""
    odd = next(character for character in name if not _CHAT_NAME.fullmatch(character))
    if odd == " ":
        return "a space"
    return f"the character {odd!r}" if odd.isprintable() and odd.strip() else f"the character U+{ord(odd):04X}"


def _wanted(name: str) -> str:
    """What Discord wants instead of a character that does not belong into a name; a proposal is one that it takes."""
    better = _proposal(name)
    if better is not None and better == name.translate(_APOSTROPHES):
        return f"; Discord wants {APOSTROPHE} (U+02BC): {shown(better)}"
    such = f", such as {shown(better)}" if better else ""
    return f"; only letters, numbers, -, _ and {APOSTROPHE} are allowed{such}"


def _proposal(name: str) -> str | None:
    """A name that Discord takes and that is near this one."""
    text = unicodedata.normalize("NFC", settled(name).translate(_APOSTROPHES)).lower()
    for plain in (text, "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))):
        words = re.sub(r"[\s.:/+&,;!?|()]+", "-", plain).strip("-")
        better = "".join(one for one in words if _CHAT_NAME.fullmatch(one) and one == one.lower())
        if len(better) == len(words) and is_chat_name(better):
            return better
    return None


def _nearest_locale(locale: Any) -> str:
    if not isinstance(locale, str):
        return ""
    same_language = sorted(known for known in LOCALES if known.split("-")[0] == locale.lower().split("-")[0])
    if same_language:
        return f"; did you mean {' or '.join(shown(known) for known in same_language)}?"
    return nearest(locale, sorted(LOCALES))
