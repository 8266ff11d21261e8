"""A command with sub-commands."""

import discord
from discord import app_commands

from harbour import sea
from harbour.commands.harbour import complete, known_harbour
from harbour.texts import Rejected, say

course = app_commands.Group(name="course", description="Plan a voyage")


@course.command(description="How far it is from one harbour to another")
@app_commands.rename(start="from", end="to")
@app_commands.describe(start="Where the voyage begins", end="Where it ends")
@app_commands.autocomplete(start=complete, end=complete)
async def distance(
    interaction: discord.Interaction, start: app_commands.Range[str, 1, 60], end: app_commands.Range[str, 1, 60]
) -> None:
    """Answers with the great circle, land or not."""
    here, there = known_harbour(start), known_harbour(end)
    if here == there:
        raise Rejected("course none")
    values = {
        "from": here.name,
        "to": there.name,
        "miles": round(sea.distance(here, there)),
        "bearing": f"{round(sea.bearing(here, there)) % 360:03}",
    }
    await interaction.response.send_message(say(interaction.locale, "course distance", **values))


@course.command(description="How long a voyage takes")
@app_commands.describe(miles="Nautical miles", knots="Speed through the water")
async def time(
    interaction: discord.Interaction,
    miles: app_commands.Range[float, 0.1, 25000.0],
    knots: app_commands.Range[float, 0.5, 60.0],
) -> None:
    """Answers with days, hours and minutes."""
    duration = sea.duration(miles, knots)
    text = say(interaction.locale, "course time", miles=f"{miles:.10g}", knots=f"{knots:.10g}", duration=duration)
    await interaction.response.send_message(text)
