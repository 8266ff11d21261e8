"""Environment variables of a profile: `DISCORD_<ENV>_…`, with `.env` beneath the real environment."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

from botswain.errors import InvalidInput, Problem
from botswain.secrets import redaction

_SECRET = re.compile(r"DISCORD_[A-Z0-9_]+_(?:TOKEN|CLIENT_SECRET)")


def prefix(environment: str) -> str:
    """`DISCORD_STAGE_` for the profile `stage`."""
    return f"DISCORD_{re.sub('[^A-Z0-9]', '_', environment.upper())}_"


@cache
def _dotenv() -> dict[str, str | None]:
    if not Path(".env").is_file():
        return {}
    from dotenv import dotenv_values

    try:
        return dotenv_values(".env", interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8 text" if isinstance(error, ValueError) else error.strerror
        raise InvalidInput([Problem(".env", "", f"cannot be read: {reason}")]) from None


def bare(token: str) -> str:
    """A bot token as Discord gave it, without the `Bot ` that some put before it."""
    return re.sub(r"^Bot(?:\s+|$)", "", token.strip())


def register_secrets() -> None:
    """Makes redaction cover every token and client secret that is set, whether or not this run uses it."""
    for name, value in {**_dotenv(), **os.environ}.items():
        if value and _SECRET.fullmatch(name):
            redaction.register(bare(value), name)


def variable(name: str) -> str | None:
    """The variable's value, or None when it is not set. Set but empty is an error: it is a secret that got lost."""
    value, origin = os.environ.get(name), "environment"
    if value is None and name in _dotenv():
        value, origin = _dotenv()[name] or "", ".env"
    if value is not None and not value.strip():
        raise InvalidInput([Problem(origin, name, "is set but empty; give it a value or unset it")])
    return value
