"""discord.js bots as people write them, read by real node: every shape, every loader, and every way to fail."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
from clients import sample_bots as bots
from clients.discordjs_bot import Bot
from test_source_program import gone

from botswain.commands.canonical import canonical
from botswain.commands.sources.read import Found, isolated, read
from botswain.discord.enums import GLOBAL, LOCALES
from botswain.errors import BotswainError

pytestmark = pytest.mark.slow

REST_JSON = """
const { ApplicationCommandManager } = require('discord.js');
const all = process.argv.slice(1).flatMap((file) => require(file));
console.log(JSON.stringify(all.map((one) => one.data?.toJSON() ?? ApplicationCommandManager.transformCommand(one))));
"""
"""What discord.js itself would send for the commands of CommonJS modules."""


@pytest.fixture(scope="session")
def packages(node_client):
    """discord.js and the loaders of TypeScript, installed."""
    return bots.packages(node_client)


@pytest.fixture
def bot(packages, tmp_path, monkeypatch) -> Bot:
    """A bot without anything yet."""
    monkeypatch.chdir(tmp_path)
    return Bot(packages)


def test_commonjs_as_discord_js_would_send_it(bot):
    """Field by field: builders as their toJSON, and raw commands as discord.js transforms them."""
    repo = bot.copied("commonjs").repo
    found = bot.read()
    files = ["ban.js", "config.js", "fun/menus.js", "fun/roll.js"]
    done = subprocess.run(
        [bot.packages.node, "-e", REST_JSON, *(f"./commands/{file}" for file in files)],
        cwd=repo, capture_output=True, text=True, check=True,
    )  # fmt: skip
    theirs = {one["name"]: one for one in json.loads(done.stdout)}
    ours = {one.name: one.payload for one in found.definitions}
    assert list(ours) == ["ban", "config", "Quote This", "Report", "roll"]
    assert canonical(ours.pop("roll"), GLOBAL) == canonical(theirs.pop("roll"), GLOBAL)
    assert ours == theirs


def test_commonjs_by_the_way(bot):
    """Our own fields are taken from the exported object; files without commands are told in one note."""
    found = bot.copied("commonjs").read()
    own = [(one.name, one.development_only, one.owner_only, one.renamed_from) for one in found.definitions]
    assert own == [
        ("ban", True, False, None),
        ("config", False, True, "settings"),
        ("Quote This", False, False, None),
        ("Report", False, False, None),
        ("roll", False, False, None),
    ]
    assert [one.file.removeprefix("bot/commands/") for one in found.definitions] == [
        "ban.js", "config.js", "fun/menus.js", "fun/menus.js", "fun/roll.js",
    ]  # fmt: skip
    assert found.notes == ()
    assert [str(one) for one in found.left_out] == ["bot/commands/util.js: exports functions only: pick"]


def test_esm_in_all_shapes(bot):
    """Named and default exports, several a file, top-level await, instances, CommonJS beside it; options are none."""
    found = bot.copied("esm").read(folder="src/commands")
    assert [one.name for one in found.definitions] == ["alone", "classy", "default", "ping", "one", "two"]
    assert found.notes == ("bot/src/commands/alone.cjs: /alone has no function that handles it, such as execute",)


@pytest.mark.parametrize("loaders", [["tsx"], ["ts-node", "typescript"], ["@swc-node/register"]])
def test_typescript_by_the_bots_own_loader(bot, loaders):
    """The first that is installed; with enums and imports without endings, which node alone cannot load."""
    found = bot.copied("typescript", *loaders).read(folder="src/commands")
    assert [(one.name, one.file) for one in found.definitions] == [
        ("echo", "bot/src/commands/echo.ts"),
        ("ping", "bot/src/commands/ping.ts"),
    ]
    assert [one["value"] for one in found.definitions[1].payload["options"][0]["choices"]] == ["quick", "slow"]
    assert found.notes == ()


@pytest.mark.parametrize("loaders", [["tsx"], ["ts-node", "typescript"], ["@swc-node/register"]])
def test_typescript_in_esm(bot, loaders):
    """A package of type module imports its own TypeScript as `./x.js`, and may await."""
    bot.copied("typescript", *loaders)
    (bot.repo / "package.json").write_text('{"type": "module"}')
    (bot.repo / "tsconfig.json").write_text('{"compilerOptions": {"target": "es2022", "module": "nodenext"}}')
    ping = bot.repo / "src/commands/ping.ts"
    ping.write_text(ping.read_text().replace("'../kinds'", "'../kinds.js'") + "await Promise.resolve();\n")
    assert bot.names(folder="src/commands") == ["echo", "ping"]


def test_the_loader_that_the_profile_names(bot, copy):
    """It is used although tsx comes first, and one that is not installed is an error that says how to install it."""
    bot.copied("typescript", "tsx")
    told = bot.problems(folder="src/commands", loader="ts-node")
    assert told == [
        "bot/src/commands/echo.ts: ts-node is not installed in the bot's node_modules; npm install --save-dev ts-node"
    ]
    own = bot.repo / "node_modules/my-loader"
    own.mkdir()
    (own / "index.js").write_text("require('fs').writeFileSync('loaded', ''); require('tsx/cjs');\n")
    assert bot.names(folder="src/commands", loader="my-loader") == ["echo", "ping"]
    assert (copy / "loaded").exists()


@pytest.mark.parametrize(("code", "more"), [("", " (nor can 1 more file)"), ("throw new Error('use --import');", "")])
def test_an_outdated_loader_is_one_error_that_names_it(bot, code, more):
    """A loader whose hooks this node does not use fails in every file alike; another fails at once."""
    bot.copied("typescript", "tsx")
    (bot.repo / "package.json").write_text('{"type": "module"}')
    own = bot.repo / "node_modules/my-loader"
    own.mkdir()
    (own / "index.js").write_text(code)
    node = bot.repo / "node"
    node.write_text(f'#!/bin/sh\nexec {bot.packages.node} --no-experimental-strip-types "$@"\n')
    node.chmod(0o755)
    (told,) = bot.problems(folder="src/commands", interpreter="./node", loader="my-loader")
    assert told.startswith("bot/src/commands/echo.ts: my-loader, as it is installed, loads no TypeScript in node 22.")
    assert f"){more}; npm install --save-dev my-loader@latest, set NODE_OPTIONS" in told


def test_typescript_without_a_loader(bot):
    """Node's own support is used if it has it, and what it cannot do is said; else what to install."""
    bot.copied("typescript")
    (told,) = bot.problems(folder="src/commands")
    strict = "node's own TypeScript support is strict, npm install --save-dev tsx if that is how the bot runs"
    assert told == f'bot/src/commands/ping.ts: cannot find "src/kinds"; {strict}'
    assert bot.names(folder="src/commands", files=("echo.ts",)) == ["echo"]
    node = bot.repo / "node"
    node.write_text(f'#!/bin/sh\nexec {bot.packages.node} --no-experimental-strip-types "$@"\n')
    node.chmod(0o755)
    (told,) = bot.problems(folder="src/commands", interpreter="./node")
    assert told.startswith("bot/src/commands/echo.ts: node 22.")
    assert told.endswith(
        "cannot load TypeScript, and the bot has none of tsx, ts-node, @swc-node/register; npm install --save-dev tsx,"
        " or point commands.folder at the compiled files"
    )


