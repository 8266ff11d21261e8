"""Bots whose modules have a shape of their own: read exactly, passed over with a reason, or refused."""

from __future__ import annotations

import pytest
from clients import sample_bots as bots
from clients.discordjs_bot import Bot

pytestmark = pytest.mark.slow

ADAPTER = (
    "write a module that exports the commands in an array and name it in commands.files"
    ' (docs/adopt/discord-js.md, "A shape of its own")'
)
FRAMEWORK = """
module.exports = {
  name: 'ban', description: 'Bans', category: 'MODERATION',
  command: { enabled: true, usage: '<who>', minArgsCount: 1 },
  slashCommand: { enabled: true, options: [{ name: 'who', description: 'W', type: 6, required: true }] },
  async messageRun(message, args) {}, async interactionRun(interaction) {},
};
"""


@pytest.fixture(scope="session")
def packages(node_client):
    """discord.js and the loaders of TypeScript, installed."""
    return bots.packages(node_client)


@pytest.fixture
def bot(packages, tmp_path, monkeypatch) -> Bot:
    """A bot without anything yet."""
    monkeypatch.chdir(tmp_path)
    return Bot(packages)


def test_options_in_a_sub_object_are_refused(bot):
    """A command whose options lie where discord.js does not look is refused, once for all files."""
    bot.command("fine")
    bot.module("ban.js", FRAMEWORK)
    bot.module("kick.js", FRAMEWORK.replace("ban", "kick"))
    bot.module("mute.js", FRAMEWORK.replace("ban", "mute"))
    (told,) = bot.problems()
    assert told == (
        "bot/commands/ban.js: /ban: its options are in `slashCommand.options` (and so for 2 more commands), which"
        f" discord.js itself does not look at; {ADAPTER}"
    )


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ("data: { options: [{ name: 'x', description: 'X', type: 3 }] }", "its options are in `data.options`"),
        ("args: [{ name: 'x', description: 'X', type: 'string' }]", "its options are in `args`"),
        ("slashCommand: { enabled: false }", "`slashCommand.enabled: false` says that it is no slash command"),
        ("slash: false", "`slash: false` says that it is no slash command"),
    ],
)
def test_shapes_of_a_framework_are_refused(bot, fields, why):
    """Wherever a bot's own framework keeps options, or says that something is no slash command."""
    bot.module("x.js", f"module.exports = {{ name: 'x', description: 'X', {fields}, run(interaction) {{}} }};")
    assert bot.problems() == [f"bot/commands/x.js: /x: {why}, which discord.js itself does not look at; {ADAPTER}"]


def test_fields_of_a_framework_that_change_nothing(bot):
    """Categories, cooldowns, examples and an enabled flag beside the usual options do no harm."""
    bot.module(
        "x.js",
        "module.exports = { name: 'x', description: 'X', category: 'fun', cooldown: 5, slash: true, ephemeral: false,\n"
        " examples: [{ name: 'a', description: 'A' }], slashCommand: { enabled: true, options: [] },\n"
        " options: [{ name: 'o', description: 'O', type: 3 }], run(client, interaction) {} };",
    )
    found = bot.read()
    assert [len(one.payload["options"]) for one in found.definitions] == [1]
    assert (found.notes, found.files, found.left_out) == ((), 1, ())


def test_commands_of_messages_are_passed_over(bot):
    """`!ping` is never registered and said to be passed over; a handler of interactions counts."""
    bot.command("fine")
    bot.module(
        "a.js", "module.exports = { name: 'a', description: 'A', aliases: ['b'], async execute(message, args) {} };"
    )
    bot.module("b.js", "module.exports = { name: 'b', description: 'B', run: async (client, msg) => {} };")
    bot.module("c.js", "module.exports = { name: 'c', description: 'C', run: msg => {} };")
    bot.module("d.js", "module.exports = { name: 'd', aliases: ['e'], execute: function (message) {} };")
    bot.module(
        "both.js", "module.exports = { name: 'both', description: 'B', run(message) {}, slash(interaction) {} };"
    )
    bot.module("typed.js", "module.exports = { name: 'typed', description: 'T', type: 1, run(message) {} };")
    assert bot.names() == ["both", "fine", "typed"]
    why = "a command of messages (`{}` takes a message and no interaction)"
    assert bot.left_out() == [
        ("a.js /a", why.format("execute"), True),
        ("b.js /b", why.format("run"), True),
        ("c.js /c", why.format("run"), True),
        ("d.js", why.format("execute"), True),
    ]


