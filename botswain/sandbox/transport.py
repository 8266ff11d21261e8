"""The embedded mode: an httpx transport that asks a sandbox in the same process instead of the network."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx

from botswain.sandbox.model import Request

if TYPE_CHECKING:
    from botswain.sandbox.app import Sandbox


class SandboxTransport(httpx.BaseTransport):
    """Give it to `httpx.Client(transport=...)`. Unlike a socket it has no time-outs of its own."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answers from the sandbox; a dropped connection is an `httpx.ReadError`."""
        response = self._sandbox.handle(
            Request(
                method=request.method,
                path=request.url.path,
                query=request.url.query.decode("ascii"),
                headers=dict(request.headers),
                body=request.read(),
            )
        )
        if response.delay:
            time.sleep(response.delay)
        if response.dropped:
            raise httpx.ReadError("the sandbox closed the connection", request=request)
        return httpx.Response(response.status, headers=dict(response.headers), content=response.body, request=request)
