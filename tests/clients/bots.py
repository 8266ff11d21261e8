"""Bots as processes of their own: what they say, and a server's control routes beside them."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from clients import node

SCRIPTS = Path(__file__).parent
PATIENCE = 30.0


class Bot:
    """A running client; `wait` takes what it printed in order."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: queue.Queue[str] = queue.Queue()
        self.said: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.put(line)
        self._lines.put("")

    def wait(self, event: str) -> dict[str, Any]:
        """The next time that this happens; fails when the bot ends before, or takes too long."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                line = self._lines.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {event!r} in {PATIENCE} s, only {self.said}") from None
            if not line:
                stderr = self._process.stderr.read() if self._process.stderr else ""
                raise AssertionError(f"ended before {event!r}, after {self.said}:\n{stderr}")
            self.said.append(json.loads(line))
            if self.said[-1]["event"] == event:
                return self.said[-1]


@contextmanager
def running(command: list[str], environment: dict[str, str] | None = None) -> Iterator[Bot]:
    """Starts a bot, and ends it by its own id."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment or node.environment()
    ) as process:
        try:
            yield Bot(process)
        finally:
            process.kill()


def python(script: str, *arguments: str) -> list[str]:
    """The argument vector of a bot in Python."""
    return [sys.executable, "-W", "ignore", str(SCRIPTS / script), *arguments]


class Control:
    """The control routes of a server, and its API with a bot's token."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE)

    def post(self, path: str, **body: Any) -> Any:
        """One control call; its answer."""
        answer = self._http.post(f"/sandbox/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def api(self, method: str, path: str, token: str, body: Any = None) -> httpx.Response:
        """One call of the API."""
        return self._http.request(method, f"/api/v10{path}", json=body, headers={"Authorization": f"Bot {token}"})

    def gateway(self) -> Any:
        """Sessions and limits."""
        return self._http.get("/sandbox/gateway").json()

    def ask(self, guild: str, command: str, responses: int = 0, **more: Any) -> Any:
        """Uses a command and waits until the bot answered, or did `responses` things."""
        made = self.post("interactions", guild_id=guild, command=command, **more)
        answer = self._http.get(f"/sandbox/interactions/{made['id']}?wait=10&responses={responses}")
        return {**answer.json(), "made": made}

    def close(self) -> None:
        """Hangs up."""
        self._http.close()
