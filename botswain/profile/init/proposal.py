"""What is proposed for a profile's `commands`, from a look at the bot's repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from botswain.profile.init.files import text_of, walk
from botswain.profile.init.registers import registrations

DOCS = "docs/adopt/{}.md"
_SHOWN = 3
_CODE = (".js", ".ts", ".mjs", ".cjs", ".py", ".go", ".rs", ".java", ".kt", ".cs", ".rb")
_FOLDERS = ("commands", "slash-commands", "slash_commands", "definitions", "botswain-commands")

_ELSEWHERE: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("go.mod", (("discordgo", "discordgo"), ("disgo", "disgo"), ("arikawa", "arikawa"))),
    ("Cargo.toml", (("poise", "poise"), ("serenity", "serenity"), ("twilight", "twilight"))),
    ("pom.xml", (("JDA", "JDA"), ("discord4j", "Discord4J"), ("javacord", "Javacord"))),
    ("build.gradle", (("JDA", "JDA"), ("discord4j", "Discord4J"), ("javacord", "Javacord"), ("kord", "Kord"))),
    ("build.gradle.kts", (("JDA", "JDA"), ("discord4j", "Discord4J"), ("javacord", "Javacord"), ("kord", "Kord"))),
    ("Gemfile", (("discordrb", "discordrb"),)),
    ("composer.json", (("discord-php", "DiscordPHP"),)),
    ("mix.exs", (("nostrum", "Nostrum"),)),
    ("deno.json", (("discordeno", "Discordeno"), ("harmony", "Harmony"))),
)
"""Files of other languages, what stands in them, and the library that it means."""
_PROJECTS = (("DSharpPlus", "DSharpPlus"), ("NetCord", "NetCord"), ("Discord.Net", "Discord.Net"))


@dataclass(frozen=True)
class Proposal:
    """A source, and what is known about it."""

    source: str
    found: str
    """What was recognized, in words."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The fields of `commands` beside `source`."""
    comments: tuple[str, ...] = ()
    """For the profile, above `source`."""
    missing: tuple[str, ...] = ()
    """What a person still has to do about it."""
    adapter: str | None = None
    """The text of a module to write into the bot's folder, which exports its commands."""
    notes: tuple[str, ...] = ()
    """What to know about the bot beside its commands' place."""


def propose(repo: Path, source: str | None = None, member: str = "") -> Proposal:
    """The proposal for a repository; with `source`, for that kind of source whatever the repository looks like.

    `member` is the folder of the bot in a repository of several packages.
    """
    found = _within(_propose(repo / member, source), member)
    places = registrations(repo / member)
    if not places:
        return found
    told = (
        "the bot writes its commands to Discord itself, which undoes what is deployed, or makes duplicates; take it out"
    )
    named = ", ".join(f"{f'{member}/' if member else ''}{one}" for one in places[:_SHOWN])
    more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
    return replace(found, notes=(*found.notes, f"{told}: {named}{more}"))


def _within(found: Proposal, member: str) -> Proposal:
    """A proposal for a folder of a repository, as seen from the repository."""
    if not member:
        return found
    settings = dict(found.settings)
    if "folder" in settings:
        settings["folder"] = str(PurePosixPath(member) / settings["folder"])
    if found.source == "discord.py":
        environment = dict(settings.get("environment", {}))
        settings["environment"] = {
            **environment,
            "PYTHONPATH": str(PurePosixPath(member) / environment.get("PYTHONPATH", "")),
        }
    return replace(found, settings=settings, found=f"{found.found}, in {member}")


def _propose(repo: Path, source: str | None) -> Proposal:
    from botswain.profile.init import node, python

    looks = [look for look in (_folder(repo), node.look(repo), python.look(repo), *_elsewhere(repo)) if look]
    fitting = [look for look in looks if source in (None, look.source)]
    if fitting:
        return fitting[0]
    return _without_a_trace(repo, source, looks[0].found if looks else "no Discord library was recognized there")


def bots_in(folder: Path, *, but: Path) -> list[Path]:
    """The folders below `folder` whose lists of dependencies name a Discord library; `but` is left out."""
    from botswain.profile.init import node, python

    try:
        folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []
    others = [path for path in folders if path.resolve() != but.resolve()]
    return [path for path in others if node.is_bot(path) or python.is_bot(path)]


def _folder(repo: Path) -> Proposal | None:
    """Definitions that are there already."""
    for name in _FOLDERS:
        files = [path for path in walk(repo / name, (".yaml", ".yml", ".json")) if _is_definition(path)]
        if files and not any(walk(repo / name, _CODE)):
            return Proposal("folder", f"command definitions in {name}", {"folder": name})
    return None


def _is_definition(path: Path) -> bool:
    text = text_of(path)
    lines = [line.lstrip("- ") for line in text.splitlines()]
    if path.suffix == ".json":
        return '"name"' in text and ('"description"' in text or '"type"' in text)
    return any(line.startswith("name:") for line in lines) and any(
        line.startswith(("description:", "type:")) for line in lines
    )


def _elsewhere(repo: Path) -> list[Proposal]:
    """Bots in other languages."""
    found = [
        library
        for name, needles in _ELSEWHERE
        for needle, library in needles
        if needle.lower() in text_of(repo / name).lower()
    ]
    for project in walk(repo, (".csproj", ".fsproj")):
        text = text_of(project)
        found += [library for needle, library in _PROJECTS if needle in text]
    return [other(repo, library) for library in dict.fromkeys(found)]


def other(repo: Path, library: str, run: tuple[str, ...] = ("./print-commands",)) -> Proposal:
    """A bot whose library Botswain does not read: a folder of definitions now, a program of the bot's whenever."""
    folder = free_folder(repo)
    program = ", ".join(run)
    return Proposal(
        "folder",
        f"a bot with {library}, whose commands Botswain does not read by itself",
        {"folder": folder},
        (
            f"{library}: ./inv import writes what is live as YAML into this folder, which is then what is deployed.",
            f"Or the bot prints its commands as JSON ({DOCS.format('other')}); then, instead of the two lines below:",
            "  source: program",
            f"  run: [{program}]",
        ),
    )


def free_folder(repo: Path) -> str:
    """A folder for definitions: `commands`, unless it holds the bot's code."""
    taken = any(
        walk(repo / "commands", (".js", ".ts", ".mjs", ".cjs", ".py", ".go", ".rs", ".java", ".kt", ".cs", ".rb"))
    )
    return "botswain-commands" if taken else "commands"


def _without_a_trace(repo: Path, source: str | None, found: str) -> Proposal:
    """The source that was asked for, with what a person has to fill in."""
    if source == "discord.js":
        doc = DOCS.format("discord-js")
        return Proposal(
            source, found, {"folder": "commands"}, (f"The folder of the command modules; {doc} tells more.",),
            ("commands.folder: name the folder of the bot's command modules",),
        )  # fmt: skip
    if source == "discord.py":
        doc = DOCS.format("discord-py")
        return Proposal(
            source, found, {"object": "bot:bot"}, (f"module:name of the bot or its CommandTree; {doc} tells more.",),
            ("commands.object: name the bot or its tree, as module:name",),
        )  # fmt: skip
    if source == "program":
        doc = DOCS.format("other")
        return Proposal(
            source, found, {"run": ["./print-commands"]}, (f"It prints a JSON array of commands; {doc} tells more.",),
            ("commands.run: name the program that prints the commands",),
        )  # fmt: skip
    return Proposal("folder", found, {"folder": free_folder(repo)})
