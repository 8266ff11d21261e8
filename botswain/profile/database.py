"""The section of a profile file that says which database the bot has, and how it is backed up."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from botswain.profile.sections import Strict

_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_HOST = re.compile(r"[A-Za-z0-9_.:-]+")


def _place(value: str) -> str:
    if value.startswith("/"):
        return value
    try:
        url = urlsplit(value)
        fine = url.scheme == "ssh" and url.hostname and _HOST.fullmatch(url.hostname) and len(url.path) > 1
        fine = fine and url.port != 0 and not url.query and not url.fragment
    except ValueError:
        fine = False
    if not fine or "-" in (value.removeprefix("ssh://")[:1], str(urlsplit(value).hostname)[:1]):
        raise ValueError(f'must be absolute folders or ssh://user@host:port/folder, not "{value}"')
    if urlsplit(value).password:
        raise ValueError("holds a password; SSH uses a key")
    return value


def _time(value: object) -> object:
    """YAML reads 13:30 without quotation marks as a number of minutes."""
    minutes = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 24 * 60
    return f"{value // 60:02}:{value % 60:02}" if minutes else value  # type: ignore[operator]  # `minutes` says so


Time = Annotated[
    str,
    BeforeValidator(_time, json_schema_input_type=Annotated[str, Field(pattern=_TIME)] | int),
    Field(pattern=_TIME),
]


class Keep(Strict):
    """How many good backups to keep. One that any of these wants is kept, and the last good one always."""

    last: int = Field(3, ge=1, le=10000, description="The newest ones.")
    daily: int = Field(7, ge=0, le=10000, description="The newest of each of so many days (UTC).")
    weekly: int = Field(4, ge=0, le=10000, description="The newest of each of so many weeks.")
    monthly: int = Field(6, ge=0, le=10000, description="The newest of each of so many months.")


class Ssh(Strict):
    """How second places are reached over SSH from where the backups are."""

    identity: str | None = Field(None, description="The file of a private key. Default: what ssh takes.")
    known_hosts: str | None = Field(None, description="The file with the places' host keys. Default: what ssh takes.")


class Backup(Strict):
    """How the database is backed up."""

    folder: str | None = Field(
        None,
        description="Where the backups are. Default: `backups/<environment>` here, and on a host"
        " `/var/backups/botswain/<environment>`.",
    )
    keep: Keep | None = Field(None, description="How many to keep. Default: 3 last, 7 daily, 4 weekly, 6 monthly.")
    copy_to: tuple[Annotated[str, AfterValidator(_place)], ...] | None = Field(
        None, strict=False, description="Second places: folders on another disk, or ssh://user@host:port/folder."
    )
    ssh: Ssh = Ssh()
    at: Time | None = Field(
        None,
        description="When `backup.schedule` has one made every day, such as 03:30, by the clock of the machine that"
        " makes it. Default: never by itself.",
    )
    min_size: int | None = Field(None, ge=0, description="Bytes; a smaller dump is suspicious. Default: 0.")
    shrink: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="A dump with less than this share of the last good one's bytes or rows is suspicious; 0: never."
        " Default: 0.5.",
    )
    verify_restore: bool | None = Field(
        None,
        description="Whether every new backup is restored once into a scratch database on the same server, which the"
        " URL's role must be allowed to make (CREATEDB). Default: false.",
    )


class Database(Strict):
    """Which database the bot has, and how it is backed up."""

    engine: Literal["postgres"] = "postgres"
    where: Literal["local", "host"] = Field(
        "local",
        description="`local`: backed up from this machine, which reaches it by `url`. `host`: on the host of the"
        " inventory's group `database`, by the runner that the role `backup` installs there.",
    )
    url: str | None = Field(
        None,
        pattern=_NAME,
        description="local: the variable, here or in .env, that holds postgresql://user:password@host:5432/database.",
    )
    name: str | None = Field(
        None, min_length=1, description="host: the database. Default: what the role `backup` is told, botswain-<env>."
    )
    programs: str | None = Field(
        None, description="local: the folder of pg_dump and the like. Default: what fits the server."
    )
    backup: Backup = Backup()

    @model_validator(mode="after")
    def _fitting(self) -> Database:
        if self.where == "local" and self.url is None:
            raise ValueError("url: is missing; name the variable that holds the database's URL, such as DATABASE_URL")
        if self.where == "local" and self.name is not None:
            raise ValueError("name: is for `where: host`; the URL names the database")
        if self.where == "host" and (self.url or self.programs):
            field = "url" if self.url else "programs"
            raise ValueError(f"{field}: is for `where: local`; on a host, the runner logs in by itself")
        return self
