"""One command in an extension of its own."""

from __future__ import annotations

import discord
from discord import app_commands


@app_commands.command()
@app_commands.default_permissions(kick_members=True)
async def kick(interaction: discord.Interaction, member: discord.Member):
    """Overboard."""


async def setup(bot):
    """What discord.py calls."""
    bot.tree.add_command(kick)
