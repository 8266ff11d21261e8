"""The client: its commands, what it does around each of them, and what it tells of the connection."""

import contextlib
import logging
from typing import Any

import discord
from discord import app_commands

from harbour import commands
from harbour.log import logger
from harbour.texts import Rejected, Translator, say
from harbour.vitals import Vitals

# Warnings of the library about what is meant here: no voice, and no intent.
discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
logging.getLogger("discord.state").addFilter(lambda record: "intent seems to be disabled" not in record.msg)
_LOST = "no connection, connecting again"


class Harbour(discord.Client):
    """The bot. It needs no intent: commands arrive without one."""

    def __init__(self, vitals: Vitals | None = None) -> None:
        super().__init__(intents=discord.Intents.none(), allowed_mentions=discord.AllowedMentions.none())
        self.vitals = vitals or Vitals()
        self.tree = Tree(
            self,
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True),
            allowed_installs=app_commands.AppInstallationType(guild=True),
        )
        for command in commands.ALL:
            self.tree.add_command(command)

    async def setup_hook(self) -> None:
        """Runs before the bot connects, and when Botswain reads the commands."""
        await self.tree.set_translator(Translator())

    async def on_connect(self) -> None:
        """A new session is ready; `on_ready` comes later, after a wait for servers that no intent sends."""
        self.vitals.latency = lambda: self.latency
        self.vitals.connected(resumed=False)
        logger.info("connected", extra={"user": str(self.user), "application": str(self.application_id)})

    async def on_resumed(self) -> None:
        """The session goes on after a lost connection."""
        self.vitals.connected(resumed=True)
        logger.info("connected again, nothing was missed")

    async def on_disconnect(self) -> None:
        """The library connects again by itself."""
        if self.vitals.reason != _LOST and not self.vitals.closing:
            logger.warning(_LOST)
        self.vitals.disconnected(_LOST)

    async def on_app_command_completion(self, interaction: discord.Interaction, _: object) -> None:
        """A command went well."""
        self.vitals.end(interaction.id, "ok")


class Tree(app_commands.CommandTree[Harbour]):
    """Counts and times commands, and answers for those that fail."""

    async def interaction_check(self, interaction: discord.Interaction[Harbour], /) -> bool:
        """Takes a command, unless the bot is about to stop."""
        vitals = self.client.vitals
        if interaction.type is discord.InteractionType.autocomplete:
            return not vitals.closing
        if vitals.closing:
            vitals.commands.labels(_name(interaction), "refused").inc()
            with contextlib.suppress(discord.HTTPException):
                await interaction.response.send_message(say(interaction.locale, "closing"), ephemeral=True)
            return False
        vitals.begin(interaction.id, _name(interaction))
        return True

    async def on_error(self, interaction: discord.Interaction[Harbour], error: app_commands.AppCommandError, /) -> None:
        """Tells the user in friendly words, the log in full, and the metrics."""
        cause = getattr(error, "original", error)
        about: dict[str, Any] = {"command": _name(interaction), "interaction": str(interaction.id)}
        if isinstance(cause, Rejected):
            outcome, text = "rejected", say(interaction.locale, cause.text, **cause.values)
        elif isinstance(cause, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch):
            outcome, text = "unknown", say(interaction.locale, "command unknown")
            logger.warning("%s; deploy the commands again", cause, extra=about)
        else:
            outcome, text = "error", say(interaction.locale, "failed", id=interaction.id)
            logger.error("a command failed: %s", cause, exc_info=cause, extra=about)
        try:
            if interaction.response.is_done():
                await interaction.followup.send(text, ephemeral=True)
            else:
                await interaction.response.send_message(text, ephemeral=True)
        except (discord.HTTPException, OSError) as lost:
            logger.warning("the user could not be told: %s", lost, extra=about)
        finally:
            self.client.vitals.end(interaction.id, outcome)


def _name(interaction: discord.Interaction[Any]) -> str:
    """`course distance`; a fixed word for what is no command of ours, so that metrics stay few."""
    command = interaction.command
    return command.qualified_name if command is not None else "unknown"
