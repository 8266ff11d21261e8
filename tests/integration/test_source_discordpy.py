"""discord.py bots as people write them, read by a Python of their own: every way to a tree, and every way to fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from clients import sample_bots as bots
from test_source_program import gone

from botswain.commands.sources.read import Found, isolated, read
from botswain.errors import BotswainError, InvalidInput
from botswain.profile.settings import Source

pytestmark = pytest.mark.slow

HEAD = "import discord\nfrom discord import app_commands\nfrom discord.ext import commands\n"
TREE = f"{HEAD}client = discord.Client(intents=discord.Intents.none())\ntree = app_commands.CommandTree(client)\n"
PING = "@tree.command()\nasync def ping(interaction: discord.Interaction):\n    '''Answers.'''\n"
SYNCED = """
import asyncio, json, sys
import discord
sys.path.insert(0, ".")
sent = []
async def put(_, application, *guild, payload):
    sent.extend([guild, one] for one in payload)
    return []
async def main():
    from bot import bot
    discord.http.HTTPClient.bulk_upsert_global_commands = put
    discord.http.HTTPClient.bulk_upsert_guild_commands = put
    bot._connection.application_id = 5
    await bot._async_setup_hook()
    await bot.setup_hook()
    await bot.tree.sync()
asyncio.run(main())
print(json.dumps(sent))
"""
"""What the sample bot itself sends to Discord when it starts."""
LOST = (
    "ping: texts are locale_str, but the tree has no translator; are translations set in setup_hook? then say"
    " setup_hook: true"
)


@pytest.fixture(scope="session")
def old(tmp_path_factory) -> Path:
    """A virtual environment with the oldest discord.py that is supported."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "botswain-tests"
    try:
        return bots.old_discord_py(Path(os.environ.get("BOTSWAIN_TEST_CACHE") or default))
    except subprocess.CalledProcessError as error:
        pytest.fail(f"pip failed:\n{error.stderr.decode()}")


class Bot:
    """A bot of its own in `bot`, below the working directory."""

    def __init__(self) -> None:
        self.repo = Path("bot")
        self.interpreter: str | None = sys.executable

    def copied(self) -> Bot:
        """The sample bot."""
        bots.copy("python", self.repo)
        return self

    def write(self, text: str, name: str = "bot.py") -> Bot:
        """Writes a module."""
        path = self.repo / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return self

    def source(self, object_: str = "bot:tree", **fields) -> Source:
        """The profile's `commands`."""
        return Source("discord.py", self.repo, object=object_, **{"interpreter": self.interpreter, **fields})

    def read(self, object_: str = "bot:tree", **fields) -> Found:
        """What is read."""
        return read(self.source(object_, **fields))

    def names(self, object_: str = "bot:tree", **fields) -> list[str]:
        """The names of what is read."""
        return sorted(one.name for one in self.read(object_, **fields).definitions)

    def problems(self, object_: str = "bot:tree", **fields) -> list[str]:
        """What is wrong."""
        with pytest.raises(InvalidInput) as caught:
            self.read(object_, **fields)
        return [str(problem) for problem in caught.value.problems]


@pytest.fixture
def bot(tmp_path, monkeypatch) -> Bot:
    """A bot without anything yet, of the Python and discord.py that run the tests."""
    monkeypatch.chdir(tmp_path)
    return Bot()


@pytest.fixture(params=["oldest", "newest"])
def any_bot(bot, request) -> Bot:
    """The same, once with the oldest discord.py, which stands in the bot's own .venv."""
    if request.param == "oldest":
        bot.copied()
        (bot.repo / ".venv").symlink_to(request.getfixturevalue("old"))
        bot.interpreter = None
        return bot
    return bot.copied()


