"""Rules on what users read: names, descriptions and their localizations.

Lengths are counted in Unicode code points, as far as known the way Discord counts. Every function yields
one message a problem and accepts any JSON value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

from botswain.discord import limits
from botswain.discord.enums import LOCALES
from botswain.wording import nearest, shown

Check = Callable[[str, Any], Iterator[str]]
"""Checks one text; the first argument is what the message calls it."""

_DEVANAGARI = "\u0900-\u0950\u0955-\u0963\u0966-\u097f\ua8e0-\ua8ff\U00011b00-\U00011b09"
_THAI = "\u0e01-\u0e3a\u0e40-\u0e5b"
_LETTERS_AND_NUMBERS = r"[^\W_]"  # Python's word characters are Unicode's letters and numbers, and "_"
_CHAT_NAME = re.compile(rf"(?:{_LETTERS_AND_NUMBERS}|[-_'{_DEVANAGARI}{_THAI}])+")
"""Discord's pattern for names; Devanagari and Thai bring their vowel signs, which are no letters."""


def chat_name(label: str, value: Any) -> Iterator[str]:
    """The name of a chat input command or an option: no spaces, no capitals."""
    if (yield from _text(label, value, limits.NAME_LENGTH)):
        if not _CHAT_NAME.fullmatch(value):
            yield f"{label} {shown(value)} has {_odd(value)}; only letters, numbers, -, _ and ' are allowed"
        elif value != value.lower():
            yield f"{label} {shown(value)} has capitals; Discord wants {shown(value.lower())}"


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
    elif not value.strip():  # Discord takes surrounding space away
        yield f"{label} is {'blank' if value else 'empty'}; {least} to {most} characters"
    elif len(value) > most:
        yield too_long(label, value, most)
    else:
        return True
    return False


def _odd(name: str) -> str:
    """The first character of a name that does not belong there, in words."""
    odd = next(character for character in name if not _CHAT_NAME.fullmatch(character))
    return "a space" if odd == " " else f"the character {odd!r}"


def _nearest_locale(locale: Any) -> str:
    if not isinstance(locale, str):
        return ""
    same_language = sorted(known for known in LOCALES if known.split("-")[0] == locale.lower().split("-")[0])
    if same_language:
        return f"; did you mean {' or '.join(shown(known) for known in same_language)}?"
    return nearest(locale, sorted(LOCALES))
