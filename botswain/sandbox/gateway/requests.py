"""What a logged-in bot may ask over the gateway, answered as far as a library needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botswain.sandbox.community import guilds, people
from botswain.sandbox.gateway.codes import Intent, Op

if TYPE_CHECKING:
    from botswain.sandbox.gateway.session import Session
    from botswain.sandbox.world import World

CHUNK = 1000


def answer(world: World, session: Session, op: Op, data: dict[str, Any]) -> None:
    """Answers one request; what is about a guild that the shard does not serve is ignored, as Discord does."""
    if op is Op.PRESENCE_UPDATE:
        session.presence = data
    elif op is Op.REQUEST_SOUNDBOARD_SOUNDS:
        asked = data.get("guild_ids")
        for guild in asked if isinstance(asked, list) else ():
            if _here(world, session, guild):
                session.push("SOUNDBOARD_SOUNDS", {"guild_id": guild, "soundboard_sounds": []})
    elif not _here(world, session, data.get("guild_id")):
        return
    elif op is Op.REQUEST_GUILD_MEMBERS:
        _members(world, session, data)
    elif session.intents & Intent.GUILD_VOICE_STATES:
        _voice(world, session, data)


def _here(world: World, session: Session, guild: Any) -> bool:
    return isinstance(guild, str) and guild in world.guilds(session.application) and session.serves(guild)


def _members(world: World, session: Session, data: dict[str, Any]) -> None:
    found = guilds.members(world, session.application, data["guild_id"])
    missing: list[str] = []
    if (wanted := data.get("user_ids")) is not None:
        ids = [str(one) for one in (wanted if isinstance(wanted, list) else [wanted])]
        known = {one["user"]["id"] for one in found}
        found = [one for one in found if one["user"]["id"] in ids]
        missing = [one for one in ids if one not in known]
    else:
        query = str(data.get("query") or "").lower()
        found = [one for one in found if one["user"]["username"].lower().startswith(query)]
        limit = data.get("limit")
        found = found[:limit] if isinstance(limit, int) and limit > 0 else found
    chunks = [found[start : start + CHUNK] for start in range(0, len(found), CHUNK)] or [[]]
    for index, chunk in enumerate(chunks):
        told = {
            "guild_id": data["guild_id"],
            "members": chunk,
            "chunk_index": index,
            "chunk_count": len(chunks),
            "not_found": missing,
            **({"presences": []} if data.get("presences") else {}),
            **({"nonce": data["nonce"]} if data.get("nonce") is not None else {}),
        }
        session.push("GUILD_MEMBERS_CHUNK", told)


def _voice(world: World, session: Session, data: dict[str, Any]) -> None:
    """The bot moves; there is no voice server behind it."""
    bot = people.bot(session.application)
    state = {
        "guild_id": data["guild_id"],
        "channel_id": data.get("channel_id"),
        "user_id": bot["id"],
        "member": guilds.member(world, session.application, data["guild_id"], bot["id"]),
        "session_id": session.id,
        "deaf": False,
        "mute": False,
        "self_deaf": data.get("self_deaf") is True,
        "self_mute": data.get("self_mute") is True,
        "self_video": False,
        "suppress": False,
        "request_to_speak_timestamp": None,
    }
    session.push("VOICE_STATE_UPDATE", state)
