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
