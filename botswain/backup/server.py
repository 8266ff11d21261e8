"""Which database is meant, and how its clients are told: by environment variables, never in a command line."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from botswain.backup.errors import BackupError
from botswain.backup.parameters import LIBPQ

_KEPT = ("PATH", "HOME", "TZ", "TMPDIR", "PGPASSFILE", "PGPASSWORD")
"""What a client gets of our environment: a PGHOST left there by somebody must not choose the database."""
_CONNECT = "10"
"""Seconds that connecting may take."""


@dataclass(frozen=True)
class Server:
    """One database of one server. What is left empty is libpq's default: the local socket, the user's name."""

    database: str
    host: str = ""
    port: int | str | None = None
    """Text for several: those of several hosts, with commas between them."""
    user: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)
    password: str = field(default="", repr=False)
    passfile: str = ""
    notes: tuple[str, ...] = field(default=(), compare=False)
    """What a person should know about the URL that named it."""

    def variables(self) -> dict[str, str]:
        """The environment of a client. Messages are in English, since some are looked at."""
        known = {name: os.environ[name] for name in _KEPT if name in os.environ}
        known |= {"LC_ALL": "C", "PGAPPNAME": "botswain-backup", "PGCONNECT_TIMEOUT": _CONNECT}
        known |= {LIBPQ[name]: value for name, value in self.parameters.items()}
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
        hosts = self.host.split(",")
        ports = str(self.port or "").split(",")
        ports = ports if len(ports) == len(hosts) else ports * len(hosts)
        places = ",".join(_place(*one) for one in zip(hosts, ports))  # noqa: B905 - 3.9
        return f"postgresql://{user}{places}/{quote(self.database)}"


def _place(host: str, port: str) -> str:
    name = f"[{host}]" if ":" in host and not host.startswith("/") else quote(host, safe="")
    return f"{name}:{port}" if port else name


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
