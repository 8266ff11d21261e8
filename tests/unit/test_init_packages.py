"""Repositories of several packages, modules of another shape, and bots that write their commands themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from botswain.deployment.packages import service_of
from botswain.profile.init.proposal import propose
from botswain.profile.init.registers import registrations
from botswain.profile.init.workspaces import bots, members, shares_lock

JS = '{"name": "@ship/bot", "dependencies": {"discord.js": "14"}, "scripts": {"start": "node src/main.js"}}'
NONE = '{"dependencies": {"react": "19"}}'
MODULE = "module.exports = { data: new SlashCommandBuilder() };\n"
PY = '[project]\nname = "ship-bot"\ndependencies = ["discord.py"]\n'
BOT = "import discord\nfrom discord.ext import commands\nbot = commands.Bot('!', intents=None)\nbot.run('x')\n"


@pytest.fixture
def tree(tmp_path):
    """Writes a repository: texts by path."""

    def make(texts: dict[str, str]) -> Path:
        for name, text in texts.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return make


WORKSPACES = {
    "npm": {"package.json": '{"workspaces": ["packages/*"]}'},
    "yarn, with an object": {"package.json": '{"workspaces": {"packages": ["packages/**", "!packages/web"]}}'},
    "pnpm": {"package.json": "{}", "pnpm-workspace.yaml": "packages:\n  - 'packages/*'\n  - '!packages/web'\n"},
    "lerna": {"lerna.json": '{"packages": ["packages/*"]}'},
    "nx": {"nx.json": "{}"},
}


@pytest.mark.parametrize("files", WORKSPACES.values(), ids=WORKSPACES)
def test_the_packages_of_a_workspace_that_look_like_a_bot_are_named(tree, files):
    """Of a workspace's packages, those that ask for a Discord library; others and left out ones are none."""
    repo = tree({**files, "packages/bot/package.json": JS, "packages/web/package.json": NONE})
    assert "packages/bot" in members(repo)
    assert bots(repo) == ["packages/bot"]


def test_packages_of_a_uv_workspace(tree):
    """Members and exclusions of [tool.uv.workspace]."""
    workspace = '[tool.uv.workspace]\nmembers = ["packages/*"]\nexclude = ["packages/old"]\n'
    packages = {f"packages/{name}/pyproject.toml": PY for name in ("bot", "old")}
    repo = tree({"pyproject.toml": workspace, "uv.lock": "", **packages, "packages/bot/bot.py": BOT})
    assert bots(repo) == ["packages/bot"]
    assert shares_lock(repo, "packages/bot")
    fields = service_of(repo, "packages/bot", frozenset()).fields
    assert fields["build"] == ["uv sync --frozen --no-dev --package ship-bot"]
    assert fields["run"] == ".venv/bin/python packages/bot/bot.py"
    assert dict(propose(repo, None, "packages/bot").settings) == {
        "object": "bot:bot", "environment": {"PYTHONPATH": "packages/bot"},
    }  # fmt: skip


LOCKED = {
    "npm": ("package-lock.json", ["npm ci --omit=dev"], "npm start --workspace packages/bot"),
    "pnpm": ("pnpm-lock.yaml", ["pnpm install --frozen-lockfile --prod"], "pnpm --filter ./packages/bot start"),
    "yarn": ("yarn.lock", ["yarn install --frozen-lockfile --production"], "yarn workspace @ship/bot start"),
}


@pytest.mark.parametrize(("lock", "build", "run"), LOCKED.values(), ids=LOCKED)
def test_a_package_without_a_lock_file_takes_the_one_of_its_parent(tree, lock, build, run):
    """A release is the whole repository then, installed at its root; the bot is started in its package."""
    repo = tree({"package.json": '{"workspaces": ["packages/*"]}', lock: "", "packages/bot/package.json": JS})
    fields = service_of(repo, "packages/bot", frozenset()).fields
    assert (fields["build"], fields["run"]) == (build, run)
    assert "folder" not in fields


def test_a_package_with_its_own_lock_file_is_a_release_alone(tree):
    """`service.folder` is the package, and everything is as seen from it."""
    repo = tree({"bot/package.json": JS, "bot/package-lock.json": "{}", "bot/src/commands/a.js": MODULE, "web/x": ""})
    assert bots(repo) == ["bot"]
    fields = service_of(repo, "bot", frozenset()).fields
    assert (fields["folder"], fields["build"], fields["run"]) == ("bot", ["npm ci --omit=dev"], "node src/main.js")
    assert dict(propose(repo, None, "bot").settings) == {"folder": "bot/src/commands"}


