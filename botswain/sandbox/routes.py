"""The table of routes, and the handlers of commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botswain.sandbox import applications, permissions
from botswain.sandbox.answers import answer, answer_text, empty
from botswain.sandbox.auth import IDENTIFY, PERMISSIONS, UPDATE, grant
from botswain.sandbox.commands import Commands
from botswain.sandbox.output import listing
from botswain.sandbox.router import Call, Route

if TYPE_CHECKING:
    from botswain.sandbox.model import Response

READ, WRITE, BULK = "commands.read", "commands.write", "commands.bulk"
UNLIMITED = "unlimited"
"""The bucket of what counts against no limit, not even the global one."""


def _commands(call: Call) -> Commands:
    return Commands(call.world, call.application, call.scope)


def list_commands(call: Call) -> Response:
    """All commands of a scope, or an earlier state while a fault delays what is seen."""
    ledger = call.world.ledger(call.application, call.scope)
    if ledger.stale_reads:
        ledger.stale_reads -= 1
        call.world.save_ledger(call.application, call.scope, ledger)
        return answer(listing(ledger.stale, call.request))
    if call.request.flag("with_localizations"):
        return answer_text(call.world.commands_text(call.application, call.scope))
    return answer(listing(call.world.commands(call.application, call.scope), call.request))


def create_command(call: Call) -> Response:
    """201 when new, 200 when it replaced one."""
    command, new = _commands(call).create(call.json())
    return answer(command, 201 if new else 200)


def replace_commands(call: Call) -> Response:
    """The whole scope at once."""
    return answer(_commands(call).replace(call.json()))


def get_command(call: Call) -> Response:
    """One command, always with its localizations."""
    return answer(_commands(call).get(call.params["command_id"]))


def edit_command(call: Call) -> Response:
    """Some fields of one command."""
    return answer(_commands(call).edit(call.params["command_id"], call.json()))


def delete_command(call: Call) -> Response:
    """One command away."""
    _commands(call).delete(call.params["command_id"])
    return empty()


def give_token(call: Call) -> Response:
    """Client credentials for an OAuth2 token."""
    return grant(call.request, call.world)


def _scope_routes(base: str) -> list[Route]:
    return [
        Route("GET", base, list_commands, UPDATE, READ),
        Route("POST", base, create_command, UPDATE, WRITE),
        Route("PUT", base, replace_commands, UPDATE, BULK),
        Route("GET", f"{base}/{{command_id}}", get_command, UPDATE, READ),
        Route("PATCH", f"{base}/{{command_id}}", edit_command, UPDATE, WRITE),
        Route("DELETE", f"{base}/{{command_id}}", delete_command, UPDATE, WRITE),
    ]


_GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"
_ONE = f"{_GUILD}/{{command_id}}/permissions"

ROUTES = [
    Route("GET", "/applications/@me", applications.get_application, "bot", "application"),
    Route("PATCH", "/applications/@me", applications.edit_application, "bot", "application"),
    Route("GET", "/oauth2/applications/@me", applications.get_application, "bot", "application"),
    Route("GET", "/oauth2/@me", applications.get_authorization, "bearer", "oauth2"),
    Route("POST", "/oauth2/token", give_token, "open", "oauth2"),
    Route("GET", "/users/@me", applications.get_user, IDENTIFY, "user"),
    Route("GET", "/gateway", applications.get_gateway, "open", "gateway"),
    Route("GET", "/gateway/bot", applications.get_gateway_bot, "bot", "gateway"),
    Route("GET", f"{_GUILD}/permissions", permissions.list_permissions, PERMISSIONS, "permissions"),
    Route("GET", _ONE, permissions.get_permissions, PERMISSIONS, "permissions"),
    Route("PUT", _ONE, permissions.put_permissions, PERMISSIONS, "permissions"),
    *_scope_routes("/applications/{application_id}/commands"),
    *_scope_routes(_GUILD),
]