def test_what_the_bot_itself_would_sync(any_bot):
    """Every command and field as its own start sends them: cogs, hybrids, groups, menus, translations."""
    found = any_bot.read("bot:bot", setup_hook=True)
    python = any_bot.repo / ".venv/bin/python" if any_bot.interpreter is None else sys.executable
    done = subprocess.run(
        [Path(python).absolute(), "-W", "ignore", "-c", SYNCED], cwd=any_bot.repo, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    theirs = {}
    for _, one in json.loads(done.stdout):
        theirs.setdefault(one["name"], one)
    for one in theirs.values():
        permissions = one["default_member_permissions"]
        one["default_member_permissions"] = None if permissions is None else str(permissions)
    assert {one.name: one.payload for one in found.definitions} == theirs
    assert sorted(theirs) == ["Report This", "dice", "guess", "ping", "treasure"]
    files = {one.name: one.file for one in found.definitions}
    assert (files["dice"], files["guess"]) == ("bot/cogs/games.py", "bot/cogs/games.py")
    assert (files["ping"], files["Report This"]) == ("bot/bot.py", "bot/bot.py")
    assert found.notes == ("the code binds /treasure to guilds of its own; the profile decides where they go instead",)
    payloads = {one.name: one.payload for one in found.definitions}
    assert payloads["ping"]["name_localizations"] == {"de": "klopfen"}
    assert payloads["dice"]["options"][0]["options"][0]["max_value"] == 1000


def test_extensions(any_bot):
    """`cogs.*` is every extension of the package and of packages in it; what has no setup is told, not fatal."""
    found = any_bot.read("bot:bot", extensions=("cogs.*",))
    assert sorted(one.name for one in found.definitions) == ["Report This", "dice", "guess", "kick", "ping", "treasure"]
    assert {one.name: one.file for one in found.definitions}["kick"] == "bot/cogs/admin/kick.py"
    assert found.notes[1:] == (LOST,)
    assert [str(one) for one in found.left_out] == ["bot/cogs/shared.py: has no setup function"]
    assert any_bot.names("bot:bot", extensions=("cogs.admin.kick",)) == ["Report This", "kick", "ping", "treasure"]
    assert "kick" in any_bot.names("bot:bot", extensions=("cogs.*",), setup_hook=True)


@pytest.mark.parametrize("name", ["client", "tree", "client.tree", "Client", "make", "make_later"])
def test_every_way_to_a_tree(bot, name):
    """A tree, a client, a class, a function of either kind."""
    assert bot.copied().names(f"trees:{name}") == ["from-class"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("trees:make_for", "trees:make_for wants token; name a function without parameters that makes the bot"),
        (
            "trees:nothing",
            "trees:nothing is a str, not a CommandTree, a Client or Bot with one as `tree`, or what makes one",
        ),
        ("trees:treee", 'trees:treee: there is no "treee"; did you mean "tree"?'),
    ],
)
def test_no_way_to_a_tree(bot, name, told):
    """What the profile names is none, and why."""
    assert bot.copied().problems(name) == [f"bot/trees.py: commands.object: {told}"]


def test_modules_that_are_not_there(bot):
    """A misspelt module of the bot, and one that its requirements would bring."""
    bot.copied()
    (told,) = bot.problems("tres:tree")
    assert told.endswith('commands.object: there is no module "tres" in the bot\'s repository')
    (told,) = bot.problems("bot:bot", extensions=("gocs.*",))
    assert told.endswith('commands.extensions: there is no module "gocs" in the bot\'s repository')
    bot.write(f"import no_such_package.part\n{TREE}", "needs.py")
    (told,) = bot.problems("needs:tree")
    assert told.startswith('bot/needs.py: line 1: cannot find "no_such_package"; install the bot\'s requirements in ')
    assert told.endswith(f"{sys.executable} (-m pip install …), or name the bot's Python in commands.interpreter")


