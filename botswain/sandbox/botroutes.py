"""The routes that running bots use, apart from those of a deployment: it never imports what is behind them."""

from __future__ import annotations

from botswain.sandbox.community import places
from botswain.sandbox.interactions import callbacks
from botswain.sandbox.router import Route
from botswain.sandbox.routes import UNLIMITED

_GUILD = "/guilds/{guild_id}"
_CHANNEL = "/channels/{channel_id}"
_MESSAGE = f"{_CHANNEL}/messages/{{message_id}}"
_WEBHOOK = "/webhooks/{webhook_id}/{interaction_token}"
_ORIGINAL = f"{_WEBHOOK}/messages/@original"
_FOLLOW_UP = f"{_WEBHOOK}/messages/{{message_id}}"

ROUTES = [
    Route("GET", "/users/@me/guilds", places.list_guilds, "bot", "user"),
    Route("POST", "/users/@me/channels", places.open_direct, "bot", "user"),
    Route("GET", "/soundboard-default-sounds", places.list_default_sounds, "bot", "user"),
    Route("GET", "/users/{user_id}", places.get_user, "bot", "user"),
    Route("GET", _GUILD, places.get_guild, "bot", "guild"),
    Route("GET", f"{_GUILD}/channels", places.list_channels, "bot", "guild"),
    Route("GET", f"{_GUILD}/roles", places.list_roles, "bot", "guild"),
    Route("GET", f"{_GUILD}/members", places.list_members, "bot", "guild"),
    Route("GET", f"{_GUILD}/members/{{user_id}}", places.get_member, "bot", "guild"),
    Route("GET", _CHANNEL, places.get_channel, "bot", "channel"),
    Route("GET", f"{_CHANNEL}/messages", places.list_messages, "bot", "channel"),
    Route("POST", f"{_CHANNEL}/messages", places.post_message, "bot", "channel"),
    Route("GET", _MESSAGE, places.get_message, "bot", "channel"),
    Route("PATCH", _MESSAGE, places.edit_message, "bot", "channel"),
    Route("DELETE", _MESSAGE, places.delete_message, "bot", "channel"),
    Route("POST", "/interactions/{interaction_id}/{interaction_token}/callback", callbacks.respond, "open", UNLIMITED),
    Route("POST", _WEBHOOK, callbacks.follow_up, "open", UNLIMITED),
    Route("GET", _ORIGINAL, callbacks.get_original, "open", UNLIMITED),
    Route("PATCH", _ORIGINAL, callbacks.edit_message, "open", UNLIMITED),
    Route("DELETE", _ORIGINAL, callbacks.delete_message, "open", UNLIMITED),
    Route("GET", _FOLLOW_UP, callbacks.get_original, "open", UNLIMITED),
    Route("PATCH", _FOLLOW_UP, callbacks.edit_message, "open", UNLIMITED),
    Route("DELETE", _FOLLOW_UP, callbacks.delete_message, "open", UNLIMITED),
]
