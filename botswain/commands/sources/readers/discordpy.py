"""Runs in the bot's Python: loads its command tree, and sends what its own `tree.sync()` would send.

usage: python discordpy.py REQUEST CHANNEL (numbers of open files; see botswain/commands/sources/child.py)

Works with Python 3.8 and discord.py 2.0 and newer, and imports nothing but them. Nothing logs in and nothing asks
Discord: what would do so is replaced before the bot's code is loaded.
"""

# ruff: noqa: INP001, SLF001, FURB188 - a script for older Pythons than ours; what sync sees has no public door

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import pkgutil
import re
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

REQUEST = json.load(os.fdopen(int(sys.argv[1]), encoding="utf-8"))
CHANNEL = int(sys.argv[2])
REPO = REQUEST["repo"]
REACHED = "asked Discord while commands are read; call Discord only when the bot runs"


class Unusable(Exception):
    """What was found is not what a field of the profile's `commands` says."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def send(event: str, **rest: Any) -> None:
    """Sends a message."""
    data = (json.dumps({"event": event, **rest}) + "\n").encode()
    while data:
        data = data[os.write(CHANNEL, data) :]


def relative(path: str | None) -> str:
    """A path inside the repository from there, any other as it is."""
    whole = os.path.realpath(path or "")
    return os.path.relpath(whole, REPO) if whole.startswith(REPO + os.sep) else whole


def file_of(module: str | None) -> str:
    """The file of a module, loaded or not; else of the module of the profile's `object`."""
    for name in (module, REQUEST["object"].partition(":")[0]):
        loaded = sys.modules.get(name or "")
        if loaded is not None and getattr(loaded, "__file__", None):
            return relative(loaded.__file__)
        path = Path(REPO, *(name or "").split("."))
        for candidate in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
            if name and candidate.is_file():
                return relative(str(candidate))
    return "."


def told(error: BaseException, file: str) -> dict[str, Any]:
    """An error as one line, with its place in the repository and what to do."""
    while type(error).__name__ == "ExtensionFailed" and error.__cause__ is not None:
        error = error.__cause__
    text = str(error).strip()
    if isinstance(error, Unusable):
        return {"message": text, "place": f"commands.{error.field}"}
    if isinstance(error, SystemExit):
        return {"message": f"ends the process with {error.code!r}; let it end only when the bot runs"}
    frames = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
    result: dict[str, Any] = {"message": f"{type(error).__name__}: {text}" if text else type(error).__name__}
    if isinstance(error, SyntaxError) and error.filename:
        frames = [(error.filename, error.lineno or 0)]
        result["message"] = f"{type(error).__name__}: {error.msg}"
    elif isinstance(error, ModuleNotFoundError) and error.name and not is_ours(error.name):
        result = {"message": f'cannot find "{error.name}"', "missing": error.name.partition(".")[0]}
    elif isinstance(error, KeyError) and frames and re.search(r"\bos(\.py|>)$", frames[-1][0]):
        result["message"] += f"; give {error.args[0]} a made-up value in commands.environment"
    inside = [(relative(path), line) for path, line in frames if not path.startswith("<")]
    inside = [(name, line) for name, line in inside if name[0] != os.sep and "site-packages" not in name]
    if inside and inside[-1][0] == file:
        result["place"] = f"line {inside[-1][1]}"
    elif inside:
        result["message"] += " ({}, line {})".format(*inside[-1])
    result["message"] = result["message"][:600]
    return result


def is_ours(module: str) -> bool:
    """Whether a module that is missing would be one of the repository's own."""
    top = Path(REPO, module.partition(".")[0])
    return top.exists() or top.with_suffix(".py").exists()


class Failed(Exception):
    """Something went wrong and was told."""


class telling:  # noqa: N801 - reads as the statement that it is
    """Says what is being done, and tells what it raises as a problem; Failed if nothing can come after it."""

    def __init__(self, file: str, what: str = "loading", *, fatal: bool = False) -> None:
        self.file, self.what, self.fatal = file, what, fatal

    def __enter__(self) -> None:
        send("at", file=self.file, what=self.what)

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> bool:
        if error is None or isinstance(error, Failed):
            return False
        send("problem", file=self.file, **told(error, self.file))
        if self.fatal:
            raise Failed from None
        return True


