"""An unchanged bot runs against the sandbox: a preload points its library at DISCORD_API, without a line of the bot."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import venv
from pathlib import Path

import httpx
import pytest
from clients import bots, node
from desk import ROOT
from standin import until

from botswain.sandbox.process import running_server

pytestmark = pytest.mark.slow

APP, GUILD = "111111111111111111", "222222222222222222"
TOKEN = base64.urlsafe_b64encode(APP.encode()).decode().rstrip("=") + ".made-up.token"
NODE_PRELOAD = ROOT / "botswain/preload/discord.cjs"
PYTHON_PRELOAD = ROOT / "botswain/preload/python"


@pytest.fixture
def control():
    """Control of a server of its own, where one guild exists."""
    with running_server() as url:
        made = bots.Control(url)
        made.url = url
        made.post("guilds", guild_id=GUILD, name="Ship", channels=[{"name": "deck"}])
        yield made
        made.close()


def variables(control, **more):
    """What the bot gets."""
    api = {"DISCORD_API": f"{control.url}/api", "DISCORD_TOKEN": TOKEN, "GUILD": GUILD}
    return {**node.environment(), **api, **more}


def live(control):
    """The names of the guild's commands."""
    return [one["name"] for one in control.api("GET", f"/applications/{APP}/guilds/{GUILD}/commands", TOKEN).json()]


def answers(control, bot):
    """The bot is in, its command was registered in the sandbox, and somebody who uses it gets an answer."""
    assert bot.wait("ready")["user"] == APP
    assert live(control) == ["two"]
    told = control.ask(GUILD, "two")
    if not told["responses"]:  # Pycord is ready before it has read what it registered
        told = control.ask(GUILD, "two")
    assert [one["message"]["content"] for one in told["responses"]] == ["did two"]


@pytest.mark.parametrize("method", ["import", "require"])
def test_an_unchanged_discord_js_bot_runs_against_the_sandbox(control, node_client, method):
    """REST and gateway of discord.js, @discordjs/rest alone and fetch all reach the sandbox, whatever loads them."""
    preload = f'--require="{NODE_PRELOAD}"'
    environment = variables(control, NODE_OPTIONS=preload, METHOD=method)
    with bots.running(node_client.command("unchanged.mjs"), environment) as bot:
        assert bot.wait("registered")["names"] == ["one"]
        assert bot.wait("registered")["names"] == ["two"]
        assert bot.wait("fetched")["status"] == 200
        answers(control, bot)


@pytest.mark.parametrize("library", ["discord.py", "hikari"])
def test_an_unchanged_bot_in_python_runs_against_the_sandbox(control, library):
    """Requests and gateway of a library that uses aiohttp reach the sandbox."""
    environment = variables(control, PYTHONPATH=str(PYTHON_PRELOAD))
    with bots.running(bots.python("unchanged.py", library), environment) as bot:
        assert bot.wait("registered")["names"] == ["two"]
        answers(control, bot)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("library", "package"), [("Pycord", "py-cord"), ("disnake", "disnake"), ("nextcord", "nextcord")]
)
def test_an_unchanged_bot_of_a_fork_of_discord_py_runs_against_the_sandbox(control, tmp_path, library, package):
    """The forks are redirected alike."""
    venv.create(tmp_path / "venv", with_pip=False)
    python = str(tmp_path / "venv/bin/python")
    more = ["audioop-lts", "legacy-cgi"] if sys.version_info >= (3, 13) else []
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", package, "setuptools<81", *more]
    subprocess.run(install, check=True, timeout=300)
    command = [python, "-W", "ignore", str(bots.SCRIPTS / "unchanged.py"), library]
    with bots.running(command, variables(control, PYTHONPATH=str(PYTHON_PRELOAD))) as bot:
        answers(control, bot)


def output(command, **environment):
    """What a program prints on stdout and stderr."""
    done = subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout + done.stderr


def test_a_preload_says_which_address_it_cannot_use(node_client):
    """DISCORD_API ends in /api; another address is named, and nothing is redirected."""
    said = "botswain: DISCORD_API must be a URL that ends in /api, not http://127.0.0.1:1; not used\n"
    options = {"DISCORD_API": "http://127.0.0.1:1"}
    assert output([node_client.node, "-e", ""], NODE_OPTIONS=f"--require={NODE_PRELOAD}", **options) == said
    assert output([sys.executable, "-c", ""], PYTHONPATH=str(PYTHON_PRELOAD), **options) == said


def test_a_preload_leaves_all_other_hosts_alone(node_client, control):
    """Only Discord's API and gateway are redirected: everything else goes where it was meant to."""
    script = (
        "const tls = require('node:tls'); tls.connect({host: 'localhost', port: 1, servername: 'example.com'})"
        ".on('error', (error) => console.log(error.syscall, error.port));"
    )
    environment = {"NODE_OPTIONS": f"--require={NODE_PRELOAD}", "DISCORD_API": f"{control.url}/api"}
    assert output([node_client.node, "-e", script], **environment).startswith("connect 1")
    with httpx.Client(trust_env=False) as other:
        before = len(other.get(f"{control.url}/sandbox/log").json())
    script = (
        "import aiohttp, asyncio\n"
        "async def go():\n"
        "    async with aiohttp.ClientSession() as s:\n"
        "        try: await s.get('http://127.0.0.1:1/api/v10/gateway')\n"
        "        except aiohttp.ClientConnectorError as e: print(e.port)\n"
        "asyncio.run(go())\n"
    )
    environment = {"PYTHONPATH": str(PYTHON_PRELOAD), "DISCORD_API": f"{control.url}/api"}
    assert output([sys.executable, "-c", script], **environment) == "1\n"
    with httpx.Client(trust_env=False) as other:
        assert len(other.get(f"{control.url}/sandbox/log").json()) == before


def test_the_preload_for_python_keeps_the_sitecustomize_behind_it(tmp_path: Path):
    """A distribution's own sitecustomize is still run."""
    (tmp_path / "sitecustomize.py").write_text("print('theirs')")
    path = f"{PYTHON_PRELOAD}:{tmp_path}"
    assert output([sys.executable, "-c", ""], PYTHONPATH=path) == "theirs\n"


def test_a_profile_with_api_sandbox_runs_an_unchanged_bot(tmp_path, node_client):
    """`api: sandbox` is all that it takes: bots in JavaScript and Python log in to the double beside them."""
    from shipyard import yard

    runs = {
        "js": [str(node_client.node), str(node_client.folder / "unchanged.mjs")],
        "py": [sys.executable, str(bots.SCRIPTS / "unchanged.py"), "discord.py"],
    }
    with yard(tmp_path) as made:
        for name, run in runs.items():
            made.version(name)
            environment = {"GUILD": GUILD, "NODE_OPTIONS": "--no-warnings"}
            made.ship(run=run, environment=environment, health={"stable_for": 0.2})
            ran = made.deploy()
            assert ran.code == 0, ran
            log = made.place / "logs/bot.log"
            until(lambda: '"ready"' in log.read_text())  # noqa: B023 - at once
            log.write_text("")
