"""Whether Discord itself is in trouble: what is asked before a bot that runs and is not ready is called bad.

Its status page is asked first, then the API: a page that nobody can reach says nothing about a bot, and an API that
does not answer from here would keep any bot from logging in.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from botswain.profile.address import is_loopback
from botswain.profile.settings import Profile

STATUS = "https://discordstatus.com/api/v2/status.json"
VARIABLE = "BOTSWAIN_DISCORD_STATUS"
"""Names another status page of the same form."""
_SECONDS = 5.0
_SERIOUS = frozenset({"major", "critical"})
"""A minor incident keeps no bot from logging in, so the API has the last word then."""


def outage_of(profile: Profile) -> Callable[[], str | None]:
    """A look at Discord: what is wrong there, or None. A sandbox is asked for its own switch."""

    def look() -> str | None:
        if profile.sandbox:
            return _sandbox(profile)
        page = os.environ.get(VARIABLE) or (None if profile.rehearsal else STATUS)
        return (page and _status(page)) or _api(profile.api)

    return look


def _sandbox(profile: Profile) -> str | None:
    from botswain.deployment.session import sandbox_path
    from botswain.sandbox.app import Sandbox

    double = Sandbox(sandbox_path(profile))
    try:
        with double.entered() as world:
            return "the sandbox has an outage (POST /sandbox/outage)" if world.down else None
    finally:
        double.close()


def _status(page: str) -> str | None:
    """The incident that the status page tells; None when there is none, or the page cannot be read."""
    from http.client import HTTPException

    try:
        with _open(page) as answer:
            status = json.loads(answer.read(65_536))["status"]
            serious = status["indicator"] in _SERIOUS
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return None
    return f"its status page says: {status.get('description') or status['indicator']}" if serious else None


def _api(api: str) -> str | None:
    """What is wrong with the API as it is reached from here."""
    import urllib.error
    from http.client import HTTPException

    try:
        with _open(f"{api}/gateway"):
            return None
    except urllib.error.HTTPError as error:
        with error:
            return f"its API answers {error.code}" if error.code >= 500 else None
    except (OSError, HTTPException, ValueError) as error:
        return f"its API does not answer ({getattr(error, 'reason', None) or error})"


def _open(url: str) -> Any:
    import urllib.request

    handlers = [urllib.request.ProxyHandler({})] if is_loopback(url) else []
    request = urllib.request.Request(url, headers={"User-Agent": "botswain", "Accept": "application/json"})  # noqa: S310
    return urllib.request.build_opener(*handlers).open(request, timeout=_SECONDS)
