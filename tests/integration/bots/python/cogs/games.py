"""Games."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands


class Games(commands.Cog):
    """Commands of all sorts."""

    dice = app_commands.Group(name="dice", description="Dice", nsfw=True, guild_only=True)

    @dice.command()
    @app_commands.describe(sides="How many", color="Which")
    @app_commands.choices(color=[app_commands.Choice(name="Red", value="red")])
    async def roll(
        self, interaction: discord.Interaction, sides: app_commands.Range[int, 2, 1000], color: str | None = None
    ):
        """Rolls one."""

    @commands.hybrid_command()
    async def guess(self, context, number: int, where: discord.TextChannel | None = None):
        """Guesses a number."""


async def setup(bot):
    """What discord.py calls."""
    await bot.add_cog(Games())
