"""What a bot token says about itself, without asking Discord and without importing an HTTP client."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode

_BOT_TOKEN = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


def application_id_hint(token: str) -> str | None:
    """The id that the first part of a bot token carries, or None where it carries none.

    It is the id of the bot's user, which is the application's id except for old bots: a hint, never proof.
    Only `GET /applications/@me` says whose token it is.
    """
    match = _BOT_TOKEN.fullmatch(token)
    if match is None:
        return None
    first = match[1].encode()
    try:
        decoded = urlsafe_b64decode(first + b"=" * (-len(first) % 4)).decode("ascii")
    except ValueError:
        return None
    return decoded if decoded.isdigit() and len(decoded) <= 20 else None


def well_formed(token: str) -> bool:
    """Whether this looks like a bot token: three base64url parts with dots between, the first one an id."""
    return application_id_hint(token) is not None
