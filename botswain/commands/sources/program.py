"""Commands that a program of the bot prints, in whatever language it is written."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from botswain.commands.selection import duplicates
from botswain.commands.sources import child, fields
from botswain.commands.sources.printed import printed_commands
from botswain.commands.sources.read import Found
from botswain.errors import BotswainError, InvalidInput, Problem

if TYPE_CHECKING:
    from botswain.commands.definition import Definition
    from botswain.profile.settings import Source


def read(source: Source) -> Found:
    """Every command of the list that the program prints, in its order.

    Raises InvalidInput with all problems at once; BotswainError when the program fails or prints no list, or several.
    """
    name = shlex.join(source.run)
    ended = child.run(source.run, source.repo, source.environment, source.timeout, isolation=source.isolation)
    if ended.code != 0:
        what, fix = _failure(source, ended)
        raise BotswainError(f"{what}{ended.said}", where=name, fix=fix)
    definitions: list[Definition] = []
    problems: list[Problem] = []
    unknown: list[fields.Unknown] = []
    for index, command in enumerate(printed_commands(ended.out, name)):
        made, others = fields.defined(command, name, f"commands.{index}")
        if isinstance(made, list):
            problems += made
        else:
            definitions.append(made)
            unknown += others
    problems += duplicates(definitions)
    if problems:
        raise InvalidInput(problems)
    return Found(definitions, tuple(fields.unknown_notes(unknown)))


def _failure(source: Source, ended: child.Ended) -> tuple[str, str]:
    """What went wrong with a program that did not end well, and what to do."""
    if ended.stopped == "timeout":
        fix = "let it end once it has printed the commands, or raise commands.timeout"
        return f"did not end within {source.timeout:g} s", fix
    if ended.stopped:
        return f"prints more than {child.MAX_OUTPUT:,} bytes", "let it print the commands and little else"
    if ended.code is not None and ended.code < 0:
        return f"was killed by {child.signal_name(-ended.code)}", "run it by hand in the bot's repository to see why"
    return f"failed with exit code {ended.code}", "run it by hand in the bot's repository to see why"
