"""What is going to be done with a database, in words."""

from __future__ import annotations

from botswain.backup.errors import BackupError
from botswain.backup.urls import of_url
from botswain.database.choose import backups_of, database_of
from botswain.errors import BotswainError
from botswain.profile.settings import Profile


def would_run(profile: Profile) -> str:
    """What a backup would do."""
    database, where = database_of(profile), backups_of(profile).where
    name = database.url or database.name or "the database"
    copies = database.backup.copy_to
    tried = ", restore it once into a scratch database" if database.backup.verify_restore else ""
    copied = f", copy it to {' and '.join(copies)}" if copies else ""
    return f"would dump {name} into {where}, read it back{tried}{copied}, and remove what database.backup.keep lets go"


def without_password(url: str) -> str:
    """A URL as it may be told. Raises BotswainError for what is none."""
    try:
        return str(of_url(url))
    except BackupError as error:
        raise BotswainError(error.what, where="--into", fix=error.fix) from None
