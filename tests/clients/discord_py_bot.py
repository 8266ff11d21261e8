"""discord.py as a running bot against the API at argv[1]; prints a line of JSON for everything that happens to it.

usage: python discord_py_bot.py API_URL TOKEN [SHARDS]
"""

from __future__ import annotations

import asyncio
import io
import json
import sys

import discord
import yarl
from discord import app_commands


def tell(event: str, **more: object) -> None:
    """One line for the test."""
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


class Events:
    """What a client tells of itself, sharded or not."""

    async def on_ready(self) -> None:
        """Logged in, and every guild is known."""
        guilds = {str(one.id): [str(channel) for channel in one.channels] for one in self.guilds}
        tell("ready", user=str(self.user.id), guilds=guilds, latency=self.latency >= 0)

    async def on_resumed(self) -> None:
        """Back in the same session."""
        tell("resumed")

    async def on_disconnect(self) -> None:
        """The line is gone."""
        tell("disconnected")


class Bot(Events, discord.Client):
    """A bot with one connection."""


class ShardedBot(Events, discord.AutoShardedClient):
    """A bot with several."""


def build(tree: app_commands.CommandTree) -> None:
    """What a bot does in its commands."""

    @tree.command(description="Replies")
    async def plain(interaction: discord.Interaction, text: str, who: discord.Member | None = None) -> None:
        await interaction.response.send_message(f"{text} {who.name if who else interaction.user.name}")

    @tree.command(description="Thinks, then replies")
    async def slow(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(content="done")

    @tree.command(description="Replies to one person")
    async def secret(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("hush", ephemeral=True)

    @tree.command(description="Replies, follows up with a file, deletes the first")
    async def more(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("one")
        file = discord.File(io.BytesIO(b"12345"), "two.txt")
        await interaction.followup.send("two", file=file)
        await interaction.delete_original_response()

    @tree.command(description="Completes")
    async def find(interaction: discord.Interaction, what: str) -> None:
        await interaction.response.send_message(what)

    @find.autocomplete("what")
    async def complete(interaction: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=f"{current}-a", value="a")]


async def run(url: str, token: str, shards: int = 0) -> None:
    """Runs until the connection is refused or the process is ended."""
    discord.http.Route.BASE = url
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url.replace("http", "ws").split("/api")[0] + "/")
    intents = discord.Intents.default()
    async with ShardedBot(intents=intents, shard_count=shards) if shards else Bot(intents=intents) as bot:
        build(app_commands.CommandTree(bot))
        try:
            await bot.start(token)
        except discord.LoginFailure:
            tell("refused", where="http")
        except discord.ConnectionClosed as error:
            tell("refused", where="gateway", code=error.code)


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:3], *map(int, sys.argv[3:])))
