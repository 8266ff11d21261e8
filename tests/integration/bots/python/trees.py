"""Other ways to make a tree."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands


class Client(discord.Client):
    """A client without prefix commands."""

    def __init__(self, *, intents):
        super().__init__(intents=intents)
        self.tree = app_commands.CommandTree(self)
        self.tree.command(name="from-class", description="Made by a class")(self._answer)

    async def _answer(self, interaction: discord.Interaction):
        pass


client = Client(intents=discord.Intents.none())
tree = client.tree


def make():
    """Makes a bot."""
    return Client(intents=discord.Intents.none())


async def make_later():
    """Makes a bot in the event loop."""
    return make()


def make_for(token):
    """Makes a bot from a token."""
    return make()


nothing = "a text"
bot_class = commands.Bot