def test_chosen_files(bot):
    """Globs below the folder; one that matches nothing is an error, since a typo would delete commands."""
    for name in ("a.js", "admin/b.js", "admin/deep/c.js", "node_modules/x/d.js"):
        bot.command(Path(name).stem, file=name)
    assert bot.names() == ["a", "b", "c"]
    assert bot.names(files=("admin/*.js", "a*.js")) == ["a", "b"]
    assert bot.names(files=("**/c.js",)) == ["c"]
    assert bot.problems(files=("a.js", "admin/*.ts")) == [
        'commands: files.1: "admin/*.ts" matches no module below bot/commands'
    ]
    (told,) = bot.problems(folder="comands")
    assert told.startswith("bot/comands: there is no such folder;")


def test_an_empty_folder_is_an_empty_list(bot):
    """Whether that may be deployed is for the plan to say."""
    (bot.repo / "commands").mkdir(parents=True)
    assert bot.read() == Found([], ("bot/commands holds no module of a command",))


def test_all_problems_of_all_files_at_once(bot):
    """Builders, syntax, packages, exceptions and misspelt fields, each with its file and line; nothing is deployed."""
    bot.copied("commonjs")
    builder = "const { SlashCommandBuilder } = require('discord.js');\n"
    for path in (bot.repo / "commands").rglob("*.js"):
        path.unlink()
    bot.command("fine")
    bot.module(
        "late.js", f"{builder}module.exports = {{ data: new SlashCommandBuilder().setName('late'), run() {{}} }};"
    )
    bot.module("name.js", f"{builder}\nmodule.exports = {{ data: new SlashCommandBuilder().setName('Bad Name') }};")
    bot.module("package.js", "require('no-such-package/part');")
    bot.module("package2.js", "require('no-such-package');")
    bot.module("relative.js", "require('../lib/gone');")
    bot.module("syntax.js", "const x = ;\n")
    (bot.repo / "lib").mkdir()
    (bot.repo / "lib/config.js").write_text("\n\nthrow new Error('no\\nconfig');")
    bot.module("throws.js", "require('../lib/config');")
    bot.module("throws2.js", "throw undefined;")
    bot.module("typo.js", "module.exports = { name: 'typo', desciption: 'T', type: 1, run() {} };")
    bot.module("value.js", "module.exports = { data: { name: 'value', description: 5 }, run() {} };")
    bot.module("nameless.js", "module.exports = { data: { description: 'No name' }, run() {} };")
    bot.module("twice.js", "module.exports = { data: { name: 'fine', description: 'Again' }, run() {} };")
    told = [one.removeprefix("bot/commands/") for one in bot.problems()]
    refused = "the builder refuses it: "
    assert sorted(told) == sorted(
        [
            f"late.js: /late: {refused}Expected a string primitive",
            f'name.js: line 3: {refused}a name has small letters, digits, - and _ only, not "Bad Name"',
            'package.js: line 1: cannot find "no-such-package/part" (nor can 1 more file); run npm install in bot',
            'relative.js: line 1: cannot find "../lib/gone"',
            "syntax.js: line 1: SyntaxError: Unexpected token ';'",
            "throws.js: Error: no config (lib/config.js, line 3)",
            "throws2.js: throws undefined",
            "value.js: /value.description: must be text, not 5",
            "nameless.js: name: is missing",
            "twice.js: chat_input/fine: is defined already in bot/commands/fine.js; names are unique per kind",
        ]
    )


