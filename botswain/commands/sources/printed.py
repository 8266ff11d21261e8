"""Finds the list of commands in what a program prints, among whatever else it prints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from botswain.commands.sources.child import quoted
from botswain.documents import read_json
from botswain.errors import BotswainError

_TOKEN = re.compile(r'[\[{"\n\r]')
_COMMANDS = re.compile(r'\[\s*\{\s*"|\{\s*"commands"\s*:\s*\[')
"""How a list of commands begins, and no line of a log."""
_OTHER = re.compile(r'\{\s*"')
"""How an object begins that may have the commands further on."""
_EMPTY = re.compile(r"^[ \t]*(\[\s*\])[ \t]*\r?$", re.MULTILINE)
_TRIES = 500
"""Beginnings that turn out to be none; what comes after so many is not looked at."""
_SCANNED = 64_000_000
"""Characters that may be read of what then turns out to be none; else hostile output is read for minutes."""
_MOST = 5_000
"""Commands of one program; an application has 110 for each of its scopes."""
_SHOWN = 5
"""Places that are told."""
_FIX = 'let it print one JSON array of commands, or {"commands": […]}, on stdout'


def printed_commands(output: bytes, name: str) -> list[Any]:
    """The only list of commands in an output: a JSON array, or an object with one as `commands`.

    Lines of a log are told apart, `[INFO] …` and those in JSON too; an empty list counts where it stands alone on its
    line. Raises BotswainError, with how the output begins, when there is no list, or several.
    """
    text = output.decode("utf-8", "replace").removeprefix("\ufeff")
    places = [(start, end) for start, end, value in _documents(text, name, output) if _is_list(value)]
    found = [text[start:end] for start, end in places]
    if len(found) != 1:
        lines = _words([str(text.count("\n", 0, start) + 1) for start, _ in places])
        what = (
            f"prints {len(found)} lists of commands, which begin in lines {lines}"
            if found
            else "prints no list of commands"
        )
        raise BotswainError(f"{what}{_beginning(output)}", where=name, fix=_FIX)
    (document,) = read_json(found[0], name)
    commands: list[Any] = document["commands"] if isinstance(document, dict) else document
    if len(commands) > _MOST:
        raise BotswainError(f"prints {len(commands):,} commands; no application has more than {_MOST:,}", where=name)
    return commands


def _words(lines: list[str]) -> str:
    """`1, 2 and 7` for the first few, in order."""
    shown = lines[:_SHOWN] if len(lines) <= _SHOWN else [*lines[: _SHOWN - 1], "more"]
    return ", ".join(shown[:-1]) + f" and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def _beginning(output: bytes) -> str:
    return quoted(output[:100_000], "it printed") or " (it printed nothing)"


def _documents(text: str, name: str, output: bytes) -> Iterator[tuple[int, int, Any]]:
    """The JSON values in a text, each with where it starts and ends; none behind a quotation mark of its line."""
    decode = json.JSONDecoder().raw_decode
    at, behind_quote, tries, scanned = 0, False, _TRIES, 0
    empty = {one.start(1) for one in _EMPTY.finditer(text)}
    while token := _TOKEN.search(text, at):
        at, start = token.end(), token.start()
        if token[0] not in "[{":
            behind_quote = token[0] == '"'
            continue
        sure = _COMMANDS.match(text, start) is not None
        if behind_quote or not (sure or start in empty or (tries and _OTHER.match(text, start))):
            continue
        try:
            value, at = decode(text, start)
        except (ValueError, RecursionError) as error:
            tries -= 1
            scanned += (error.pos if isinstance(error, json.JSONDecodeError) else len(text)) - start
            if scanned > _SCANNED:
                what = f"prints too much that begins as JSON and is none{_beginning(output)}"
                raise BotswainError(what, where=name, fix=_FIX) from None
            if sure:
                what = f"what it prints is not valid JSON: {error}{_beginning(output)}"
                raise BotswainError(what, where=name, fix=_FIX) from None
        else:
            yield start, at, value


def _is_list(value: Any) -> bool:
    """Whether a JSON value is a list of commands, or has one."""
    if isinstance(value, dict):
        commands = value.get("commands")
        return isinstance(commands, list) and (_any_named(commands) or (not commands and len(value) == 1))
    return not value or _any_named(value)


def _any_named(items: list[Any]) -> bool:
    return any(isinstance(item, dict) and isinstance(item.get("name"), str) for item in items)
