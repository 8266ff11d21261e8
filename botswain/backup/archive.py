"""What is in a dump, read from its table of contents; and the script that makes it again, or a part of it."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from botswain.backup import sql, tools
from botswain.backup.catalogue import Entry
from botswain.backup.programs import Pipeline, Runner

_LINE = re.compile(r"\d+; \d+ \d+ (.*)")
_OF_DATABASE = (
    "DATABASE - ",
    "DATABASE PROPERTIES - ",
    "COMMENT - DATABASE ",
    "SECURITY LABEL - DATABASE ",
    "ACL - DATABASE ",
)
_FIRST_ENTRY = b"-- Name: "


@dataclass(frozen=True)
class Contents:
    """The table of contents: a line each, in pg_restore's own form."""

    lines: tuple[str, ...]

    @property
    def extensions(self) -> list[str]:
        """The extensions that the dump makes."""
        return [found[len("EXTENSION - ") :].strip() for found in self._named("EXTENSION - ")]

    @property
    def schemas(self) -> list[str]:
        """The schemas that it makes; one whose owner's name has a space in it may be told with a part of that."""
        return [found[len("SCHEMA - ") :].rpartition(" ")[0] for found in self._named("SCHEMA - ")]

    def has_rows(self, schema: str, table: str) -> bool:
        """Whether rows of that table are in it."""
        return any(self._named(f"TABLE DATA {schema} {table} "))

    def without(self, extensions: Collection[str], schemas: Collection[str], kinds: Collection[str] = ()) -> list[str]:
        """The lines without those extensions, schemas and kinds of things.

        What an extension says of itself comes with it: COMMENT ON EXTENSION is left to its owner, and left out.
        """
        return [line for line in self.lines if not _left_out(_entry(line), extensions, schemas, kinds)]

    def of_database(self) -> list[str]:
        """The lines about the database itself, which are made only where that is."""
        return [line for line in self.lines if _entry(line).startswith(_OF_DATABASE)]

    def _named(self, beginning: str) -> Iterator[str]:
        return (one for one in map(_entry, self.lines) if one.startswith(beginning))


def _entry(line: str) -> str:
    found = _LINE.match(line)
    return found[1] if found else ""


def _left_out(entry: str, extensions: Collection[str], schemas: Collection[str], kinds: Collection[str]) -> bool:
    if entry.startswith("EXTENSION - "):
        return entry[len("EXTENSION - ") :].strip() in extensions
    if entry.startswith("SCHEMA - "):
        words = entry[len("SCHEMA - ") :].split(" ")
        # Name and owner stand beside each other, and both may have spaces.
        return any(" ".join(words[:count]) in schemas for count in range(1, len(words)))
    return entry.startswith("COMMENT - EXTENSION ") or any(entry.startswith(f"{kind} ") for kind in kinds)


class Archive:
    """A dump that is open."""

    def __init__(self, runner: Runner, clients: tools.Tools, entry: Entry, file: IO[bytes]) -> None:
        self._runner = runner
        self._clients = clients
        self._file = file
        self.entry = entry

    def contents(self) -> Contents:
        """Its table of contents."""
        with self._restore("--create", "--list") as pipeline:
            text = pipeline.output.read().decode("utf-8", "replace")
            pipeline.finish(whole=False)
        return Contents(tuple(line for line in text.splitlines() if _LINE.match(line)))

    @contextlib.contextmanager
    def script(self, lines: Collection[str], *options: str) -> Iterator[Pipeline]:
        """A pipeline that writes the SQL for those lines of the contents."""
        with self._listed(lines) as path, self._restore(f"--use-list={path}", "--file=-", *options) as pipeline:
            yield pipeline

    def drops(self, lines: Collection[str]) -> list[str]:
        """The statements that drop what those lines make, if it is there."""
        text = bytearray()
        with self.script(lines, "--clean", "--if-exists") as pipeline:
            for line in pipeline.output:
                if line.startswith(_FIRST_ENTRY):
                    break
                text += line
            pipeline.close()
        found = sql.statements(text.decode("utf-8", "replace"))
        return [one for one in found if not one.startswith(("SET ", "SELECT pg_catalog.set_config("))]

    def of_database(self, contents: Contents) -> list[str]:
        """The statements that make the database, and say what belongs to it: owner, settings, comment, grants."""
        lines = contents.of_database()
        if not lines:
            return []
        with self.script(lines, "--create") as pipeline:
            text = pipeline.output.read().decode("utf-8", "replace")
            pipeline.finish(whole=False)
        kinds = ("CREATE DATABASE ", "ALTER ", "COMMENT ", "GRANT ", "REVOKE ", "SECURITY ")
        return [one for one in sql.statements(text) if one.startswith(kinds)]

    def _restore(self, *options: str) -> Pipeline:
        os.lseek(self._file.fileno(), 0, os.SEEK_SET)
        argv = (self._clients.path("pg_restore"), *options)
        return Pipeline(self._runner, *tools.unpacking(self.entry.dump.filters), argv, source=self._file)

    @contextlib.contextmanager
    def _listed(self, lines: Collection[str]) -> Iterator[Path]:
        """A file with those lines that the clients may read."""
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="botswain-list-") as file:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            if self._runner.user and os.geteuid() == 0:
                os.chown(file.name, pwd.getpwnam(self._runner.user).pw_uid, -1)
            yield Path(file.name)
