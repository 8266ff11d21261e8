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
def _dotenv() -> dict[str, str]:
    if not Path(".env").is_file():
        return {}
    from dotenv.parser import parse_stream

    try:
        with Path(".env").open(encoding="utf-8") as stream:
            lines = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8 text" if isinstance(error, ValueError) else error.strerror
        raise InvalidInput([Problem(".env", "", f"cannot be read: {reason}")]) from None
    unreadable = [
        Problem(".env", f"line {one.original.line}", "is not NAME=value, or a quote is not closed")
        for one in lines
        if one.error
    ]
    if unreadable:
        raise InvalidInput(unreadable)
    return {one.key: one.value or "" for one in lines if one.key}


def origin(name: str) -> str:
    """Where a variable comes from, for messages: `environment` or `.env`."""
    return ".env" if name not in os.environ and name in _dotenv() else "environment"


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
    value = os.environ.get(name, _dotenv().get(name))
    if value is not None and not value.strip():
        raise InvalidInput([Problem(origin(name), name, "is set but empty; give it a value or unset it")])
    return value
