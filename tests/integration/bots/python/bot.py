"""A bot as discord.py's documentation shows it."""

from __future__ import annotations

import os

import discord
from discord import app_commands
from discord.ext import commands

GUILD = discord.Object(200000000000000009)


class Translator(app_commands.Translator):
    """Knows a little German."""

    async def translate(self, string, locale, context):
        """The text in German, where it has one."""
        return string.extras.get("de") if locale is discord.Locale.german else None


class Bot(commands.Bot):
    """Loads its cogs when it starts."""

    def __init__(self):
        super().__init__(command_prefix="!", intents=discord.Intents.default())

    async def setup_hook(self):
        """What runs once, after the login."""
        await self.tree.set_translator(Translator())
        await self.load_extension("cogs.games")
        self.tree.copy_global_to(guild=GUILD)
        await self.tree.sync(guild=GUILD)


bot = Bot()


@bot.tree.command(
    name=app_commands.locale_str("ping", de="klopfen"), description=app_commands.locale_str("Answers", de="Antwortet")
)
async def ping(interaction: discord.Interaction):
    """Answers."""


@bot.tree.context_menu(name="Report This")
@app_commands.default_permissions(manage_messages=True)
async def report(interaction: discord.Interaction, message: discord.Message):
    """Tells the moderators."""


@bot.tree.command(guild=GUILD)
async def treasure(interaction: discord.Interaction):
    """Shows the map."""


if __name__ == "__main__":
    bot.run(os.environ["DISCORD_TOKEN"])
