"""The life of the process."""

import asyncio
import os
import signal
import time

import pytest

from harbour import run
from harbour.settings import Settings
from harbour.vitals import Vitals


def test_a_signal_is_heard_also_when_a_library_swallows_the_first_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that is told to end in the very moment in which it connects may go on: it is told again."""
    words: list[str] = []

    async def connected(_settings: Settings, _vitals: Vitals) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            words.append("swallowed")
        await asyncio.sleep(60)

    monkeypatch.setattr(run, "stay_connected", connected)
    settings = Settings.read({"DISCORD_TOKEN": "MTExMTExMTExMTExMTExMTEx.made-up.to_ken", "PORT": "0"})
    begun = time.monotonic()
    assert asyncio.run(asyncio.wait_for(run.run(settings), 20)) == 0
    assert (words, time.monotonic() - begun < 15) == (["swallowed"], True)
