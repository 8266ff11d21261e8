"""What `init` proposes: from a look at the bot's repository, which is read and never run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from desk import ROOT

from botswain.documents import read_yaml
from botswain.profile.init.proposal import bots_in, propose
from botswain.profile.init.service import propose_service
from botswain.profile.init.text import Answers, example_variables, inventory_text, profile_text
from botswain.profile.model import ProfileFile, validate

BUILDER = (
    "const { SlashCommandBuilder } = require('discord.js');\nmodule.exports = { data: new SlashCommandBuilder() };\n"
)
PLAIN = "export default { name: 'ping', description: 'Pong', execute() {} };\n"
JS = '{"dependencies": {"discord.js": "^14.0.0"}}'
TS = '{"dependencies": {"discord.js": "^14"}, "devDependencies": {"typescript": "5", "tsx": "4"}}'
BOT = "import discord\nfrom discord.ext import commands\nbot = commands.Bot('!', intents=discord.Intents.default())\n"
HOOKED = (
    "from discord.ext import commands\nclass Mine(commands.Bot):\n    async def setup_hook(self):\n        {}\n"
    "bot = Mine('!', intents=None)\n"
)
COG = "async def setup(bot):\n    pass\n"


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


JAVASCRIPT = {
    "a folder of modules": ({"commands/ping.js": BUILDER, "index.js": "client.login()"}, {"folder": "commands"}),
    "below src": (
        {"src/commands/fun/ping.js": BUILDER, "src/commands/mod/ban.js": BUILDER},
        {"folder": "src/commands"},
    ),
    "plain objects": ({"src/slashCommands/ping.mjs": PLAIN}, {"folder": "src/slashCommands"}),
    "the fuller of two": (
        {"commands/old.js": PLAIN, "src/commands/a.js": BUILDER, "src/commands/b.js": BUILDER},
        {"folder": "src/commands"},
    ),
    "not what npm or tsc made": (
        {"node_modules/x/commands/a.js": BUILDER, "dist/commands/b.js": BUILDER, "app/commands/c.js": BUILDER},
        {"folder": "app/commands"},
    ),
    "modules by feature": (
        {"src/a/command.js": BUILDER, "src/b/command.js": BUILDER, "src/index.js": "x.login()"},
        {"folder": "src", "files": ["**/command.js"]},
    ),
    "among others": (
        {"bot/ping.js": BUILDER, "bot/ban.js": BUILDER, "bot/main.js": BUILDER + "client.login()"},
        {"folder": "bot", "files": ["ban.js", "ping.js"]},
    ),
}


@pytest.mark.parametrize("case", JAVASCRIPT)
def test_a_discord_js_bot(tree, case):
    """The folder is the one that holds the command modules, and never the bot's start."""
    files, settings = JAVASCRIPT[case]
    found = propose(tree({"package.json": JS, **files}))
    assert (found.source, dict(found.settings), found.missing) == ("discord.js", settings, ())


def test_a_discord_js_bot_in_typescript(tree):
    """The loader is the one that its package.json has; without one, that is to be mended."""
    repo = tree({"package.json": TS, "src/commands/ping.ts": BUILDER, "src/commands/types.d.ts": ""})
    assert dict(propose(repo).settings) == {"folder": "src/commands", "loader": "tsx"}
    tree({"package.json": JS})
    found = propose(repo)
    assert dict(found.settings) == {"folder": "src/commands"}
    assert found.missing[0].startswith("commands.loader: the modules are TypeScript")


