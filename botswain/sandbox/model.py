"""Requests and answers of the double, the knobs that a test or a person may turn, and minted ids."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from botswain.discord.enums import ContextType, IntegrationType
from botswain.errors import BotswainError

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"
"""The exact content type: Discord sends no charset, and discord.py reads JSON only under this very name."""


@dataclass(frozen=True)
class Request:
    """One HTTP request as a client sent it; `path` has its `/api/v10` prefix and no query."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str:
        """The header's value, or the empty text; `name` is lower case."""
        return next((value for key, value in self.headers.items() if key.lower() == name), "")

    def flag(self, name: str) -> bool:
        """Whether a boolean query parameter is set."""
        return bool(self.query) and parse_qs(self.query).get(name, [""])[-1].lower() in {"true", "1"}


@dataclass(frozen=True)
class Response:
    """What goes back. `dropped`: close the connection without a word; `delay`: wait so many seconds first."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    dropped: bool = False
    delay: float = 0.0


@dataclass(frozen=True)
class Settings:
    """What nobody outside knows about Discord, or what differs between applications, so it can be chosen.

    Buckets are (requests, seconds). They follow what users report: about five single writes in 20 seconds,
    and a small bucket for bulk PUTs.
    """

    limits: bool = True
    """Whether rate limits and the 200 creates a day are enforced at all."""
    window: str = "fixed"
    """Buckets: `fixed` windows that refill at once, or `sliding` ones that refill slot by slot."""
    global_window: str = "sliding"
    """The same for the global limit. Sliding forgives a pause and then a burst, as busy machines make."""
    write_bucket: tuple[int, float] = (5, 20.0)
    put_bucket: tuple[int, float] = (5, 20.0)
    read_bucket: tuple[int, float] = (50, 10.0)
    creates_status: int = 429
    """The status that code 30034 comes with: 429 since 2024, 400 before."""
    bump_identical: bool = False
    """Whether a PATCH or POST that changes nothing mints a new version all the same, as reported in 2021."""
    texts: str = "settled"
    """How texts are stored: `settled`, as users report it, or `verbatim`."""
    contexts_default: tuple[int, ...] | None = tuple(int(context) for context in ContextType)
    """What a global command without `contexts` comes back with: null or all three; both have been seen."""
    integration_types: tuple[int, ...] = (
        int(IntegrationType.GUILD_INSTALL),
        int(IntegrationType.USER_INSTALL),
    )
    """Install types of an application whose own `integration_types_config` was never set."""
    strict_user_agent: bool = False
    """Refuse requests without `User-Agent: DiscordBot (url, version)`, as Discord's edge may."""
    client_secret: str = ""
    """The only client secret that is traded for an access token; empty: any."""
    sessions_total: int = 1000
    sessions_remaining: int = 1000
    """Gateway sessions that may still be started today, as `/gateway/bot` tells it."""
    max_concurrency: int = 1
    """Shards that may identify at a time, in one `identify_seconds`."""
    identify_seconds: float = 5.0
    heartbeat_interval: int = 41_250
    """Milliseconds between the heartbeats that the gateway asks for; one and a half without ends the session."""
    guilds_per_shard: int = 2500
    """More guilds than that on one shard and the gateway requires (more) shards."""
    privileged_intents: bool = True
    """Whether members, presences and message content are given to every bot, or by the application's `flags`."""
    latency: float = 0.0
    """Seconds added to every answer."""

    def changed(self, values: Mapping[str, Any]) -> Settings:
        """These settings with some values from JSON replaced; an unknown name is an error."""
        known = {item.name: item for item in fields(self)}
        for name in values:
            if name not in known:
                raise BotswainError(
                    f"unknown setting {name!r}",
                    where="sandbox settings",
                    fix=f"use one of {', '.join(known)}",
                )
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        return replace(self, **plain)


DISCORD_EPOCH = 1_420_070_400_000
"""The first millisecond of 2015, where snowflakes begin."""


class Mint:
    """Makes snowflakes: Discord's milliseconds, then 22 bits that keep processes on one state file apart."""

    def __init__(self) -> None:
        self._last = 0

    def snowflake(self, now: float) -> str:
        """A new id for the time `now` (seconds since 1970), larger than every one before."""
        milliseconds = max(0, int(now * 1000) - DISCORD_EPOCH)
        fresh = (milliseconds << 22) | int.from_bytes(os.urandom(3), "big") >> 2
        self._last = max(self._last + 1, fresh)
        return str(self._last)