@pytest.mark.parametrize("name", ["commonjs", "esm", "typescript"])
def test_packages_that_are_lent(bot, name):
    """Where a bot has nothing installed, `require`, `import` and loaders find what another folder has."""
    folder = {"commonjs": "commands"}.get(name, "src/commands")
    installed = ("discord.js", *(["tsx"] if name == "typescript" else []))
    bots.copy(name, bot.repo)
    bot.packages.link(Path("release"), *installed)
    lent = bot.read(folder=folder, modules=Path("release/node_modules").absolute())
    bot.packages.link(bot.repo, *installed)
    assert lent == bot.read(folder=folder)
    assert lent.definitions


def test_packages_that_are_not_installed(bot):
    """Fifty modules without discord.js are one problem, not fifty."""
    bot.repo.mkdir()
    for number in range(50):
        bot.module(f"c{number:02}.js", "const { SlashCommandBuilder } = require('discord.js');")
    assert bot.problems() == [
        'bot/commands/c00.js: line 1: cannot find "discord.js" (nor can 49 more files); run npm install in bot'
    ]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("for (;;) {}", "did not finish loading within 1 s; let it start"),
        ("await new Promise((done) => setTimeout(done, 60_000));", "did not finish loading within 1 s; let it start"),
        ("await new Promise(() => {});", "never finishes loading: it awaits something that nothing brings about; let"),
        (
            "console.log('TOKEN is not set'); process.exit(1);",
            "ended the process with exit code 1 during loading (it said last: TOKEN is not set); let it start",
        ),
        ("process.exit(0);", "ended the process with exit code 0 during loading; let it start what takes time"),
        ("process.kill(process.pid, 'SIGSEGV');", "was killed by SIGSEGV during loading; run it by hand to see why"),
    ],
)
def test_a_module_that_never_finishes_is_named(bot, code, told):
    """It is told with the problems of the files before it, and within the time."""
    bot.module("a.mjs", "throw new Error('an earlier problem');")
    bot.module("b.mjs", code)
    begin = time.monotonic()
    first, second = bot.problems(timeout=1 if "within" in told else 30)
    assert first == "bot/commands/a.mjs: line 1: Error: an earlier problem"
    assert second.startswith(f"bot/commands/b.mjs: {told}")
    assert time.monotonic() - begin < 20


