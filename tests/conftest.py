"""What unit and integration tests share."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from desk import ROOT, Desk

pytest_plugins = ["machines.fixtures"]

# In a job in the background, or below nohup, these are ignored, and so they would be in what tests start.
for _number, _usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)


@pytest.fixture(scope="session", autouse=True)
def state_home(tmp_path_factory):
    """Where bots of tests lie: never in the person's own home."""
    with pytest.MonkeyPatch.context() as patch:
        found = tmp_path_factory.mktemp("state")
        patch.setenv("XDG_STATE_HOME", str(found))
        yield found


@pytest.fixture
def desk(tmp_path):
    """A project of its own, with a `dev` profile for the embedded sandbox and no commands yet."""
    made = Desk(tmp_path, {})
    made.profile()
    return made


@pytest.fixture
def changed(desk: Desk):
    """Something is deployed, and something else is wanted: every task would do something."""
    desk.commands(3)
    assert desk.inv("deploy", "--env", "dev").code == 0
    desk.command("c01", "Changed")
    desk.command("new")
    return desk


@pytest.fixture(scope="session")
def openapi() -> Any:
    """Discord's published schema; BOTSWAIN_DISCORD_OPENAPI names another copy than the one beside the checkout."""
    named = os.environ.get("BOTSWAIN_DISCORD_OPENAPI")
    path = Path(named) if named else ROOT.parent / "shared" / "data" / "discord-openapi.json"
    if path.is_file():
        return json.loads(path.read_text())
    reason = f"no copy of Discord's OpenAPI document at {path}; name one in BOTSWAIN_DISCORD_OPENAPI"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
