"""The lines of this machine's crontab that have a backup made every day, and verified every week."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from botswain.errors import BotswainError
from botswain.profile.settings import Profile

_WAIT = 3600
"""Seconds that a scheduled run waits for one that somebody began by hand."""
_LATER = 2
"""Hours from the daily backup to the weekly verification, on Sundays."""


def lines(profile: Profile, project: Path) -> list[str]:
    """The lines for a profile; none when it has no time for them."""
    at = profile.database.backup.at if profile.database else None
    if at is None:
        return []
    hour, minute = map(int, at.split(":"))
    begin = f"cd {shlex.quote(str(project))} && ./inv"
    env, end = f"--env {profile.name}", f">/dev/null # {_mark(profile, project)}"
    return [
        _escaped(f"{minute} {hour} * * * {begin} backup.run {env} --yes --wait {_WAIT} {end}"),
        _escaped(f"{minute} {(hour + _LATER) % 24} * * 0 {begin} backup.verify {env} {end}"),
    ]


def installed(profile: Profile, project: Path) -> list[str]:
    """The lines of a profile that are there."""
    mark = _escaped(f"# {_mark(profile, project)}")
    return [line for line in _crontab() if line.endswith(mark)]


def install(profile: Profile, project: Path) -> list[str]:
    """Make the crontab have exactly the lines of a profile, and those of others as they were; what it has now."""
    mark, wanted = _escaped(f"# {_mark(profile, project)}"), lines(profile, project)
    before = _crontab()
    after = [*(line for line in before if not line.endswith(mark)), *wanted]
    if after != before:
        text = "".join(f"{line}\n" for line in after)
        _called(["crontab", "-"], text)
    return wanted


def _mark(profile: Profile, project: Path) -> str:
    return f"botswain backup of {profile.name} in {project}"


def _escaped(line: str) -> str:
    """A line in which % means %: cron takes it for the end of one."""
    return line.replace("%", "\\%")


def _crontab() -> list[str]:
    done = _called(["crontab", "-l"], None, missing="no crontab for")
    return done.splitlines()


def _called(argv: list[str], text: str | None, missing: str = "") -> str:
    try:
        done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        fix = "install cron, or call ./inv backup.run from what this machine has instead"
        raise BotswainError("crontab is not installed on this machine", fix=fix) from None
    if done.returncode and not (missing and missing in done.stderr):
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise BotswainError(f"`{' '.join(argv)}`: {reason}", fix="see crontab(1)")
    return done.stdout if not done.returncode else ""
