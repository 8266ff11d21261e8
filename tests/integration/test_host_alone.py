"""On a real host, too, a release stands alone, and data that it holds is not lost."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import pytest
from hosting import BOT
from serving import Served

from botswain.host import orders

SOUGHT = (
    ".env", ".git", "pyproject.toml", "setup.cfg", "package.json", "node_modules", ".venv", ".npmrc", ".tool-versions",
    "pytest.ini", "tsconfig.json", ".yarnrc.yml", "pnpm-workspace.yaml",
)  # fmt: skip
PROBE = f"""
import json, os, subprocess
from pathlib import Path

def seen():
    above = [str(one / name) for one in Path.cwd().parents for name in {SOUGHT} if os.path.lexists(one / name)]
    git = subprocess.run(["git", "rev-parse", "--show-toplevel"], capture_output=True, text=True)
    nearest = next((one for one in above if one.endswith("/.env")), "")
    return json.dumps({{"above": above, "git": [git.returncode, git.stderr], "variables": dict(os.environ),
                        "dotenv": [nearest, Path(nearest).read_text() if nearest else ""]}})
"""


@pytest.fixture
def served(debian):
    """A bot's place on a machine, as it is provisioned."""
    made = Served(debian)
    yield made
    debian.run("rm -rf /srv/botswain/.env /srv/botswain/.git")
    made.remove()


def test_a_release_of_a_host_stands_alone(served):
    """Nothing that tools look for lies above it; git and a search for a .env end at it even where something did."""
    probe = ("/usr/bin/python3", "-c", "import probe; open('seen.json', 'w').write(probe.seen())")
    served.service = replace(served.service, build=(probe,))
    tells = "import probe\nopen('../../shared/seen.json', 'w').write(probe.seen())"
    bot = f"import sys; sys.path.insert(0, '.')\n{tells}\n{BOT}"
    commit = served.send(bot_DOT_py=bot, probe_DOT_py=PROBE, mode="well")
    for planted in (False, True):
        if planted:
            plant = "git init -q /srv/botswain; echo DISCORD_PROD_TOKEN=planted-and-never-read > /srv/botswain/.env"
            served.machine.run(plant)
            commit = served.send(mode="well 2")
        done = served.deploy(served.one(served.order(commit))["release"])
        assert served.one(orders.Confirm(done.token, "ann"))["confirmed"]
        built = json.loads(served.machine.run(f"cat {served.root}/releases/{done.release}/seen.json").stdout)
        ran = json.loads(served.machine.run(f"cat {served.root}/shared/seen.json").stdout)
        for one in (built, ran):
            above = [path for path in one["above"] if not path.startswith("/srv/botswain/.")]
            assert above == [f"{served.root}/.env"]
            assert one["dotenv"] == [f"{served.root}/.env", ""]
            assert (one["git"][0], "not a git repository" in one["git"][1]) == (128, True)
            names = set(one["variables"])
            assert not {"VIRTUAL_ENV", "PYTHONPATH", "GIT_DIR", "GIT_WORK_TREE", "NODE_PATH"} & names
            assert one["variables"]["PYTHONUNBUFFERED"] == "1"


def test_data_in_a_release_of_a_host_is_told_and_brought_along(served):
    """The look names it; a release that would not have it is refused, with commands that work there."""
    old = served.ship()
    folder = f"{served.root}/releases/{old}"
    served.machine.run(f"sleep 0.1; echo rows > {folder}/bot.db; chown {served.user}: {folder}/bot.db")
    assert served.look().data == ["bot.db"]
    served.service = replace(served.service, shared=("bot.db",))
    view = served.one(orders.Look(served.service))
    assert view["to_bring"] == ["bot.db"]
    commit = served.send(mode="well 2")
    error = served.fails(served.order(commit))
    assert error["what"] == "bot.db is to be shared by all releases, and its data is still in the live release alone"
    way = error["fix"].partition("on the host: sudo ")[2].partition("; then: ./inv")[0]
    served.machine.run(shlex.join(shlex.split(way)))
    served.well(old)  # it goes on meanwhile, with the same data
    new = served.ship("well 2")
    for release in (old, new):
        assert served.machine.run(f"cat {served.root}/releases/{release}/bot.db").stdout == "rows\n"
    owner = served.machine.run(f"stat -c %U {served.root}/shared/bot.db").stdout
    assert owner.strip() == served.user
