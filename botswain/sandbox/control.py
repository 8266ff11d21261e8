"""The double's own routes under `/sandbox`, where tests and people make things happen."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from botswain.errors import BotswainError
from botswain.sandbox.answers import ApiError, answer, bare, empty

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botswain.sandbox.app import Sandbox
    from botswain.sandbox.commands import Commands
    from botswain.sandbox.model import Request, Response

GUILD_STATES = ("open", "forbidden", "missing")


def handle(sandbox: Sandbox, request: Request) -> Response:
    """Answers a control request; what is wrong with one is told in a sentence."""
    try:
        action = _ACTIONS.get((request.method, request.path)) or _of_bots(request)
        if action is None:
            raise bare(404, "Not Found")
        result = action(sandbox, _body(request))
        return empty() if result is None else answer(result)
    except ApiError as error:
        return error.response()
    except (BotswainError, KeyError, TypeError, ValueError) as error:
        message = f"missing {error}" if isinstance(error, KeyError) else str(error)
        return answer({"message": message, "code": 0}, 400)


def _of_bots(request: Request) -> Callable[[Sandbox, dict[str, Any]], Any] | None:
    """The action of a route about running bots, whose modules nobody else needs."""
    from botswain.sandbox import botcontrol

    action = botcontrol.find(request.method, request.path)
    return None if action is None else lambda sandbox, body: botcontrol.act(sandbox, action, body)


def check_guild_state(state: str) -> None:
    """Refuses a state that no guild can be in."""
    if state not in GUILD_STATES:
        fix = f"use one of {', '.join(GUILD_STATES)}"
        raise BotswainError(f"unknown guild state {state!r}", where="sandbox guild", fix=fix)


def edit(commands: Commands, action: str, values: Mapping[str, Any]) -> Any:
    """One out-of-band edit."""
    if action == "create":
        return commands.create(values["command"])[0]
    if action == "replace":
        return commands.replace(values["command"])
    if action not in {"patch", "delete"}:
        fix = "use create, patch, delete or replace"
        raise BotswainError(f"unknown action {action!r}", where="sandbox edit", fix=fix)
    identity = values.get("id") or _found(commands, values)
    return commands.edit(identity, values["command"]) if action == "patch" else commands.delete(identity)


def _found(commands: Commands, values: Mapping[str, Any]) -> str:
    found = commands.find(int(values.get("type", 1)), values["name"])
    if found is None:
        raise BotswainError(f"no command {values['name']!r}", where="sandbox edit", fix="name one that is there")
    return str(found["id"])


def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError as error:
        raise BotswainError(f"not JSON ({error})", where=request.path, fix="send a JSON object") from error
    if not isinstance(body, dict):
        raise BotswainError("not an object", where=request.path, fix="send a JSON object")
    return body


def _add_fault(sandbox: Sandbox, body: dict[str, Any]) -> None:
    kind = body.pop("kind", "")
    sandbox.fault(kind, **body)


def _edit(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    application, scope, action = (str(body.pop(key)) for key in ("application_id", "scope", "action"))
    return sandbox.edit(application, scope, action, **body)


def _set_guild(sandbox: Sandbox, body: dict[str, Any]) -> None:
    details: dict[str, Any] = {key: body[key] for key in ("name", "channels", "roles", "members") if key in body}
    sandbox.set_guild(str(body["guild_id"]), body.get("state", "open") if details else body["state"], details)


def _set_permissions(sandbox: Sandbox, body: dict[str, Any]) -> None:
    application, guild, command = (str(body[key]) for key in ("application_id", "guild_id", "command_id"))
    sandbox.set_permissions(application, guild, command, body["permissions"])


def _log(sandbox: Sandbox, _: dict[str, Any]) -> list[dict[str, Any]]:
    return [asdict(seen) for seen in sandbox.log()]


_ACTIONS: dict[tuple[str, str], Callable[[Sandbox, dict[str, Any]], Any]] = {
    ("POST", "/sandbox/faults"): _add_fault,
    ("DELETE", "/sandbox/faults"): lambda sandbox, _: sandbox.clear_faults(),
    ("POST", "/sandbox/edit"): _edit,
    ("POST", "/sandbox/guilds"): _set_guild,
    ("POST", "/sandbox/permissions"): _set_permissions,
    ("POST", "/sandbox/settings"): lambda sandbox, body: asdict(sandbox.configure(**body)),
    ("POST", "/sandbox/clock"): lambda sandbox, body: {"time": sandbox.advance(float(body["seconds"]))},
    ("GET", "/sandbox/log"): _log,
    ("DELETE", "/sandbox/log"): lambda sandbox, _: sandbox.clear_log(),
}
