"""Messages: what Discord refuses in one, what it makes of it, and those of this process by id."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from botswain.sandbox.answers import ApiError, form_error
from botswain.sandbox.community import components, people
from botswain.sandbox.forms import Form

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from botswain.sandbox.community.bodies import Upload
    from botswain.sandbox.world import World

Message = dict[str, Any]

SUPPRESS_EMBEDS, EPHEMERAL, LOADING, SILENT, VOICE, COMPONENTS_V2 = 1 << 2, 1 << 6, 1 << 7, 1 << 12, 1 << 13, 1 << 15
SETTABLE = SUPPRESS_EMBEDS | EPHEMERAL | SILENT | VOICE | COMPONENTS_V2
CONTENT, EMBEDS, ATTACHMENTS = 2000, 10, 10
EMBED_TEXTS = (("title", 256), ("description", 4096))
EMBED_FIELDS = 25
KEPT = 10_000
"""Messages that a process remembers; the oldest go first."""


class Messages:
    """The messages of this process."""

    def __init__(self) -> None:
        self._messages: OrderedDict[str, Message] = OrderedDict()

    def save(self, message: Message) -> None:
        """Adds or replaces one."""
        self._messages[message["id"]] = message
        if len(self._messages) > KEPT:
            self._messages.popitem(last=False)

    def get(self, identity: str, channel: str = "") -> Message:
        """One message, in the channel if that is given; 10008 when there is none."""
        found = self._messages.get(identity)
        if found is None or (channel and found["channel_id"] != channel):
            raise ApiError(404, 10008, "Unknown Message")
        return found

    def known(self, identity: str) -> Message | None:
        """One message, or None."""
        return self._messages.get(identity)

    def forget(self, identity: str) -> None:
        """Deletes one."""
        self._messages.pop(identity, None)

    def channel(self, channel: str, limit: int = 50) -> list[Message]:
        """The latest of a channel that everybody sees, newest first."""
        seen = [one for one in reversed(self._messages.values()) if one["channel_id"] == channel]
        return [one for one in seen if not one["flags"] & EPHEMERAL][:limit]


def check(form: Form, path: tuple[str, ...], body: Mapping[str, Any], *, flags: int = 0) -> None:
    """What a message is made of; `flags` are those that it has already."""
    if body.get("content") is not None:
        form.text((*path, "content"), body["content"], 0, CONTENT)
    form.boolean((*path, "tts"), body.get("tts"))
    if body.get("flags") is not None:
        form.integer((*path, "flags"), body["flags"], 0, 2**53 - 1)
    for index, one in enumerate(form.items((*path, "embeds"), body.get("embeds"), EMBEDS)):
        _check_embed(form, (*path, "embeds", str(index)), one)
    for index, one in enumerate(form.items((*path, "attachments"), body.get("attachments"), ATTACHMENTS)):
        form.model((*path, "attachments", str(index)), one)
    sent = body.get("flags") if isinstance(body.get("flags"), int) else 0
    v2 = bool(((sent or 0) | flags) & COMPONENTS_V2)
    components.check(form, (*path, "components"), body.get("components"), v2=v2)
    if v2 and (body.get("content") or body.get("embeds")):
        message = "The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
        form.add((*path, "content"), "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message)


def _check_embed(form: Form, path: tuple[str, ...], embed: Any) -> None:
    if (model := form.model(path, embed)) is None:
        return
    for key, most in EMBED_TEXTS:
        if model.get(key) is not None:
            form.text((*path, key), model[key], 0, most)
    for index, one in enumerate(form.items((*path, "fields"), model.get("fields"), EMBED_FIELDS)):
        place = (*path, "fields", str(index))
        if (field := form.model(place, one)) is not None:
            for key, most in (("name", 256), ("value", 1024)):
                if field.get(key) is None:
                    form.required((*place, key))
                else:
                    form.text((*place, key), field[key], 1, most)


def checked(body: Mapping[str, Any], *, flags: int = 0) -> None:
    """Refuses a body that is no message."""
    form = Form()
    check(form, (), body, flags=flags)
    if form.errors:
        raise form_error(form.errors)


def refuse_empty(body: Mapping[str, Any], uploads: Sequence[Upload]) -> None:
    """A message must show something."""
    if not uploads and not any(body.get(key) for key in ("content", "embeds", "components", "poll", "sticker_ids")):
        raise ApiError(400, 50006, "Cannot send an empty message")


def make(
    world: World,
    application: str,
    channel: str,
    body: Mapping[str, Any],
    uploads: Sequence[Upload] = (),
    *,
    flags: int = 0,
    **more: Any,
) -> Message:
    """A new message by the application's bot; `flags` come on top of those in `body`, `more` are further fields."""
    message: Message = {
        "id": world.snowflake(),
        "channel_id": channel,
        "type": 0,
        "author": people.bot(application),
        "content": "",
        "timestamp": people.stamp(world.now()),
        "edited_timestamp": None,
        "tts": body.get("tts") is True,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "components": [],
        "pinned": False,
        "flags": flags | (int(body.get("flags") or 0) & SETTABLE),
        **({"nonce": body["nonce"]} if body.get("nonce") is not None else {}),
        **more,
    }
    return change(world, message, body, uploads)


def change(world: World, message: Message, body: Mapping[str, Any], uploads: Sequence[Upload] = ()) -> Message:
    """The message with the fields of `body` replaced."""
    changed = {**message}
    if "content" in body:
        changed["content"] = body["content"] or ""
    if "embeds" in body:
        changed["embeds"] = [_embed(one) for one in body["embeds"] or []]
    if "components" in body:
        changed["components"] = components.numbered(body["components"] or [])
    if "attachments" in body or uploads:
        changed["attachments"] = _attachments(world, message, body, uploads)
    return changed


def _embed(embed: Mapping[str, Any]) -> dict[str, Any]:
    fields = [{"inline": False, **one} for one in embed.get("fields") or []]
    return {"type": "rich", **embed, **({"fields": fields} if fields else {})}


def _attachments(
    world: World, message: Message, body: Mapping[str, Any], uploads: Sequence[Upload]
) -> list[dict[str, Any]]:
    told = {str(one.get("id")): one for one in body.get("attachments") or []}
    kept = [one for one in message["attachments"] if "attachments" not in body or one["id"] in told]
    made = []
    for upload in uploads:
        about = told.get(upload.key, {})
        name = about.get("filename") or upload.filename
        made.append(attachment(world, message["channel_id"], name, upload.content_type, upload.size))
        if about.get("description"):
            made[-1]["description"] = about["description"]
    return kept + made


def attachment(world: World, channel: str, filename: str, content_type: str, size: int) -> dict[str, Any]:
    """A file as messages and options carry it. Its address leads nowhere: contents are not kept."""
    identity = world.snowflake()
    address = f"http://127.0.0.1/attachments/{channel}/{identity}/{filename}"
    return {
        "id": identity,
        "filename": filename,
        "size": size,
        "url": address,
        "proxy_url": address,
        "content_type": content_type,
    }
