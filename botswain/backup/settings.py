"""What a backup is told by its configuration: one JSON document, whose every mistake is told at once.

environment, database or url   what is backed up; a URL holds no password, except in a document on stdin
host, port, user               where that database is; default: the local socket
password_file, passfile        a file of mode 0600 with the password alone, or one in the form of ~/.pgpass
folder                         where the backups are
run_as                         the system user as which the clients run when this runs as root (peer authentication)
keep, min_size, shrink         see Keep and Settings
copy_to, ssh                   second places: folders, or ssh://user@host:port/folder
verify_restore                 whether every new backup is restored once into a scratch database
bin                            the folder of PostgreSQL's clients; default: what fits the server
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botswain.backup.errors import BackupError
from botswain.backup.server import Server, secret_file
from botswain.backup.urls import of_url

_ENVIRONMENT = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_TEXTS = ("environment", "database", "url", "host", "user", "folder", "run_as", "password_file", "passfile", "bin")


@dataclass(frozen=True)
class Keep:
    """How many good backups to keep. One that any of these wants is kept."""

    last: int = 3
    """The newest ones."""
    daily: int = 7
    """The newest of each of so many days (UTC)."""
    weekly: int = 4
    monthly: int = 6


@dataclass(frozen=True)
class Ssh:
    """How to reach second places over SSH; what is empty is ssh's own default."""

    identity: str = ""
    """The file of a private key."""
    known_hosts: str = ""


@dataclass(frozen=True)
class Settings:
    """One database's backups."""

    environment: str
    server: Server
    folder: Path
    run_as: str = ""
    keep: Keep = field(default_factory=Keep)
    min_size: int = 0
    """Bytes; a smaller dump is suspicious."""
    shrink: float = 0.5
    """A dump with less than this share of the last good one's bytes or rows is suspicious; 0: never."""
    copy_to: tuple[str, ...] = ()
    ssh: Ssh = field(default_factory=Ssh)
    bin: str = ""
    verify_restore: bool = False
    """Every new backup is restored once into a scratch database on the same server."""


class _Reader:
    """Takes fields out of a document and gathers what is wrong with them."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.left = dict(document)
        self.problems: list[str] = []

    def take(self, name: str, fits: Callable[[Any], bool], default: Any, told: str) -> Any:
        value = self.left.pop(name, default)
        if value is default or fits(value):
            return value
        self.problems.append(f"{name} must be {told}")
        return default

    def done(self, known: str) -> None:
        self.problems += [f"unknown field {name}; known are {known}" for name in self.left]


def load(path: Path) -> Settings:
    """The configuration in a file. Raises BackupError with everything that is wrong with it."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        others = ", ".join(sorted(one.stem for one in path.parent.glob("*.json")))
        fix = f"there are: {others}" if others else "correct its name, or install the role `backup` (./inv provision)"
        raise BackupError("there is no such configuration", where=str(path), fix=fix) from None
    except OSError as error:
        fix = "say sudo" if isinstance(error, PermissionError) else ""
        raise BackupError(f"cannot be read: {error.strerror}", where=str(path), fix=fix) from None
    return parse(data, str(path))


def parse(data: bytes, where: str, *, secret: bool = False) -> Settings:
    """The same from its bytes. `secret`: they came by a way that nobody else can see, so a URL may hold a password."""
    try:
        document = json.loads(data)
    except ValueError as error:
        raise BackupError(f"is no JSON document ({error})", where=where) from None
    if not isinstance(document, dict):
        raise BackupError("must be a JSON object", where=where)
    reader = _Reader(document)
    texts = {name: reader.take(name, lambda one: isinstance(one, str), "", "text") for name in _TEXTS}
    port = reader.take("port", lambda one: _whole(one) and 0 < one < 65536, None, "a port number")
    server = _server(reader, texts, port, secret=secret)
    if not _ENVIRONMENT.fullmatch(texts["environment"]):
        reader.problems.append("environment must be a name such as stage")
    if not Path(texts["folder"]).is_absolute():
        reader.problems.append("folder must be an absolute path")
    copies = reader.take("copy_to", _all_text, (), "a list of folders and ssh:// addresses")
    reader.problems += [f"copy_to: {told}" for told in map(_wrong_place, copies) if told]
    shrink = reader.take("shrink", lambda one: _number(one) and 0 <= one < 1, 0.5, "a share from 0 to below 1")
    settings = Settings(
        environment=texts["environment"], server=server, folder=Path(texts["folder"]), run_as=texts["run_as"],
        keep=Keep(**_section(reader, "keep", Keep, lambda one: _whole(one) and one >= 0, "a number from 0")),
        min_size=reader.take("min_size", lambda one: _whole(one) and one >= 0, 0, "a number of bytes"),
        shrink=float(shrink), copy_to=tuple(copies), bin=texts["bin"],
        verify_restore=reader.take("verify_restore", lambda one: isinstance(one, bool), False, "true or false"),
        ssh=Ssh(**_section(reader, "ssh", Ssh, lambda one: isinstance(one, str), "a path")),
    )  # fmt: skip
    reader.done(", ".join(sorted([*_TEXTS, "port", "keep", "min_size", "shrink", "copy_to", "ssh", "verify_restore"])))
    if reader.problems:
        raise BackupError("; ".join(reader.problems), where=where)
    return settings


def _server(reader: _Reader, texts: Mapping[str, str], port: int | None, *, secret: bool) -> Server:
    found = Server(texts["database"], texts["host"], port, texts["user"])
    if texts["url"]:
        try:
            found = of_url(texts["url"])
        except BackupError as error:
            reader.problems.append(f"url {error.what}")
        if texts["database"] or texts["host"] or texts["user"] or port:
            reader.problems.append("url says all of database, host, port and user; leave those out")
        if found.password and not secret:
            reader.problems.append("url holds a password; put that into a file of mode 0600 named by password_file")
    elif not texts["database"]:
        reader.problems.append("database is missing")
    password = found.password
    if texts["password_file"]:
        try:
            password = secret_file(Path(texts["password_file"]))
        except BackupError as error:
            reader.problems.append(f"password_file: {error}")
    return replace(found, password=password, passfile=texts["passfile"])


def _section(reader: _Reader, name: str, of: type, fits: Callable[[Any], bool], told: str) -> dict[str, Any]:
    section = reader.take(name, lambda one: isinstance(one, dict), {}, "an object")
    known = [one.name for one in fields(of)]
    for key, value in section.items():
        if key not in known:
            reader.problems.append(f"{name}.{key} is unknown; known are {', '.join(known)}")
        elif not fits(value):
            reader.problems.append(f"{name}.{key} must be {told}")
    return {key: value for key, value in section.items() if key in known and fits(value)}


def _wrong_place(place: str) -> str:
    """What is wrong with a second place; empty for nothing."""
    if not place.startswith("ssh://"):
        return "" if Path(place).is_absolute() else f"{place} must be an absolute path or ssh://user@host:port/folder"
    try:
        url = urlsplit(place)
        port = url.port
    except ValueError:
        return f"{place} is no URL"
    fine = url.hostname and _HOST.fullmatch(url.hostname) and not url.hostname.startswith("-") and port != 0
    if not fine or len(url.path) < 2 or url.query or url.fragment or (url.username or "").startswith("-"):
        return f"{place} must look like ssh://user@host:port/folder"
    return "ssh:// with a password; use a key" if url.password else ""


def _all_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
