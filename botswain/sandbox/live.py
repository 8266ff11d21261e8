"""What a double knows in one process only, and forgets when it stops: sessions, interactions, messages."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from botswain.discord.enums import ChannelType
from botswain.sandbox.community import guilds, people
from botswain.sandbox.community.messages import EPHEMERAL, Messages
from botswain.sandbox.interactions.model import Interactions

if TYPE_CHECKING:
    from botswain.sandbox.gateway.hub import Hub
    from botswain.sandbox.world import World


class Live:
    """The moving parts around one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.interactions = Interactions()
        self.messages = Messages()
        self._direct: dict[tuple[str, str], dict[str, Any]] = {}

    @cached_property
    def gateway(self) -> Hub:
        """Every gateway session of this process."""
        from botswain.sandbox.gateway.hub import Hub

        return Hub(self._world)

    def direct_channel(self, application: str, user: str) -> dict[str, Any]:
        """The channel between a bot and a person, opened when first asked for."""
        key = (application, user)
        if key not in self._direct:
            self._direct[key] = {
                "id": self._world.snowflake(),
                "type": int(ChannelType.DM),
                "flags": 0,
                "last_message_id": None,
                "recipients": [people.user(user)],
            }
        return self._direct[key]

    def channel(self, application: str, channel: str) -> dict[str, Any] | None:
        """A channel that the bot can see: of a guild, or with a person."""
        for (owner, _), direct in self._direct.items():
            if owner == application and direct["id"] == channel:
                return direct
        return guilds.find_channel(self._world, application, channel)

    def guild_of(self, channel: str, application: str) -> str | None:
        """The guild that a channel is in."""
        found = self.channel(application, channel)
        return found.get("guild_id") if found else None

    def announce(self, event: str, message: dict[str, Any], application: str, guild: str | None) -> None:
        """Tells the bot's sessions about a message; one that a single person sees is told to nobody."""
        if "gateway" not in vars(self) or message.get("flags", 0) & EPHEMERAL:
            return
        from botswain.sandbox.gateway.codes import Intent

        intent = Intent.GUILD_MESSAGES if guild else Intent.DIRECT_MESSAGES
        placed = {**message, **({"guild_id": guild} if guild else {})}
        self.gateway.dispatch(application, event, placed, guild=guild, intent=intent)
