"""What unit and integration tests share."""

from __future__ import annotations

import pytest
from desk import Desk


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
