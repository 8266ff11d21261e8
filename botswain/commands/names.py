"""What people write for Discord's numbers, and how the parts of a command are called in messages.

A path reads as the command does: `/ban`, its option `/ban user`, a nested one `/config set value`, and for
commands of other kinds `user command "Report"`, `message command "Quote"`, `entry point "launch"`. A part
without a usable name is told by its place: `/ban options.2`.

Source of the permissions: the bitwise permission flags table of Discord's documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, TypeVar

from botswain.discord.enums import CommandType
from botswain.wording import nearest, shown

_PERMISSION_NAMES = """
    create_instant_invite kick_members ban_members administrator manage_channels manage_guild add_reactions
    view_audit_log priority_speaker stream view_channel send_messages send_tts_messages manage_messages
    embed_links attach_files read_message_history mention_everyone use_external_emojis view_guild_insights
    connect speak mute_members deafen_members move_members use_vad change_nickname manage_nicknames
    manage_roles manage_webhooks manage_guild_expressions use_application_commands request_to_speak
    manage_events manage_threads create_public_threads create_private_threads use_external_stickers
    send_messages_in_threads use_embedded_activities moderate_members view_creator_monetization_analytics
    use_soundboard create_guild_expressions create_events use_external_sounds send_voice_messages -
    set_voice_channel_status send_polls use_external_apps pin_messages bypass_slowmode
"""

PERMISSIONS: dict[str, int] = {name: 1 << bit for bit, name in enumerate(_PERMISSION_NAMES.split()) if name != "-"}
"""Permission names and their bits; bit 47 is not documented."""

OWN_FIELDS = {"developmentOnly": "development_only", "ownerOnly": "owner_only", "renamed_from": "renamed_from"}
"""Fields of a definition that are ours and never sent, as the documentation writes them and in snake case."""

_KINDS = {
    CommandType.USER: "user command",
    CommandType.MESSAGE: "message command",
    CommandType.PRIMARY_ENTRY_POINT: "entry point",
}

Enum = TypeVar("Enum", bound=IntEnum)


def member(kind: type[Enum], value: object) -> Enum:
    """The member of `kind` that a name in any case, or a number, stands for.

    Raises ValueError with the accepted names, and the nearest of them, for anything else.
    """
    if isinstance(value, str):
        found = kind.__members__.get(value.upper())
        if found is not None:
            return found
    elif isinstance(value, int) and not isinstance(value, bool):
        try:
            return kind(value)
        except ValueError:
            pass
    known = [name.lower() for name in kind.__members__]
    raise ValueError(f"must be one of {', '.join(known)} (or its number), not {shown(value)}{nearest(value, known)}")


def permission_bits(value: object) -> str:
    """A permission set as Discord's decimal string, from names, a number or its decimal digits.

    `[]` and 0 are the set of nobody but administrators. Raises ValueError for anything else.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return str(int(value)) if len(value) <= 20 else value
    if not isinstance(value, list | tuple):
        raise ValueError(  # noqa: TRY004 - what pydantic expects of a validator
            f"must be a list of permissions such as [manage_messages], a number or null, not {shown(value)}"
        )
    total = 0
    for name in value:
        bit = PERMISSIONS.get(name.lower()) if isinstance(name, str) else None
        if bit is None:
            raise ValueError(f"{shown(name)} is not a permission{nearest(name, PERMISSIONS)}")
        total |= bit
    return str(total)


def command_path(command: object) -> str:
    """How users see a command: `/ban`, `user command "Report"`; empty if it has no usable name."""
    if not isinstance(command, Mapping) or not isinstance(name := command.get("name"), str):
        return ""
    kind = kind_of(command)
    return f'{_KINDS[kind]} "{name}"' if kind in _KINDS else f"/{name}"


def option_path(parent: str, options: Any, index: int) -> str:
    """The path of one of `options`, by name if it has one."""
    option = options[index]
    name = option.get("name") if isinstance(option, Mapping) else None
    return f"{parent} {name}" if isinstance(name, str) and name else f"{parent} options.{index}".lstrip()


def kind_of(command: Mapping[Any, Any]) -> CommandType | None:
    """The kind of a written or sent command; chat input unless it says otherwise, None if unknown."""
    value = command.get("type")
    try:
        return CommandType.CHAT_INPUT if value is None else member(CommandType, value)
    except ValueError:
        return None
