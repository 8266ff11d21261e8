"""Commands from a folder of YAML and JSON files: every `.yaml`, `.yml` and `.json` file below it, by name.

A file holds one command, a list of commands, or several YAML documents of either. Files and folders whose
name starts with `.` or `_` are left out, so `_draft.yaml` deploys nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botswain.commands.definition import Definition
from botswain.commands.selection import duplicates
from botswain.commands.sources.files import command_files, read_bytes, shown_path
from botswain.commands.structure import define
from botswain.documents import read_json, read_yaml
from botswain.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def load_folder(folder: Path) -> list[Definition]:
    """All commands below `folder`, in the order of their files' names.

    Raises InvalidInput with the problems of all files at once, among them two commands of one kind and name.
    An empty folder is an empty list: whether that may be deployed is for the plan to say.
    """
    definitions: list[Definition] = []
    problems: list[Problem] = []
    for path in command_files(folder):
        try:
            for found in _load(path):
                if isinstance(found, Problem):
                    problems.append(found)
                else:
                    definitions.append(found)
        except InvalidInput as error:
            problems += error.problems
    problems += duplicates(definitions)
    if problems:
        raise InvalidInput(problems)
    return definitions


def _load(path: Path) -> Iterator[Definition | Problem]:
    name = shown_path(path)
    text = _decoded(read_bytes(path), name)
    documents = (read_json if path.suffix == ".json" else read_yaml)(text, name)
    written = [document for document in documents if document is not None]
    if not written:
        yield Problem(name, "", "holds no command; write one, or remove the file")
    for document in written:
        commands: list[Any] = document if isinstance(document, list) else [document]
        for index, command in enumerate(commands):
            made = define(command, name, f"commands.{index}" if isinstance(document, list) else "")
            if isinstance(made, list):
                yield from made
            else:
                yield made


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 (byte {error.start + 1:,}); save it as UTF-8"
        raise InvalidInput([Problem(name, "", message)]) from None