def test_lists_of_options_are_no_commands(bot):
    """What a list has by itself is no handler: options, choices and sub-commands stay what they are."""
    bot.command("fine")
    choices = "choices: [{ name: 'A', value: 'a' }]"
    bot.module(
        "lists.js",
        f"exports.options = [{{ type: 3, name: 'o', description: 'O', {choices} }},"
        " { type: 4, name: 'n', description: 'N', min_value: 1 }];\n"
        "exports.subcommands = [{ type: 1, name: 's', description: 'S' }];\n"
        f"exports.text = {{ type: 3, name: 't', description: 'T', {choices} }};\n"
        "exports.whole = { type: 4, name: 'w', description: 'W' };",
    )
    bot.module(
        "plain.js", "module.exports = { name: 'plain', description: 'P', options: [], tags: new Map([[1, 2]]) };"
    )
    found = bot.read()
    assert [one.name for one in found.definitions] == ["fine", "plain"]
    assert found.notes == ("bot/commands/plain.js: /plain has no function that handles it, such as execute",)
    assert bot.left_out() == [
        ("lists.js", "exports nothing with a name and a description: options, subcommands, text and more", False)
    ]


def test_what_is_passed_over_is_counted(bot):
    """Every module that was looked at is read or listed with a reason, and what may be meant as a command is marked."""
    bot.command("fine")
    bot.module("class.js", "class Command {}\nmodule.exports = class Ping extends Command { run() {} };")
    bot.module("config.js", "exports.ping = { name: 'ping', description: 'P' };")
    bot.module("empty.js", "")
    bot.module("event.js", "module.exports = { name: 'ready', once: true, execute() {} };")
    bot.module("helpers.js", "exports.a = () => {}; exports.b = () => {};")
    bot.module(
        "instance.js", "class Command { constructor(o) { this.o = o; } run() {} }\n"
        "module.exports = new Command({ name: 'i', description: 'I' });",
    )  # fmt: skip
    bot.module("nameless.js", "module.exports = { description: 'N', slash: true, callback() {} };")
    bot.module("text.js", "module.exports = 'text';")
    found = bot.read()
    assert (found.files, [one.name for one in found.definitions]) == (9, ["fine"])
    assert bot.left_out() == [
        ("class.js", "exports the class Ping (extends Command), and classes are not made into objects", True),
        ("config.js `ping`", "has a name and a description, but no options, type or function", True),
        ("empty.js", "exports nothing", False),
        ("event.js", "has a name and a function, but no description: an event", False),
        ("helpers.js", "exports functions only: a, b", False),
        ("instance.js", "exports an instance of Command without a name and a description", True),
        ("nameless.js", "has a description and a function, but no name", True),
        ("text.js", "exports a string", False),
    ]


def test_a_framework_of_classes_alone_is_refused(bot):
    """Where everything seems to be meant as a command and nothing is one that is known, no empty set is read."""
    bot.module("a.mjs", "class Command {}\nexport default class Ping extends Command { run() {} }")
    bot.module("b.mjs", "class Command {}\nexport class Pong extends Command { run() {} }")
    (told,) = bot.problems()
    assert told == (
        "bot/commands: nothing in 2 places is a command as discord.js knows it, such as bot/commands/a.mjs: exports the"
        f" class Ping (extends Command), and classes are not made into objects; {ADAPTER}"
    )


def test_the_adapter_of_the_docs_reads_a_framework(bot):
    """The module that the docs show for a shape of its own gives exactly the slash commands."""
    text = (bots.BOTS.parents[2] / "docs/adopt/discord-js.md").read_text().partition("// botswain-commands.js")[2]
    bot.module("ban.js", FRAMEWORK)
    bot.module(
        "deep/off.js",
        FRAMEWORK.replace("ban", "off").replace("slashCommand: { enabled: true", "slashCommand: { enabled: false"),
    )
    (bot.repo / "botswain-commands.js").write_text(text.partition("```")[0].replace("src/commands", "commands"))
    found = bot.read(folder=".", files=("botswain-commands.js",))
    assert [(one.name, one.payload["options"][0]["name"]) for one in found.definitions] == [("ban", "who")]
    assert found.notes == ()
