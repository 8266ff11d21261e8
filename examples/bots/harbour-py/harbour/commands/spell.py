"""A command in the menu of a message."""

import discord
from discord import app_commands

from harbour import sea
from harbour.texts import Rejected


@app_commands.context_menu(name="Spell out")
async def spell_out(interaction: discord.Interaction, message: discord.Message) -> None:
    """Answers in the spelling alphabet; the text comes with the command, so no intent is needed to read it."""
    text = sea.spelled(message.content)
    if not text:
        raise Rejected("spell nothing")
    await interaction.response.send_message(text, ephemeral=True)
