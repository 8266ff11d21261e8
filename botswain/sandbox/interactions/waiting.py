"""Waiting for a bot: `GET /sandbox/interactions/ID?wait=SECONDS` answers when there is something to see."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from botswain.errors import BotswainError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botswain.sandbox.app import Sandbox
    from botswain.sandbox.interactions.model import Interaction

MOST_SECONDS = 60.0
_HAIR = 0.01


async def settled(sandbox: Sandbox, path: str, query: Mapping[str, str]) -> None:
    """Returns when the interaction of the path is answered or timed out, or `wait` is over.

    With `responses=N` it waits for the Nth thing that the bot did instead.
    """
    folder, _, identity = path.rpartition("/")
    if folder != "/sandbox/interactions":
        return
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()
    try:
        end = loop.time() + min(float(query["wait"]), MOST_SECONDS)
        wanted = int(query.get("responses", 0))
        with sandbox.entered() as world:
            interaction = world.live.interactions.get(identity)
    except (ValueError, BotswainError):
        return  # the answer to the request says what is wrong
    interaction.watchers.append(changed.set)
    try:
        while (left := end - loop.time()) > 0:
            changed.clear()
            done, expiring = _look(sandbox, interaction, wanted)
            if done:
                return
            try:
                await asyncio.wait_for(changed.wait(), min(left, expiring))
            except TimeoutError:
                continue
    finally:
        interaction.watchers.remove(changed.set)


def _look(sandbox: Sandbox, interaction: Interaction, wanted: int) -> tuple[bool, float]:
    """Whether there is what was waited for, and after how many seconds to look again at the latest."""
    with sandbox.entered() as world:
        now = world.now()
        state = interaction.state(now)
        done = state == "timed out" or (len(interaction.responses) >= wanted if wanted else state == "answered")
        return done, interaction.left(now) + _HAIR if interaction.left(now) else MOST_SECONDS
