"""Who is asking: bot tokens, OAuth2 tokens, and where client credentials are traded for the latter."""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from botswain.sandbox.answers import ApiError, answer, bare
from botswain.sandbox.forms import is_snowflake
from botswain.sandbox.world import TOKEN_SECONDS, World

if TYPE_CHECKING:
    from botswain.sandbox.model import Request, Response

UPDATE = "applications.commands.update"
PERMISSIONS = "applications.commands.permissions.update"
IDENTIFY = "identify"
SCOPES = (IDENTIFY, UPDATE, PERMISSIONS)
"""What client credentials may ask for here. Discord gives team-owned applications the first two only."""

_BOT_TOKEN = re.compile(r"[\w-]+={0,2}\.[\w-]+\.[\w-]+", re.ASCII)


@dataclass(frozen=True)
class Caller:
    """The application that asks; `scopes` is None for a bot, which may do what bots may."""

    application: str
    scopes: frozenset[str] | None = None

    @property
    def is_bot(self) -> bool:
        """Whether a bot token was used rather than an OAuth2 token."""
        return self.scopes is None


def identify(request: Request, world: World) -> Caller | None:
    """The caller, or None when there is no `Authorization` that means anything here."""
    kind, _, token = request.header("authorization").partition(" ")
    if kind == "Bot":
        application = "" if world.refuses(token.strip()) else application_of(token.strip())
        return Caller(application) if application else None
    found = world.token(token.strip()) if kind == "Bearer" else None
    return Caller(found["application"], frozenset(found["scopes"])) if found else None


def application_of(token: str) -> str:
    """The application id that a well-formed bot token carries in its first part, else the empty text."""
    if not _BOT_TOKEN.fullmatch(token):
        return ""
    first = token.partition(".")[0].rstrip("=")
    try:
        text = base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return text if is_snowflake(text) and int(text) else ""


def admit(caller: Caller | None, access: str) -> None:
    """Refuses a caller whom a route is not for. `access` is `open`, `bot`, `bearer` or an OAuth2 scope."""
    if access == "open":
        return
    if caller is None or (access == "bot" and not caller.is_bot) or (access == "bearer" and caller.is_bot):
        raise bare(401, "Unauthorized")
    if access not in {"bot", "bearer"} and caller.scopes is not None and access not in caller.scopes:
        raise ApiError(403, 50026, "Missing required OAuth2 scope")


def grant(request: Request, world: World) -> Response:
    """`POST /oauth2/token` with `grant_type=client_credentials`: a token for the application's owner."""
    form = {key: values[-1] for key, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
    client, secret = _basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
    if not (is_snowflake(client) and secret) or secret != (world.settings.client_secret or secret):
        return answer({"error": "invalid_client"}, 401)
    if form.get("grant_type") != "client_credentials":
        return answer({"error": "unsupported_grant_type"}, 400)
    scopes = form.get("scope", "").split()
    if not scopes or not set(scopes) <= set(SCOPES):
        message = "The requested scope is invalid, unknown, or malformed."
        return answer({"error": "invalid_scope", "error_description": message}, 400)
    token = os.urandom(18).hex()
    world.add_token(token, client, scopes)
    told = {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": int(TOKEN_SECONDS),
        "scope": " ".join(scopes),
    }
    return answer(told)


def _basic(request: Request) -> tuple[str, str] | None:
    kind, _, encoded = request.header("authorization").partition(" ")
    if kind != "Basic":
        return None
    try:
        client, _, secret = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return client, secret
