"""A bot that knows nothing of the sandbox: it registers a command as its users do, logs in and answers.

usage: python unchanged.py LIBRARY (DISCORD_TOKEN, GUILD); discord.py, Pycord, disnake, nextcord or hikari
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys

TOKEN, GUILD = os.environ["DISCORD_TOKEN"], int(os.environ["GUILD"])


def tell(event: str, **more: object) -> None:
    """One line for the test."""
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


def with_discord_py() -> None:
    """discord.py."""
    import discord
    from discord import app_commands

    class Bot(discord.Client):
        """As in the library's examples."""

        async def setup_hook(self) -> None:
            """Registers its command."""
            tell("registered", names=[one.name for one in await tree.sync(guild=discord.Object(GUILD))])

        async def on_ready(self) -> None:
            """Logged in."""
            tell("ready", user=str(self.user.id))

    bot = Bot(intents=discord.Intents.default())
    tree = app_commands.CommandTree(bot)

    @tree.command(description="Answers", guild=discord.Object(GUILD))
    async def two(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("did two")

    bot.run(TOKEN, log_handler=None)


def fork(name: str) -> None:
    """Pycord, disnake or nextcord, which register by themselves."""
    library = importlib.import_module({"Pycord": "discord"}.get(name, name))
    commands = importlib.import_module(f"{library.__name__}.ext.commands")
    if name == "Pycord":
        bot = library.Bot(intents=library.Intents.default())
        command = bot.slash_command(name="two", description="Answers", guild_ids=[GUILD])
    else:
        more = {"test_guilds": [GUILD]} if name == "disnake" else {"default_guild_ids": [GUILD]}
        bot = commands.InteractionBot(**more) if name == "disnake" else commands.Bot(**more)
        command = bot.slash_command(name="two", description="Answers")

    async def two(interaction: library.Interaction) -> None:
        send = interaction.respond if name == "Pycord" else interaction.response.send_message
        await send("did two")

    two.__annotations__.clear()
    command(two)

    @bot.listen("on_ready")
    async def on_ready() -> None:
        tell("ready", user=str(bot.user.id))

    bot.run(TOKEN)


def with_hikari() -> None:
    """Hikari."""
    import hikari

    bot = hikari.GatewayBot(TOKEN, banner=None, logs=None)

    @bot.listen(hikari.ShardReadyEvent)
    async def ready(event) -> None:
        tell("ready", user=str(event.my_user.id))

    @bot.listen(hikari.InteractionCreateEvent)
    async def asked(event) -> None:
        await event.interaction.create_initial_response(hikari.ResponseType.MESSAGE_CREATE, "did two")

    @bot.listen(hikari.StartingEvent)
    async def starting(_) -> None:
        application = await bot.rest.fetch_application()
        made = await bot.rest.set_application_commands(
            application.id, [bot.rest.slash_command_builder("two", "Answers")], guild=GUILD
        )
        tell("registered", names=[one.name for one in made])

    bot.run(status=None, check_for_updates=False)


if __name__ == "__main__":
    asyncio.set_event_loop(asyncio.new_event_loop())
    {"discord.py": with_discord_py, "hikari": with_hikari}.get(sys.argv[1], lambda: fork(sys.argv[1]))()
