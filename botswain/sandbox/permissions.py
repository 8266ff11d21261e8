"""Permission overwrites of commands in a guild: server owners set them, bots may only look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botswain.sandbox.answers import ApiError, answer, form_error
from botswain.sandbox.commands import Commands
from botswain.sandbox.forms import Form, is_snowflake

if TYPE_CHECKING:
    from botswain.sandbox.model import Response
    from botswain.sandbox.router import Call
    from botswain.sandbox.world import World

OVERWRITES = 100
KINDS = {1, 2, 3}
"""Role, user, channel."""


def list_permissions(call: Call) -> Response:
    """All overwrites of a guild."""
    found = call.world.permissions(call.application).get(call.params["guild_id"], {})
    return answer([_told(call, command, rules) for command, rules in found.items()])


def get_permissions(call: Call) -> Response:
    """The overwrites of one command."""
    guild, command = call.params["guild_id"], call.params["command_id"]
    rules = call.world.permissions(call.application).get(guild, {}).get(command)
    if rules is None:
        raise ApiError(404, 10066, "Unknown application command permissions")
    return answer(_told(call, command, rules))


def put_permissions(call: Call) -> Response:
    """Sets the overwrites of one command; needs a person's token."""
    if call.caller is None or call.caller.is_bot:
        raise ApiError(403, 20001, "Bots cannot use this endpoint")
    guild, command = call.params["guild_id"], call.params["command_id"]
    form = Form()
    body = form.model((), call.json()) or {}
    rules = check_rules(form, body.get("permissions"))
    if form.errors:
        raise form_error(form.errors)
    store_rules(call.world, call.application, guild, command, rules)
    return answer(_told(call, command, rules))


def store_rules(world: World, application: str, guild: str, command: str, rules: list[Any]) -> None:
    """Stores overwrites of a command of the guild or a global one; the application's id means all of them."""
    if command != application and not _exists(world, application, guild, command):
        raise ApiError(404, 10063, "Unknown application command")
    stored = world.permissions(application)
    stored.setdefault(guild, {})[command] = rules
    world.save_permissions(application, stored)


def check_rules(form: Form, value: Any) -> list[dict[str, Any]]:
    """Entries of {id, type, permission}."""
    path = ("permissions",)
    rules = []
    for index, item in enumerate(form.items(path, value, OVERWRITES)):
        place = (*path, str(index))
        if (rule := form.model(place, item)) is None:
            continue
        if not is_snowflake(str(rule.get("id"))):
            form.add((*place, "id"), "NUMBER_TYPE_COERCE", f'Value "{rule.get("id")}" is not snowflake.')
        form.choice((*place, "type"), rule.get("type"), KINDS)
        if not isinstance(rule.get("permission"), bool):
            form.required((*place, "permission"))
        rules.append({"id": str(rule.get("id")), "type": rule.get("type"), "permission": rule.get("permission")})
    return rules


def _exists(world: World, application: str, guild: str, command: str) -> bool:
    for scope in (guild, "global"):
        try:
            Commands(world, application, scope).get(command)
        except ApiError:
            continue
        return True
    return False


def _told(call: Call, command: str, rules: Any) -> dict[str, Any]:
    guild = call.params["guild_id"]
    return {"id": command, "application_id": call.application, "guild_id": guild, "permissions": rules}
