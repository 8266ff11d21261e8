r"""Shows what would drive a terminal instead of sending it there: control characters as `\x1b`, `\r`, `\u202e`.

What comes from outside (names on Discord, logs, answers of programs, files) may hold escape sequences, carriage
returns, bidirectional overrides or half characters. Everything that this process prints passes through `escaped` on its
way out; only what was registered with `ours`, which is how colours are made, passes as it is.
"""

from __future__ import annotations

import re

_RISKY = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff\U000e0001]"
)
"""C0 but for line feed and tab, DEL, C1, separators, overrides and isolates, annotations, surrogates, the language tag.

Joiners and direction marks stay: emoji and right-to-left scripts need them, and they move nothing but themselves.
"""
_LINES = re.compile(f"{_RISKY.pattern[:-1]}\n\t]")
_STYLED = re.compile("\x1b\\[[0-9;]*m[^\x1b]*\x1b\\[0m")
_SEQUENCE = re.compile(
    "\x1b(?:\\[[0-?]*[ -/]*[@-~]|[]P_^X][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]"
)
_COLOUR = re.compile("\x1b\\[(?:0|1|2|3|4|22|23|24|39|3[0-7]|9[0-7]|38;5;\\d{1,3}|38;2;\\d{1,3};\\d{1,3};\\d{1,3}|;)*m")
_SHORT = {"\r": "\\r", "\n": "\\n", "\t": "\\t"}
_MOST = 5_000
_ours: dict[str, None] = {}
"""What this process styled itself, the latest last."""


def ours(text: str) -> str:
    """The text, which from now on passes as it is."""
    _ours.pop(text, None)
    _ours[text] = None
    if len(_ours) > _MOST:
        del _ours[next(iter(_ours))]
    return text


def visible(text: str) -> str:
    """The text with everything shown that would move the cursor, colour, hide, reorder, or is no character."""
    return _RISKY.sub(_shown, text) if _RISKY.search(text) else text


def one_line(text: str) -> str:
    """The same, with line ends and tabs shown as well: what is quoted inside a line cannot end it."""
    return _LINES.sub(_shown, text) if _LINES.search(text) else text


def escaped(text: str) -> str:
    """What is printed: `visible`, but for the parts that this process styled itself."""
    if not _RISKY.search(text):
        return text
    return "\n".join(line if line in _ours else _line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    parts, at = [], 0
    for found in _STYLED.finditer(line):
        if found[0] in _ours:
            parts += [visible(line[at : found.start()]), found[0]]
            at = found.end()
    return "".join([*parts, visible(line[at:])])


def log_line(line: str, *, colours: bool) -> str:
    """A line of a bot's log: its own text colours where they are wanted, and no other sequence."""
    if "\x1b" not in line and "\x9b" not in line:
        return line
    kept = _SEQUENCE.sub(lambda found: found[0] if colours and _COLOUR.fullmatch(found[0]) else "", line)
    plain = "\x1b" not in kept
    pieces = [piece if _COLOUR.fullmatch(piece) else visible(piece) for piece in _split(kept)]
    return "".join(pieces) if plain else ours(f"{''.join(pieces)}\x1b[0m")


def json_safe(text: str) -> str:
    """A finished JSON document in which strings hold nothing that drives a terminal; it says the same."""
    return _RISKY.sub(_json_escape, text)


def _split(line: str) -> list[str]:
    pieces, at = [], 0
    for found in _COLOUR.finditer(line):
        pieces += [line[at : found.start()], found[0]]
        at = found.end()
    return [*pieces, line[at:]]


def _shown(found: re.Match[str]) -> str:
    number = ord(found[0])
    if found[0] in _SHORT:
        return _SHORT[found[0]]
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _json_escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    if number < 0x10000:
        return f"\\u{number:04x}"
    number -= 0x10000
    return f"\\u{0xD800 + (number >> 10):04x}\\u{0xDC00 + (number & 0x3FF):04x}"