def test_noise_and_loose_ends(bot):
    """Output of any size at any time, timers, servers and background failures keep no command from being read."""
    bot.command("loud", "process.stdout.write('[{\"name\": \"no\"}]\\n'.repeat(1e6)); console.error('x'.repeat(1e7));")
    bot.command(
        "late", "setInterval(() => console.log('still here'), 1); process.on('exit', () => console.log('bye'));"
    )
    bot.command("server", "require('http').createServer().listen(0, '127.0.0.1');")
    bot.command("floating", "Promise.reject(new Error('no database'));")
    bot.command("child", "require('child_process').spawn('sleep', ['4711.1']);")
    bot.command("waiting", "", file="z.js")
    found = bot.read()
    assert [one.name for one in found.definitions] == ["child", "floating", "late", "loud", "server", "waiting"]
    assert found.notes == (
        "bot/commands/floating.js: something that it started failed while commands were read: Error: no database",
    )
    assert gone("4711.1")


def test_the_bot_sees_nothing_of_ours(bot, copy, monkeypatch):
    """Not in its variables and not in its arguments; its own of the profile it does see."""
    for name in ("DISCORD_DEV_TOKEN", "DISCORD_TOKEN", "CI_SECRET"):
        monkeypatch.setenv(name, "made-up")
    monkeypatch.setenv("NODE_OPTIONS", "--require=/no/such/file")
    bot.module(
        "see.js",
        "require('fs').writeFileSync('seen', JSON.stringify([process.env, process.argv.slice(2), process.cwd()]));",
    )
    bot.read(environment={"MODE": "read"})
    variables, arguments, folder = json.loads((copy / "seen").read_text())
    assert not {"DISCORD_DEV_TOKEN", "DISCORD_TOKEN", "CI_SECRET", "NODE_OPTIONS"} & variables.keys()
    assert variables["MODE"] == "read"
    assert (arguments, folder) in (([], str(bot.repo.resolve())), ([], str(copy)))


def test_nothing_reaches_discord(bot, copy):
    """A module that logs in when it is loaded does not, and one that calls Discord is told so."""
    bot.copied("commonjs")
    login = "const { Client } = require('discord.js'); new Client({ intents: [] }).login('made.up.token')"
    bot.command("login", f"{login}.then(() => require('fs').writeFileSync('went-on', ''));")
    # Looks nothing up unless it is held back.
    bot.module(
        "deploy.mjs",
        "import dns from 'node:dns';\n"
        "if (dns.lookup.name !== 'awayFromDiscord') throw new Error('not held back');\n"
        "await new Promise((done, fail) => dns.lookup('discord.com', {}, (error) => error ? fail(error) : done()));",
    )
    (told,) = bot.problems()
    assert "discord.com is out of reach while commands are read; call Discord only when the bot runs" in told
    (bot.repo / "commands/deploy.mjs").unlink()
    found = bot.read()
    assert "login" in [one.name for one in found.definitions]
    assert (copy / "went-on").exists()
    assert not [note for note in found.notes if "login" in note]


def test_an_isolated_checkout(bot, tmp_path):
    """Read from another folder, with its packages linked there, and no other file."""
    bot.copied("esm")
    there = bots.copy("esm", tmp_path / "there")
    (there / "node_modules").symlink_to((bot.repo / "node_modules").resolve())
    (there / "src/commands/ping.js").unlink()
    found = read(isolated(bot.source(folder="src/commands"), there))
    assert [one.name for one in found.definitions] == ["alone", "classy", "default", "one", "two"]
    assert found.definitions[0].file == "there/src/commands/alone.cjs"


