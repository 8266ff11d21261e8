"""What a profile says, ready for use: the file with the environment's variables applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from botswain.profile.address import is_loopback


@dataclass(frozen=True)
class Source:
    """Where the bot's commands are defined. The fields are those of `commands` in the profile."""

    kind: str
    """folder, discord.js, discord.py or program."""
    repo: Path
    """The bot's repository; everything else is relative to it."""
    folder: str = "commands"
    files: tuple[str, ...] = ()
    loader: str | None = None
    object: str | None = None
    extensions: tuple[str, ...] = ()
    setup_hook: bool = False
    run: tuple[str, ...] = ()
    interpreter: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    timeout: float = 60
    """Seconds."""
    isolation: str = "auto"
    """auto, bubblewrap or none: see docs/isolation.md."""
    uncommitted: tuple[str, ...] = ()
    """Paths in no commit that the code needs: taken from the work tree."""
    modules: Path | None = None
    """Of discord.js: a folder of packages for those that are not found from its modules; no field of the profile."""

    @property
    def path(self) -> Path:
        """The folder of definitions or modules; the repository itself for other kinds."""
        return self.repo / self.folder if self.kind in ("folder", "discord.js") else self.repo

    @property
    def runs_code(self) -> bool:
        """Whether reading it runs the bot's code."""
        return self.kind != "folder"


@dataclass(frozen=True)
class State:
    """Where the records are kept."""

    kind: str
    """folder or git."""
    remote: str
    ref: str


@dataclass(frozen=True)
class Health:
    """How to find out whether the bot is well. Times are seconds; see `service.health` of the profile."""

    alive: str | None = None
    ready: str | None = None
    deadline: float = 60
    stable_for: float = 10
    interval: float = 0.1
    timeout: float = 3

    @property
    def paths(self) -> bool:
        """Whether it is about a port that is named elsewhere."""
        return any((url or "").startswith("/") for url in (self.alive, self.ready))

    def at(self, port: int) -> Health:
        """The same with whole URLs."""
        alive, ready = (
            f"http://127.0.0.1:{port}{url}" if url and url.startswith("/") else url for url in (self.alive, self.ready)
        )
        return replace(self, alive=alive, ready=ready)


def _named(port: int | None, environment: Mapping[str, str], health: Health) -> Health:
    """Health at the port that a section names; as it is where none is named."""
    given = environment.get("PORT", "")
    found = port if port is not None else int(given) if given.isdecimal() else None
    return health if found is None else health.at(found)


@dataclass(frozen=True)
class Workers:
    """Further processes of the same release, on hosts of their own."""

    run: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    port: int | None = None
    health: Health = field(default_factory=Health)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Workers:
        """From the JSON of a validated section."""
        health = _named(fields["port"], fields["environment"], Health(**fields["health"]))
        return cls(**{**fields, "run": tuple(fields["run"]), "health": health})


@dataclass(frozen=True)
class Service:
    """How the bot's service is built, started, checked and stopped; see `service` of the profile."""

    run: tuple[str, ...]
    target: str = "local"
    inventory: str | None = None
    """Of target vm; None for that of the environment's name."""
    workers: Workers | None = None
    folder: str = "."
    """Inside the bot's repository."""
    build: tuple[tuple[str, ...], ...] = ()
    lint: tuple[tuple[str, ...], ...] = ()
    test: tuple[tuple[str, ...], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    shared: tuple[str, ...] = ()
    token: str | None = "DISCORD_TOKEN"  # noqa: S105 - the variable's name
    """The variable in which the bot gets its token; None: only as a file."""
    secrets: Mapping[str, str] = field(default_factory=dict, hash=False)
    """By variable of the bot: the variable here that holds the value."""
    port: int | None = None
    health: Health = field(default_factory=Health)
    stop_timeout: float = 15
    """Seconds, as are the next two."""
    build_timeout: float = 900
    confirm_within: float = 30
    keep_releases: int = 5
    reads_commands: bool = False
    """Whether the bot reads files of definitions."""

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Service:
        """From the JSON of a validated section."""
        known: dict[str, Any] = dict(fields)
        known |= {name: tuple(fields[name]) for name in ("run", "shared")}
        known |= {name: tuple(tuple(one) for one in fields[name]) for name in ("build", "lint", "test")}
        if fields.get("workers"):
            known["workers"] = Workers.of(fields["workers"])
        return cls(**{**known, "health": _named(fields["port"], fields["environment"], Health(**fields["health"]))})

    @property
    def any_port(self) -> bool:
        """Whether the profile leaves the port to the machine: its health is about paths, and no port is named."""
        return self.health.paths

    def at(self, port: int) -> Service:
        """The same at this port."""
        return replace(self, port=port, health=self.health.at(port))


@dataclass(frozen=True)
class Backup:
    """How the database is backed up; see `database.backup` of the profile. None: what the runner takes by itself."""

    folder: str | None = None
    keep: Mapping[str, int] | None = field(default=None, hash=False)
    copy_to: tuple[str, ...] | None = None
    identity: str | None = None
    """Of SSH, as is the next one."""
    known_hosts: str | None = None
    at: str | None = None
    """When a scheduled one is made every day: HH:MM."""
    min_size: int | None = None
    shrink: float | None = None
    verify_restore: bool | None = None
    """Whether every new one is restored once into a scratch database."""


@dataclass(frozen=True)
class Database:
    """The bot's database; see `database` of the profile."""

    engine: str = "postgres"
    where: str = "local"
    """local or host."""
    url: str | None = None
    """The variable that holds it."""
    name: str | None = None
    programs: str | None = None
    """The folder of pg_dump and the like."""
    backup: Backup = field(default_factory=Backup)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Database:
        """From the JSON of a validated section."""
        backup: dict[str, Any] = dict(fields["backup"])
        ssh, copies = backup.pop("ssh"), backup["copy_to"]
        backup |= {"copy_to": None if copies is None else tuple(copies), **ssh}
        return cls(**{**fields, "backup": Backup(**backup)})


@dataclass(frozen=True)
class Profile:
    """One environment, ready for use. Paths are relative to the project."""

    name: str
    file: str
    production: bool
    global_: bool
    guild_ids: tuple[str, ...]
    owner_guild_ids: tuple[str, ...]
    application_id: str | None
    api: str
    source: Source
    unmanaged: str
    leave: tuple[str, ...]
    """Globs over live commands that are nobody's business here."""
    entry_point: bool
    requests_per_second: float
    enabled_commands: tuple[str, ...]
    command_overrides: Mapping[str, Mapping[str, Any]] = field(hash=False)
    manifest_path: Path
    state: State
    service: Service | None = None
    """None: this profile is about commands alone."""
    database: Database | None = None

    @property
    def sandbox(self) -> bool:
        """Whether the profile uses the embedded double of Discord."""
        return self.api == "sandbox"

    @property
    def rehearsal(self) -> bool:
        """Whether nothing here reaches Discord: a sandbox, embedded or served on this machine."""
        return self.sandbox or is_loopback(self.api)
