"""Environment variables of a profile: `DISCORD_<ENV>_…`, with `.env` beneath the real environment."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

from botswain.errors import InvalidInput, Problem
from botswain.secrets import redaction

_SECRET = re.compile(r"DISCORD_[A-Z0-9_]+_(?:TOKEN|CLIENT_SECRET)|SUDO_[A-Z0-9_]+_PASSWORD")


def prefix(environment: str) -> str:
    """`DISCORD_STAGE_` for the profile `stage`."""
    return f"DISCORD_{_upper(environment)}_"


def sudo_variable(environment: str) -> str:
    """`SUDO_STAGE_PASSWORD`: the variable with the password that sudo wants on the hosts of `stage`."""
    return f"SUDO_{_upper(environment)}_PASSWORD"


def sudo_password(environment: str) -> str:
    """The password that sudo wants on an environment's hosts; empty where none is set."""
    value = variable(sudo_variable(environment)) or ""
    if value:
        redaction.register(value, sudo_variable(environment))
    return value


def _upper(environment: str) -> str:
    return re.sub("[^A-Z0-9]", "_", environment.upper())


def _values() -> dict[str, str]:
    """What `.env` sets. Raises InvalidInput where a part of it cannot be read."""
    known, problems = _dotenv()
    if problems:
        raise InvalidInput(problems)
    return known


@cache
def _dotenv() -> tuple[dict[str, str], list[Problem]]:
    """What `.env` sets, as far as it can be read, and what cannot."""
    if not Path(".env").is_file():
        return {}, []
    from dotenv.parser import parse_stream

    try:
        with Path(".env").open(encoding="utf-8") as stream:
            lines = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8 text" if isinstance(error, ValueError) else error.strerror
        return {}, [Problem(".env", "", f"cannot be read: {reason}")]
    problems = [
        Problem(".env", f"line {one.original.line}", "is not NAME=value, or a quote is not closed")
        for one in lines
        if one.error
    ]
    return {one.key: one.value or "" for one in lines if one.key and not one.error}, problems


def unreadable() -> list[Problem]:
    """What is wrong with `.env`; whoever asks for a variable gets it as InvalidInput."""
    return _dotenv()[1]


def set_names() -> list[str]:
    """The names of all variables that are set, in the environment or in what can be read of `.env`, sorted."""
    return sorted({**_dotenv()[0], **os.environ})


def origin(name: str) -> str:
    """Where a variable comes from, for messages: `environment` or `.env`."""
    return ".env" if name not in os.environ and name in _values() else "environment"


def bare(token: str) -> str:
    """A bot token as Discord gave it, without the `Bot ` that some put before it."""
    return re.sub(r"^Bot(?:\s+|$)", "", token.strip())


def register_secrets() -> None:
    """Makes redaction cover every token and client secret that is set, whether or not this run uses it.

    What cannot be read in `.env` is told when a variable is asked for.
    """
    for name, value in {**_dotenv()[0], **os.environ}.items():
        if value and _SECRET.fullmatch(name):
            redaction.register(bare(value), name)


def variable(name: str) -> str | None:
    """The variable's value, or None when it is not set. Set but empty is an error: it is a secret that got lost."""
    value = os.environ.get(name, _values().get(name))
    if value is not None and not value.strip():
        raise InvalidInput([Problem(origin(name), name, "is set but empty; give it a value or unset it")])
    return value
