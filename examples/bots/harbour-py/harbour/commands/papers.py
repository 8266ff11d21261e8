"""A command in the menu of a user."""

import discord
from discord import app_commands

from harbour.texts import say


@app_commands.context_menu(name="Papers")
async def papers(interaction: discord.Interaction, user: discord.User) -> None:
    """Answers with how long the account has existed, which its id tells."""
    since = discord.utils.snowflake_time(user.id)
    days = (discord.utils.utcnow() - since).days
    text = say(interaction.locale, "papers", user=user.mention, date=discord.utils.format_dt(since, "D"), days=days)
    await interaction.response.send_message(text, ephemeral=True)
