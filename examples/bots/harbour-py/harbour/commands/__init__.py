"""The bot's commands, one module each. Botswain registers them; the bot itself never does."""

from typing import Any

from discord.app_commands import Command, ContextMenu, Group

from harbour.commands import bells, course, drill, harbour, papers, ping, spell

ALL: tuple[Command[Any, ..., Any] | Group | ContextMenu, ...] = (
    ping.ping,
    bells.bells,
    harbour.harbour,
    course.course,
    drill.drill,
    papers.papers,
    spell.spell_out,
)
