"""Bots that other people run, as they are published: read by their source, applied, and left alone afterwards."""

from __future__ import annotations

import os
import subprocess

import pytest

from benchmarks.bots import Tally, tally
from benchmarks.published import PUBLISHED, Bot, Installed, cache, install

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("published bots")]

SOME = {
    "Artibot": {"Avatar", "Informations", "React", "embed", "help", "info", "ping"},
    "SpellBot": {"lfg", "leave", "score", "setup", "watch"},
    "Easterobot": {"egg"},
}
"""A few names of each that its users know."""


@pytest.fixture(scope="session")
def installed() -> Installed:
    """The bots' packages, installed once and kept in the cache folder of the user or of BOTSWAIN_TEST_CACHE."""
    try:
        return install(cache())
    except LookupError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    except subprocess.CalledProcessError as error:
        pytest.fail(f"the bots could not be installed:\n{error.stderr.decode()}")


@pytest.mark.parametrize("bot", PUBLISHED, ids=lambda bot: bot.title.split()[0])
def test_published_bot_is_read_applied_and_never_differs(bot: Bot, installed: Installed) -> None:
    """Every command arrives as the bot's own library registers it, and no later plan would touch one."""
    found = tally(bot, installed)
    assert found == Tally(found.commands, (), ())
    assert len(found.commands) == bot.commands
    assert SOME[bot.title.split()[0]] <= {*found.commands}
