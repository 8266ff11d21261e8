"""A command whose option completes while it is typed."""

import discord
from discord import app_commands

from harbour import sea
from harbour.texts import Rejected, say

_MOST = 25
"""Discord shows no more."""


def known_harbour(text: str) -> sea.Harbour:
    """The harbour that a user named or chose. Raises Rejected."""
    found = sea.find_harbour(text)
    if found is None:
        raise Rejected("harbour unknown", name=text)
    return found


async def complete(_: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
    """The harbours that fit what was typed so far."""
    return [app_commands.Choice(name=one.name, value=one.code) for one in sea.matching_harbours(current, _MOST)]


@app_commands.command(description="Where a harbour is")
@app_commands.describe(name="Which harbour")
@app_commands.autocomplete(name=complete)
async def harbour(interaction: discord.Interaction, name: app_commands.Range[str, 1, 60]) -> None:
    """Answers with its position."""
    found = known_harbour(name)
    text = say(interaction.locale, "harbour", name=found.name, code=found.code, position=found.position)
    await interaction.response.send_message(text)
