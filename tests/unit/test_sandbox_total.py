"""The sandbox answers whatever it is sent, as Discord does, and never breaks on it."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

from strategies import random_command

from botswain.sandbox.app import Sandbox
from botswain.sandbox.model import Request

_APPLICATION = "100000000000000001"
_TOKEN = f"Bot {base64.b64encode(_APPLICATION.encode()).decode().rstrip('=')}.sandbo.{'x' * 27}"
_JUNK = [None, 5, -1, "x", [], {}, [5], {"a": 1}, True, 1.5, [[]], [{}], "é" * 200, [None]]
_FIELDS = [
    "choices",
    "options",
    "type",
    "name",
    "channel_types",
    "file_types",
    "contexts",
    "name_localizations",
    "value",
]


def _spoiled(rng: random.Random, value: Any) -> Any:
    if rng.random() < 0.15:
        return rng.choice(_JUNK)
    if isinstance(value, list):
        return [_spoiled(rng, item) for item in value]
    if not isinstance(value, dict):
        return value
    spoiled = {key: _spoiled(rng, item) for key, item in value.items()}
    return {**spoiled, rng.choice(_FIELDS): rng.choice(_JUNK)} if rng.random() < 0.1 else spoiled


def test_wrongly_typed_commands_are_refused_with_an_answer() -> None:
    """Any JSON in place of a command gets a 2xx or Discord's 400, not a broken sandbox."""
    rng, sandbox = random.Random(1), Sandbox(None)
    sandbox.configure(limits=False)
    headers = {"authorization": _TOKEN, "content-type": "application/json", "user-agent": "DiscordBot (test, 1)"}
    for _ in range(1500):
        body = json.dumps([_spoiled(rng, random_command(rng, "global"))]).encode()
        path = f"/api/v10/applications/{_APPLICATION}/commands"
        response = sandbox.handle(Request("PUT", path, "", headers, body))
        assert response.status in (200, 400), body
