"""What several integration tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import deployments
from clients import node


@pytest.fixture(scope="session")
def node_client():
    """discord.js, installed once and kept in the cache folder of the user or of BOTSWAIN_TEST_CACHE."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "botswain-tests"
    try:
        return node.install(Path(os.environ.get("BOTSWAIN_TEST_CACHE") or default))
    except LookupError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    except subprocess.CalledProcessError as error:
        pytest.fail(f"npm ci failed:\n{error.stderr.decode()}")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project in the current folder, deployed to an embedded sandbox."""
    with deployments.project(tmp_path, monkeypatch) as made:
        yield made
