"""Guilds as bots see them: made up from the guild's id, or as a control call described them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botswain.discord.enums import ChannelType
from botswain.errors import BotswainError
from botswain.sandbox.community import people
from botswain.sandbox.forms import is_snowflake

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botswain.sandbox.world import World

DETAILS = ("name", "channels", "roles", "members")

_NOTHING = (
    "icon",
    "banner",
    "splash",
    "discovery_splash",
    "home_header",
    "description",
    "afk_channel_id",
    "application_id",
    "widget_channel_id",
    "system_channel_id",
    "rules_channel_id",
    "safety_alerts_channel_id",
    "public_updates_channel_id",
    "vanity_url_code",
    "max_presences",
    "incidents_data",
)
_ZERO = (
    "system_channel_flags",
    "verification_level",
    "default_message_notifications",
    "mfa_level",
    "explicit_content_filter",
    "premium_tier",
    "premium_subscription_count",
    "nsfw_level",
)


def describe(world: World, guild: str, values: Mapping[str, Any]) -> None:
    """Stores a name, channels, roles or members of a guild; ids that are missing are minted.

    Raises BotswainError for what cannot be one.
    """
    stored = world.guild_details(guild)
    if "name" in values:
        stored["name"] = _text(values["name"], "name")
    for key in ("channels", "roles"):
        if key in values:
            stored[key] = [_thing(world, one, f"{key}.{index}") for index, one in enumerate(_list(values[key], key))]
    if "members" in values:
        stored["members"] = [
            _person(world, one, f"members.{index}") for index, one in enumerate(_list(values["members"], "members"))
        ]
    world.save_guild_details(guild, stored)


def guild(world: World, application: str, identity: str) -> dict[str, Any]:
    """The guild object of the HTTP API."""
    return {
        **dict.fromkeys(_NOTHING),
        **dict.fromkeys(_ZERO, 0),
        "id": identity,
        "name": world.guild_details(identity).get("name") or f"sandbox-guild-{identity}",
        "owner_id": people.owner(application)["id"],
        "roles": roles(world, application, identity),
        "region": "deprecated",
        "features": [],
        "emojis": [],
        "stickers": [],
        "afk_timeout": 300,
        "widget_enabled": False,
        "max_members": 500_000,
        "max_video_channel_users": 25,
        "max_stage_video_channel_users": 50,
        "preferred_locale": "en-US",
        "premium_progress_bar_enabled": False,
        "nsfw": False,
    }


def created(world: World, application: str, identity: str) -> dict[str, Any]:
    """What GUILD_CREATE carries: the guild with everything in it."""
    inside = members(world, application, identity)
    return {
        **guild(world, application, identity),
        "joined_at": people.stamp(people.birth(application)),
        "large": False,
        "unavailable": False,
        "member_count": len(inside),
        "members": inside,
        "channels": channels(world, identity),
        "threads": [],
        "presences": [],
        "voice_states": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def channels(world: World, identity: str) -> list[dict[str, Any]]:
    """The channels, one called `general` unless others were described."""
    described = world.guild_details(identity).get("channels")
    if described is None:
        described = [{"id": str(int(identity) + 1), "name": "general"}]
    return [_channel(identity, position, one) for position, one in enumerate(described)]


def _channel(identity: str, position: int, values: Mapping[str, Any]) -> dict[str, Any]:
    kind = values.get("type", int(ChannelType.GUILD_TEXT))
    voice = {"bitrate": 64000, "user_limit": 0, "rtc_region": None}
    return {
        "type": kind,
        "guild_id": identity,
        "position": position,
        "flags": 0,
        "parent_id": None,
        "permission_overwrites": [],
        "nsfw": False,
        "topic": None,
        "last_message_id": None,
        "rate_limit_per_user": 0,
        **(voice if kind in {ChannelType.GUILD_VOICE, ChannelType.GUILD_STAGE_VOICE} else {}),
        **values,
    }


def roles(world: World, application: str, identity: str) -> list[dict[str, Any]]:
    """@everyone, the bot's own role, and those described."""
    own = {
        "id": _bot_role(identity),
        "name": people.bot(application)["username"],
        "permissions": people.EVERYTHING,
        "managed": True,
        "tags": {"bot_id": application},
    }
    everyone = {"id": identity, "name": "@everyone"}
    described = world.guild_details(identity).get("roles", [])
    return [_role(position, one) for position, one in enumerate([everyone, own, *described])]


def _role(position: int, values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "permissions": "0",
        "position": position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
        **values,
    }


def _bot_role(identity: str) -> str:
    return str(int(identity) + 2)


def members(world: World, application: str, identity: str) -> list[dict[str, Any]]:
    """The owner, the bot, and those described."""
    found = {
        one["user"]["id"]: one
        for one in (
            people.member(people.owner(application), []),
            people.member(people.bot(application), [_bot_role(identity)]),
        )
    }
    for one in world.guild_details(identity).get("members", []):
        someone = {**people.user(one["id"], one.get("username", "")), **({"bot": True} if one.get("bot") else {})}
        found[one["id"]] = people.member(someone, one.get("roles", []), one.get("nick"))
    return list(found.values())


def member(world: World, application: str, identity: str, user: str) -> dict[str, Any] | None:
    """One member, or None who is not in the guild."""
    everybody = members(world, application, identity)
    return next((one for one in everybody if one["user"]["id"] == user), None)


def find_channel(world: World, application: str, channel: str) -> dict[str, Any] | None:
    """A channel of any guild that the application is in."""
    for identity in world.guilds(application):
        for one in channels(world, identity):
            if one["id"] == channel:
                return one
    return None


def _thing(world: World, value: Any, path: str) -> dict[str, Any]:
    thing = _identified(world, value, path)
    _text(thing.get("name"), f"{path}.name")
    return thing


def _person(world: World, value: Any, path: str) -> dict[str, Any]:
    person = _identified(world, value, path)
    if "roles" in person:
        person["roles"] = [str(one) for one in _list(person["roles"], f"{path}.roles")]
    return person


def _identified(world: World, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(path, "not an object", "describe it as a JSON object")
    identity = str(value.get("id") or world.snowflake())
    if not is_snowflake(identity):
        raise _wrong(f"{path}.id", f"{identity!r} is no id", "write decimal digits, or leave it out")
    return {**value, "id": identity}


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong(path, "no name", "give it a text")
    return value


def _list(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(path, "not a list", "write a JSON list")
    return value


def _wrong(path: str, what: str, fix: str) -> BotswainError:
    return BotswainError(what, where=f"sandbox guild, {path}", fix=fix)