def keep_away(discord: Any) -> Any:
    """Replaces what would log in, ask Discord, or end what was just loaded; returns the real `sync` of a tree."""

    async def nothing(*_: Any, **__: Any) -> None:
        return None

    async def no_commands(*_: Any, **__: Any) -> list[Any]:
        return []

    async def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError(REACHED)

    def run(*_: Any, **__: Any) -> None:
        return None

    client, tree = discord.Client, discord.app_commands.CommandTree
    sync = tree.sync
    watch_locale_strings(discord.app_commands.locale_str)
    for kind in {client, discord.AutoShardedClient}:
        kind.run, kind.start, kind.login, kind.connect, kind.close = run, nothing, nothing, nothing, nothing
    commands = sys.modules.get("discord.ext.commands") or importlib.import_module("discord.ext.commands")
    commands.bot.BotBase.close = nothing
    discord.http.HTTPClient.request = refuse
    tree.sync = no_commands
    return sync


WRITTEN: set[str] = set()
"""The texts that the bot's own code made locale_str; the library makes all others so by itself."""


def watch_locale_strings(kind: Any) -> None:
    """Notes every locale_str that code outside the library makes."""
    real = kind.__init__

    def init(self: Any, message: str, /, **extras: Any) -> None:
        real(self, message, **extras)
        maker = sys._getframe(1).f_globals.get("__name__", "")
        if maker != "discord" and not maker.startswith("discord."):
            WRITTEN.add(str(message))

    kind.__init__ = init


def untranslated(data: Any) -> bool:
    """Whether a command's JSON has a text that the bot's code made locale_str."""
    if isinstance(data, dict):
        return any(data.get(key) in WRITTEN for key in ("name", "description")) or any(
            untranslated(one) for key in ("options", "choices") for one in data.get(key) or ()
        )
    return False


