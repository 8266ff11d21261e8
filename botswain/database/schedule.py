"""Backups that are made every day without anybody: by cron on this machine, or by a timer on the database's host."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from botswain.database import crontab
from botswain.database.base import Say
from botswain.database.choose import database_of
from botswain.profile.settings import Profile
from botswain.secrets.environment import origin

MAILER = Path("/usr/sbin/sendmail")
"""By which cron sends what a job printed."""


@dataclass(frozen=True)
class Scheduled:
    """What is scheduled now."""

    lines: list[str]
    """In the words of cron or systemd; none when nothing is."""
    notes: list[str] = field(default_factory=list)


def scheduled(profile: Profile, project: Path, say: Say) -> Scheduled:
    """Have what the profile says happen, and nothing else. Raises BotswainError."""
    database = database_of(profile)
    if database.where == "host":
        from botswain.database.host import OnHost

        return Scheduled(OnHost(profile).schedule(say))
    lines = crontab.install(profile, project)
    return Scheduled(lines, _notes(str(database.url)) if lines else [])


def would_schedule(profile: Profile, project: Path) -> str:
    """What that would do. Raises BotswainError."""
    database = database_of(profile)
    at = database.backup.at
    if database.where == "host":
        return f"would have the host make a backup every day at {at}" if at else "would end the host's timer"
    wanted = crontab.lines(profile, project)
    if crontab.installed(profile, project) == wanted:
        return "nothing to do: the crontab says so already" if wanted else "nothing to do: nothing is scheduled"
    return "\n".join(["would have in the crontab:", *wanted]) if wanted else "would take the lines out of the crontab"


def _notes(url: str) -> list[str]:
    """What would have a bad night go unseen, or every night be one."""
    notes = []
    if url in os.environ and origin(url) == "environment":
        notes.append(f"{url} is set in this shell; cron has it only if it is in .env")
    if not MAILER.exists():
        notes.append(f"there is no {MAILER}, so nobody gets cron's mail about a bad night; see docs/backup.md")
    return notes
