"""What the bot's health URLs answer: one cheap look, without redirects and proxies, which others answer."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from botswain.host.errors import HostError
from botswain.host.place import Health

_READ = 4096
"""Bytes of an answer that are looked at."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_BEHIND = frozenset({502, 503, 504})
"""What a reverse proxy answers while the bot behind it is away."""


@dataclass(frozen=True)
class Answer:
    """What a URL answers."""

    good: bool
    told: str = ""
    """What is wrong, in words."""
    status: int = 0
    """0 when there was no answer."""
    reached: bool = True
    """Whether somebody accepted the connection."""


def urls(health: Health) -> list[str]:
    """The URLs that have to answer."""
    return [url for url in (health.alive, health.ready) if url is not None]


def ask(url: str, timeout: float) -> Answer:
    """What a URL answers within `timeout` seconds; only 200 is good."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection, reached = None, False
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=timeout)
        connection.connect()
        reached = True
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"User-Agent": "botswain", "Accept": "application/json"})
        answer = connection.getresponse()
        if answer.status == 200:
            return Answer(good=True, status=200)
        told = f"{url} answers {answer.status}{_reason(answer.read(_READ))}"
        return Answer(good=False, told=told, status=answer.status)
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Answer(good=False, told=f"{url} does not answer ({why})", reached=reached)
    finally:
        if connection is not None:
            connection.close()


def look(health: Health, timeout: float) -> Answer:
    """What the endpoints say: the first that is not good. Without any, a process that runs is all there is to see."""
    for url in urls(health):
        answer = ask(url, timeout)
        if not answer.good:
            return answer
    return Answer(good=True)


def stranger(asked: list[str]) -> str | None:
    """The first of these health URLs on this machine where something answers; None if nothing does."""
    for url in asked:
        if urlsplit(url).hostname in _LOOPBACK:
            answer = ask(url, 1.0)
            if answer.reached and answer.status not in _BEHIND:
                return url
    return None


def check_url(url: str) -> None:
    """Raise HostError for what cannot be a health URL."""
    try:
        parts = urlsplit(url)
        whole = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and " " not in url
    except ValueError:
        whole = False
    if not whole:
        raise HostError(f'"{url}" is no URL', fix="write it like http://127.0.0.1:8080/healthz")


def _reason(body: bytes) -> str:
    """What a JSON answer gives as its reason."""
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    known = found if isinstance(found, dict) else {}
    text = next((str(known[key]) for key in ("reason", "detail", "error", "status") if known.get(key)), "")
    return f" ({text})" if text else ""