# Shapes

CLASS = "const { Command } = require('x');\nmodule.exports = class Ping extends Command {};\n"
NESTED = "module.exports = { name: 'a', description: 'A', slashCommand: { enabled: true, options: [] } };\n"


@pytest.mark.parametrize(
    ("package", "module", "shape"),
    [
        ({"discord.js": "14"}, CLASS, "classes"),
        ({"discord.js": "14"}, NESTED, "objects with `slashCommand`"),
        ({"discord.js": "14", "@sapphire/framework": "5"}, CLASS, "commands of Sapphire"),
    ],
)
def test_an_adapter_is_written_for_commands_of_another_shape(tree, package, module, shape):
    """One module that exports the commands is proposed, its text written from what was seen, and to be looked over."""
    repo = tree({"package.json": json.dumps({"dependencies": package}), "src/commands/fun/a.js": module})
    found = propose(repo)
    assert (found.source, dict(found.settings)) == (
        "discord.js", {"folder": ".", "files": ["botswain-commands.mjs"]},
    )  # fmt: skip
    assert shape in found.found
    assert 'new URL("./src/commands/"' in found.adapter
    assert "commands.files: read botswain-commands.mjs" in found.missing[0]


def test_aliases_and_metadata_are_imported_first(tree):
    """What the bot's modules need before they are loaded stands first in the adapter."""
    package = {"discord.js": "14", "module-alias": "2", "reflect-metadata": "1"}
    repo = tree({"package.json": json.dumps({"dependencies": package}), "commands/a.js": NESTED})
    assert "import 'module-alias/register.js';\nimport 'reflect-metadata';\n" in propose(repo).adapter


def test_modules_of_discord_js_get_no_adapter(tree):
    """What Botswain reads as it is stays so, also beside a class or two."""
    modules = {f"commands/{name}.js": MODULE for name in "abc"} | {"commands/base.js": CLASS}
    assert propose(tree({"package.json": JS, **modules})).adapter is None


def test_the_folder_of_compiled_modules_is_named(tree):
    """For TypeScript that nothing loads: where the compiler puts it, by tsconfig.json."""
    config = '{"compilerOptions": {"outDir": "./build", // there\n"rootDir": "src"}}'
    (told,) = propose(tree({"package.json": JS, "src/commands/a.ts": MODULE, "tsconfig.json": config})).missing
    assert told.endswith("npm install --save-dev tsx, or, with a service that builds it, folder: build/commands")


# Registrations

WRITES = {
    "bot.py": "    await self.tree.sync()\n",
    "cogs/admin.py": "await ctx.bot.tree.sync(guild=ctx.guild)\n",
    "src/ready.js": "await client.application.commands.set(commands);\n",
    "src/guild.ts": "guild.commands.create({ name: 'x' });\n",
    "src/rest.js": "await rest.put(Routes.applicationGuildCommands(id, guild), { body });\n",
    "src/any.js": "new REST().setToken(t).put(Routes.applicationCommands(id), { body })\n",
    "src/start.js": "await rest.put(\n\t/**\n\t * (x)\n\t */\n\tRoutes.applicationGuildCommands(\n id), {})\n",
    "deploy-commands.js": "rest.put(Routes.applicationCommands(id), { body })\n",
}


def test_a_bot_that_writes_its_commands_itself_is_told(tree):
    """Each place with its line; scripts that are run by hand come last and are known as such."""
    found = registrations(tree(WRITES))
    assert {one.file for one in found} == {*WRITES}
    assert [one.file for one in found if one.by_hand] == ["deploy-commands.js"]
    assert found[-1].by_hand
    (note,) = propose(tree({"package.json": JS})).notes
    assert "makes duplicates; take it out: bot.py:1 (self.tree.sync), " in note
    assert note.endswith(" and 5 more")


@pytest.mark.parametrize(
    "line",
    ["client.commands.set(command.data.name, command);", "// await client.application.commands.set([]);",
     "# await tree.sync()", "this.commands.set(name, x)", "await sequelize.sync()",
     "rest.get(Routes.applicationCommands(id))", "cache.put(\nRoutes.invite, { body })"],
)  # fmt: skip
def test_a_collection_of_the_bots_own_is_no_registration(tree, line):
    """Maps of commands, comments, databases and reads write nothing to Discord."""
    assert registrations(tree({"a.js": line, "b.py": line})) == []
