"""The bot's secrets: where their values come from, and what they must not be printed as."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable

from botswain.errors import BotswainError
from botswain.host.place import Place
from botswain.profile.settings import Profile, Service
from botswain.secrets import redaction
from botswain.secrets.environment import origin, variable
from botswain.targets.specification import API_FILE, DISCORD, PRELOADS, TOKEN_FILE


def values(
    profile: Profile, service: Service, token: Callable[[], str] | None, stored: Place | None = None
) -> dict[str, str]:
    """The secrets by the name of their file. Raises BotswainError for one that is not set.

    With `stored`, one that was stored there before need not be set now, and is left out.
    """
    found: dict[str, str] = {}
    wanted: dict[str, Callable[[], str]] = {
        name: functools.partial(_given, name, source) for name, source in service.secrets.items()
    }
    if token is not None:
        wanted[TOKEN_FILE] = token
    for name, value in wanted.items():
        try:
            found[name] = value()
        except BotswainError:
            if stored is None or not (stored.credentials / name).exists():
                raise
    if profile.api not in {"sandbox", DISCORD}:
        found[API_FILE] = profile.api.removesuffix("/v10")
    return found


def cover(place: Place) -> None:
    """Have redaction cover what the bot may print of its secrets, also of those that are not set here."""
    with contextlib.suppress(OSError, ValueError):
        for path in place.credentials.iterdir():
            if path.name not in {API_FILE, *PRELOADS.values()}:
                redaction.register(path.read_text(encoding="utf-8"), path.name)


def cover_given(service: Service) -> None:
    """Have redaction cover what the bot may print of the secrets that are set here."""
    for name, source in service.secrets.items():
        with contextlib.suppress(BotswainError):
            _given(name, source)


def _given(name: str, source: str) -> str:
    value = variable(source)
    if value is None:
        fix = f"export it, or put {source}=… in .env"
        what = f"{source} is not set, and the bot's {name} comes from it (service.secrets)"
        raise BotswainError(what, where=origin(source), fix=fix)
    redaction.register(value, source)
    return value
