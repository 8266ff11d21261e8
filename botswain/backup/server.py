"""Which database is meant, and how its clients are told: by environment variables, never in a command line."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from botswain.backup.errors import BackupError

_PARAMETERS = {
    "application_name": "PGAPPNAME",
    "channel_binding": "PGCHANNELBINDING",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "gssencmode": "PGGSSENCMODE",
    "options": "PGOPTIONS",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslmode": "PGSSLMODE",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "sslrootcert": "PGSSLROOTCERT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
"""Parameters of a URL, and the variables by which libpq knows them."""
_KEPT = ("PATH", "HOME", "TZ", "TMPDIR", "PGPASSFILE", "PGPASSWORD")
"""What a client gets of our environment: a PGHOST left there by somebody must not choose the database."""
_CONNECT = "10"
"""Seconds that connecting may take."""


@dataclass(frozen=True)
class Server:
    """One database of one server. What is left empty is libpq's default: the local socket, the user's name."""

    database: str
    host: str = ""
    port: int | None = None
    user: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)
    password: str = field(default="", repr=False)
    passfile: str = ""

    def variables(self) -> dict[str, str]:
        """The environment of a client. Messages are in English, since some are looked at."""
        known = {name: os.environ[name] for name in _KEPT if name in os.environ}
        known |= {"LC_ALL": "C", "PGAPPNAME": "botswain-backup", "PGCONNECT_TIMEOUT": _CONNECT}
        known |= {_PARAMETERS[name]: value for name, value in self.parameters.items()}
        given = {"PGHOST": self.host, "PGPORT": str(self.port or ""), "PGUSER": self.user, "PGDATABASE": self.database}
        known |= {name: value for name, value in given.items() if value}
        if self.password:
            known["PGPASSWORD"] = self.password
        elif self.passfile:
            known.pop("PGPASSWORD", None)  # libpq would prefer it
            known["PGPASSFILE"] = self.passfile
        return known

    def at(self, database: str) -> Server:
        """Another database of the same server."""
        return replace(self, database=database)

    def __str__(self) -> str:
        user = f"{quote(self.user)}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else quote(self.host, safe="")
        port = f":{self.port}" if self.port else ""
        return f"postgresql://{user}{host}{port}/{quote(self.database)}"


def of_url(url: str) -> Server:
    """The database that a URL names. Raises BackupError, which never holds the URL: there may be a password in it."""
    told = "must look like postgresql://user@host:5432/database"
    try:
        parts = urlsplit(url)
        port = parts.port
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise BackupError("is no URL", where="the database's URL", fix=f"it {told}") from None
    if parts.scheme.partition("+")[0] not in ("postgresql", "postgres") or parts.fragment:
        raise BackupError("is none of PostgreSQL", where="the database's URL", fix=f"it {told}")
    found = {"host": unquote(parts.hostname or ""), "user": unquote(parts.username or ""),
             "password": unquote(parts.password or ""), "dbname": unquote(parts.path[1:])}  # fmt: skip
    parameters = {}
    for name, value in query:
        if name in found:
            found[name] = value
        elif name == "port" and value.isdigit():
            port = int(value)
        elif name in _PARAMETERS:
            parameters[name] = value
        else:
            fix = f"known are: {', '.join(sorted([*found, 'port', *_PARAMETERS]))}"
            raise BackupError(f"has the unknown parameter {name}", where="the database's URL", fix=fix)
    if not found["dbname"]:
        raise BackupError("names no database", where="the database's URL", fix=f"it {told}")
    return Server(found["dbname"], found["host"], port, found["user"], parameters, found["password"])


def secret_file(path: Path) -> str:
    """The password in a file that is its owner's alone. Raises BackupError."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "") or "it is not UTF-8 text"
        raise BackupError(f"cannot be read: {reason}", where=str(path), fix="it holds the password alone") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise BackupError("can be read by others", where=str(path), fix=f"chmod 600 {path}")
    if not text:
        raise BackupError("is empty", where=str(path), fix="it holds the password alone")
    return text
