"""A command with options that have bounds."""

from datetime import UTC, datetime

import discord
from discord import app_commands

from harbour import sea
from harbour.texts import say


@app_commands.command(description="The ship's bells and the watch at a time of day")
@app_commands.describe(hour="0 to 23; now, in UTC, if left out", minute="0 to 59")
async def bells(
    interaction: discord.Interaction,
    hour: app_commands.Range[int, 0, 23] | None = None,
    minute: app_commands.Range[int, 0, 59] | None = None,
) -> None:
    """Answers with the bells that were struck last."""
    now = datetime.now(UTC)
    if hour is None:
        hour, minute = now.hour, now.minute if minute is None else minute
    minute = minute or 0
    text = say(
        interaction.locale,
        "bells",
        time=f"{hour:02}:{minute:02}",
        strokes=sea.strokes(sea.bells(hour, minute)),
        watch=say(interaction.locale, f"watch {sea.watch(hour)}"),
    )
    await interaction.response.send_message(text)
