"""What Discord makes of a text before it stores it, and which texts are therefore the same.

Reported, and nowhere documented: space around a text is taken away, a run of whitespace becomes one space, and
whitespace between Chinese, Japanese and Korean characters goes altogether. That Discord treats all texts alike and
which characters it counts as whitespace is inferred. So what is sent (`settled`) is changed as little as will settle,
and what is compared (`same_text`) forgives whatever Discord may do on top.

Sources, on GitHub: openclaw/openclaw 76587 and 76588, baptiste0928/twilight-interactions 23, spacebarchat/server 1352.
"""

from __future__ import annotations

import re
import unicodedata

_HAN = (
    "\u2e80-\u2fdf\u3001-\u30ff\u3100-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff9f"
    "\U00020000-\U0003ffff"
)
"""Scripts that are written without spaces, with their punctuation and full-width forms."""
_HANGUL = "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff\uffa0-\uffdc"
"""Korean separates words by spaces, which Discord may take away all the same."""
_SPACES = re.compile(r"[\s\ufeff]+")
"""Python's whitespace, which is Unicode's, and U+FEFF, which is whitespace in JavaScript. No zero-width characters."""
_BREAK_WITHIN = re.compile(rf"(?<=[{_HAN}])[\s\ufeff]*[\n\r\v\f\x85\u2028\u2029][\s\ufeff]*(?=[{_HAN}])")
_SPACE_WITHIN = re.compile(rf"(?<=[{_HAN}{_HANGUL}]) (?=[{_HAN}{_HANGUL}])")
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u2060\ufeff"))
"""Zero-width space, word joiner, byte order mark: nobody sees whether Discord keeps them."""


def settled(text: str) -> str:
    """The text to send: Discord stores it as it is, or so that `same_text` holds.

    Space that an author put between two words stays, also between Chinese, Japanese or Korean ones: it would be lost if
    Discord kept it. A line break between Chinese or Japanese characters is none of that, and goes.
    """
    if text.isascii():
        return text if text == (plain := " ".join(text.split())) else plain
    return _SPACES.sub(_one_space, _BREAK_WITHIN.sub("", text)).strip(" ") if _spaced(text) else text


def _spaced(text: str) -> bool:
    return _SPACES.search(text) is not None


def _one_space(run: re.Match[str]) -> str:
    """A run of whitespace as one space; a single one of another width, such as U+3000, stays inside a text."""
    found = run[0]
    inside = run.start() > 0 and run.end() < len(run.string)
    return found if inside and len(found) == 1 and unicodedata.category(found) == "Zs" else " "


def same_text(one: str, other: str) -> bool:
    """Whether two texts may be the same one before and after Discord stored it."""
    return one == other or _fold(one) == _fold(other)


def same_name(name: str) -> str:
    """A name of a user or message command as what makes it unique: without the spaces that Discord may take away."""
    return name if name.isalnum() else _SPACE_WITHIN.sub("", _SPACES.sub(" ", name).strip())


def _fold(text: str) -> str:
    plain = _SPACES.sub(" ", text).translate(_UNSEEN).strip()
    return unicodedata.normalize("NFC", _SPACE_WITHIN.sub("", _SPACES.sub(" ", plain)))