def test_a_python_without_discord(bot, tmp_path):
    """It says which Python that is, for it is seldom the one that people think of."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "empty"], check=True)
    bot.write(TREE)
    (told,) = bot.problems(interpreter=str(tmp_path / "empty/bin/python"))
    assert told.startswith(
        f'bot/bot.py: cannot find "discord"; install discord.py in {tmp_path}/empty/bin/python (-m pip'
    )
    with pytest.raises(BotswainError) as caught:
        bot.read(interpreter="no-such-python")
    assert str(caught.value) == "bot: no-such-python is no program; name the bot's Python in commands.interpreter"


def test_another_library_called_discord(bot):
    """Pycord has the same name, and another way to define commands."""
    bot.write("__title__ = 'pycord'\n__version__ = '2.6.1'\n", "discord.py").write("")
    assert bot.problems() == [
        "bot/bot.py: commands.source: the bot's library is pycord 2.6.1, not discord.py 2; use source: program"
    ]


def test_all_problems_of_all_extensions_at_once(bot):
    """Each with its file and line, and what to do about a variable that is missing."""
    bot.copied().write("x = = 1\n", "cogs/syntax.py").write("import os\nos.environ['API_KEY']\n", "cogs/variable.py")
    bot.write("async def setup(bot):\n    raise ValueError('no\\nluck')\n", "cogs/fails.py")
    bot.write("import sys\nsys.exit(2)\n", "cogs/ends.py")
    bot.write("def setup(bot):\n    pass\n", "cogs/wrong.py")
    told = [one.removeprefix("bot/cogs/") for one in bot.problems("bot:bot", extensions=("cogs.*", "cogs.none"))]
    assert "syntax.py: line 1: SyntaxError: invalid syntax" in told
    assert "fails.py: line 2: ValueError: no luck" in told
    assert "variable.py: line 2: KeyError: 'API_KEY'; give API_KEY a made-up value in commands.environment" in told
    assert "ends.py: ends the process with 2; let it end only when the bot runs" in told
    assert len([one for one in told if one.startswith("wrong.py: ")]) == 1
    assert len([one for one in told if "cogs.none" in one]) == 1
    assert len(told) == 6


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("while True: pass", "did not finish loading within 1 s; let it start what takes time"),
        (
            "import os; print('bye', flush=True); os._exit(0)",
            "ended the process with exit code 0 during loading (it said",
        ),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "was killed by SIGSEGV during loading; run it by"),
    ],
)
def test_a_module_that_never_finishes_is_named(bot, code, told):
    """The extension that it was at, with the problems of those before it."""
    bot.copied().write("1 / 0\n", "cogs/a.py").write(f"{code}\n", "cogs/b.py")
    begin = time.monotonic()
    first, second = bot.problems("bot:bot", extensions=("cogs.*",), timeout=3 if "within" in told else 60)
    assert first == "bot/cogs/a.py: line 1: ZeroDivisionError: division by zero"
    assert second.startswith(f"bot/cogs/b.py: {told}".replace("within 1 s", "within 3 s"))
    assert time.monotonic() - begin < 20


def test_a_setup_hook_that_waits_for_discord(bot):
    """It is named as what did not finish, and not the file as a whole."""
    bot.write(
        f"{HEAD}class Bot(commands.Bot):\n    async def setup_hook(self):\n        await self.wait_until_ready()\n"
        "bot = Bot('!', intents=discord.Intents.none())\n"
    )
    (told,) = bot.problems("bot:bot", setup_hook=True, timeout=3)
    assert told.startswith("bot/bot.py: did not finish setup_hook() within 3 s")
    assert bot.names("bot:bot") == []


def test_a_task_that_refuses_to_end_holds_nobody_up(bot):
    """A bot's background task may catch whatever is thrown at it, for ever; its commands were told by then."""
    bot.write(
        f"{HEAD}import asyncio\nclass Bot(commands.Bot):\n"
        "    async def setup_hook(self):\n        self.task = asyncio.create_task(self.stubborn())\n"
        "        await asyncio.sleep(0)\n"
        "    async def stubborn(self):\n        while True:\n            try:\n"
        "                await asyncio.sleep(0.01)\n"
        "            except BaseException:\n                while True:\n                    pass\n"
        "bot = Bot('!', intents=discord.Intents.none())\n"
        "@bot.tree.command()\nasync def ping(interaction: discord.Interaction):\n    '''Answers.'''\n"
    )
    assert bot.names("bot:bot", setup_hook=True, timeout=15) == ["ping"]