def test_shapes_of_exports(bot):
    """What is a command and what only looks like one, in modules of all habits."""
    bot.module(
        "a.js", "exports.__esModule = true; exports.default = { data: { name: 'a', description: 'A' }, run() {} };"
    )
    bot.module(
        "b.js", "module.exports = { default: { default: { name: 'b', description: 'B', type: 'CHAT_INPUT' } } };"
    )
    bot.module(
        "c.js",
        "module.exports = { c: { name: 'c', description: 'C', run() {} }, config: { name: 'no', description: 'N' } };",
    )
    bot.module(
        "d.js", "module.exports.commands = new Map([['d', { data: { name: 'd', description: 'D' }, run() {} }]]);"
    )
    bot.module(
        "e.js", "module.exports = { data: [{ name: 'e1', description: 'E' }, { name: 'E 2', type: 2 }], run() {} };"
    )
    bot.module("f.js", "module.exports = { data: Promise.resolve({ name: 'f', description: 'F' }), run() {} };")
    bot.module("g.js", "module.exports = class { static data = { name: 'g', description: 'G' }; static run() {} };")
    bot.module(
        "h.js",
        "const data = { toJSON: () => ({ name: 'h', description: 'H', cooldown: 5n }) };\n"
        "module.exports = { data, autocomplete() {} };",
    )
    bot.module("i.js", "module.exports = { name: 'ready', once: true, execute() {} };")
    bot.module("j.js", "exports.options = [{ type: 3, name: 'j', description: 'J' }, { name: 'J', value: 'j' }];")
    bot.module(
        "k.js", "const k = { name: 'k', description: 'K', run() {} }; k.self = k; k.minValue = NaN; module.exports = k;"
    )
    found = bot.read()
    assert [one.name for one in found.definitions] == ["a", "b", "c", "d", "e1", "E 2", "f", "g", "h", "k"]
    assert found.notes == (
        "bot/commands/b.js: /b has no function that handles it, such as execute",
        "bot/commands/h.js: /h has no function that handles it, such as execute",
        "bot/commands/h.js: /h: Discord has no cooldown; left out",
    )
    assert [(Path(one.file).name, one.place, one.reason, one.doubtful) for one in found.left_out] == [
        ("c.js", "`config`", "has a name and a description, but no options, type or function", True),
        ("i.js", "", "has a name and a function, but no description: an event", False),
        ("j.js", "", "exports nothing with a name and a description: options", False),
    ]


def test_a_command_exported_twice(bot):
    """By two names, or again by an index, it is one, of the file that defines it, in the order of the files."""
    bot.module("a.js", "const a = { name: 'a', description: 'A', run() {} }; module.exports = { a, default: a };")
    bot.module(
        "index.js",
        "const start = { name: 'start', description: 'S', run() {} };\n"
        "module.exports = { start, ...require('./a'), ...require('./z') };",
    )
    bot.module("z.js", "exports.z = { data: { name: 'z', description: 'Z' }, run() {} };")
    found = bot.read()
    assert [(one.name, Path(one.file).name) for one in found.definitions] == [
        ("a", "a.js"),
        ("start", "index.js"),
        ("z", "z.js"),
    ]
    assert found.notes == ()


def test_numbers_and_texts_arrive_exactly(bot):
    """Whole numbers beyond 2^53, 30 locales, limits and empty permissions; what is no number is refused."""
    locales = sorted(LOCALES)
    texts = {one: f"würfel-{one.lower()}" for one in locales}
    command = {
        "name": "x", "description": "\U0001f3b2 \\ \" ' \u2028", "name_localizations": texts,
        "description_localizations": texts, "default_member_permissions": "0", "contexts": [0, 2],
        "integration_types": [0, 1], "nsfw": True,
        "options": [{"type": 10, "name": "n", "description": "N", "min_value": -1e-7, "max_value": 9007199254740991}],
    }  # fmt: skip
    bot.module("x.js", f"module.exports = {{ data: {json.dumps(command)}, run() {{}} }};")
    bot.module(
        "y.js",
        "module.exports = { name: 'y', description: 'Y', defaultMemberPermissions: 9007199254740993n, run() {} };",
    )
    found = bot.read().definitions
    assert found[0].payload == command
    assert found[1].payload["default_member_permissions"] == "9007199254740993"
    option = "{ type: 4, name: 'n', description: 'N', minValue: NaN }"
    bot.module("z.js", f"module.exports = {{ name: 'z', description: 'Z', options: [{option}], run() {{}} }};")
    assert bot.problems() == ['bot/commands/z.js: /z n.min_value: must be a number, not "NaN"']


def test_a_node_that_is_not_there(bot):
    """Said before anything runs, with what to do."""
    bot.command("x")
    for interpreter, told in (("no-such-node", "is not on PATH"), ("./bin/node", "is no program")):
        with pytest.raises(BotswainError) as caught:
            bot.read(interpreter=interpreter)
        fix = "install Node.js, or name the bot's node in commands.interpreter"
        assert str(caught.value) == f"bot: {interpreter} {told}; {fix}"
