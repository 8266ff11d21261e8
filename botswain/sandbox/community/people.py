"""The users that the double knows: bots, their owners, and whoever a test makes up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botswain.sandbox.model import DISCORD_EPOCH

if TYPE_CHECKING:
    from collections.abc import Mapping

EVERYTHING = str(2**54 - 1)
"""Every permission there is, as Discord writes it."""


def bot(application: str) -> dict[str, Any]:
    """The bot user of an application; it has the application's id, as all but old ones do."""
    return {**user(application, f"sandbox-bot-{application}"), "bot": True}


def owner(application: str) -> dict[str, Any]:
    """The person who owns an application and the guilds that nobody described."""
    return user(str(int(application) + 1), "sandbox-owner")


def user(identity: str, name: str = "") -> dict[str, Any]:
    """Anybody."""
    return {
        "id": identity,
        "username": name or f"sandbox-user-{identity}",
        "avatar": None,
        "discriminator": "0000",
        "public_flags": 0,
        "flags": 0,
        "global_name": None,
        "banner": None,
        "accent_color": None,
        "avatar_decoration_data": None,
        "primary_guild": None,
        "collectibles": None,
    }


def member(someone: Mapping[str, Any], roles: list[str], nick: str | None = None) -> dict[str, Any]:
    """A user in a guild, there since the user exists."""
    return {
        "user": dict(someone),
        "roles": roles,
        "nick": nick,
        "avatar": None,
        "banner": None,
        "joined_at": stamp(birth(someone["id"])),
        "premium_since": None,
        "communication_disabled_until": None,
        "flags": 0,
        "pending": False,
        "deaf": False,
        "mute": False,
    }


def birth(snowflake: str) -> float:
    """When an id was made, in seconds since 1970."""
    return ((int(snowflake) >> 22) + DISCORD_EPOCH) / 1000


def stamp(seconds: float) -> str:
    """A time as Discord writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
