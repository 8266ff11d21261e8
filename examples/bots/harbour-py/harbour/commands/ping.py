"""A command without options."""

import math

import discord
from discord import app_commands

from harbour.texts import say


@app_commands.command(description="Is the bot awake, and how far away is Discord?")
async def ping(interaction: discord.Interaction) -> None:
    """Answers with the heartbeat's latency, which is unknown for the first minute."""
    seconds = interaction.client.latency
    if math.isfinite(seconds):
        text = say(interaction.locale, "ping", ms=round(seconds * 1000))
    else:
        text = say(interaction.locale, "ping early")
    await interaction.response.send_message(text, ephemeral=True)
