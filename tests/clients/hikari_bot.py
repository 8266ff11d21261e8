"""hikari as a running bot against the API at argv[1]; prints a line of JSON for everything that happens to it.

usage: python hikari_bot.py API_URL TOKEN
"""

from __future__ import annotations

import asyncio
import json
import sys

import hikari
from hikari.impl import CacheSettings


def tell(event: str, **more: object) -> None:
    """One line for the test."""
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


async def answer(interaction: hikari.CommandInteraction) -> None:
    """What a bot does in its commands."""
    create = interaction.create_initial_response
    message = hikari.ResponseType.MESSAGE_CREATE
    given = {one.name: one.value for one in interaction.options or ()}
    if interaction.command_name == "plain":
        who = interaction.resolved.users[given["who"]] if "who" in given else interaction.user
        await create(message, f"{given['text']} {who.username}")
    elif interaction.command_name == "slow":
        await create(hikari.ResponseType.DEFERRED_MESSAGE_CREATE)
        await interaction.edit_initial_response("done")
    elif interaction.command_name == "secret":
        await create(message, "hush", flags=hikari.MessageFlag.EPHEMERAL)
    elif interaction.command_name == "more":
        await create(message, "one")
        await interaction.execute("two", attachment=hikari.Bytes(b"12345", "two.txt"))
        await interaction.delete_initial_response()


async def arrived(bot: hikari.GatewayBot) -> None:
    """Waits for the guilds: hikari is started before they have come."""
    for _wait in range(100):
        if bot.cache.get_guilds_view() and not bot.cache.get_unavailable_guilds_view():
            break
        await asyncio.sleep(0.05)


def main(url: str, token: str) -> None:
    """Runs until the connection is refused or the process is ended."""
    bot = hikari.GatewayBot(token, rest_url=url, banner=None, logs=None, cache_settings=CacheSettings())

    @bot.listen()
    async def on_ready(event: hikari.ShardReadyEvent) -> None:
        tell("session", user=str(event.my_user.id))

    @bot.listen()
    async def on_started(_: hikari.StartedEvent) -> None:
        await arrived(bot)
        guilds = bot.cache.get_guilds_view()
        tell("ready", guilds={str(one): [c.name for c in guilds[one].get_channels().values()] for one in guilds})

    @bot.listen()
    async def on_resumed(_: hikari.ShardResumedEvent) -> None:
        tell("resumed")

    @bot.listen()
    async def on_disconnect(_: hikari.ShardDisconnectedEvent) -> None:
        tell("disconnected")

    @bot.listen()
    async def on_interaction(event: hikari.InteractionCreateEvent) -> None:
        if isinstance(event.interaction, hikari.CommandInteraction):
            await answer(event.interaction)
        elif isinstance(event.interaction, hikari.AutocompleteInteraction):
            typed = event.interaction.options[0].value
            choice = hikari.impl.AutocompleteChoiceBuilder(name=f"{typed}-a", value="a")
            await event.interaction.create_response([choice])

    try:
        bot.run(check_for_updates=False)
    except hikari.UnauthorizedError:
        tell("refused", where="http")
    except hikari.GatewayServerClosedConnectionError as error:
        tell("refused", where="gateway", code=int(error.code))


if __name__ == "__main__":
    main(*sys.argv[1:])
