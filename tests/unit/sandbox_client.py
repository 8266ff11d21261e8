"""A few lines around `Sandbox.handle`, so that a test reads like the requests it makes."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from botswain.sandbox.app import Sandbox
from botswain.sandbox.model import Request, Response, Settings

APP = "111111111111111111"
GUILD = "222222222222222222"
START = 1_800_000_000.0


def bot_token(application: str = APP) -> str:
    """A made-up token that says which application it is."""
    first = base64.urlsafe_b64encode(application.encode()).decode().rstrip("=")
    return f"{first}.made-up.token"


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        """The time that was set."""
        return self.now


@dataclass
class Answer:
    """A response with its JSON read."""

    status: int
    headers: dict[str, str]
    response: Response
    data: Any = None

    @property
    def code(self) -> int:
        """Discord's error code; 0 when it is no error."""
        return int(self.data.get("code", 0)) if isinstance(self.data, dict) else 0


@dataclass
class Client:
    """Talks to a sandbox as the bot of APP; limits are off unless the test asks for them."""

    settings: Settings = field(default_factory=lambda: Settings(limits=False))
    path: Any = None
    auth: str = f"Bot {bot_token()}"

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.sandbox = Sandbox(self.path, clock=self.clock, settings=self.settings)

    def ask(self, method: str, path: str, body: Any = None, *, query: str = "", **headers: str) -> Answer:
        """One request; header names are written with underscores."""
        sent = {"Authorization": self.auth, "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        path = path if path.startswith("/sandbox") else f"/api/v10{path}"
        response = self.sandbox.handle(Request(method, path, query, sent, raw))
        is_json = response.headers.get("Content-Type") == "application/json"
        data = json.loads(response.body) if is_json and not response.dropped else None
        return Answer(response.status, dict(response.headers), response, data)

    def scope_path(self, scope: str) -> str:
        """Where the commands of a scope live."""
        middle = "" if scope == "global" else f"/guilds/{scope}"
        return f"/applications/{APP}{middle}/commands"

    def get(self, scope: str = GUILD, **more: Any) -> Answer:
        """Lists."""
        return self.ask("GET", self.scope_path(scope), **more)

    def put(self, commands: Any, scope: str = GUILD, **more: Any) -> Answer:
        """Replaces the scope."""
        return self.ask("PUT", self.scope_path(scope), commands, **more)

    def post(self, command: Any, scope: str = GUILD, **more: Any) -> Answer:
        """Creates or replaces one."""
        return self.ask("POST", self.scope_path(scope), command, **more)

    def patch(self, command: str, fields: Any, scope: str = GUILD) -> Answer:
        """Edits one."""
        return self.ask("PATCH", f"{self.scope_path(scope)}/{command}", fields)

    def delete(self, command: str, scope: str = GUILD) -> Answer:
        """Deletes one."""
        return self.ask("DELETE", f"{self.scope_path(scope)}/{command}")


def slash(name: str = "ping", **more: Any) -> dict[str, Any]:
    """A chat input command."""
    return {"name": name, "description": f"About {name}", **more}


def option(name: str = "text", kind: int = 3, **more: Any) -> dict[str, Any]:
    """An option, of text unless said otherwise."""
    return {"type": kind, "name": name, "description": f"About {name}", **more}
