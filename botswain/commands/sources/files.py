"""Which files a folder of commands has, and what is in them. Nothing heavy is imported here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from botswain.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 1_000_000
"""Size of one file; the largest command that Discord accepts is far below it."""
ENDINGS = (".yaml", ".yml", ".json")
"""What files of definitions are called."""


def shown_path(path: Path) -> str:
    """A path as messages name it: from the working directory if it is below that."""
    if not path.is_absolute():
        return str(path)
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def command_files(folder: Path, endings: tuple[str, ...] = ENDINGS, *, skipped: tuple[str, ...] = ()) -> list[Path]:
    """The files below `folder` that define commands, sorted by name, none in folders called as in `skipped`.

    Raises InvalidInput.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "there is no such folder"
        fix = "create it, or set commands.folder in the profile to the folder with the command files"
        raise InvalidInput([Problem(shown_path(folder), "", f"{what}; {fix}")])
    problems: list[Problem] = []
    found = list(_walk(folder, (), problems, endings, skipped))
    if problems:
        raise InvalidInput(problems)
    return found


def _walk(
    folder: Path,
    above: tuple[tuple[int, int], ...],
    problems: list[Problem],
    endings: tuple[str, ...],
    skipped: tuple[str, ...],
) -> Iterator[Path]:
    """The files below a folder, sorted; links are followed unless they lead back to a folder above."""
    try:
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        problems.append(Problem(shown_path(folder), "", f"cannot be read: {error.strerror}"))
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        problems.append(Problem(shown_path(folder), "", "a symbolic link back to a folder above it; remove the link"))
        return
    for entry in entries:
        if entry.name.startswith((".", "_")) or entry.name in skipped:
            continue
        if _is_folder(entry):
            yield from _walk(folder / entry.name, (*above, here), problems, endings, skipped)
        elif entry.name.lower().endswith(endings):
            yield folder / entry.name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself; reading it says so
        return False


def read_bytes(path: Path) -> bytes:
    """What a file holds. Raises InvalidInput for what is no readable file of a sensible size."""
    name = shown_path(path)
    try:
        if not path.is_file():
            path.stat()  # a broken or circular link says so itself
            raise InvalidInput([Problem(name, "", "is not a regular file")])
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput([Problem(name, "", f"cannot be read: {error.strerror}")]) from None
    if len(data) > MAX_BYTES:
        raise InvalidInput([Problem(name, "", f"is larger than {MAX_BYTES:,} bytes; split it")])
    return data
