"""The sandbox on its own, for any client."""

from __future__ import annotations

from typing import Any

from botswain.cli.task import progress, task


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
    from pathlib import Path

    from botswain.sandbox.app import Sandbox
    from botswain.sandbox.server import serve as run

    run(
        Sandbox(Path(state)),
        port,
        ready=lambda url: progress(f"Discord's double: {url}/api/v10 (Ctrl-C stops it)"),
    )
