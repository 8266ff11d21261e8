"""A bot at the gateway without a socket: what it sends goes straight in, what it is sent is kept."""

from __future__ import annotations

import json
from typing import Any

from sandbox_client import APP, GUILD, Client, bot_token

from botswain.sandbox.gateway.connection import Connection


class Wire:
    """Keeps what a connection sends, and how it ended."""

    def __init__(self) -> None:
        self.payloads: list[dict[str, Any]] = []
        self.code: int | None = None
        self.cut = False

    def send(self, text: str) -> None:
        """A payload."""
        assert self.code is None, "nothing is sent after a close"
        self.payloads.append(json.loads(text))

    def close(self, code: int, reason: str) -> None:
        """An end with a code."""
        assert self.code is None, "closed twice"
        assert reason or code < 4000
        self.code = code

    def abort(self) -> None:
        """An end without."""
        self.cut = True


class Peer:
    """One connection. `time` is the wire's clock, in seconds; the double has its own."""

    def __init__(self, client: Client, **query: str) -> None:
        self.client = client
        self.wire = Wire()
        self.time = 0.0
        with client.sandbox.entered() as world:
            hub = world.live.gateway
            self.connection = Connection(hub, self.wire, "ws://127.0.0.1:1", lambda: self.time)
            hub.attach(self.connection)
            self.connection.open(**query)

    def send(self, op: Any, data: Any = None) -> list[dict[str, Any]]:
        """Sends a payload; what came back."""
        return self.raw(json.dumps({"op": op, "d": data}))

    def raw(self, text: str | bytes) -> list[dict[str, Any]]:
        """Sends a text; what came back."""
        with self.client.sandbox.entered():
            self.connection.receive(text)
        return self.take()

    def identify(self, **more: Any) -> list[dict[str, Any]]:
        """Logs in; what came back."""
        return self.send(2, {"token": bot_token(), "intents": 1, "properties": {}, **more})

    def resume(self, session: str, sequence: Any, token: str = bot_token()) -> list[dict[str, Any]]:
        """Goes on with a session; what came back."""
        return self.send(6, {"token": token, "session_id": session, "seq": sequence})

    def take(self) -> list[dict[str, Any]]:
        """What came since the last time."""
        taken, self.wire.payloads = self.wire.payloads, []
        return taken

    def leave(self, code: int | None = None) -> None:
        """Closes with a code, or vanishes."""
        with self.client.sandbox.entered():
            self.connection.left(code)

    def wait(self, seconds: float) -> None:
        """Lets time pass on the wire, and the watch look."""
        self.time += seconds
        with self.client.sandbox.entered():
            self.connection.check()

    @property
    def code(self) -> int | None:
        """The close code, once closed."""
        return self.wire.code


def events(payloads: list[dict[str, Any]]) -> list[str]:
    """The names of dispatched events, other payloads by opcode."""
    return [one["t"] or f"op {one['op']}" for one in payloads]


def logged_in(client: Client, **more: Any) -> Peer:
    """A peer that has identified and read what it was told."""
    peer = Peer(client)
    peer.identify(**more)
    assert peer.code is None
    peer.take()
    return peer


def use(client: Client, **body: Any) -> Any:
    """Somebody uses a command in GUILD; the control route's answer."""
    return client.ask("POST", "/sandbox/interactions", {"guild_id": GUILD, "application_id": APP, **body})
