"""Commands in code are those of the commit: what it imports beside that is in no commit, however git hides it."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
from clients import sample_bots as bots
from desk import Desk

from botswain.deployment.deploy import _committed
from botswain.errors import InvalidInput
from botswain.profile.load import load

pytestmark = pytest.mark.slow

PING = "module.exports = { name: 'ping', description: require('../config.js').text, execute() {} };\n"


def git(desk: Desk, *arguments: str) -> str:
    """Runs git in the bot's repository."""
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=desk.folder / "bot", check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def bot(node_client, tmp_path, monkeypatch):
    """A bot whose command imports a file that git ignores; what it needs besides is installed."""
    monkeypatch.chdir(tmp_path)
    made = Desk(tmp_path, {})
    made.node = str(bots.packages(node_client).node)
    write(made)
    made.write("bot/commands/ping.js", PING)
    made.write("bot/.gitignore", "config.js\nnode_modules\n")
    made.write("bot/node_modules/words/index.js", "module.exports = 'installed';\n")
    made.write("bot/config.js", "exports.text = require('words');\n")
    git(made, "init", "-q", "-b", "main")
    git(made, "add", "-A")
    git(made, "commit", "-qm", "one")
    return made


def write(desk: Desk, **commands) -> None:
    """Writes the profile."""
    desk.profile(repo="bot", commands={"source": "discord.js", "interpreter": desk.node, **commands})


def real(desk: Desk):
    """The profile as one of Discord."""
    return replace(load("dev"), api="https://discord.com/api/v10")


def test_code_that_needs_a_file_in_no_commit_is_refused_with_the_way_out(bot):
    """For a real Discord, with what git ignores; what the profile names comes from the work tree, and is told."""
    with pytest.raises(InvalidInput) as error:
        _committed(real(bot))
    told = str(error.value)
    assert "bot/commands/ping.js: " in told
    assert 'line 1: cannot find "../config.js"' in told
    assert "which lacks what git ignores (config.js); commit what the code needs" in told
    assert "botswain-past" not in told
    bot.write("bot/.env", "A=1")
    bot.write("bot/.git/info/exclude", ".env")
    write(bot, uncommitted=["config.js"])
    bot.write("bot/config.js", "require('fs').readFileSync('.env'); exports.text = require('words');\n")
    want, hidden = _committed(real(bot))
    assert ([one["description"] for one in want.scopes.popitem()[1].values()], hidden) == (["installed"], False)
    assert "config.js comes from the work tree (commands.uncommitted in profiles/dev.yaml)" in want.notes


@pytest.mark.parametrize("isolation", ["auto", "none"])
def test_code_in_our_own_checkout_does_not_see_our_variables(bot, isolation):
    """A bot whose repository is Botswain's checkout finds no .env there, where tokens of every environment are."""
    bot.write(".env", "DISCORD_PROD_TOKEN=MTAwMDAwMDAwMDAwMDAwMDk5.GaBcDe.made-up-for-a-test-0123456789abcdef")
    bot.write(".gitignore", ".env\n.botswain\nbot\nprofiles\n")
    seen = "require('fs').existsSync('.env') ? 'seen' : 'not seen'"
    bot.write("commands/ping.js", f"module.exports = {{ name: 'ping', description: {seen}, execute() {{}} }};\n")
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "one")):
        git(bot, "-C", str(bot.folder), *arguments)
    bot.profile(repo=".", commands={"source": "discord.js", "interpreter": bot.node, "isolation": isolation})
    want, _ = _committed(real(bot))
    assert [one["description"] for one in want.scopes.popitem()[1].values()] == ["not seen"]


def test_a_sandbox_takes_code_that_is_in_no_commit_and_says_so(bot):
    """It is recorded as +dirty, though `git status` is silent."""
    head = git(bot, "rev-parse", "HEAD")
    assert git(bot, "status", "--porcelain") == ""
    ran = bot.inv("deploy", "--env", "dev", "--json")
    assert (ran.code, ran.document["deployment"]["gitSha"]) == (0, f"{head}+dirty"), ran
    git(bot, "add", "-f", "config.js")
    git(bot, "commit", "-qm", "two")
    bot.write("bot/config.js", "exports.text = 'Hidden';\n")
    git(bot, "update-index", "--assume-unchanged", "config.js")
    ran = bot.inv("deploy", "--env", "dev", "--json")
    assert bot.live()["ping"]["description"] == "installed"
    bot.write("bot/README", "x")
    git(bot, "add", "README")
    git(bot, "commit", "-qm", "three")
    bot.write("bot/commands/pong.js", PING.replace("'ping'", "'pong'"))
    git(bot, "add", "commands")
    git(bot, "commit", "-qm", "four")
    ran = bot.inv("deploy", "--env", "dev", "--json")
    assert (ran.code, ran.document["deployment"]["gitSha"]) == (0, git(bot, "rev-parse", "HEAD")), ran
    assert {one["description"] for one in bot.live().values()} == {"installed"}


def test_a_folder_that_is_compiled_and_ignored_is_named(bot):
    """`dist/` is in no commit: refused with the choice to build it, or to take it as it is."""
    bot.write("bot/.gitignore", "dist\nnode_modules\n")
    bot.write("bot/dist/commands/pong.js", "module.exports = { name: 'pong', description: 'P', execute() {} };\n")
    git(bot, "add", "-A")
    git(bot, "commit", "-qm", "two")
    write(bot, folder="dist/commands")
    with pytest.raises(InvalidInput, match=r"(?s)bot/dist/commands: there is no such folder.*\(dist/\); commit what"):
        _committed(real(bot))
    write(bot, folder="dist/commands", uncommitted=["dist"])
    want, _ = _committed(real(bot))
    assert want.count == 1