@pytest.mark.parametrize("inside", ["asyncio.run(asyncio.sleep(0))", "asyncio.get_running_loop()"])
def test_what_makes_the_bot_may_use_a_loop_of_its_own_or_the_one_that_runs(bot, inside):
    """Both are done: a constructor that runs something to its end, and one that wants a loop to be running."""
    bot.write(
        f"{HEAD}import asyncio\ndef make():\n    {inside}\n"
        "    bot = commands.Bot('!', intents=discord.Intents.none())\n"
        "    @bot.tree.command()\n    async def ping(interaction: discord.Interaction):\n        '''Answers.'''\n"
        "    return bot\n"
    )
    assert bot.names("bot:make") == ["ping"]


def test_nothing_logs_in_and_nothing_asks_discord(bot):
    """A script that runs its bot when it is imported is read all the same; a request is an error of its place."""
    bot.write(f"{TREE}{PING}client.run('made.up.token')\nprint('[{{\"name\": \"no\"}}]' * 1000)\n")
    assert bot.names() == ["ping"]
    bot.write(
        f"{HEAD}bot = commands.Bot('!', intents=discord.Intents.none())\n"
        "@bot.tree.command()\nasync def ping(interaction: discord.Interaction):\n    '''Answers.'''\n"
        "async def main():\n    async with bot:\n"
        "        await bot.load_extension('cog')\n        await bot.start('x')\n"
        "import asyncio\nasyncio.run(main())\n"
    )
    bot.write(
        f"{HEAD}class Cog(commands.Cog):\n    @app_commands.command()\n"
        "    async def pong(self, interaction: discord.Interaction):\n        '''Answers.'''\n"
        "async def setup(bot):\n    await bot.add_cog(Cog())\n",
        "cog.py",
    )
    assert bot.names("bot:bot") == ["ping", "pong"]
    bot.write(
        f"{HEAD}class Bot(commands.Bot):\n    async def setup_hook(self):\n        await self.fetch_guild(5)\n"
        "bot = Bot('!', intents=discord.Intents.none())\n"
    )
    assert bot.problems("bot:bot", setup_hook=True) == [
        "bot/bot.py: line 6: RuntimeError: asked Discord while commands are read; call Discord only when the bot runs"
    ]


def test_a_sync_in_the_setup_hook_does_nothing(bot):
    """Also where the bot has a tree of its own class; its commands are read once."""
    bot.write(
        f"{HEAD}class Tree(app_commands.CommandTree):\n    async def sync(self, *, guild=None):\n"
        "        synced = await super().sync(guild=guild)\n        assert synced == []\n        return synced\n"
        "class Bot(commands.Bot):\n    async def setup_hook(self):\n        await self.tree.sync()\n"
        "bot = Bot('!', intents=discord.Intents.none(), tree_cls=Tree)\n"
        "@bot.tree.command()\nasync def ping(interaction: discord.Interaction):\n    '''Answers.'''\n"
    )
    assert bot.names("bot:bot", setup_hook=True) == ["ping"]


