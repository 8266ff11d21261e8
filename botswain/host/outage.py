"""Whether Discord itself is in trouble: what is asked before a bot that runs and is not ready is called bad.

Its status page is asked first, then the API: a page that nobody can reach says nothing about a bot, and an API that
does not answer from here would keep any bot from logging in.
"""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

_SECONDS = 5.0
_SERIOUS = frozenset({"major", "critical"})
"""A minor incident keeps no bot from logging in, so the API has the last word then."""


def look(status: str | None, api: str | None) -> str | None:
    """What is wrong with Discord, by its status page and its API as they are reached from here; None if nothing is."""
    return (status and _status(status)) or (api and _api(api)) or None


def _status(page: str) -> str | None:
    """The incident that the status page tells; None when there is none, or the page cannot be read."""
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

    host = urlsplit(url).hostname or ""
    here = host in {"localhost", "::1"} or host.startswith("127.")
    handlers = [urllib.request.ProxyHandler({})] if here else []
    request = urllib.request.Request(url, headers={"User-Agent": "botswain", "Accept": "application/json"})  # noqa: S310
    return urllib.request.build_opener(*handlers).open(request, timeout=_SECONDS)
