"""The sample bots for tests that need one: installed once for all of them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from clients import harbour


def installed(name: str, folder: Path) -> harbour.Sample:
    """A copy of a sample bot with what it needs. Without Node the test is left out; in CI it fails."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "botswain-tests"
    cache = Path(os.environ.get("BOTSWAIN_TEST_CACHE") or default)
    try:
        return harbour.sample(name, cache, folder)
    except LookupError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    except subprocess.CalledProcessError as error:
        pytest.fail(f"the installation failed:\n{error.stderr.decode()}")
