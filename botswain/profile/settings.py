"""What a profile says, ready for use: the file with the environment's variables applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    entry_point: bool
    requests_per_second: float
    enabled_commands: tuple[str, ...]
    command_overrides: Mapping[str, Mapping[str, Any]] = field(hash=False)
    manifest_path: Path
    state: State

    @property
    def sandbox(self) -> bool:
        """Whether the profile uses the embedded double of Discord."""
        return self.api == "sandbox"

    @property
    def rehearsal(self) -> bool:
        """Whether nothing here reaches Discord: a sandbox, embedded or served on this machine."""
        return self.sandbox or is_loopback(self.api)
