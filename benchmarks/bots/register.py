"""A discord.py bot's own registration of its global commands: it logs in and syncs, as its owner has it do.

usage: BOT_TOKEN=… python register.py API_URL easterobot|spellbot (in the bot's repository, with the bot's Python)
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import discord


def easterobot() -> Any:
    """The bot of easterobot/bot.py."""
    sys.path.insert(0, os.getcwd())  # noqa: PTH109
    from bot import bot

    return bot


def spellbot() -> Any:
    """The bot without its database, which no command's definition needs."""
    from spellbot.client import build_bot

    return build_bot(create_connection=False)


async def register(bot: Any) -> None:
    """Logs in, which loads what the bot loads, and syncs."""
    await bot.login(os.environ["BOT_TOKEN"])
    try:
        await bot.tree.sync()
    finally:
        await bot.close()


if __name__ == "__main__":
    discord.http.Route.BASE = sys.argv[1]  # before anything is asked: it would ask Discord
    made = {"easterobot": easterobot, "spellbot": spellbot}[sys.argv[2]]()  # outside the loop: one runs its own
    asyncio.run(register(made))
