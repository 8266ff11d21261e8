"""discord.py against the API at argv[1]: sync, fetch, and a sync that Discord refuses. Prints JSON.

usage: python discord_py.py API_URL TOKEN GUILD_ID
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import discord
from discord import app_commands

DESCRIBED = "Says it again"


def build(tree: app_commands.CommandTree, guild: discord.Object) -> None:
    """A few commands, as a bot declares them."""

    @tree.command(guild=guild, description=DESCRIBED)
    @app_commands.describe(text="What to say")
    async def echo(interaction: discord.Interaction, text: app_commands.Range[str, 1, 200]) -> None:
        """Never called: what is tested is its declaration."""

    @tree.command(guild=guild, description="Rolls a die")
    @app_commands.choices(sides=[app_commands.Choice(name="six", value=6)])
    async def roll(interaction: discord.Interaction, sides: int = 6) -> None:
        """Never called: what is tested is its declaration."""

    @tree.context_menu(name="Report This", guild=guild)
    async def report(interaction: discord.Interaction, message: discord.Message) -> None:
        """Never called: what is tested is its declaration."""


async def run(url: str, token: str, guild_id: int) -> dict[str, Any]:
    """Logs in, syncs, fetches, then syncs something that is refused."""
    discord.http.Route.BASE = url
    guild = discord.Object(guild_id)
    async with discord.Client(intents=discord.Intents.none()) as client:
        tree = app_commands.CommandTree(client)
        build(tree, guild)
        await client.login(token)
        synced = await tree.sync(guild=guild)
        fetched = await tree.fetch_commands(guild=guild)
        globally = await tree.sync()
        # The library checks lengths when a command is made, but not afterwards.
        tree.get_command("echo", guild=guild)._params["text"].description = "x" * 101  # type: ignore[union-attr]
        try:
            await tree.sync(guild=guild)
        except app_commands.CommandSyncFailure as error:
            failure = {"text": str(error), "code": error.code, "status": error.status}
        return {
            "application": str(client.application_id),
            "synced": [one.to_dict() for one in synced],
            "fetched": [one.to_dict() for one in fetched],
            "global": len(globally),
            "failure": failure,
        }


if __name__ == "__main__":
    address, secret, where = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(run(address, secret, int(where)))))
