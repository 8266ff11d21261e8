"""Commands from the tree of a discord.py bot, as its own `tree.sync()` would send them, read by its own Python."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botswain.commands import canonical
from botswain.commands.names import command_path
from botswain.commands.sources import fields, reading
from botswain.commands.sources.child import variables
from botswain.commands.sources.files import shown_path
from botswain.commands.sources.read import Found
from botswain.errors import BotswainError, InvalidInput, Problem
from botswain.wording import listed

if TYPE_CHECKING:
    from botswain.commands.definition import Definition
    from botswain.profile.settings import Source

_ENVIRONMENTS = (".venv/bin/python", "venv/bin/python")


def read(source: Source) -> Found:
    """Every command of the tree: the global ones in its order, then those that the code binds to guilds.

    Raises InvalidInput with all problems at once; BotswainError when the interpreter could not be run.
    """
    python = _python(source)
    request = {
        "repo": os.path.realpath(source.repo),
        "object": source.object,
        "extensions": source.extensions,
        "setup_hook": source.setup_hook,
    }

    def advise(package: str) -> str:
        name = "discord.py" if package == "discord" else "the bot's requirements"
        if Path(python).parent.parent.joinpath("pyvenv.cfg").exists():
            return f"install {name} in {python} (-m pip install …), or name the bot's Python in commands.interpreter"
        where = shown_path(source.repo)
        return f"make {where}/.venv (python3 -m venv) with {name}, or name the bot's Python in commands.interpreter"

    told = reading.run_reader(source, [python, str(reading.READERS / "discordpy.py")], request, advise)
    definitions: list[Definition] = []
    problems = told.problems
    distinct, conflicts = _distinct(told.commands)
    unknown: list[fields.Unknown] = []
    for message in distinct:
        made, others = fields.defined(message["data"], reading.named(source, message["file"]))
        if isinstance(made, list):
            problems += _where(made, message["guild"])
        else:
            definitions.append(made)
            unknown += others
    problems += [_conflict(source, message) for message in conflicts]
    if problems:
        raise InvalidInput(problems)
    notes = [*_bound(told.commands), *fields.unknown_notes(unknown)]
    if plain := list(dict.fromkeys(one["name"] for one in told.of("untranslated"))):
        notes.append(_untranslated(source, plain))
    files = {one["file"] for one in [*told.commands, *told.of("left")]}
    left_out = reading.left_out(source, told, [])
    return Found(definitions, (*notes, *reading.background_notes(source, told)), len(files), left_out)


def _python(source: Source) -> str:
    """The Python that runs the bot. Raises BotswainError."""
    path = variables(source.environment)["PATH"]
    fix = "name the bot's Python in commands.interpreter"
    if source.interpreter and "/" not in source.interpreter:
        candidates: Iterable[str | None] = [shutil.which(source.interpreter, path=path)]
    elif source.interpreter:
        candidates = [_inside(source, str(Path(source.interpreter).expanduser()))]
    else:
        candidates = [*(_inside(source, one) for one in _ENVIRONMENTS), shutil.which("python3", path=path)]
        fix = f"make .venv in {shown_path(source.repo)}, or {fix}"
    for found in candidates:
        if found and os.access(found, os.X_OK):
            return found
    what = f"{source.interpreter or 'python3'} is no program"
    raise BotswainError(what, where=shown_path(source.repo), fix=fix)


def _inside(source: Source, path: str) -> str:
    """A path of the repository, absolute; links stay, for a virtual environment's Python is one."""
    return os.path.abspath(source.repo / path)  # noqa: PTH100


def _distinct(commands: Iterable[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The first command of each kind and name, and those that differ from it: the same one bound twice is one."""
    first: dict[str, dict[str, Any]] = {}
    different = []
    for message in commands:
        earlier = first.setdefault(canonical.key(message["data"]), message)
        if canonical.canonical(earlier["data"], "guild") != canonical.canonical(message["data"], "guild"):
            different.append(message)
    return list(first.values()), different


def _conflict(source: Source, message: dict[str, Any]) -> Problem:
    what = f"differs for guild {message['guild']} from what other guilds or all of them get; make them one command"
    return Problem(reading.named(source, message["file"]), command_path(message["data"]), what)


def _untranslated(source: Source, names: list[str]) -> str:
    """A note on the commands that would be translated, if there were something to do it."""
    which = f"{listed(names)}: texts are locale_str, but the tree has no translator"
    if source.setup_hook:
        return f"{which}, and setup_hook sets none"
    return f"{which}; are translations set in setup_hook? then say setup_hook: true"


def _where(problems: list[Problem], guild: int | None) -> list[Problem]:
    if guild is None:
        return problems
    return [Problem(one.file, one.path, f"{one.message} (of guild {guild})") for one in problems]


def _bound(commands: Iterable[dict[str, Any]]) -> list[str]:
    """A note on the commands that the code binds to guilds alone."""
    paths: dict[bool, set[str]] = {True: set(), False: set()}
    for one in commands:
        paths[one["guild"] is None].add(command_path(one["data"]))
    bound = sorted(paths[False] - paths[True])
    if not bound:
        return []
    return [f"the code binds {listed(bound)} to guilds of its own; the profile decides where they go instead"]
