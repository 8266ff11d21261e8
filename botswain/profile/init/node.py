"""A bot on Node.js: which library it uses, and in which folder its command modules are. Nothing is run."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from botswain.profile.init.adapter import NAME, Adapter, adapter_of, is_class
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
    "discordx": "discordx",
    "necord": "Necord",
    "eris": "Eris",
    "oceanic.js": "Oceanic",
    "discordeno": "Discordeno",
    "seyfert": "Seyfert",
    "slash-create": "slash-create",
}
"""Packages whose bots export no command modules, and what people call them."""
_LIBRARIES = frozenset(["discord.js", "@discordjs/builders", "@discordjs/core", "@sapphire/framework"])
_MOST_FILES = 25


def look(repo: Path) -> Proposal | None:
    """The proposal for a bot with a package.json; None for any other."""
    wanted = dependencies(repo)
    sapphire = "@sapphire/framework" in wanted
    for package, name in _OTHERS.items():
        if package in wanted:
            return other(repo, name, ("node", "print-commands.js"))
    if not wanted & _LIBRARIES:
        return None
    modules = [path for path in walk(repo, _ENDINGS) if not path.name.endswith((".d.ts", ".d.mts", ".d.cts"))]
    settings = _folder(repo, modules)
    if settings is None and not sapphire:
        return _without_modules(repo, wanted)
    settings = settings or {"folder": "src/commands"}
    place = repo / str(settings["folder"])
    made = [path for path in modules if path.is_relative_to(place)]
    if sapphire and "/commands" in str(settings["folder"]):  # its pieces are below the folder of that name
        settings["folder"] = str(settings["folder"]).partition("/commands")[0] + "/commands"
        made = [path for path in modules if path.is_relative_to(repo / str(settings["folder"]))]
    adapted = adapter_of(f"./{settings['folder']}", made, wanted)
    if adapted is not None:
        return _adapted(adapted, settings, made, wanted)
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
        missing.append(_without_loader(repo, str(settings["folder"])))
    return Proposal("discord.js", found, settings, tuple(comments), tuple(missing))


def _adapted(adapted: Adapter, settings: dict[str, Any], made: list[Path], wanted: set[str]) -> Proposal:
    """A bot whose commands one module has to export, which is written for it."""
    found = f"a discord.js bot with {adapted.shape} in {settings['folder']}, exported by {NAME}"
    fields: dict[str, Any] = {"folder": ".", "files": [NAME]}
    loader = next((one for one in _LOADERS if one in wanted), None)
    missing = [
        f"commands.files: read {NAME} in the bot's folder, compare it with what the bot registers, and commit it"
    ]
    if any(path.suffix.endswith("ts") for path in made):
        if loader:
            fields["loader"] = loader
        else:
            missing.append(f"commands.loader: the commands are TypeScript; npm install --save-dev {_LOADERS[0]}")
    comments = (f"One module that exports the commands, whatever their shape; {DOCS.format('adapter')} tells more.",)
    return Proposal("discord.js", found, fields, comments, tuple(missing), adapter=adapted.text)


def _without_modules(repo: Path, wanted: set[str]) -> Proposal:
    """A bot with discord.js whose commands nothing tells: a folder now, or one module that exports them."""
    library = "Akairo" if "discord-akairo" in wanted else "discord.js, without a folder of command modules"
    found = other(repo, library, ("node", "print-commands.js"))
    return replace(
        found, comments=(*found.comments[:-2], f"or as {DOCS.format('adapter')} shows:", *found.comments[-2:])
    )


def _without_loader(repo: Path, folder: str) -> str:
    """What to do about TypeScript that nothing loads; the folder that the compiler makes of it is named."""
    lacking = f"the modules are TypeScript, and package.json has none of {', '.join(_LOADERS)}"
    told = f"commands.loader: {lacking}; npm install --save-dev {_LOADERS[0]}"
    compiled = _compiled(repo, folder)
    return f"{told}, or, with a service that builds it, folder: {compiled}" if compiled else told


def _compiled(repo: Path, folder: str) -> str | None:
    """Where the TypeScript compiler puts the modules of a folder."""
    text = text_of(repo / "tsconfig.json")
    out = re.search(r'"outDir"\s*:\s*"([^"]+)"', text)
    root = re.search(r'"rootDir"\s*:\s*"([^"]+)"', text)
    if out is None:
        return None
    base = PurePosixPath(root[1]) if root else PurePosixPath("src" if folder.startswith("src") else ".")
    path = PurePosixPath(folder)
    inside = path.relative_to(base) if path.is_relative_to(base) else path
    return str(PurePosixPath(out[1]) / inside)


def is_bot(repo: Path) -> bool:
    """Whether package.json asks for a Discord library."""
    return bool(dependencies(repo) & {*_LIBRARIES, *_OTHERS})


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
        points = 3 if path in builders else int(bool(_PLAIN.search(text := text_of(path))) or is_class(text))
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
