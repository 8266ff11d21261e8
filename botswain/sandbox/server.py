"""The double as an HTTP server on loopback, for any client in any language."""

from __future__ import annotations

import asyncio
import signal
from email.utils import formatdate
from typing import TYPE_CHECKING

from aiohttp import web

from botswain.errors import BotswainError
from botswain.sandbox.gateway import socket as gateway
from botswain.sandbox.interactions.waiting import settled
from botswain.sandbox.model import Request
from botswain.sandbox.process import running_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from botswain.sandbox.app import Sandbox

__all__ = ["running_server", "serve"]


def serve(
    sandbox: Sandbox, port: int, host: str = "127.0.0.1", *, ready: Callable[[str], None] = lambda _: None
) -> None:
    """Serves until SIGINT or SIGTERM; port 0 picks one. `ready` gets the base URL once it listens."""
    try:
        asyncio.run(_serve(sandbox, port, host, ready))
    except OSError as error:
        fix = "stop what uses the port or choose another"
        raise BotswainError(f"cannot listen ({error.strerror})", where=f"{host}:{port}", fix=fix) from error


async def _serve(sandbox: Sandbox, port: int, host: str, ready: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_, stop.set)
    runner = web.ServerRunner(web.Server(_handler(sandbox), access_log=None), shutdown_timeout=2.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        ready(f"http://{host}:{runner.addresses[0][1]}")
        await stop.wait()
    finally:
        with sandbox.entered() as world:
            world.live.gateway.close_all(1001)
        await runner.cleanup()
        sandbox.close()


def _handler(sandbox: Sandbox) -> Callable[[web.BaseRequest], asyncio.Future[web.StreamResponse]]:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if gateway.wanted(request):
            with sandbox.entered() as world:
                down = world.down
            return web.Response(status=503) if down else await gateway.serve(sandbox, request)
        if "wait" in request.query:
            await settled(sandbox, request.path, request.query)
        # In the loop itself: an answer takes less time than handing it to a thread and back.
        response = sandbox.handle(
            Request(
                method=request.method,
                path=request.path,
                query=request.query_string,
                headers=dict(request.headers),
                body=await request.read(),
            )
        )
        if response.delay:
            await asyncio.sleep(response.delay)
        if response.dropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        headers = {**response.headers, "Date": formatdate(sandbox.now(), usegmt=True)}
        return web.Response(status=response.status, headers=headers, body=response.body or None)

    return handle  # type: ignore[return-value]  # a coroutine function is what aiohttp calls and awaits
