"""A database that this machine reaches by a URL: the runner works here, and the backups are here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from botswain.backup import commands, restoring
from botswain.backup.errors import BackupError
from botswain.backup.errors import Refused as RunnerRefused
from botswain.backup.server import Server
from botswain.backup.settings import Keep, Settings, Ssh
from botswain.backup.urls import of_url
from botswain.database.base import BackupFailed, BackupRefused, Document, Restore, Say
from botswain.errors import BotswainError
from botswain.profile.settings import Backup, Database, Profile
from botswain.secrets import redaction
from botswain.secrets.environment import origin, variable

FOLDER = Path("backups")
"""Where the backups of every environment are, a folder each."""


class Local:
    """The backups of an environment whose database is reached from here."""

    def __init__(self, profile: Profile, database: Database) -> None:
        self._profile = profile
        self._database = database
        self.where = str(folder_of(profile.name, database.backup))

    def run(self, say: Say, wait: float, *, prune: bool = True) -> Document:
        """See Backups."""
        with translated():
            return commands.run(self._settings(), say, wait=wait, prune=prune)

    def look(self) -> Document:
        """See Backups. Needs no database."""
        with translated():
            return commands.list_(self._settings(connected=False))

    def verify(self, backup: str, say: Say, *, copies: bool, accept: bool, restore: bool = False) -> Document:
        """See Backups. Needs a database only to restore into one beside it."""
        with translated():
            settings = self._settings(connected=restore)
            return commands.verify(settings, backup, say, copies=copies, accept=accept, restore=restore)

    def discard(self, backup: str) -> Document:
        """See Backups. Needs no database."""
        with translated():
            return commands.discard(self._settings(connected=False), backup)

    def restore(self, wanted: Restore, say: Say, *, dry: bool) -> Document:
        """See Backups."""
        order = restoring.Order(
            wanted.backup, _server(wanted.into, "--into"), create=wanted.create, replace=wanted.replace,
            cascade=wanted.cascade, over_source=wanted.over_source, in_use=wanted.in_use, no_owner=wanted.no_owner,
            without_extensions=wanted.without_extensions,
        )  # fmt: skip
        with translated():
            return commands.restore(self._settings(connected=False), order, say, dry=dry)

    def _settings(self, *, connected: bool = True) -> Settings:
        name = str(self._database.url)
        backup, server = self._database.backup, Server("")
        if connected:
            server = _server(url_in(name, self._profile.file), f"{origin(name)}: {name}")
        chosen = {"min_size": backup.min_size, "shrink": backup.shrink, "verify_restore": backup.verify_restore}
        return Settings(
            environment=self._profile.name, server=server, folder=folder_of(self._profile.name, backup).absolute(),
            keep=Keep(**(backup.keep or {})), copy_to=backup.copy_to or (), bin=self._database.programs or "",
            ssh=Ssh(backup.identity or "", backup.known_hosts or ""),
            **{key: value for key, value in chosen.items() if value is not None},  # type: ignore[arg-type]
        )  # fmt: skip


def folder_of(environment: str, backup: Backup) -> Path:
    """Where an environment's backups are on this machine."""
    return Path(backup.folder) if backup.folder else FOLDER / environment


def url_in(name: str, file: str) -> str:
    """The URL that a variable holds. Raises BotswainError when it is not set."""
    value = variable(name)
    if value is None:
        what = f"{name} is not set, and is to hold the database's URL"
        raise BotswainError(what, where=file, fix=f"write {name}=postgresql://… into .env, or set it")
    return value.strip()


def _server(url: str, where: str) -> Server:
    """The database of a URL, whose password is covered from here on."""
    try:
        server = of_url(url)
    except BackupError as error:
        raise BotswainError(error.what, where=where, fix=error.fix) from None
    if server.password:
        redaction.register(server.password, "database password")
    return server


@contextmanager
def translated() -> Iterator[None]:
    """Turn the runner's errors into ours."""
    try:
        yield
    except RunnerRefused as error:
        raise BackupRefused(error.what, where=error.where, fix=error.fix) from None
    except BackupError as error:
        raise BackupFailed(error.what, where=error.where, fix=error.fix, log=error.log) from None
