"""The backups that a profile means."""

from __future__ import annotations

import re

from botswain.database.base import Backups
from botswain.errors import BotswainError
from botswain.profile.settings import Database, Profile


def database_of(profile: Profile) -> Database:
    """The database of a profile. Raises BotswainError for a profile without one."""
    if profile.database is None:
        what = f"{profile.name} has no database"
        raise BotswainError(what, where=profile.file, fix="add a section `database` (docs/backup.md)")
    return profile.database


def backups_of(profile: Profile) -> Backups:
    """The backups of a profile's database, on this machine or on its host. Raises BotswainError without one."""
    database = database_of(profile)
    if database.where == "local":
        from botswain.database.local import Local

        return Local(profile, database)
    from botswain.database.host import OnHost

    return OnHost(profile)


def target(given: str) -> str:
    """The URL to restore into: as it was given, or what the variable of that name holds.

    Raises BotswainError for a URL with a password, since every user of this machine can read command lines.
    """
    from botswain.database.local import url_in

    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", given):
        return url_in(given, "--into")
    if re.search("://.*:.*@", given) or re.search("passw(or)?d=", given, re.IGNORECASE):
        what = "holds a password, which every user of this machine can read in the list of processes"
        raise BotswainError(what, where="--into", fix="put the URL into .env, and say --into with the variable's name")
    return given
