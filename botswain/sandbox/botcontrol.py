"""Control routes about running bots: interactions, sessions, tokens, outages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botswain.errors import BotswainError
from botswain.sandbox.gateway.codes import Close
from botswain.sandbox.interactions.invoking import invoke

if TYPE_CHECKING:
    from botswain.sandbox.app import Sandbox
    from botswain.sandbox.gateway.hub import Hub
    from botswain.sandbox.gateway.session import Session
    from botswain.sandbox.interactions.model import Interaction
    from botswain.sandbox.world import World

INTERACTIONS = "/sandbox/interactions/"
_LIMITS = {"total": "sessions_total", "remaining": "sessions_remaining", "max_concurrency": "max_concurrency"}


Action = Callable[["World", dict[str, Any]], Any]


def find(method: str, path: str) -> Action | None:
    """What a route does, or None when there is no such route."""
    identity = path.removeprefix(INTERACTIONS)
    if method == "GET" and identity not in {path, ""}:
        return lambda world, _: _described(world, world.live.interactions.get(identity))
    return ACTIONS.get((method, path))


def act(sandbox: Sandbox, action: Action, body: dict[str, Any]) -> Any:
    """Does it."""
    with sandbox.entered() as world:
        return action(world, body)


def _interact(world: World, body: dict[str, Any]) -> dict[str, Any]:
    interaction = invoke(world, body)
    return {"id": interaction.id, "delivered": interaction.delivered}


def _described(world: World, interaction: Interaction) -> dict[str, Any]:
    known = world.live.messages.known(interaction.original)
    return interaction.described(world.now(), known)


def _kick(world: World, body: dict[str, Any]) -> dict[str, int]:
    how = body.get("how", "reconnect")
    if how not in KICKS:
        raise BotswainError(f"no way to kick: {how!r}", where="sandbox gateway", fix=f"use one of {', '.join(KICKS)}")
    code = body.get("code", int(Close.UNKNOWN_ERROR))
    if type(code) is not int or not (code in {1000, 1001, 1011, 1012} or 3000 <= code < 5000):
        raise BotswainError(f"no close code: {code!r}", where="sandbox gateway", fix="use 1000, 1001 or 4000 to 4014")
    hub, application = world.live.gateway, str(body.get("application_id") or "")
    sessions = [one for one in hub.sessions(application, body.get("shard")) if one.connection is not None]
    for session in sessions:
        _kick_one(hub, session, how, code, resumable=body.get("resumable") is True)
    return {"kicked": len(sessions)}


KICKS = ("reconnect", "invalidate", "close", "drop", "heartbeat")


def _kick_one(hub: Hub, session: Session, how: str, code: int, *, resumable: bool) -> None:
    if (connection := session.connection) is None:
        return
    if how == "invalidate":
        hub.invalidate(session, resumable=resumable)
    elif how == "close":
        connection.close(code)
    elif how == "drop":
        connection.drop()
    elif how == "heartbeat":
        connection.ask_heartbeat()
    else:
        connection.reconnect()


def _limit(world: World, body: dict[str, Any]) -> dict[str, Any]:
    for key, value in body.items():
        least = 1 if key == "max_concurrency" else 0
        if key not in _LIMITS or type(value) is not int or value < least:
            fix = f"use whole numbers for {', '.join(_LIMITS)}"
            raise BotswainError(f"no limit: {key}={value!r}", where="sandbox gateway", fix=fix)
    world.configure({_LIMITS[key]: value for key, value in body.items()})
    return {key: getattr(world.settings, name) for key, name in _LIMITS.items()}


def _outage(world: World, body: dict[str, Any]) -> dict[str, bool]:
    if not isinstance(body["down"], bool):
        raise BotswainError("`down` is neither true nor false", where="sandbox outage", fix='send {"down": true}')
    world.set_down(body["down"])
    if world.down:
        world.live.gateway.close_all(None)
    return {"down": world.down}


def _token(world: World, body: dict[str, Any]) -> None:
    """Refuses one token, as after a reset in the portal, or accepts all of an application again."""
    from botswain.sandbox.auth import application_of

    if "refuse" in body:
        token = str(body["refuse"])
        application = application_of(token)
        if not application:
            raise BotswainError("that is no bot token", where="sandbox tokens", fix="it is refused anyway")
        world.refuse_token(token, application)
        for session in world.live.gateway.sessions(application):
            if session.connection is not None:
                session.connection.close(Close.AUTHENTICATION_FAILED)
    else:
        world.accept_tokens(str(body["accept"]))


ACTIONS: dict[tuple[str, str], Action] = {
    ("POST", "/sandbox/interactions"): _interact,
    ("GET", "/sandbox/gateway"): lambda world, _: world.live.gateway.described(),
    ("POST", "/sandbox/gateway/kick"): _kick,
    ("POST", "/sandbox/gateway/limits"): _limit,
    ("POST", "/sandbox/outage"): _outage,
    ("POST", "/sandbox/tokens"): _token,
}
