"""Looking never touches live data: a bot that migrates its database when it is imported, read in every way there is."""

from __future__ import annotations

import sqlite3
import sys

import pytest
from shipyard import yard

pytestmark = pytest.mark.slow
PYTHON = """
import os, sqlite3, discord
from pathlib import Path
os.makedirs("data", exist_ok=True)
database = sqlite3.connect(Path(__file__).parent / "data/bot.db")
database.execute("create table if not exists {table} (name)")
database.commit()
open("data/log.txt", "a").write("imported {table}")
if Path("state.db").exists():
    Path("state.db").write_text("{table}")
client = discord.Client(intents=discord.Intents.none())
tree = discord.app_commands.CommandTree(client)
{commands}
"""
PYTHON_COMMAND = """
@tree.command(name="{name}", description="{table}")
async def run_{name}(interaction): ...
"""
NODE = """
const fs = require('fs');
const path = require('path');
fs.mkdirSync('data', {{ recursive: true }});
fs.appendFileSync(path.join(__dirname, '../data/bot.db'), '{table}');
fs.appendFileSync('data/log.txt', '{table}');
if (fs.existsSync('state.db')) fs.writeFileSync('state.db', '{table}');
module.exports = [{commands}];
"""
NODE_COMMAND = "{{ name: '{name}', description: '{table}', execute() {{}} }},"
SOURCES = {
    "discord.py": {"source": "discord.py", "object": "tree:tree", "interpreter": sys.executable},
    "discord.js": {"source": "discord.js", "folder": "commands"},
}


def migrating(ship, kind, table, *names):
    """Commits a version that makes a table whenever its code is loaded."""
    code, one = (PYTHON, PYTHON_COMMAND) if kind == "discord.py" else (NODE, NODE_COMMAND)
    commands = "".join(one.format(name=name, table=table) for name in names)
    file = "bot/tree.py" if kind == "discord.py" else "bot/commands/all.js"
    ship.write(file, code.format(table=table, commands=commands))
    return ship.commit()


def live(ship):
    """Every byte that the bot which runs has: what its releases share, and what it wrote into its own folder."""
    shared = {str(path.relative_to(ship.place)): path for path in (ship.place / "shared").rglob("*") if path.is_file()}
    own = {"state.db": ship.place / "current/state.db"}
    return {name: path.read_bytes() for name, path in (shared | own).items() if path.exists()}


@pytest.mark.parametrize(
    ("kind", "isolation"),
    [
        ("discord.py", "bubblewrap"),
        ("discord.js", "none"),
        pytest.param("discord.js", "bubblewrap", marks=pytest.mark.exhaustive),
        pytest.param("discord.py", "none", marks=pytest.mark.exhaustive),
    ],
)
def test_reading_commands_never_touches_live_data(tmp_path, request, kind, isolation):
    """Validate, diff, a dry run, a refused deployment, and the builds and tests of one that goes ahead."""
    if isolation == "bubblewrap":
        request.getfixturevalue("bubblewrap_works")
    source = {**SOURCES[kind], "isolation": isolation}
    if kind == "discord.js":
        source["interpreter"] = str(request.getfixturevalue("node_client").node)
    load = [sys.executable, "tree.py"] if kind == "discord.py" else [source["interpreter"], "commands/all.js"]
    with yard(tmp_path) as ship:

        def profile(**fields):
            ship.profile(repo="bot", commands=source, service={**ship.usual(), "shared": ["data/"], **fields})

        (ship.repo / "commands/ping.json").unlink()
        profile()
        migrating(ship, kind, "first", "ping", "pong")
        ran = ship.deploy()
        assert ran.code == 0, ran
        assert live(ship) == {}  # reading the first commands made no database in the place of the bot's own
        database = sqlite3.connect(ship.place / "shared/data/bot.db")
        database.execute("create table members (name)")
        database.commit()
        database.close()
        (ship.place / "current/state.db").write_text("live")
        before = live(ship)
        assert sorted(before) == ["shared/data/bot.db", "state.db"]
        first = ship.git("rev-parse", "HEAD")
        looks = ("validate", "diff", "deploy --dry-run", "drift", "doctor", f"detect --since {first}")
        for look in looks:  # the live release, which shares the data
            ran = ship.inv(*look.split()[:1], "--env", "dev", *look.split()[1:])
            assert ran.code == 0 or look == "doctor", ran
            assert live(ship) == before, look
        migrating(ship, kind, "second", "ping")
        profile(build=[load], test=[load])
        for look in looks[:3]:
            assert ship.inv(*look.split()[:1], "--env", "dev", *look.split()[1:]).code == 0 or look == "doctor", look
            assert live(ship) == before, look
        refused = ship.deploy()
        assert refused.code == 3, refused
        assert "deletes 1 of 2 commands" in str(refused)
        assert live(ship) == before
        ran = ship.deploy("--yes", "--allow-delete", "1")
        assert ran.code == 0, ran
        after = live(ship)
        assert after == {"shared/data/bot.db": before["shared/data/bot.db"]}
        assert (ship.place / "current/data").is_symlink()
        profile(build=[load], test=[load, [*load, "again"]])  # a new test of the release that runs
        migrating(ship, kind, "second", "ping")
        assert ship.deploy("--yes").code == 0
        assert live(ship) == after
        assert not list((ship.place / "releases").glob(".apart*"))
