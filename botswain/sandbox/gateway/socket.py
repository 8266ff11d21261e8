"""The WebSocket around a connection. Nothing wakes up while a bot is silent but one timer a heartbeat or so."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from botswain.sandbox.gateway.compression import packer
from botswain.sandbox.gateway.connection import Connection

if TYPE_CHECKING:
    from botswain.sandbox.app import Sandbox

MOST_BYTES = 1 << 20
"""Above the gateway's own limit, so that this one can answer with its close code."""
CLOSE_SECONDS = 1.0


def wanted(request: web.BaseRequest) -> bool:
    """Whether the request asks for the gateway rather than for the HTTP API."""
    return request.headers.get("Upgrade", "").lower() == "websocket" and not request.path.strip("/")


class Wire:
    """Sends in order what a connection says; the loop's own thread calls it."""

    def __init__(self, socket: web.WebSocketResponse, request: web.BaseRequest, compression: str) -> None:
        self._socket = socket
        self._request = request
        self._packer = packer(compression)
        self._queue: asyncio.Queue[str | tuple[int, str]] = asyncio.Queue()
        self.closing = False

    def send(self, text: str) -> None:
        """Puts a payload in line."""
        self._queue.put_nowait(text)

    def close(self, code: int, reason: str) -> None:
        """Puts the end in line."""
        self.closing = True
        self._queue.put_nowait((code, reason))

    def abort(self) -> None:
        """Cuts the line."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def run(self) -> None:
        """Sends until the connection was closed from this side."""
        while isinstance(item := await self._queue.get(), str):
            packed = self._packer.pack(item)
            if isinstance(packed, str):
                await self._socket.send_str(packed)
            else:
                await self._socket.send_bytes(packed)
        code, reason = item
        await self._socket.close(code=code, message=reason.encode())


async def serve(sandbox: Sandbox, request: web.BaseRequest) -> web.StreamResponse:
    """Speaks the gateway protocol until either side ends the connection."""
    socket = web.WebSocketResponse(compress=False, max_msg_size=MOST_BYTES, timeout=CLOSE_SECONDS)
    await socket.prepare(request)
    query = request.query
    wire = Wire(socket, request, query.get("compress", ""))
    loop = asyncio.get_running_loop()
    with sandbox.entered() as world:
        hub = world.live.gateway
        connection = Connection(hub, wire, f"ws://{request.host}", loop.time)
        hub.attach(connection)
        connection.open(query.get("v", ""), query.get("encoding", ""), query.get("compress", ""))
    sender = asyncio.create_task(wire.run())
    watch = asyncio.create_task(_watch(sandbox, connection, loop))
    try:
        async for message in socket:
            if message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:
                with sandbox.entered():
                    connection.receive(message.data)
    finally:
        watch.cancel()
        with sandbox.entered():
            connection.left(socket.close_code)
        if not wire.closing:
            sender.cancel()
        await asyncio.wait({sender, watch}, timeout=2 * CLOSE_SECONDS)
    return socket


async def _watch(sandbox: Sandbox, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
    """Looks again when the client would be overdue."""
    while not connection.closed:
        await asyncio.sleep(max(0.0, connection.deadline - loop.time()))
        with sandbox.entered():
            connection.check()