def test_translations_that_nobody_would_make(bot):
    """Texts marked as locale_str want a translator; where the setup_hook sets it, that is what to say."""
    translator = (
        "class Mine(app_commands.Translator):\n    async def translate(self, string, locale, context):\n"
        "        return 'x' if str(locale) == 'de' else None\n"
        "class Bot(commands.Bot):\n    async def setup_hook(self):\n        await self.tree.set_translator(Mine())\n"
        "bot = Bot('!', intents=discord.Intents.none())\n"
    )
    marked = (
        "@bot.tree.command(description=app_commands.locale_str('Answers'))\n"
        "async def ping(i: discord.Interaction): ...\n"
    )
    plain = "@bot.tree.command(description='Pongs')\nasync def pong(i: discord.Interaction): ...\n"
    bot.write(HEAD + translator + marked + plain)
    assert bot.read("bot:bot").notes == (LOST,)
    found = bot.read("bot:bot", setup_hook=True)
    assert found.notes == ()
    assert found.definitions[0].payload["description_localizations"] == {"de": "x"}


def test_one_command_bound_twice(bot):
    """Globally and to a guild it is one; where the two differ, nobody can tell which is meant."""
    again = (
        "@app_commands.command(name='ping', description='{}')\nasync def other(interaction: discord.Interaction): ...\n"
    )
    add = "tree.add_command(other, guild=discord.Object(7))\n"
    found = bot.write(TREE + PING + again.format("Answers.") + add).read()
    assert ([one.name for one in found.definitions], found.notes) == (["ping"], ())
    assert bot.write(TREE + PING + again.format("Answers otherwise.") + add).problems() == [
        "bot/bot.py: /ping: differs for guild 7 from what other guilds or all of them get; make them one command"
    ]


def test_rules_that_discord_py_does_not_know(bot):
    """A command that Discord would refuse is told with its path, although the library let it pass."""
    twice = "".join(
        f"@tree.context_menu(name='M{number}')\nasync def m{number}(i: discord.Interaction, m: discord.Message): ...\n"
        for number in range(2)
    )
    sub = "group = app_commands.Group(name='g', description='x' * 101)\ntree.add_command(group)\n"
    assert bot.write(TREE + twice + sub).problems() == ["bot/bot.py: /g: description has 101 characters; at most 100"]


def test_the_bot_sees_nothing_of_ours(bot, copy, monkeypatch):
    """Not in its variables and arguments; it leaves no compiled file, which would make its tree dirty."""
    for name in ("DISCORD_DEV_TOKEN", "DISCORD_TOKEN", "CI_SECRET", "PYTHONPATH", "PYTHONSTARTUP"):
        monkeypatch.setenv(name, "made-up")
    bot.write(
        f"{TREE}import json, os, subprocess, sys, lib\n"
        "json.dump([dict(os.environ), sys.argv[1:], os.getcwd(), sys.path[0]], open('seen', 'w'))\n"
        "subprocess.Popen(['sleep', '4711.2'])\n"
    ).write("", "lib.py")
    bot.read(environment={"MODE": "read"})
    variables, arguments, folder, path = json.loads((copy / "seen").read_text())
    assert not {"DISCORD_DEV_TOKEN", "DISCORD_TOKEN", "CI_SECRET", "PYTHONPATH", "PYTHONSTARTUP"} & variables.keys()
    assert variables["MODE"] == "read"
    assert arguments == []
    assert folder == path
    assert folder in (str(bot.repo.resolve()), str(copy))
    assert gone("4711.2")
    assert not list(copy.rglob("*.pyc"))


def test_an_isolated_checkout(bot, tmp_path):
    """Read from another folder and not from the first, with the interpreter that stands there."""
    bot.write(TREE + PING)
    there = tmp_path / "there"
    (there / "env").mkdir(parents=True)
    (there / "bot.py").write_text(TREE + PING.replace("ping", "pong"))
    (there / "env/python").symlink_to(sys.executable)
    with pytest.raises(BotswainError):
        bot.read(interpreter="env/python")
    (there / "env/python").unlink()
    (there / "env/python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (there / "env/python").chmod(0o755)
    found = read(isolated(bot.source(interpreter="env/python"), there))
    assert [(one.name, one.file) for one in found.definitions] == [("pong", "there/bot.py")]
