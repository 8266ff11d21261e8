"""A command that takes longer than the three seconds that Discord waits: acknowledged at once, answered later."""

import asyncio

import discord
from discord import app_commands
from discord.app_commands import Choice

from harbour.texts import say


@app_commands.command(description="All hands to their stations: an answer that takes its time")
@app_commands.describe(kind="What to practise", seconds="How long it takes; 3 if left out")
@app_commands.choices(
    kind=[
        Choice(name="Man overboard", value="overboard"),
        Choice(name="Fire", value="fire"),
        Choice(name="Abandon ship", value="abandon"),
    ]
)
async def drill(interaction: discord.Interaction, kind: str, seconds: app_commands.Range[int, 1, 60] = 3) -> None:
    """Waits as long as slow work would, without keeping others waiting."""
    await interaction.response.defer(thinking=True)
    await asyncio.sleep(seconds)
    await interaction.followup.send(say(interaction.locale, f"drill {kind}", seconds=seconds))
