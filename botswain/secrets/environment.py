"""Environment variables of a profile: `DISCORD_<ENV>_…`, with `.env` beneath the real environment."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

from botswain.errors import InvalidInput, Problem


def prefix(environment: str) -> str:
    """`DISCORD_STAGE_` for the profile `stage`."""
    return f"DISCORD_{re.sub('[^A-Z0-9]', '_', environment.upper())}_"


@cache
def _dotenv() -> dict[str, str | None]:
    if not Path(".env").is_file():
        return {}
    from dotenv import dotenv_values

    return dotenv_values(".env", interpolate=False)


def variable(name: str) -> str | None:
    """The variable's value, or None when it is not set. Set but empty is an error: it is a secret that got lost."""
    value, origin = os.environ.get(name), "environment"
    if value is None and name in _dotenv():
        value, origin = _dotenv()[name] or "", ".env"
    if value is not None and not value.strip():
        raise InvalidInput([Problem(origin, name, "is set but empty; give it a value or unset it")])
    return value
