"""Commands from the modules of a discord.js bot, loaded by its own node and its own TypeScript loader.

Every module below the folder is loaded but declarations (`.d.ts`), tests (`.test.`, `.spec.`), what npm installed, and
what starts with `.` or `_`. Of `ping.ts` and the `ping.js` beside it, compiled from it, the first is read.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botswain.commands.definition import Definition
from botswain.commands.names import command_path
from botswain.commands.selection import duplicates
from botswain.commands.sources import fields, reading
from botswain.commands.sources.child import variables
from botswain.commands.sources.files import command_files, shown_path
from botswain.commands.sources.read import Found, LeftOut
from botswain.errors import BotswainError, InvalidInput, Problem
from botswain.wording import many

if TYPE_CHECKING:
    from botswain.profile.settings import Source

_ENDINGS = (".ts", ".mts", ".cts", ".js", ".mjs", ".cjs")
_NOT_ITS_OWN = ", which discord.js itself does not look at"
_ADAPTER = (
    "write a module that exports the commands in an array and name it in commands.files"
    ' (docs/adopt/discord-js.md, "A shape of its own")'
)
_NO_COMMANDS = re.compile(r"\.d\.[cm]?ts$|\.(test|spec)\.[cm]?[jt]s$")


def read(source: Source) -> Found:
    """Every command that the bot's modules export, in the order of their files.

    Raises InvalidInput with the problems of all files at once; BotswainError when node could not be run.
    """
    files = modules(source)
    if not files:
        return Found([], (f"{shown_path(source.path)} holds no module of a command",))
    request = {
        "repo": os.path.realpath(source.repo),
        "files": files,
        "loader": source.loader,
        "fields": fields.spellings(),
        "modules": None if source.modules is None else str(source.modules),
    }
    if source.modules is not None:  # how node itself looks for what `require` does not find
        source = replace(source, environment={**source.environment, "NODE_PATH": str(source.modules)})
    argv = [_node(source), str(reading.READERS / "discordjs.cjs")]
    where = shown_path(source.repo)
    told = reading.run_reader(source, argv, request, lambda _: f"run npm install in {where}")
    told.commands.sort(key=lambda message: files.index(message["file"]))
    definitions, notes = [], []
    problems = [*told.problems, *_own_shapes(source, told)]
    for message in told.commands:
        file = reading.named(source, message["file"])
        made, unknown = _define(message, file)
        if isinstance(made, list):
            problems += made
            continue
        definitions.append(made)
        notes += [*_notes(message, made), *fields.unknown_notes(unknown, file)]
    problems += duplicates(definitions)
    left_out = reading.left_out(source, told, files)
    if not (problems or definitions) and left_out and all(one.doubtful for one in left_out):
        problems += _nothing_known(source, left_out)
    if problems:
        raise InvalidInput(problems)
    return Found(definitions, (*notes, *reading.background_notes(source, told)), len(files), left_out)


def modules(source: Source) -> list[str]:
    """The modules to load, as paths inside the repository, in order. Raises InvalidInput."""
    folder = source.path
    found = command_files(folder, _ENDINGS, skipped=("node_modules",))
    if source.files:
        problems, chosen = [], set()
        for index, pattern in enumerate(source.files):
            matching = {path for path in found if path in set(folder.glob(pattern))}
            chosen |= matching
            if not matching:
                message = f'"{pattern}" matches no module below {shown_path(folder)}'
                problems.append(Problem("commands", f"files.{index}", message))
        if problems:
            raise InvalidInput(problems)
        found = [path for path in found if path in chosen]
    wanted = [path for path in found if not _NO_COMMANDS.search(path.name)]
    sources = {path for path in wanted if path.suffix.endswith("ts")}
    compiled = {path.with_suffix(path.suffix.replace("t", "j")) for path in sources}
    return [path.relative_to(source.repo).as_posix() for path in wanted if path not in compiled]


def _own_shapes(source: Source, told: reading.Reading) -> list[Problem]:
    """One problem for each way in which commands are in a shape of the bot's own, which would be read by half."""
    alike: dict[str, list[dict[str, Any]]] = {}
    for one in told.of("shape"):
        alike.setdefault(one["why"], []).append(one)
    return [
        Problem(reading.named(source, first["file"]), first["place"], f"{why}{_and_so(more)}{_NOT_ITS_OWN}; {_ADAPTER}")
        for why, (first, *more) in alike.items()
    ]


def _and_so(more: list[dict[str, Any]]) -> str:
    return f" (and so for {many(len(more), 'more command')})" if more else ""


def _nothing_known(source: Source, left_out: Sequence[LeftOut]) -> list[Problem]:
    """One problem for a folder of which nothing is a command, although all of it seems to be meant as one."""
    what = f"nothing in {many(len(left_out), 'place')} is a command as discord.js knows it, such as {left_out[0]}"
    return [Problem(shown_path(source.path), "", f"{what}; {_ADAPTER}")]


def _node(source: Source) -> str:
    """The node that runs the bot. Raises BotswainError."""
    wanted = source.interpreter or "node"
    if "/" in wanted:
        path = Path(os.path.abspath(source.repo / Path(wanted).expanduser()))  # noqa: PTH100 - resolve() follows links
        if os.access(path, os.X_OK) and path.is_file():
            return str(path)
        what = "is no program"
    elif found := shutil.which(wanted, path=variables(source.environment)["PATH"]):
        return found
    else:
        what = "is not on PATH"
    fix = "install Node.js, or name the bot's node in commands.interpreter"
    raise BotswainError(f"{wanted} {what}", where=shown_path(source.repo), fix=fix)


def _define(message: Mapping[str, Any], file: str) -> tuple[Definition | list[Problem], list[fields.Unknown]]:
    """The definition that a module exports, or its problems; and what was left out of it."""
    data = fields.to_discord_fields(message["data"])
    for name, value in message["own"].items():
        data[fields.own_name(name)] = value
    beside = [fields.unknown_field(command_path(data), name) for name in message["others"]]
    made, unknown = fields.defined(data, file)
    if isinstance(made, list):
        return fields.unknown_problems(beside, file) + made, []
    # What an exported object has besides is the bot's own, unless it is a misspelt field of Discord's.
    return made, [*(one for one in beside if one.meant or not message["exported"]), *unknown]


def _notes(message: Mapping[str, Any], made: Definition) -> list[str]:
    path, notes = command_path(made.payload), []
    if not message["handled"]:
        notes.append(f"{made.file}: {path} has no function that handles it, such as execute")
    return notes
