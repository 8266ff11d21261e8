"""A bot on Node.js: which library it uses, and in which folder its command modules are. Nothing is run."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from botswain.profile.init.files import text_of, walk
from botswain.profile.init.proposal import DOCS, Proposal, other

_ENDINGS = (".ts", ".mts", ".cts", ".js", ".mjs", ".cjs")
_NAMES = frozenset(
    ["commands", "command", "slash", "slash-commands", "slashcommands", "slash_commands", "interactions",
     "applicationcommands"]
)  # fmt: skip
"""What folders of command modules are called, in small letters."""
_BUILDERS = re.compile(r"(?:SlashCommand|ContextMenuCommand)Builder\s*\(")
_PLAIN = re.compile(r"""\bname\s*:\s*["'`][^"'`]+["'`]""")
_LOGS_IN = re.compile(r"\.login\s*\(|\bnew\s+REST\s*\(")
_LOADERS = ("tsx", "ts-node", "@swc-node/register")
_OTHERS = {
    "@sapphire/framework": "Sapphire",
    "discordx": "discordx",
    "necord": "Necord",
    "discord-akairo": "Akairo",
    "commandkit": "CommandKit",
    "eris": "Eris",
    "oceanic.js": "Oceanic",
    "discordeno": "Discordeno",
    "seyfert": "Seyfert",
    "slash-create": "slash-create",
}
"""Packages whose bots export no command modules, and what people call them."""
_MOST_FILES = 25


def look(repo: Path) -> Proposal | None:
    """The proposal for a bot with a package.json; None for any other."""
    wanted = dependencies(repo)
    for package, name in _OTHERS.items():
        if package in wanted:
            return other(repo, name, ("node", "print-commands.js"))
    if not wanted & {"discord.js", "@discordjs/builders"}:
        return None
    modules = [path for path in walk(repo, _ENDINGS) if not path.name.endswith((".d.ts", ".d.mts", ".d.cts"))]
    settings = _folder(repo, modules)
    if settings is None:
        return other(repo, "discord.js, without a folder of command modules", ("node", "print-commands.js"))
    typed = any(path.suffix.endswith("ts") for path in walk(repo / str(settings["folder"]), _ENDINGS))
    loader = next((one for one in _LOADERS if one in wanted), None) if typed else None
    found = f"a discord.js bot{' in TypeScript' if typed else ''} with command modules in {settings['folder']}"
    comments = [f"Every module of the folder that exports a command; {DOCS.format('discord-js')} tells more."]
    if "files" in settings:
        comments.append("`files` are the modules that build a command today; globs take in those to come.")
    missing = []
    if loader:
        settings["loader"] = loader
    elif typed:
        lacking = f"the modules are TypeScript, and package.json has none of {', '.join(_LOADERS)}"
        fix = "npm install --save-dev tsx, or name the folder of the compiled modules"
        missing.append(f"commands.loader: {lacking}; {fix}")
    return Proposal("discord.js", found, settings, tuple(comments), tuple(missing))


def is_bot(repo: Path) -> bool:
    """Whether package.json asks for a Discord library."""
    return bool(dependencies(repo) & {"discord.js", *_OTHERS})


def dependencies(repo: Path) -> set[str]:
    """The packages that the bot's package.json names."""
    try:
        package: Any = json.loads(text_of(repo / "package.json") or "{}")
    except ValueError:
        return set()
    sections = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies")
    listed = [package.get(section) for section in sections] if isinstance(package, dict) else []
    return {str(name) for section in listed if isinstance(section, dict) for name in section}


def _folder(repo: Path, modules: list[Path]) -> dict[str, Any] | None:
    """`folder`, and `files` where the folder holds other modules too."""
    builders = [path for path in modules if _BUILDERS.search(text := text_of(path)) and not _LOGS_IN.search(text)]
    counts: dict[Path, int] = {}
    for path in modules:
        points = 3 if path in builders else int(bool(_PLAIN.search(text_of(path))))
        for folder in path.relative_to(repo).parents:
            if folder.name.lower() in _NAMES and points:
                counts[folder] = counts.get(folder, 0) + points
    if counts:
        best = max(counts, key=lambda folder: (counts[folder], -len(folder.parts), folder.as_posix()))
        return {"folder": best.as_posix()}
    if not builders:
        return None
    common = Path(os.path.commonpath([path.parent for path in builders]))
    names = [path.relative_to(common).as_posix() for path in builders]
    place: dict[str, Any] = {"folder": common.relative_to(repo).as_posix()}
    if all(path in builders for path in modules if path.is_relative_to(common)):
        return place
    if len(names) > 1 and len({path.name for path in builders}) == 1:
        return {**place, "files": [f"**/{builders[0].name}"]}
    return {**place, "files": names} if len(names) <= _MOST_FILES else place
