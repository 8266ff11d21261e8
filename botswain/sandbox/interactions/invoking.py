"""A person uses a command, presses a component or submits a modal: what is sent to the bot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botswain.discord.enums import GLOBAL, CommandType, ContextType, IntegrationType, OptionType
from botswain.errors import BotswainError
from botswain.sandbox.answers import ApiError
from botswain.sandbox.community import guilds, people
from botswain.sandbox.community.components import BUTTON, walk
from botswain.sandbox.forms import is_snowflake
from botswain.sandbox.interactions.chosen import WHERE, Chosen
from botswain.sandbox.interactions.model import Interaction, Kind, new_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botswain.sandbox.record import Record
    from botswain.sandbox.world import World

_KEYS = {
    "application_id", "guild_id", "channel_id", "user", "locale",
    "command", "type", "options", "target", "autocomplete",
    "component", "message_id", "values",
    "modal", "interaction_id",
}  # fmt: skip
_LOCALE = "en-US"


def invoke(world: World, body: Mapping[str, Any]) -> Interaction:
    """Makes an interaction and sends it to the bot's sessions. Raises BotswainError for what nobody could do."""
    for key in body:
        if key not in _KEYS:
            raise _wrong(f"unknown key {key!r}", f"use some of {', '.join(sorted(_KEYS))}")
    if "command" in body:
        interaction = _command(world, body)
    elif "component" in body:
        interaction = _component(world, body)
    elif "modal" in body:
        interaction = _modal(world, body)
    else:
        raise _wrong("nothing was done", "name a `command`, a `component` or a `modal`")
    world.live.interactions.add(interaction)
    gateway, guild = world.live.gateway, interaction.payload.get("guild_id")
    if guild:
        gateway.introduce(interaction.application, guild)
    interaction.delivered = gateway.dispatch(
        interaction.application, "INTERACTION_CREATE", interaction.payload, guild=guild
    )
    return interaction


def _command(world: World, body: Mapping[str, Any]) -> Interaction:
    guild = _id(body, "guild_id")
    if guild and world.guild(guild) != "open":
        raise _wrong(f"the bot is not in guild {guild}", "open it with POST /sandbox/guilds")
    application = _id(body, "application_id") or _only_application(world)
    if guild and guild not in world.guilds(application):
        world.set_guild(guild, "open")
    command, path = _find(world, application, guild, body)
    focused = str(body.get("autocomplete") or "")
    kind = Kind.AUTOCOMPLETE if focused else Kind.COMMAND
    payload = _frame(world, application, guild, kind, body)
    chosen = Chosen(world, application, guild, payload["channel_id"])
    data: dict[str, Any] = {"id": command["id"], "name": command["name"], "type": command["type"]}
    if command["type"] == CommandType.CHAT_INPUT:
        given = body.get("options") or {}
        if not isinstance(given, dict):
            raise _wrong("`options` is no object", "write {name: value}")
        options = chosen.options(command, path, given, focused)
        data |= {"options": options} if options else {}
    else:
        data["target_id"] = _target(world, command, chosen, body)
    data |= {"resolved": chosen.resolved} if chosen.resolved else {}
    data |= {"guild_id": command["guild_id"]} if "guild_id" in command else {}
    return _finished(world, application, kind, payload, data)


def _find(world: World, application: str, guild: str | None, body: Mapping[str, Any]) -> tuple[Record, list[str]]:
    """The command that is meant, and the names of group and sub-command behind it."""
    wanted = str(body["command"])
    kind = _kind(body.get("type"))
    context = ContextType.GUILD if guild else ContextType.BOT_DM
    known = world.commands(application, guild) if guild else []
    known += [one for one in world.commands(application, GLOBAL) if _reaches(one, context)]
    known = [one for one in known if kind in {None, one["type"]}]
    for one in known:
        key = f"{CommandType(one['type']).name.lower()}/{one['name']}"
        if wanted in {one["name"], one["id"], key}:
            return one, []
    words = wanted.removeprefix("chat_input/").split(" ")
    for one in known:
        if one["type"] == CommandType.CHAT_INPUT and one["name"] == words[0]:
            return one, words[1:]
    place = f"guild {guild}" if guild else "direct messages"
    names = ", ".join(sorted(one["name"] for one in known)) or "none"
    raise _wrong(f"no command {wanted!r} of application {application} in {place}", f"registered there: {names}")


def _reaches(command: Record, context: ContextType) -> bool:
    contexts = command.get("contexts")
    if contexts is None:
        return context is ContextType.GUILD or command.get("dm_permission") is not False
    return context in contexts


def _kind(value: Any) -> int | None:
    if value is None:
        return None
    try:
        return int(CommandType[value.upper()] if isinstance(value, str) else CommandType(value))
    except (KeyError, ValueError):
        fix = f"use one of {', '.join(one.name.lower() for one in CommandType)}"
        raise _wrong(f"no type of command: {value!r}", fix) from None


def _target(world: World, command: Record, chosen: Chosen, body: Mapping[str, Any]) -> str:
    target = str(body.get("target") or "")
    if command["type"] == CommandType.USER:
        return chosen.point(OptionType.USER, target, "target")
    if command["type"] != CommandType.MESSAGE:
        raise _wrong("an entry point is launched by Discord itself", "use another command")
    try:
        message = world.live.messages.get(target)
    except ApiError:
        raise _wrong(f"no message {target!r}", "give `target` the id of a message that a bot posted") from None
    chosen.resolved["messages"] = {target: message}
    return target


