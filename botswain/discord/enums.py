"""The numbers and names of Discord's application commands.

Source: the application commands page, the locales table and the permissions table of Discord's documentation.
"""

from __future__ import annotations

from enum import IntEnum

GLOBAL = "global"
"""The scope of commands that belong to every guild and to users; any other scope is a guild id."""


class CommandType(IntEnum):
    """What kind of command it is; names are unique within (scope, kind)."""

    CHAT_INPUT = 1
    USER = 2
    MESSAGE = 3
    PRIMARY_ENTRY_POINT = 4


class OptionType(IntEnum):
    """What an option of a chat input command takes."""

    SUB_COMMAND = 1
    SUB_COMMAND_GROUP = 2
    STRING = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    ROLE = 8
    MENTIONABLE = 9
    NUMBER = 10
    ATTACHMENT = 11


class ChannelType(IntEnum):
    """Which channels a channel option offers. The published schema lacks GUILD_MEDIA; the docs have it."""

    GUILD_TEXT = 0
    DM = 1
    GUILD_VOICE = 2
    GROUP_DM = 3
    GUILD_CATEGORY = 4
    GUILD_ANNOUNCEMENT = 5
    ANNOUNCEMENT_THREAD = 10
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    GUILD_STAGE_VOICE = 13
    GUILD_DIRECTORY = 14
    GUILD_FORUM = 15
    GUILD_MEDIA = 16


class ContextType(IntEnum):
    """Where a global command may be used."""

    GUILD = 0
    BOT_DM = 1
    PRIVATE_CHANNEL = 2


class IntegrationType(IntEnum):
    """How the application must be installed for a global command to be offered."""

    GUILD_INSTALL = 0
    USER_INSTALL = 1


class HandlerType(IntEnum):
    """Who answers when the entry point is used."""

    APP_HANDLER = 1
    DISCORD_LAUNCH_ACTIVITY = 2


_LOCALES = (
    "id da de en-GB en-US es-ES es-419 fr hr it lt hu nl no pl pt-BR ro fi sv-SE vi tr cs el bg ru uk hi th"
    " zh-CN ja zh-TW ko"
)
LOCALES = frozenset(_LOCALES.split())
"""The 32 documented locales. The published schema also names `ar` and `he`; the docs win."""
