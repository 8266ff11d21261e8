"""What a bot may ask about guilds, channels and people, and the messages that it posts there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botswain.sandbox.answers import ApiError, answer, empty, form_error, leaf
from botswain.sandbox.community import bodies, guilds, messages, people
from botswain.sandbox.forms import is_snowflake

if TYPE_CHECKING:
    from botswain.sandbox.community.messages import Message
    from botswain.sandbox.model import Response
    from botswain.sandbox.router import Call


def list_default_sounds(_call: Call) -> Response:
    """`/soundboard-default-sounds`: none here. Pycord is not ready before it has them."""
    return answer([])


def list_guilds(call: Call) -> Response:
    """`/users/@me/guilds`."""
    keys = ("id", "name", "icon", "banner", "features")
    found = [guilds.guild(call.world, call.application, one) for one in call.world.guilds(call.application)]
    own = {"owner": False, "permissions": people.EVERYTHING}
    return answer([{**{key: one[key] for key in keys}, **own} for one in found])


def get_guild(call: Call) -> Response:
    """One guild."""
    return answer(guilds.guild(call.world, call.application, call.scope))


def list_channels(call: Call) -> Response:
    """The channels of a guild."""
    return answer(guilds.channels(call.world, call.scope))


def list_roles(call: Call) -> Response:
    """The roles of a guild."""
    return answer(guilds.roles(call.world, call.application, call.scope))


def list_members(call: Call) -> Response:
    """The members of a guild."""
    return answer(guilds.members(call.world, call.application, call.scope))


def get_member(call: Call) -> Response:
    """One member."""
    found = guilds.member(call.world, call.application, call.scope, call.params["user_id"])
    if found is None:
        raise ApiError(404, 10007, "Unknown Member")
    return answer(found)


def get_user(call: Call) -> Response:
    """Anybody; people are made up as they are asked for."""
    identity = call.params["user_id"]
    own = {one["id"]: one for one in (people.bot(call.application), people.owner(call.application))}
    return answer(own.get(identity) or people.user(identity))


def open_direct(call: Call) -> Response:
    """`POST /users/@me/channels`: the channel with a person."""
    body, _ = bodies.read(call)
    recipient = body.get("recipient_id")
    if not is_snowflake(str(recipient)):
        raise form_error({"recipient_id": leaf("NUMBER_TYPE_COERCE", f'Value "{recipient}" is not snowflake.')})
    return answer(call.world.live.direct_channel(call.application, str(recipient)))


def get_channel(call: Call) -> Response:
    """One channel."""
    return answer(_channel(call))


def list_messages(call: Call) -> Response:
    """The latest messages of a channel."""
    _channel(call)
    return answer(call.world.live.messages.channel(call.params["channel_id"]))


def post_message(call: Call) -> Response:
    """A message by the bot, whether or not somebody asked."""
    channel = _channel(call)
    body, uploads = bodies.read(call)
    messages.checked(body)
    messages.refuse_empty(body, uploads)
    message = messages.make(call.world, call.application, channel["id"], body, uploads, **_reference(call, body))
    message["flags"] &= ~messages.EPHEMERAL
    return answer(_saved(call, "MESSAGE_CREATE", message, channel))


def _reference(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """What a reply has more than other messages."""
    told = body.get("message_reference")
    if not isinstance(told, dict) or not told.get("message_id"):
        return {}
    first = call.world.live.messages.get(str(told["message_id"]), call.params["channel_id"])
    reference = {"type": 0, "message_id": first["id"], "channel_id": first["channel_id"]}
    return {"type": 19, "message_reference": reference, "referenced_message": first}


def get_message(call: Call) -> Response:
    """One message."""
    return answer(_message(call))


def edit_message(call: Call) -> Response:
    """PATCH of an own message."""
    message = _own(call)
    body, uploads = bodies.read(call)
    messages.checked(body, flags=message["flags"])
    changed = messages.change(call.world, message, body, uploads)
    changed["edited_timestamp"] = people.stamp(call.world.now())
    return answer(_saved(call, "MESSAGE_UPDATE", changed, _channel(call)))


def delete_message(call: Call) -> Response:
    """DELETE of an own message."""
    message, channel = _own(call), _channel(call)
    call.world.live.messages.forget(message["id"])
    gone = {"id": message["id"], "channel_id": channel["id"]}
    call.world.live.announce("MESSAGE_DELETE", gone, call.application, channel.get("guild_id"))
    return empty()


def _channel(call: Call) -> dict[str, Any]:
    found = call.world.live.channel(call.application, call.params["channel_id"])
    if found is None:
        raise ApiError(404, 10003, "Unknown Channel")
    return found


def _message(call: Call) -> Message:
    _channel(call)
    message = call.world.live.messages.get(call.params["message_id"], call.params["channel_id"])
    if message["flags"] & messages.EPHEMERAL:
        raise ApiError(404, 10008, "Unknown Message")
    return message


def _own(call: Call) -> Message:
    message = _message(call)
    if message["author"]["id"] != call.application:
        raise ApiError(403, 50005, "Cannot edit a message authored by another user")
    return message


def _saved(call: Call, event: str, message: Message, channel: dict[str, Any]) -> Message:
    call.world.live.messages.save(message)
    call.world.live.announce(event, message, call.application, channel.get("guild_id"))
    return message
