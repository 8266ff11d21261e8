"""What a profile says about backups on the database's host, for the role that installs them there."""

from __future__ import annotations

from typing import Any

from botswain.profile.settings import Backup, Profile


def role_variables(profile: Profile) -> dict[str, Any]:
    """What the profile says about backups, as variables of the role `backup`.

    What it does not say is left to the inventory, except the schedule: no time in the profile is no timer.
    """
    database = profile.database
    if database is None or database.where != "host":
        return {}
    said = {"backup_database": database.name, "postgres_database": database.name, **_settings(database.backup)}
    at = database.backup.at
    return {**_known(said), "backup_on_calendar": f"*-*-* {at}:00" if at else ""}


def _settings(backup: Backup) -> dict[str, Any]:
    return {
        "backup_folder": backup.folder,
        "backup_keep": dict(backup.keep) if backup.keep else None,
        "backup_copy_to": None if backup.copy_to is None else list(backup.copy_to),
        "backup_ssh_identity": backup.identity,
        "backup_ssh_known_hosts": backup.known_hosts,
        "backup_min_size": backup.min_size,
        "backup_shrink": backup.shrink,
        "backup_verify_restore": backup.verify_restore,
    }


def _known(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}
