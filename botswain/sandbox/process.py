"""The server as a process of its own, for tests and benchmarks."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botswain.errors import BotswainError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STOP_SECONDS = 5.0


@contextmanager
def running_server(state: Path | None = None, port: int = 0) -> Iterator[str]:
    """Starts `python -m botswain.sandbox`, yields its base URL (without `/api/v10`), stops it by its own id.

    Without a `state` folder the server keeps everything in memory.
    """
    command = [sys.executable, "-m", "botswain.sandbox", "--port", str(port)]
    command += ["--state", str(state)] if state is not None else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise BotswainError("the sandbox did not start", where=" ".join(command), fix="see its message above")
            yield json.loads(line)["url"]
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
