"""The files that an import writes: which commands get one, what is in it, and how it is called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botswain.commands.canonical import Command
from botswain.commands.definition import Definition
from botswain.discord.enums import GLOBAL
from botswain.errors import BotswainError, Refused
from botswain.plan import called, label

if TYPE_CHECKING:
    from botswain.commands.sources.read import Found
    from botswain.profile.settings import Profile

_SHOWN = 4
"""Differences between guilds that a message tells, and guilds that it names."""


@dataclass(frozen=True)
class Written:
    """What a folder is to hold besides what it holds."""

    files: tuple[tuple[Path, bytes], ...]
    found: Found
    """All definitions of the folder, with those of the files."""
    notes: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()
    """Keys of live commands that no definition can say."""


def defined(profile: Profile) -> list[Definition]:
    """What the profile's folder defines already; nothing if it is still to be made, or if the source is no folder."""
    source = profile.source
    if source.runs_code:
        return []
    if not source.repo.is_dir():
        what = "is not a folder" if source.repo.exists() else "there is no such folder"
        raise BotswainError(what, where=f"{profile.file}: repo: {source.repo}", fix="name the bot's repository there")
    if not source.path.exists():
        return []
    from botswain.commands.sources.folder import load_folder

    return load_folder(source.path)


def written(
    profile: Profile,
    known: list[Definition],
    strangers: Mapping[str, Mapping[str, Command]],
    recorded: Iterable[str],
    guild: str | None,
) -> Written:
    """The files for live commands that the folder lacks.

    What was recorded once and has no definition (`recorded`) was taken out of the folder on purpose, and gets none.
    Raises Refused when the guilds differ in what is to be written, unless `guild` is chosen.
    """
    from botswain.commands.sources.read import Found
    from botswain.commands.writing import file_names, write

    has = {one.key for one in known} | set(recorded)
    missing = {
        scope: {name: command for name, command in commands.items() if name not in has}
        for scope, commands in strangers.items()
    }
    new = {**missing.get(GLOBAL, {}), **_of_guilds(profile, missing, guild)}
    folder = profile.source.path
    names = file_names(list(new.values()), [path.name for path in folder.iterdir()] if folder.is_dir() else [])
    files, definitions, notes, unusable = [], [], [], []
    for (name, command), file in zip(new.items(), names, strict=True):
        text, path = write(command), folder / file
        made = _read_back(text, path)
        if isinstance(made, str):
            unusable.append(name)
            notes.append(f"{called(name)} cannot be written as a definition, and is left as it is: {made}")
            continue
        _check_secret(name, text)
        files.append((path, text.encode()))
        definitions.append(made)
    return Written(tuple(files), Found([*known, *definitions]), tuple(notes), tuple(unusable))


def _read_back(text: str, path: Path) -> Definition | str:
    """The definition that a file will hold, or why it cannot be one."""
    from botswain.commands.sources.files import shown_path
    from botswain.commands.structure import define
    from botswain.documents import read_yaml

    made = define(read_yaml(text, str(path))[0], shown_path(path))
    return made if isinstance(made, Definition) else "; ".join(problem.message for problem in made)


def _check_secret(name: str, text: str) -> None:
    from botswain.secrets import redaction

    if not redaction.is_clean(text):
        what = "holds a secret, which would be written to a file"
        raise Refused(what, where=called(name), fix="take it out of the command first, and renew the secret")


def _of_guilds(
    profile: Profile, missing: Mapping[str, Mapping[str, Command]], guild: str | None
) -> Mapping[str, Command]:
    """The one set that is to be written for all guilds. Owner guilds that are none of them have no say."""
    sets = {scope: commands for scope, commands in missing.items() if scope in profile.guild_ids}
    if guild is not None:
        return sets[guild]
    first, *others = sets.values() or [{}]
    if all(other == first for other in others):
        return first
    told = "; ".join(_differences(sets))
    raise Refused(
        f"the guilds differ, and a profile deploys one set to all of them: {told}",
        where=f"{profile.file}: guild_ids",
        fix="say --guild ID to choose whose commands become the files; the next diff shows what the others have",
    )


def _differences(sets: Mapping[str, Mapping[str, Command]]) -> list[str]:
    """What differs, a text for each command: where it is missing, or is another than in the first guild that has it."""
    told = []
    for name in dict.fromkeys(name for commands in sets.values() for name in commands):
        having = [scope for scope, commands in sets.items() if name in commands]
        lacking = [scope for scope in sets if scope not in having]
        other = [scope for scope in having if sets[scope][name] != sets[having[0]][name]]
        if lacking:
            told.append(f"{called(name)} is not in {_listed(lacking)}")
        if other:
            told.append(f"{called(name)} is another in {_listed(other)} than in {label(having[0])}")
    more = len(told) - _SHOWN
    return [*told[:_SHOWN], f"and {more} more"] if more > 0 else told


def _listed(guilds: list[str]) -> str:
    more = len(guilds) - _SHOWN
    return f"guild {', '.join(guilds[:_SHOWN])}{f' and {more} more' if more > 0 else ''}"
