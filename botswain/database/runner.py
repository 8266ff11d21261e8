"""The backup runner as one file: `botswain.backup` alone. The role `backup` installs it on the database's host."""

from __future__ import annotations

from pathlib import Path

import botswain.backup
from botswain.hosts import zipapp


def packed() -> bytes:
    """A zipapp of the runner as it is in this checkout."""
    return zipapp.packed(Path(botswain.backup.__file__).parent)
