"""What the bot says, in the language of whoever asked; `locales/*.json` hold the texts."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

_FOLDER = Path(__file__).parent / "locales"
_ENGLISH = "en"
LANGUAGES = tuple(sorted(path.stem for path in _FOLDER.glob("*.json") if path.stem != _ENGLISH))
"""Discord's names of the languages beside English."""


@cache
def catalogue(language: str) -> Mapping[str, Any]:
    """The texts of a language."""
    found: Mapping[str, Any] = json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return found


def say(locale: discord.Locale, text: str, **values: object) -> str:
    """A reply in a user's language, or in English."""
    language = locale.value if locale.value in LANGUAGES else _ENGLISH
    template: str = catalogue(language)["replies"][text]
    return template.format(**values)


class Rejected(Exception):
    """A command cannot do what the user asked for; the user is told this reply."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text)
        self.text, self.values = text, values


class Translator(app_commands.Translator):
    """Puts the catalogues' names and descriptions into the commands' definitions."""

    async def translate(
        self, _: app_commands.locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        """A name or description in that language; None for the English of the code."""
        if locale.value not in LANGUAGES:
            return None
        field = "description" if "description" in context.location.name else "name"
        texts = catalogue(locale.value)["commands"].get(_place(context), {})
        text: str | None = texts.get(field)
        return text


def _place(context: app_commands.TranslationContextTypes) -> str:
    """Where a text belongs: `course`, `course distance`, `course distance from`, `choice fire`."""
    data: Any = context.data
    if context.location in (Location.parameter_name, Location.parameter_description):
        return f"{data.command.qualified_name} {data.display_name}"
    if context.location is Location.choice_name:
        return f"choice {data.value}"
    return str(data.qualified_name)
