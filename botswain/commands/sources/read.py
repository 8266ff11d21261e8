"""Reads a profile's source, whatever its kind. What runs the bot's code is imported only for such a source."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botswain.commands.definition import Definition
    from botswain.profile.settings import Source


@dataclass(frozen=True, order=True)
class LeftOut:
    """Something that a source holds and that is not read as a command."""

    file: str
    place: str
    """Which part of the file, such as `/ping`; empty for all of it."""
    reason: str
    doubtful: bool = False
    """Whether it may be meant as a command."""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.place, self.reason) if part)


@dataclass(frozen=True)
class Found:
    """What a source holds."""

    definitions: list[Definition]
    notes: tuple[str, ...] = ()
    """What people should know of it, such as a command that nothing handles."""
    files: int = 0
    """How many files were read; 0 for a source that is none of files."""
    left_out: tuple[LeftOut, ...] = ()
    """What was looked at and is no command, in the order of the files."""


def read(source: Source) -> Found:
    """Every command that the source defines, in its order.

    Raises InvalidInput with all problems of all files at once; BotswainError when the bot's code could not be run.
    """
    if source.kind == "folder":
        from botswain.commands.sources.folder import load_folder

        definitions = load_folder(source.path)
        return Found(definitions, files=len({one.file for one in definitions}))
    from botswain.commands.sources import bubblewrap

    found = _run(source)
    note = bubblewrap.note(source.isolation)
    return replace(found, notes=(*found.notes, note)) if note else found


def _run(source: Source) -> Found:
    """The same for a source that runs the bot's code."""
    if source.kind == "discord.js":
        from botswain.commands.sources import discordjs

        return discordjs.read(source)
    if source.kind == "discord.py":
        from botswain.commands.sources import discordpy

        return discordpy.read(source)
    from botswain.commands.sources import program

    return program.read(source)


def isolated(source: Source, path: Path) -> Source:
    """The same source in another checkout of the bot's repository, at `path`.

    What git ignores there and the bot's code needs, such as node_modules or .venv, is the caller's to link.
    """
    return replace(source, repo=path)


def digest(source: Source) -> str | None:
    """What tells whether the source has changed since it was last read; None where only reading it tells."""
    if source.runs_code:
        return None
    from botswain.commands.sources.digest import digest_folder

    return digest_folder(source.path)
