"""The texts of a command as Discord stores them, as far as users have reported it.

Space around a text is taken away, a run of whitespace becomes one space, and between two Chinese, Japanese or Korean
characters it goes altogether. Names of slash commands and of options are left as they are sent: with a space in them
they are refused. Values of choices are the application's own and stay to the letter.

Written from the reports alone; the product's rules live elsewhere and share nothing with these.
"""

from __future__ import annotations

from typing import Any

from botswain.discord.enums import CommandType

_WHITESPACE = frozenset(
    map(
        chr, (*range(9, 14), 0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF)
    )
)
_CJK = (
    (0x3001, 0x303F), (0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7AF), (0xFF00, 0xFFEF),
)  # fmt: skip


def stored(command: dict[str, Any]) -> dict[str, Any]:
    """A command with its texts as they are stored; what is no text is left for the checks to refuse."""
    kind = command.get("type")
    chat = kind in (None, CommandType.CHAT_INPUT)
    return _part(command, () if chat else ("name", "name_localizations"))


def text(value: str) -> str:
    """One text as it is stored."""
    words, word = [], ""
    for character in value:
        if character not in _WHITESPACE:
            word += character
        elif word:
            words.append(word)
            word = ""
    words += [word] if word else []
    result = ""
    for word in words:
        result += "" if not result or (_is_cjk(result[-1]) and _is_cjk(word[0])) else " "
        result += word
    return result


def _is_cjk(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _CJK)


def _part(part: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    result = dict(part)
    for field in ("description", "description_localizations", *names):
        if field in result:
            result[field] = _field(result[field])
    for field, inner in (("options", ()), ("choices", ("name", "name_localizations"))):
        if isinstance(items := result.get(field), list):
            result[field] = [_part(item, inner) if isinstance(item, dict) else item for item in items]
    return result


def _field(value: Any) -> Any:
    if isinstance(value, dict):
        return {locale: _field(one) if isinstance(one, str) else one for locale, one in value.items()}
    return text(value) if isinstance(value, str) else value
