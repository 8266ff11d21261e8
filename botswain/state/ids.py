"""Names for what a run does: its id, its actor, its times."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from botswain.errors import BotswainError


def deployment_id(now: datetime | None = None) -> str:
    """Name one run, such as `20261122-101530-3f9a2c`: the UTC second and 24 random bits."""
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{os.urandom(3).hex()}"


def timestamp(now: datetime | None = None) -> str:
    """Write a moment as `2026-11-22T10:15:30.123Z`; such strings sort by time."""
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def moment(text: str) -> datetime | None:
    """Read a `timestamp` back; None for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo else None


def hostname() -> str:
    """Name this machine, without a network question."""
    return os.uname().nodename


def actor() -> str:
    """Who runs this: `BOTSWAIN_ACTOR`, in GitHub Actions `GITHUB_ACTOR`, else user@host.

    Raises BotswainError for a `BOTSWAIN_ACTOR` that is set but empty.
    """
    given = os.environ.get("BOTSWAIN_ACTOR")
    if given is not None:
        if not given.strip():
            raise BotswainError("is set but empty", where="BOTSWAIN_ACTOR", fix="name who acts, or unset it")
        return given.strip()
    if os.environ.get("GITHUB_ACTIONS") == "true" and os.environ.get("GITHUB_ACTOR"):
        return os.environ["GITHUB_ACTOR"]
    return f"{_user()}@{hostname()}"


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container's made-up uid has no name
        return f"uid{os.geteuid()}"