def _component(world: World, body: Mapping[str, Any]) -> Interaction:
    wanted, identity = str(body["component"]), str(body.get("message_id") or "")
    try:
        message = world.live.messages.get(identity)
    except ApiError:
        raise _wrong(f"no message {identity!r}", "give `message_id` the id of a message with components") from None
    found = next((one for one in walk(message["components"]) if one.get("custom_id") == wanted), None)
    if found is None or found.get("disabled"):
        ids = ", ".join(one["custom_id"] for one in walk(message["components"]) if "custom_id" in one) or "none"
        raise _wrong(f"no component {wanted!r} to use", f"the message has {ids}")
    application = message["author"]["id"]
    guild = world.live.guild_of(message["channel_id"], application)
    payload = _frame(world, application, guild, Kind.COMPONENT, {**body, "channel_id": message["channel_id"]})
    payload["message"] = message
    data = {"custom_id": wanted, "component_type": found["type"], "id": found["id"]}
    if found["type"] != BUTTON:
        data["values"] = [str(one) for one in body.get("values") or []]
    interaction = _finished(world, application, Kind.COMPONENT, payload, data)
    interaction.original = identity
    return interaction


def _modal(world: World, body: Mapping[str, Any]) -> Interaction:
    before = world.live.interactions.get(str(body.get("interaction_id") or ""))
    given = body["modal"]
    if before.modal is None or not isinstance(given, dict):
        raise _wrong(
            "there is no such modal to submit", "`interaction_id` was answered with one; `modal` has its values"
        )
    known = {one["custom_id"] for one in walk(before.modal["components"]) if "custom_id" in one}
    for name in given:
        if name not in known:
            raise _wrong(f"no field {name!r}", f"the modal has {', '.join(sorted(known))}")
    guild, channel = before.payload.get("guild_id"), before.payload["channel_id"]
    payload = _frame(world, before.application, guild, Kind.MODAL, {**body, "channel_id": channel})
    if "message" in before.payload:
        payload["message"] = before.payload["message"]
    components = [_filled(one, given) for one in before.modal["components"]]
    data = {"custom_id": before.modal["custom_id"], "components": components}
    interaction = _finished(world, before.application, Kind.MODAL, payload, data)
    interaction.original = before.original
    return interaction


def _filled(component: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A modal's component as it is submitted: what a person put in, nothing of how it looked."""
    made = {key: component[key] for key in ("type", "id", "custom_id") if key in component}
    if "components" in component:
        made["components"] = [_filled(one, values) for one in component["components"]]
    if "component" in component:
        made["component"] = _filled(component["component"], values)
    if "custom_id" in component:
        value = values.get(component["custom_id"], component.get("value") or "")
        made["values" if isinstance(value, list) else "value"] = value
    return made


def _frame(world: World, application: str, guild: str | None, kind: Kind, body: Mapping[str, Any]) -> dict[str, Any]:
    """What every interaction carries: where, who, in which language."""
    user = _user(application, body.get("user"))
    locale = str(body.get("locale") or _LOCALE)
    payload: dict[str, Any] = {
        "id": world.snowflake(),
        "application_id": application,
        "type": int(kind),
        "token": new_token(),
        "version": 1,
        "locale": locale,
        "app_permissions": people.EVERYTHING,
        "entitlements": [],
        "attachment_size_limit": 10_485_760,
        "context": int(ContextType.GUILD if guild else ContextType.BOT_DM),
        "authorizing_integration_owners": {str(int(IntegrationType.GUILD_INSTALL)): guild or "0"},
    }
    if guild is None:
        channel = world.live.direct_channel(application, user["id"])
        return {**payload, "user": user, "channel": channel, "channel_id": channel["id"]}
    found = guilds.member(world, application, guild, user["id"]) or people.member(user, [])
    channel = _channel(world, guild, _id(body, "channel_id"))
    return {
        **payload,
        "member": {**found, "permissions": people.EVERYTHING},
        "guild_id": guild,
        "guild": {"id": guild, "locale": _LOCALE, "features": []},
        "guild_locale": _LOCALE,
        "channel": {**channel, "permissions": people.EVERYTHING},
        "channel_id": channel["id"],
    }


def _user(application: str, value: Any) -> dict[str, Any]:
    about = value if isinstance(value, dict) else {"id": str(value)} if value else people.owner(application)
    if not is_snowflake(about.get("id")):
        raise _wrong(f"no user id: {about.get('id')!r}", "give `user` an id, or an object with one")
    return {**people.user(about["id"]), **about}


def _channel(world: World, guild: str, wanted: str | None) -> dict[str, Any]:
    known = guilds.channels(world, guild)
    for one in known:
        if wanted in {None, one["id"]}:
            return one
    raise _wrong(f"guild {guild} has no channel {wanted or ''}".rstrip(), "describe it with POST /sandbox/guilds")


def _finished(world: World, application: str, kind: Kind, payload: dict[str, Any], data: dict[str, Any]) -> Interaction:
    payload = {**payload, "data": data}
    return Interaction(payload["id"], payload["token"], application, kind, world.now(), payload)


def _only_application(world: World) -> str:
    connected = world.live.gateway.applications()
    if len(connected) != 1:
        known = ", ".join(connected) or "none"
        raise _wrong("which application?", f"give `application_id`; with sessions: {known}")
    return connected[0]


def _id(body: Mapping[str, Any], key: str) -> str | None:
    value = body.get(key)
    if value is None or value == "":
        return None
    if not is_snowflake(str(value)):
        raise _wrong(f"`{key}` is no id: {value!r}", "write decimal digits")
    return str(value)


def _wrong(what: str, fix: str) -> BotswainError:
    return BotswainError(what, where=WHERE, fix=fix)