def made(found: Any) -> Any:
    """What a function or class makes; anything else is that itself. Raises Unusable for one with parameters."""
    import discord

    if not (isinstance(found, type) or inspect.isroutine(found)):
        return found
    usual = {"intents": discord.Intents.default(), "command_prefix": "!"}
    needed = [
        one.name
        for one in inspect.signature(found).parameters.values()
        if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    unknown = [one for one in needed if one not in usual]
    if unknown:
        raise Unusable(
            "object",
            f"{REQUEST['object']} wants {', '.join(unknown)}; name a function without parameters that makes the bot",
        )
    return found(**{one: usual[one] for one in needed})


async def target(found: Any) -> Any:
    """The tree that the profile names, itself or by what has or makes it. Raises Unusable."""
    import discord

    name = REQUEST["object"]
    found = made(found)
    if inspect.isawaitable(found):
        found = await found
    tree = found if isinstance(found, discord.app_commands.CommandTree) else getattr(found, "tree", None)
    if not isinstance(tree, discord.app_commands.CommandTree):
        raise Unusable(
            "object",
            f"{name} is a {type(found).__name__}, not a CommandTree, a Client or Bot with one as `tree`,"
            " or what makes one",
        )
    return tree


def imported(field: str, name: str) -> Any:
    """A module that the profile names. Raises Unusable when there is none."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise Unusable(field, f'there is no module "{error.name}" in the bot\'s repository') from None


def load_object() -> Any:
    """What `module:name` stands for. Raises Unusable."""
    module, _, path = REQUEST["object"].partition(":")
    found: Any = imported("object", module)
    for name in path.split("."):
        if not hasattr(found, name):
            import difflib

            near = difflib.get_close_matches(name, dir(found), n=1)
            hint = f'; did you mean "{near[0]}"?' if near else ""
            raise Unusable("object", f'{REQUEST["object"]}: there is no "{name}"{hint}')
        found = getattr(found, name)
    return found


def expanded(pattern: str) -> Iterator[str]:
    """The modules that an entry of `extensions` stands for; of `cogs.*`, those below it with a function `setup`."""
    if not pattern.endswith(".*"):
        yield pattern
        return
    package = imported("extensions", pattern[:-2])
    left_out = []
    for one in sorted(pkgutil.iter_modules(package.__path__), key=lambda one: one.name):
        name = f"{pattern[:-2]}.{one.name}"
        if one.name.startswith("_"):
            continue
        with telling(file_of(name)):
            if hasattr(importlib.import_module(name), "setup"):
                yield name
            elif one.ispkg:
                yield from expanded(f"{name}.*")
            else:
                left_out.append(name)
    for name in left_out:
        send("left", file=file_of(name), reason="has no setup function")


async def load_extensions(client: Any) -> None:
    """Loads what the profile lists, and tells all that cannot be loaded."""
    for pattern in REQUEST["extensions"]:
        names: list[str] = []
        with telling(file_of(pattern[:-2] if pattern.endswith(".*") else pattern)):
            if not hasattr(client, "load_extension"):
                raise Unusable(
                    "extensions", "only a commands.Bot loads them; leave them out, or let object name the Bot"
                )
            names = list(expanded(pattern))
        for name in names:
            if name not in client.extensions:
                with telling(file_of(name)):
                    await client.load_extension(name)


def scopes(tree: Any) -> list[int | None]:
    """None for the global commands, and every guild that has some of its own."""
    guilds = {*tree._guild_commands, *(guild for _, guild, _ in tree._context_menus if guild is not None)}
    return [None, *sorted(guilds)]


async def payloads(tree: Any, sync: Any, guild: int | None) -> list[dict[str, Any]]:
    """What a sync of one scope sends."""
    import discord

    sent: list[dict[str, Any]] = []

    async def upsert(_self: Any, *arguments: Any, payload: Any = None) -> list[Any]:
        sent.extend(payload if payload is not None else arguments[-1])
        return []

    discord.http.HTTPClient.bulk_upsert_global_commands = upsert  # type: ignore[assignment,method-assign]
    discord.http.HTTPClient.bulk_upsert_guild_commands = upsert  # type: ignore[assignment,method-assign]
    if tree.client.application_id is None:
        tree.client._connection.application_id = 1
    await sync(tree, guild=None if guild is None else discord.Object(guild))
    return sent


async def send_commands(tree: Any, sync: Any) -> None:
    """Sends every command of every scope."""
    for guild in scopes(tree):
        mine = tree._get_all_commands(guild=None if guild is None else importlib.import_module("discord").Object(guild))
        file = file_of(None)
        with telling(file, "making the commands' JSON"):
            for command, data in zip(mine, await payloads(tree, sync, guild)):  # noqa: B905 - Python 3.8
                send("command", file=file_of(getattr(command, "module", None)), guild=guild, data=data)
                if tree.translator is None and untranslated(data):
                    send("untranslated", name=data["name"])


async def main(found: Any, sync: Any) -> None:
    """Loads the rest in an event loop, as the bot would."""
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: send(
            "background", file=file_of(None), message=str(context.get("exception") or context["message"])
        )
    )
    module, _, name = REQUEST["object"].partition(":")
    with telling(file_of(module), f"{name}()" if callable(found) else "loading", fatal=True):
        tree = await target(found)
    client = tree.client
    if hasattr(client, "_async_setup_hook"):
        await client._async_setup_hook()
    if REQUEST["setup_hook"]:
        with telling(file_of(type(client).__module__), "setup_hook()", fatal=True):
            await client.setup_hook()
    await load_extensions(client)
    await send_commands(tree, sync)
    send("done")
    os._exit(0)  # tasks that a bot began may refuse to end with the loop


def start() -> None:
    """Imports the bot, and goes on in an event loop."""
    module = REQUEST["object"].partition(":")[0]
    with telling(file_of(module), fatal=True):
        import discord

        if not hasattr(discord, "app_commands"):
            title = re.sub(r"[^\w.-]", "", str(getattr(discord, "__title__", "discord")))
            raise Unusable(
                "source", f"the bot's library is {title} {discord.__version__}, not discord.py 2; use source: program"
            )
        sync = keep_away(discord)
        found = load_object()
    making = f"{REQUEST['object'].partition(':')[2]}()" if callable(found) else "loading"
    with telling(file_of(module), making, fatal=True):
        try:  # before the loop, for those that run one of their own
            found = made(found)
        except RuntimeError as error:
            if "event loop" not in str(error):
                raise
    asyncio.run(main(found, sync))


if __name__ == "__main__":
    sys.argv[1:] = []
    sys.path[0] = REPO
    with suppress(Failed):
        start()
    send("done")
    os._exit(0)
