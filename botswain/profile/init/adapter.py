"""The module that exports a bot's commands, where they are in no shape of discord.js's own: written from what is seen.

It is a start of ten lines in the bot's repository, to be read and changed by whoever knows the bot.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from botswain.profile.init.files import text_of

NAME = "botswain-commands.mjs"
_CLASS = re.compile(r"\bclass\b[^{\n]*\bextends\s+[\w.]*(?:Command|Interaction)\w*")
_CONSTRUCTS = re.compile(r"(?:module\.exports\s*=|export\s+default|exports\.\w+\s*=|export)\s*(?:abstract\s+)?class\b")
_NESTED = re.compile(r"\b(slashCommand|slash|interaction|applicationCommand)\s*:\s*\{")
_SAPPHIRE = "@sapphire/framework"


@dataclass(frozen=True)
class Adapter:
    """A module to write, and what it takes to read it."""

    shape: str
    """What was seen, in words."""
    text: str


def adapter_of(folder: str, modules: Sequence[Path], wanted: set[str]) -> Adapter | None:
    """The adapter for the command modules of a folder; None where Botswain reads them as they are."""
    texts = [text for path in modules if (text := text_of(path))]
    aliases = {"module-alias": "module-alias/register.js", "reflect-metadata": "reflect-metadata"}
    before = [f"import '{module}';" for package, module in aliases.items() if package in wanted]
    endings = sorted({path.suffix for path in modules} - {".json"})
    if _SAPPHIRE in wanted:
        return Adapter("commands of Sapphire", _text(folder, endings, before, _SAPPHIRE_LINES))
    classes = sum(is_class(text) for text in texts)
    if classes and classes * 2 >= len(texts):
        return Adapter("classes", _text(folder, endings, before, _CLASS_LINES))
    nested = [found[1] for text in texts if (found := _NESTED.search(text))]
    if nested and len(nested) * 2 >= len(texts):
        name = max(set(nested), key=nested.count)
        return Adapter(f"objects with `{name}`", _text(folder, endings, before, _nested_lines(name)))
    return None


def is_class(text: str) -> bool:
    """Whether a module defines its command as a class."""
    return bool(_CLASS.search(text) or _CONSTRUCTS.search(text))


def _text(folder: str, endings: list[str], before: list[str], lines: str) -> str:
    pattern = "|".join(ending.lstrip(".") for ending in endings) or "js"
    return (
        "// Exports the bot's commands for Botswain: docs/adopt/adapter.md. `./inv init` wrote it from what it saw.\n"
        "// Compare the last lines with what the bot itself registers.\n"
        + "".join(f"{one}\n" for one in before)
        + "import { readdirSync } from 'node:fs';\n"
        "import { basename, extname, join } from 'node:path';\n"
        "import { fileURLToPath, pathToFileURL } from 'node:url';\n\n"
        f"const folder = fileURLToPath(new URL({json.dumps(folder + '/')}, import.meta.url));\n"
        f"const source = /(?<!\\.d)\\.(?:{pattern})$/;\n"
        "const all = readdirSync(folder, { recursive: true });\n"
        "const files = all.filter((one) => source.test(one)).sort();\n"
        "const exported = [];\n"
        "for (const file of files) {\n"
        "  const loaded = await import(pathToFileURL(join(folder, file)));\n"
        "  const inner = loaded.default?.default ?? loaded.default;\n"
        "  exported.push({ file, values: inner === undefined ? Object.values(loaded) : [inner] });\n"
        "}\n\n" + lines
    )


_CLASS_LINES = """\
// What the classes get when the bot makes them; they must not need a connection.
const anything = { get: (_, name) => (name === Symbol.toPrimitive ? () => '' : client), apply: () => client };
const client = new Proxy(function () {}, anything);
const made = exported
  .flatMap(({ values }) => values)
  .filter((one) => typeof one === 'function' && /^class\\b/.test(String(one)))
  .map((Kind) => new Kind(client));

export const commands = made
  .map((one) => one.data ?? one.builder ?? one.slashCommand ?? one)
  .map((one) => (typeof one.toJSON === 'function' ? one.toJSON() : one))
  .filter((one) => typeof one.name === 'string' && one.name)
  .map(({ name, description, options, type = 1, ...more }) => ({
    type, name, options: options ?? [], execute() {},
    ...(type === 1 ? { description } : {}),
    ...('default_member_permissions' in more ? { default_member_permissions: more.default_member_permissions } : {}),
  }));
"""


def _nested_lines(name: str) -> str:
    return f"""\
export const commands = exported
  .flatMap(({{ values }}) => values)
  .filter((one) => one?.{name} && one.{name}.enabled !== false)
  .map((one) => ({{
    type: 1, execute() {{}},
    name: one.{name}.name ?? one.name,
    description: one.{name}.description ?? one.description,
    options: one.{name}.options ?? [],
  }}));
"""


_SAPPHIRE_LINES = """\
const { container, SapphireClient } = await import('@sapphire/framework');
container.client ??= new SapphireClient({ intents: [], loadDefaultErrorListeners: false });
const { SlashCommandBuilder, ContextMenuCommandBuilder } = await import('@discordjs/builders');
export const commands = [];
const collect = (Builder) => (made) => {
  const built = typeof made === 'function' ? made(new Builder()) : made;
  const json = typeof built.toJSON === 'function' ? built.toJSON() : built;
  commands.push({ ...json, type: json.type ?? 1, execute() {} });
};
const registry = {
  registerChatInputCommand: collect(SlashCommandBuilder),
  registerContextMenuCommand: collect(ContextMenuCommandBuilder),
};
for (const { file, values } of exported) {
  const name = basename(file, extname(file));
  for (const Kind of values.filter((one) => typeof one === 'function' && one.prototype?.registerApplicationCommands)) {
    const command = new Kind({ name, path: file, root: folder, store: container.stores.get('commands') }, {});
    await command.registerApplicationCommands({ ...registry, commandName: command.name });
  }
}
"""
