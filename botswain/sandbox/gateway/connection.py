"""One connection's side of the protocol, without a socket: texts come in, texts and a close code go out."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from botswain.sandbox.gateway.codes import REASONS, Close, Op
from botswain.sandbox.gateway.session import payload

if TYPE_CHECKING:
    from collections.abc import Callable

    from botswain.sandbox.gateway.hub import Hub
    from botswain.sandbox.gateway.session import Session

PAYLOAD_BYTES = 4096
SENDS, SENDS_SECONDS = 120, 60.0
GRACE = 1.5
"""Heartbeat intervals without a beat before a session counts as dead."""


class Sink(Protocol):
    """Where a connection's payloads go."""

    def send(self, text: str) -> None:
        """Sends one."""

    def close(self, code: int, reason: str) -> None:
        """Closes in order, after everything that was sent."""

    def abort(self) -> None:
        """Cuts the line."""


class Connection:
    """What one client may do when. `clock` is monotonic: heartbeats are about wires, not about the double's time.

    `base` is the address that the client came by, such as `ws://127.0.0.1:8080`.
    """

    def __init__(self, hub: Hub, sink: Sink, base: str, clock: Callable[[], float]) -> None:
        self._hub = hub
        self._sink = sink
        self._clock = clock
        self._interval = hub.heartbeat_interval
        self._sent: deque[float] = deque()
        self.base = base
        self.session: Session | None = None
        self.closed = False
        self.deadline = 0.0
        """When the client is given up, by `clock`, unless it beats."""

    def open(self, version: str = "", encoding: str = "json", compression: str = "") -> None:
        """Says hello, or refuses a version, encoding or compression that nobody speaks here."""
        if version not in {"", "9", "10"}:
            self.close(Close.INVALID_VERSION)
        elif encoding not in {"", "json"} or compression not in {"", "zlib-stream", "zstd-stream"}:
            self.close(Close.DECODE_ERROR)
        else:
            self._beaten()
            self.send(payload(Op.HELLO, {"heartbeat_interval": self._interval, "_trace": ["sandbox"]}))

    def send(self, text: str) -> None:
        """Sends a payload."""
        if not self.closed:
            self._sink.send(text)

    def invalidate(self, *, resumable: bool) -> None:
        """Opcode 9: the session is gone, or (resumable) the client should resume it."""
        self.send(payload(Op.INVALID_SESSION, resumable))

    def reconnect(self) -> None:
        """Opcode 7."""
        self.send(payload(Op.RECONNECT, None))

    def ask_heartbeat(self) -> None:
        """Opcode 1 from this side: beat now."""
        self.send(payload(Op.HEARTBEAT, None))

    def close(self, code: int) -> None:
        """Closes; codes of the gateway that end a session end this one."""
        if not self.closed:
            self.closed = True
            self._sink.close(code, REASONS.get(Close(code), "") if code in REASONS else "")
            self._hub.detach(self, code, by_client=False)

    def drop(self) -> None:
        """Cuts the line, as a broken network does."""
        if not self.closed:
            self.closed = True
            self._sink.abort()
            self._hub.detach(self, 1006, by_client=False)

    def left(self, code: int | None) -> None:
        """The client closed with this code, or vanished without one."""
        if not self.closed:
            self.closed = True
            self._hub.detach(self, code or 1006, by_client=True)

    def check(self) -> None:
        """Gives up a client that has not beaten in time."""
        if not self.closed and self._clock() >= self.deadline:
            self.close(Close.SESSION_TIMED_OUT)

    def receive(self, text: str | bytes) -> None:
        """Takes one payload."""
        if self.closed:
            return
        raw = text.encode() if isinstance(text, str) else text
        if self._too_many():
            self.close(Close.RATE_LIMITED)
        elif len(raw) > PAYLOAD_BYTES or (message := _object(raw)) is None:
            self.close(Close.DECODE_ERROR)
        else:
            self._take(message.get("op"), message.get("d"))

    def _take(self, op: Any, data: Any) -> None:
        if op == Op.HEARTBEAT:
            self._beaten()
            self.send(payload(Op.HEARTBEAT_ACK, None))
        elif op in {Op.IDENTIFY, Op.RESUME}:
            if self.session is not None:
                self.close(Close.ALREADY_AUTHENTICATED)
            elif not isinstance(data, dict):
                self.close(Close.DECODE_ERROR)
            elif op == Op.IDENTIFY:
                self._hub.identify(self, data)
            else:
                self._hub.resume(self, data)
        elif op not in _KNOWN:
            self.close(Close.UNKNOWN_OPCODE)
        elif self.session is None:
            self.close(Close.NOT_AUTHENTICATED)
        elif not isinstance(data, dict):
            self.close(Close.DECODE_ERROR)
        else:
            self._hub.request(self.session, Op(op), data)

    def _beaten(self) -> None:
        self.deadline = self._clock() + self._interval / 1000 * GRACE

    def _too_many(self) -> bool:
        now = self._clock()
        while self._sent and self._sent[0] <= now - SENDS_SECONDS:
            self._sent.popleft()
        self._sent.append(now)
        return len(self._sent) > SENDS


_KNOWN = {Op.PRESENCE_UPDATE, Op.VOICE_STATE_UPDATE, Op.REQUEST_GUILD_MEMBERS, Op.REQUEST_SOUNDBOARD_SOUNDS}


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(raw)
    except ValueError:
        return None
    op = value.get("op") if isinstance(value, dict) else None
    return value if isinstance(op, int) and not isinstance(op, bool) else None
