"""How bots answer interactions: the callback, the original response, and follow-ups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botswain.discord import limits
from botswain.sandbox.answers import ApiError, answer, empty, form_error
from botswain.sandbox.community import bodies, components, messages, people
from botswain.sandbox.community.messages import EPHEMERAL, LOADING
from botswain.sandbox.forms import Form
from botswain.sandbox.interactions.model import FITTING, Interaction, Kind, Reply

if TYPE_CHECKING:
    from botswain.sandbox.community.bodies import Upload
    from botswain.sandbox.community.messages import Message
    from botswain.sandbox.model import Response
    from botswain.sandbox.router import Call


def respond(call: Call) -> Response:
    """`POST /interactions/{id}/{token}/callback`."""
    params, world = call.params, call.world
    interaction = world.live.interactions.find(params["interaction_id"], params["interaction_token"])
    body, uploads = bodies.read(call)
    reply, data = _checked(interaction, body, uploads)
    now = world.now()
    interaction.acknowledge(reply, now)
    message = _effect(call, interaction, reply, data, uploads)
    more = {"choices": data.get("choices") or []} if reply is Reply.CHOICES else {}
    shown = {"modal": data} if reply is Reply.MODAL else more
    ephemeral = bool(message and message["flags"] & EPHEMERAL)
    interaction.note("callback", now, type=int(reply), message=message, ephemeral=ephemeral, **shown)
    return answer(_told(interaction, reply, message)) if call.request.flag("with_response") else empty()


def _checked(interaction: Interaction, body: dict[str, Any], uploads: list[Upload]) -> tuple[Reply, dict[str, Any]]:
    form = Form()
    kind = body.get("type")
    if kind is None:
        form.required(("type",))
    elif form.choice(("type",), kind, FITTING[interaction.kind]):
        data = form.model(("data",), body.get("data") or {}) or {}
        _check_data(form, Reply(kind), data)
    if form.errors:
        raise form_error(form.errors)
    if kind == Reply.MESSAGE:
        messages.refuse_empty(data, uploads)
    return Reply(body["type"]), data


def _check_data(form: Form, reply: Reply, data: dict[str, Any]) -> None:
    path = ("data",)
    if reply in {Reply.MESSAGE, Reply.DEFER, Reply.UPDATE}:
        messages.check(form, path, data)
    elif reply is Reply.MODAL:
        components.check_modal(form, path, data)
    elif reply is Reply.CHOICES:
        for index, one in enumerate(form.items((*path, "choices"), data.get("choices"), limits.CHOICES)):
            place = (*path, "choices", str(index))
            if (choice := form.model(place, one)) is None:
                continue
            if choice.get("name") is None:
                form.required((*place, "name"))
            else:
                form.text((*place, "name"), choice["name"], *limits.CHOICE_NAME_LENGTH)
            if "value" not in choice:
                form.required((*place, "value"))


def _effect(
    call: Call, interaction: Interaction, reply: Reply, data: dict[str, Any], uploads: list[Upload]
) -> Message | None:
    """The message that the answer made or changed."""
    world = call.world
    if reply in {Reply.UPDATE, Reply.DEFER_UPDATE} and interaction.original:
        message = world.live.messages.get(interaction.original)
        if reply is Reply.UPDATE:
            message = _edited(call, message, data, uploads)
        return message
    if reply not in {Reply.MESSAGE, Reply.DEFER}:
        if reply is Reply.MODAL:
            interaction.modal = data
        return None
    body = data if reply is Reply.MESSAGE else {"flags": data.get("flags")}
    flags = LOADING if reply is Reply.DEFER else 0
    message = _made(call, interaction, body, uploads, flags)
    interaction.original = message["id"]
    return message


def _made(
    call: Call, interaction: Interaction, body: dict[str, Any], uploads: list[Upload], flags: int = 0, kind: int = -1
) -> Message:
    world, payload = call.world, interaction.payload
    user = payload.get("user") or payload["member"]["user"]
    asked = {"id": interaction.id, "type": int(interaction.kind)}
    own: dict[str, Any] = {"webhook_id": interaction.application, "application_id": interaction.application}
    if interaction.kind is Kind.COMMAND:
        data = payload["data"]
        own["interaction"] = {**asked, "name": data["name"], "user": user}
        own["type"] = (20 if data["type"] == 1 else 23) if kind < 0 else kind
    owners = payload["authorizing_integration_owners"]
    own["interaction_metadata"] = {**asked, "user": user, "authorizing_integration_owners": owners}
    message = messages.make(world, interaction.application, payload["channel_id"], body, uploads, flags=flags, **own)
    world.live.messages.save(message)
    world.live.announce("MESSAGE_CREATE", message, interaction.application, payload.get("guild_id"))
    return message


def _edited(call: Call, message: Message, body: dict[str, Any], uploads: list[Upload]) -> Message:
    world = call.world
    was_loading = message["flags"] & LOADING
    changed = messages.change(world, {**message, "flags": message["flags"] & ~LOADING}, body, uploads)
    if was_loading:
        changed["flags"] |= int(body.get("flags") or 0) & messages.SETTABLE & ~EPHEMERAL
    changed["edited_timestamp"] = None if was_loading else people.stamp(world.now())
    world.live.messages.save(changed)
    guild = world.live.guild_of(changed["channel_id"], changed["author"]["id"])
    world.live.announce("MESSAGE_UPDATE", changed, changed["author"]["id"], guild)
    return changed


def _told(interaction: Interaction, reply: Reply, message: Message | None) -> dict[str, Any]:
    told: dict[str, Any] = {"id": interaction.id, "type": int(interaction.kind)}
    if message is None:
        return {"interaction": told}
    told |= {
        "response_message_id": message["id"],
        "response_message_loading": bool(message["flags"] & LOADING),
        "response_message_ephemeral": bool(message["flags"] & EPHEMERAL),
        "channel_id": message["channel_id"],
    }
    if reply not in {Reply.MESSAGE, Reply.UPDATE}:
        return {"interaction": told}
    return {"interaction": told, "resource": {"type": int(reply), "message": message}}


def follow_up(call: Call) -> Response:
    """`POST /webhooks/{application}/{token}`: a further message, or the content of a deferred one."""
    interaction = _usable(call)
    body, uploads = bodies.read(call)
    messages.checked(body)
    messages.refuse_empty(body, uploads)
    if interaction.deferred:
        message = _filled(call, interaction, body, uploads)
    else:
        message = _made(call, interaction, body, uploads, kind=0)
    ephemeral = bool(message["flags"] & EPHEMERAL)
    interaction.note("follow-up", call.world.now(), message=message, ephemeral=ephemeral)
    return answer(message)


def _filled(call: Call, interaction: Interaction, body: dict[str, Any], uploads: list[Upload]) -> Message:
    message = _edited(call, call.world.live.messages.get(interaction.original), body, uploads)
    interaction.deferred = False
    return message


def get_original(call: Call) -> Response:
    """The message that answered."""
    return answer(_message(call, _usable(call)))


def edit_message(call: Call) -> Response:
    """PATCH of the original (which ends a deferral) or of a follow-up."""
    interaction = _usable(call)
    message = _message(call, interaction)
    body, uploads = bodies.read(call)
    messages.checked(body, flags=message["flags"])
    if message["id"] == interaction.original and interaction.deferred:
        changed = _filled(call, interaction, body, uploads)
    else:
        changed = _edited(call, message, body, uploads)
    ephemeral = bool(changed["flags"] & EPHEMERAL)
    interaction.note("edit", call.world.now(), message=changed, ephemeral=ephemeral)
    return answer(changed)


def delete_message(call: Call) -> Response:
    """DELETE of either."""
    interaction = _usable(call)
    message = _message(call, interaction)
    call.world.live.messages.forget(message["id"])
    gone = {"id": message["id"], "channel_id": message["channel_id"]}
    guild = interaction.payload.get("guild_id")
    call.world.live.announce("MESSAGE_DELETE", gone, interaction.application, guild)
    if message["id"] == interaction.original:
        interaction.deferred = False
    interaction.note("delete", call.world.now(), message=message, ephemeral=bool(message["flags"] & EPHEMERAL))
    return empty()


def _usable(call: Call) -> Interaction:
    interaction = call.world.live.interactions.by_token(call.params["webhook_id"], call.params["interaction_token"])
    if not interaction.usable(call.world.now()):
        raise ApiError(401, 50027, "Invalid Webhook Token")
    if interaction.acknowledged is None:
        raise ApiError(404, 10015, "Unknown Webhook")
    return interaction


def _message(call: Call, interaction: Interaction) -> Message:
    identity = call.params.get("message_id") or interaction.original
    message = call.world.live.messages.get(identity)
    if message.get("interaction_metadata", {}).get("id") != interaction.id and identity != interaction.original:
        raise ApiError(404, 10008, "Unknown Message")
    return message
