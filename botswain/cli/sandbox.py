"""The sandbox on its own, for any client."""

from __future__ import annotations

from typing import Any

from botswain.cli.task import progress, task
from botswain.errors import BotswainError


@task(
    "serve",
    default=True,
    port="the port on 127.0.0.1; 0 chooses a free one",
    state="the folder that keeps its state",
)
def serve(_context: Any, port: int = 8080, state: str = ".botswain/sandbox/served", debug: bool = False) -> None:
    """Serve the double of Discord until Ctrl-C.

    At http://127.0.0.1:PORT/api/v10, for any client.
    """
    import base64
    from pathlib import Path

    if not 0 <= port < 65536:
        raise BotswainError(f"{port} is no port", where="--port", fix="choose one up to 65535, or 0 for a free one")
    from botswain.sandbox.app import Sandbox
    from botswain.sandbox.server import serve as run

    def ready(url: str) -> None:
        first = base64.b64encode(b"100000000000000001").decode().rstrip("=")
        progress(f"Discord's double: {url}/api/v10 (Ctrl-C stops it)")
        progress(f"a profile uses it with api: {url}/api/v10, and needs no token")
        progress(f"other clients log in with any well-formed token, such as {first}.any.thing")

    run(Sandbox(Path(state)), port, ready=ready)
