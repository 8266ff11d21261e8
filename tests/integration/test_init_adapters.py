"""The adapters that `init` writes, read by real node: from a bot of another shape to a validated profile."""

from __future__ import annotations

import os
import subprocess

import pytest
from clients import node
from clients import sample_bots as bots
from test_init_tasks import bot, fresh, git, init, profile  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow

PACKAGE = '{"dependencies": {"discord.js": "^14"}}'
BASE = "exports.Command = class Command { constructor(client, data) { this.client = client; this.data = data; } };\n"
CLASS = (
    "const { Command } = require('../base');\nconst { SlashCommandBuilder } = require('discord.js');\n"
    "module.exports = class Ping extends Command {\n  constructor(client) {\n    client.on('x', () => {});\n"
    "    super(client, new SlashCommandBuilder().setName('ping').setDescription('Pong')\n"
    "      .addStringOption((one) => one.setName('who').setDescription('Whom')));\n  }\n};\n"
)
FIELDS = (
    "const { Command } = require('../base');\nmodule.exports = class Ban extends Command {\n"
    "  name = 'ban';\n  description = 'Bans';\n  options = [{ name: 'who', type: 6, description: 'Whom' }];\n};\n"
)
NESTED = (
    "module.exports = {\n  name: 'ping', description: 'Pong', command: { enabled: true },\n"
    "  slashCommand: { enabled: true, options: [{ name: 'who', type: 3, description: 'Whom' }] },\n"
    "  async interactionRun() {},\n};\n"
)


@pytest.fixture
def ready(fresh, monkeypatch, node_client):  # noqa: F811 - the fixture, not the import
    """A fresh project whose bot has discord.js, with node on PATH."""
    monkeypatch.setenv("PATH", f"{node.find()[0].parent}{os.pathsep}{os.environ['PATH']}")
    bots.packages(node_client).link(fresh.folder / "../bot", "discord.js")
    return fresh


@pytest.mark.parametrize("kind", ["classes", "fields of classes", "nested"])
def test_the_adapter_that_init_writes_is_read_with_all_options(ready, kind):
    """Classes that make a builder, classes with fields, objects with a sub-object: names and options are whole."""
    if kind == "nested":
        bot(ready, package_json=PACKAGE, src__commands__ping_js=NESTED)
    else:
        module = CLASS if kind == "classes" else FIELDS
        bot(ready, package_json=PACKAGE, src__base_js=BASE, src__commands__one_js=module)
    document = init(ready, "dev2")
    assert "../bot/botswain-commands.mjs" in document["files"]
    ran = ready.inv("validate", "--env", "dev2")
    assert ran.code == 0, ran
    assert ran.out.startswith("dev2: 1 command, all valid")
    script = f"import({str((ready.folder / '../bot/botswain-commands.mjs').resolve())!r}).then((m) => "
    script += "console.log(m.commands.map((c) => c.name + ':' + c.options.map((o) => o.name)).join()))"
    said = subprocess.run([node.find()[0], "-e", script], capture_output=True, text=True, check=True).stdout
    assert said == ("ban:who\n" if kind == "fields of classes" else "ping:who\n")


def test_an_adapter_of_the_bots_own_is_left_as_it_is(ready):
    """What stands in the bot's repository already is never replaced, and a note says so."""
    bot(ready, package_json=PACKAGE, src__commands__ping_js=NESTED)
    mine = ready.folder / "../bot/botswain-commands.mjs"
    mine.write_text("export const commands = [];\n")
    document = init(ready, "dev2")
    assert mine.read_text() == "export const commands = [];\n"
    assert any("is there already, and is left as it is" in one for one in document["notes"])


def test_validate_fails_where_code_holds_no_command(ready):
    """Modules without a command are an error with what to do, not `all valid`."""
    bot(ready, package_json=PACKAGE, src__commands__ping_js="module.exports = { data: new SlashCommandBuilder() };\n")
    init(ready, "dev2")
    bot(ready, src__commands__ping_js="module.exports = {};\n")
    ran = ready.inv("validate", "--env", "dev2")
    assert ran.code == 1
    assert "none of 1 file in src/commands exports a command; name the folder of the command modules" in ran.err


def test_several_packages_are_named_and_one_is_taken(ready):
    """At the root of a monorepo, the packages that look like a bot are named; with --folder, one is set up."""
    git(ready.folder / "../bot", "init", "-q")
    root = {"package_json": '{"workspaces": ["packages/*"]}', "package-lock_json": "{}"}
    module = "module.exports = { data: { name: 'ping', description: 'Pong' }, execute() {} };\n"
    packages = {f"packages__{name}__package_json": PACKAGE for name in ("a", "b")}
    bot(ready, **root, **packages, packages__a__commands__ping_js=module)
    ran = ready.inv("init", "--env", "dev2", "--repo", "../bot")
    assert (ran.code, ran.told) == (
        1,
        [
            (
                "--repo ../bot: several packages look like a bot: packages/a, packages/b;"
                " name one of them, such as --folder packages/a"
            )
        ],
    )
    assert not (ready.folder / "../bot/commands").exists()
    assert init(ready, "dev2", "--folder", "packages/a")["source"] == "discord.js"
    assert profile(ready, "dev2")["commands"]["folder"] == "packages/a/commands"
    assert ready.inv("validate", "--env", "dev2").code == 0


def test_a_folder_of_a_repository_is_set_up_as_its_package(ready):
    """`--repo` may name the package; the profile names the repository above it, since commits are there."""
    git(ready.folder / "../bot", "init", "-q")
    bot(ready, packages__a__package_json=PACKAGE, packages__a__commands__ping_js=NESTED)
    ran = ready.inv("init", "--env", "dev2", "--repo", "../bot/packages/a", "--json")
    assert ran.code == 0, ran
    assert profile(ready, "dev2")["repo"] == "../bot"
    assert profile(ready, "dev2")["commands"]["folder"] == "packages/a"
    assert "../bot/packages/a/botswain-commands.mjs" in ran.document["files"]
