"""The catalogues: nothing missing, nothing too much, nothing that Discord would refuse."""

import asyncio
import re
from collections.abc import Iterator
from string import Formatter
from typing import Any

import discord
import pytest
from discord import app_commands

from harbour.bot import Harbour
from harbour.texts import LANGUAGES, Translator, catalogue, say


def definitions() -> list[dict[str, Any]]:
    """The commands as Discord would get them."""

    async def made() -> list[dict[str, Any]]:
        async with Harbour() as bot:
            await bot.setup_hook()
            translator = bot.tree.translator
            assert isinstance(translator, Translator)
            commands = [*bot.tree.get_commands()]
            return [await one.get_translated_payload(bot.tree, translator) for one in commands]

    return asyncio.run(made())


def parts(data: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every command, sub-command, option and choice, with its place in the catalogues."""
    path = (*above, data["name"])
    yield " ".join(path), data
    for option in data.get("options") or ():
        yield from parts(option, path)
    for choice in data.get("choices") or ():
        yield f"choice {choice['value']}", choice


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_name_and_description_is_translated(language: str) -> None:
    """In each language, with names and lengths that Discord takes; and no text belongs to nothing."""
    known = catalogue(language)["commands"]
    used = set()
    for command in definitions():
        for place, part in parts(command):
            used.add(place)
            name = part["name_localizations"][language]
            assert name == known[place]["name"]
            if part.get("description"):
                assert re.fullmatch(r"[-_\w]{1,32}", name), name
                assert name == name.lower()
                assert 1 <= len(part["description_localizations"][language]) <= 100
    assert used == set(known)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reply_is_translated(language: str) -> None:
    """The same replies with the same values as in English."""
    english, other = catalogue("en")["replies"], catalogue(language)["replies"]
    assert {key: values(text) for key, text in other.items()} == {key: values(text) for key, text in english.items()}


def values(text: str) -> set[str | None]:
    """The names of what is filled in."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_say() -> None:
    """In the language of the user, else in English."""
    assert say(discord.Locale.german, "course none") == "Du bist schon da."
    assert say(discord.Locale.japanese, "course none") == "You are there already."
    assert say(discord.Locale.french, "ping", ms=12) == "Oui, réveillé. Discord est à 12 ms."


def test_the_bot_asks_for_no_intent() -> None:
    """Commands arrive without one, and what is not asked for cannot be refused."""
    assert Harbour().intents.value == 0


def test_commands_are_for_servers_and_messages_with_the_bot() -> None:
    """None of them in other people's private messages."""
    for command in definitions():
        assert (command["contexts"], command["integration_types"]) == ([0, 1], [0])


def test_every_kind_is_there() -> None:
    """A template shows each kind of command once."""
    kinds = {type(one) for one in Harbour().tree.get_commands(type=discord.AppCommandType.chat_input)}
    assert kinds == {app_commands.Command, app_commands.Group}
    assert len(Harbour().tree.get_commands(type=discord.AppCommandType.user)) == 1
    assert len(Harbour().tree.get_commands(type=discord.AppCommandType.message)) == 1
