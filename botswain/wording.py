"""How messages show what a person wrote, and what they might have meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from botswain.secrets import redaction
from botswain.secrets.visible import one_line

_LISTED = 5
"""Items that a message names before it only counts."""


def nearest(value: object, known: Iterable[str]) -> str:
    """`; did you mean "x"?` for a misspelt name, else nothing."""
    if not isinstance(value, str):
        return ""
    import difflib

    by_lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(value.lower(), by_lower, n=1)
    return f'; did you mean "{by_lower[found[0]]}"?' if found else ""


def shown(value: object) -> str:
    """A value as a person wrote it, shortened, for a message."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        if len(value) > 40:  # covered first, since half a secret is not recognized later
            value = redaction.clean_text(value)
        return f'"{one_line(value)}"' if len(value) <= 40 else f'"{one_line(value[:37])}..."'
    if isinstance(value, Mapping | list | tuple):
        return "a mapping" if isinstance(value, Mapping) else "a list"
    if isinstance(value, int) and abs(value) > 10**20:
        return "a number of more than 20 digits"
    return str(value)


def many(count: int, noun: str) -> str:
    """`1 command`, `2 commands`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(items: Sequence[str]) -> str:
    """`a, b, c and 7 more`, for a list that may be long."""
    shown = ", ".join(items[:_LISTED])
    return f"{shown} and {len(items) - _LISTED} more" if len(items) > _LISTED else shown