PYTHON = {
    "a bot in one file": ({"bot.py": BOT}, {"object": "bot:bot"}),
    "a tree beats its client": (
        {"main.py": "import discord\nfrom discord import app_commands as ac\nc = discord.Client(intents=None)\n"
                    "tree = ac.CommandTree(c)\n"},
        {"object": "main:tree"},
    ),
    "a class of its own": (
        {"app/__init__.py": "", "app/core.py": "from discord.ext.commands import Bot\nclass Mine(Bot): ...\n",
         "app/main.py": "from app.core import Mine\nclient: Mine = Mine()\nclient.run('x')\n"},
        {"object": "app.main:client"},
    ),
    "a class that makes itself": (
        {"bot.py": "import discord\nclass Mine(discord.Client):\n    def __init__(self):\n        super().__init__()\n"
                   "if __name__ == '__main__':\n    Mine().run('x')\n"},
        {"object": "bot:Mine"},
    ),
    "a function that makes it": (
        {"bot.py": "from discord.ext import commands\ndef make() -> commands.Bot:\n    return commands.Bot('!')\n"},
        {"object": "bot:make"},
    ),
    "with cogs": ({"bot.py": BOT, "cogs/fun.py": COG, "cogs/mod/__init__.py": COG, "cogs/util.py": "x = 1"},
                  {"object": "bot:bot", "extensions": ["cogs.*"]}),
    "a hook that only loads and syncs": (
        {"bot.py": HOOKED.format("await self.load_extension('cogs.fun')\n        await self.tree.sync()"),
         "cogs/fun.py": COG},
        {"object": "bot:bot", "extensions": ["cogs.*"]},
    ),
    "a hook that translates": (
        {"bot.py": HOOKED.format("await self.load_extension('cogs.fun')\n        await self.tree.set_translator(T())"),
         "cogs/fun.py": COG},
        {"object": "bot:bot", "setup_hook": True},
    ),
    "a hook that adds and leaves the cogs to others": (
        {"bot.py": HOOKED.format("self.tree.add_command(x)"), "cogs/fun.py": COG},
        {"object": "bot:bot", "extensions": ["cogs.*"], "setup_hook": True},
    ),
    "a hook under another name": (
        {"bot.py": BOT + "async def start():\n    await bot.tree.set_translator(T())\nbot.setup_hook = start\n"},
        {"object": "bot:bot", "setup_hook": True},
    ),
    "below src": (
        {"src/my/__init__.py": "", "src/my/bot.py": BOT, "src/my/cogs/a.py": COG},
        {"object": "my.bot:bot", "extensions": ["my.cogs.*"], "environment": {"PYTHONPATH": "src"}},
    ),
    "a script in a folder": (
        {"bot/main.py": "import settings\n" + BOT, "bot/settings.py": "", "bot/cogs/a.py": COG},
        {"object": "main:bot", "extensions": ["cogs.*"], "environment": {"PYTHONPATH": "bot"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PYTHON)
def test_a_discord_py_bot(tree, case):
    """The object is what a module makes at its top, by the name under which the bot's own Python imports it."""
    files, settings = PYTHON[case]
    found = propose(tree({"requirements.txt": "discord.py>=2.3  # the library\n", **files}))
    assert (found.source, dict(found.settings)) == ("discord.py", settings)


def test_code_is_never_run(tree):
    """Reading it is enough; it may do anything when it is imported, or not even be valid."""
    repo = tree(
        {"requirements.txt": "discord.py", "bot.py": f"{BOT}open('ran', 'w')\nraise SystemExit\n", "bad.py": "def ("}
    )
    assert propose(repo).settings["object"] == "bot:bot"
    assert not (repo / "ran").exists()
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    "listed",
    [
        {"requirements.txt": "discord.py[voice]==2.4.0"},
        {"requirements/bot.txt": "discord-py\n"},
        {"requirements.txt": "git+https://github.com/Rapptz/discord.py.git@master"},
        {"pyproject.toml": '[project]\nname = "b"\ndependencies = ["aiohttp", "discord.py>=2"]\n'},
        {"pyproject.toml": '[tool.poetry.dependencies]\n"discord.py" = "^2.3"\n'},
        {"pyproject.toml": '[tool.poetry.dependencies]\ndiscord-py = "^2.3"\n'},
        {"uv.lock": '[[package]]\nname = "discord-py"\n'},
        {"Pipfile": '[packages]\n"discord.py" = "*"\n'},
        {},
    ],
)
def test_wherever_discord_py_is_asked_for(tree, listed):
    """Requirements of all kinds count; where there are none, the imports."""
    assert propose(tree({"bot.py": BOT, **listed})).source == "discord.py"


OTHERS = {
    "Pycord": {"requirements.txt": "py-cord==2.6", "bot.py": "import discord\nbot = discord.Bot()\n"},
    "disnake": {"requirements.txt": "disnake", "bot.py": "import disnake"},
    "nextcord": {"pyproject.toml": 'dependencies = ["nextcord"]'},
    "hikari": {"bot.py": "import hikari\n"},
    "Akairo": {"package.json": '{"dependencies": {"discord.js": "14", "discord-akairo": "8"}}'},
    "Eris": {"package.json": '{"dependencies": {"eris": "1"}}'},
    "discordgo": {"go.mod": "require github.com/bwmarrin/discordgo v0.28.1"},
    "serenity": {"Cargo.toml": '[dependencies]\nserenity = "0.12"'},
    "JDA": {"build.gradle": "implementation 'net.dv8tion:JDA:5'"},
    "Discord.Net": {"Bot/Bot.csproj": '<PackageReference Include="Discord.Net" />'},
    "Pycord, by its use": {"bot.py": "import discord\nbot = discord.Bot()\n@bot.slash_command()\ndef f(): ...\n"},
}


@pytest.mark.parametrize("library", OTHERS)
def test_other_libraries_get_a_folder_and_a_pointer(tree, library):
    """What Botswain does not read is defined in YAML, or printed by a program, which the profile explains."""
    found = propose(tree(OTHERS[library]))
    assert (found.source, dict(found.settings)) == ("folder", {"folder": "commands"})
    assert library.partition(",")[0] in found.found
    text = "\n".join(found.comments)
    assert "docs/adopt/other.md" in text
    assert "source: program" in text


def test_a_folder_for_definitions_is_not_one_of_code(tree):
    """Definitions do not go among the bot's modules; those that are there already are taken as they are."""
    repo = tree({"go.mod": "discordgo", "commands/ping.go": ""})
    assert propose(repo).settings["folder"] == "botswain-commands"
    tree({"slash-commands/ping.yaml": "name: ping\ndescription: Pong\n"})
    assert dict(propose(repo).settings) == {"folder": "slash-commands"}


def test_a_source_that_is_asked_for_wins(tree):
    """With what was found about it, or with what a person has to fill in."""
    repo = tree({"package.json": JS, "commands/ping.js": BUILDER})
    assert propose(repo, "discord.js").settings["folder"] == "commands"
    assert propose(repo, "folder").settings["folder"] == "botswain-commands"
    assert propose(repo, "discord.py").missing == ("commands.object: name the bot or its tree, as module:name",)
    assert propose(repo, "program").missing


def test_bots_beside_the_project(tree):
    """Folders that ask for a Discord library; the project itself is none."""
    root = tree(
        {"a/package.json": JS, "b/requirements.txt": "hikari", "c/readme": "", "me/requirements.txt": "discord.py"}
    )
    assert bots_in(root, but=root / "me") == [root / "a", root / "b"]


# How it would run

VENV = "python3 -m venv .venv"
RUNS = {
    "the Python sample": (
        {"requirements.txt": "discord.py==2 --hash=sha256:1", "harbour/__main__.py": "main()",
         "harbour/web.py": 'get("/healthz"); get("/readyz"); environ["PORT"]; environ["DISCORD_TOKEN"]'},
        {"build": [VENV, ".venv/bin/python -m pip install --quiet --require-hashes -r requirements.txt"],
         "run": ".venv/bin/python -m harbour", "port": 8081,
         "health": {"alive": "http://127.0.0.1:8081/healthz", "ready": "http://127.0.0.1:8081/readyz"}},
    ),
    "a script": (
        {"requirements.txt": "discord.py", "cogs/a.py": "", "bot.py": 'bot.run(os.environ["BOT_TOKEN"])'},
        {"build": [VENV, ".venv/bin/python -m pip install --quiet -r requirements.txt"],
         "run": ".venv/bin/python bot.py", "token": "BOT_TOKEN"},
    ),
    "a package": (
        {"pyproject.toml": "", "src/pirate/main.py": 'if __name__ == "__main__": ...'},
        {"build": [VENV, ".venv/bin/python -m pip install --quiet ."], "run": ".venv/bin/python src/pirate/main.py"},
    ),
    "the JavaScript sample": (
        {"package.json": '{"scripts": {"start": "node src/main.js", "test": "node --test"}}',
         "package-lock.json": "{}"},
        {"build": ["npm ci --omit=dev"], "test": ["npm test"], "run": "node src/main.js"},
    ),
    "TypeScript that is compiled": (
        {"package.json": '{"scripts": {"start": "tsc && node dist", "build": "tsc", "test": "echo no test specified"}}',
         "pnpm-lock.yaml": ""},
        {"build": ["pnpm install --frozen-lockfile", "pnpm run build"], "run": "node dist"},
    ),
    "JavaScript without scripts": (
        {"package.json": '{"scripts": 3}', "yarn.lock": "", "src/index.js": "client.login(process.env.TOKEN)"},
        {"build": ["yarn install --frozen-lockfile --production"], "run": "node src/index.js", "token": "TOKEN"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "fields"), RUNS.values(), ids=RUNS)
def test_how_a_bot_would_run(tree, files, fields):
    """By its start script, its lock file, the variables that it reads, and the paths that it answers."""
    found = propose_service(tree(files), frozenset({8080}))
    assert (found.fields, found.missing) == (fields, ())
    assert bool(found.comments) == ("health" not in fields)


def test_how_a_bot_runs_that_nobody_knows(tree):
    """A language that is not known has no proposal; of one without a start, it is said what to name."""
    assert propose_service(tree({"go.mod": "discordgo"})) is None
    for files in ({"package.json": "{}"}, {"lib.py": "import discord"}):
        assert any(
            one.startswith("service.run: name what starts the bot") for one in propose_service(tree(files)).missing
        )


# Texts


def answers(folder, **values):
    """Answers for a repository, with what is proposed for it."""
    known = {"proposal": propose(folder), "service": propose_service(folder)}
    return Answers(**{"environment": "prod", "repo": "../my-bot", **known, **values})


@pytest.mark.parametrize(
    "files",
    [
        JAVASCRIPT["among others"][0] | {"package.json": TS},
        PYTHON["below src"][0],
        PYTHON["a hook that translates"][0],
        OTHERS["disnake"],
        {},
    ],
)
@pytest.mark.parametrize(
    "values",
    [
        {},
        {"production": True, "global_": True, "application_id": "100000000000000001", "state": {"remote": "origin"}},
        {"guild_ids": ("200000000000000001",), "state": {"remote": "upstream"}, "repo": "../Ünï code: #1"},
        {"global_": True, "owner_guild_ids": ("200000000000000001",), "kept": {"manifest_path": "x/prod.json"}},
    ],
)
def test_every_profile_is_valid_and_says_what_was_answered(tree, files, values):
    """Whatever the repository and the answers, the text is a profile with just these values."""
    given = answers(tree(files), **values)
    text = profile_text(given)
    (document,) = read_yaml(text, "x")
    made = validate(document, "x")
    assert isinstance(made, ProfileFile), made
    assert (made.repo, made.production, made.global_) == (given.repo, given.production, given.global_)
    assert (made.application_id, made.guild_ids) == (given.application_id, given.guild_ids)
    assert (made.commands.source, made.state.kind) == (given.proposal.source, "git" if given.state else "folder")
    assert made.state.remote == (given.state or {}).get("remote", "origin")
    assert {name: getattr(made.commands, name) for name in given.proposal.settings} == {
        name: tuple(value) if isinstance(value, list) else value for name, value in given.proposal.settings.items()
    }
    assert max(len(line) for line in text.splitlines()) <= 125, text
    unset = [] if given.application_id else ["application_id"]
    assert all(f"# {name}:" in text for name in unset)
    assert made.service is None
    used = validate(read_yaml(profile_text(replace(given, runs=True)), "x")[0], "x")
    assert isinstance(used, ProfileFile), used
    assert (used.service is None) == (given.service is None)
    _, _, section = text.partition("\n# service:")
    lines = ["service:", *(line.removeprefix("# ") for line in section.splitlines()[1:])]
    if given.service is not None:
        assert yaml.safe_load("\n".join(lines))["service"] == given.service.fields, "it is used without the #"


def test_example_variables_are_added_once(tree):
    """Without values, below what is there; global profiles have no guild ids."""
    given = answers(tree({}), environment="my-bot")
    added = example_variables(given, "#X=\n")
    assert added.splitlines()[3:] == [
        "#DISCORD_MY_BOT_TOKEN=",
        "#DISCORD_MY_BOT_CLIENT_SECRET=",
        "#DISCORD_MY_BOT_APPLICATION_ID=",
        "#DISCORD_MY_BOT_GUILD_IDS=",
    ]
    assert example_variables(given, added) == ""
    assert "GUILD_IDS" not in example_variables(answers(tree({}), global_=True), "")


def test_the_inventory_is_one():
    """Groups and no host: valid as it is, and when the example below `bot` is uncommented."""
    text = inventory_text("prod")
    groups = {"bot": {"hosts": None}, "database": {"hosts": None}}
    assert yaml.safe_load(text) == {"all": {"vars": {"environment_name": "prod"}, "children": groups}}
    lines = [line.replace("# ", "", 1) if line.startswith("        # ") else line for line in text.splitlines()]
    with_host = yaml.safe_load("\n".join(lines))["all"]["children"]
    assert with_host["bot"]["hosts"]["bot.example.com"] == {"ansible_host": "192.0.2.10", "ansible_user": "admin"}
    assert (ROOT / "inventories/example/hosts.yml").read_text() == inventory_text("example")
