"""A bot that nobody here wrote, with data on disk, on a real host: Red-DiscordBot as it is published.

What it is forbidden there is told in its log's words with what allows it; with its data in `shared` it runs, and a
rollback leaves the data alone.
"""

from __future__ import annotations

import json
import shutil

import pytest
from coast import ROOT, Coast, timed
from desk import ROOT as REPO

from botswain.sandbox.process import running_server

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

VERSION = "3.5.24"
START = """
set -e
{settings}
export RED_TOKEN=$DISCORD_TOKEN
DATA=${{DATA:-$PWD/data/red}}
[ -e "${{XDG_CONFIG_HOME:-$HOME/.config}}/Red-DiscordBot/config.json" ] ||
  .venv/bin/redbot-setup --no-prompt --instance-name red --data-path "$DATA" --backend json
exec .venv/bin/python -m redbot red --no-prompt --prefix ! --load-cogs downloader
"""
INSIDE = 'export XDG_CONFIG_HOME="$PWD/data/config"'
"""By its documentation, Red's own settings are below this folder."""


class Red(Coast):
    """A repository with a start script and the one requirement."""

    def ship(self, **fields):
        """Writes the profile."""
        usual = {
            "run": ["sh", "start.sh"], "shared": ["data/"], "health": {"deadline": 60, "stable_for": 12},
            "build": [["/usr/bin/python3", "-m", "venv", ".venv"],
                      [".venv/bin/pip", "install", "-q", "-r", "requirements.txt"]],
            "environment": {"PYTHONPATH": "preload"}, "stop_timeout": 15,
        }  # fmt: skip
        super().ship(**{**usual, **fields})

    def version(self, name, settings=INSIDE):
        """Commits a version that starts with these settings."""
        self.write("bot/requirements.txt", f"Red-DiscordBot=={VERSION}\n")
        self.write("bot/start.sh", START.format(settings=settings))
        self.write("bot/name", name)
        return self.commit()

    def log(self):
        """What it printed last."""
        return self.inv("logs", "--env", "dev", "--lines", "200")


@pytest.fixture(scope="module")
def red(lab, tmp_path_factory):
    """A provisioned machine, and Red's repository."""
    machine = lab.start("ship", ["python3-venv", "systemd-timesyncd"])
    try:
        with running_server() as api:
            made = Red(tmp_path_factory.mktemp("project"), api, machine)
            (made.repo / "bot.py").unlink()
            shutil.copytree(REPO / "botswain/preload/python", made.repo / "preload")
            made.provision()
            yield made
    finally:
        machine.stop()


def test_where_it_writes_by_itself_is_forbidden_and_told_with_what_allows_it(red):
    """Red keeps settings below its home, which the unit does not let it write to: the failed deployment says so."""
    red.version("as published", settings="")
    with timed("Red: first build and failed start"):
        ran = red.deploy()
    assert ran.code in {1, 4}, ran
    assert "Read-only file system" in json.dumps(ran.document)
    assert "ProtectSystem=strict" in ran.document["error"]
    assert "service.shared" in ran.document["error"]
    assert "bot_writable_paths" in ran.document["error"]
    told = red.inv("doctor", "--env", "dev", "--json").document["looks"]
    assert any("Read-only file system" in one["detail"] and "service.shared" in one["fix"] for one in told)
    assert "note: `" in red.log().err
    assert "ProtectSystem=strict" in red.log().err


def test_with_its_data_in_shared_it_runs_and_a_rollback_leaves_the_data(red):
    """It logs in, keeps its data through deployments and a rollback, and nothing else was forbidden."""
    red.version("one")
    with timed("Red: deploy"):
        ran = red.deploy()
    assert ran.code == 0, ran
    told = red.log()
    assert f"{VERSION}" in told.out
    assert "Connected to Discord" in told.out
    assert "note:" not in told.err, told
    data = f"{ROOT}/shared/data"
    kept = red.on(f"cd {data} && find . -type f | sort")
    assert "config.json" in kept
    assert "settings.json" in kept
    red.on(f"echo mine >{data}/red/mine && chown botswain-dev: {data}/red/mine")
    first = red.current()
    red.version("two")
    assert red.deploy().code == 0
    with timed("Red: rollback"):
        ran = red.rollback("--only", "service")
    assert ran.code == 0, ran
    assert red.current() == first
    assert red.on(f"cat {data}/red/mine; systemctl is-active botswain-dev") == "mine\nactive"
    looks = red.inv("doctor", "--env", "dev", "--json").document["looks"]
    assert [one for one in looks if one["look"] == "host ship" and one["verdict"] != "good"] == []


def test_a_variable_of_the_role_allows_what_was_forbidden(red):
    """What the hint names is enough: with `bot_writable_paths` the published start works outside of shared."""
    (red.folder / "inventories/dev/group_vars").mkdir()
    red.write("inventories/dev/group_vars/all.yml", "bot_writable_paths: [/var/lib/red]\n")
    ran = red.inv("provision", "--env", "dev")
    assert ran.code == 0, ran
    assert red.inv("provision", "--env", "dev").out == "ship: nothing to change\n"
    red.version("outside", settings="export XDG_CONFIG_HOME=/var/lib/red DATA=/var/lib/red/data")
    ran = red.deploy()
    assert ran.code == 0, ran
    assert red.on("stat -c %U /var/lib/red; ls /var/lib/red/Red-DiscordBot/config.json").split()[0] == "botswain-dev"


TRIES = {
    "netlink": ("import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)", "bot_address_families"),
    "affinity": ("import os\nos.sched_setaffinity(0, {0})", "bot_system_calls: ['@resources']"),
    "memory": ("import mmap\nmmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)", "bot_write_execute: true"),
    "homes": ("import os\nos.listdir('/root')", "ProtectHome"),
    "devices": ("open('/dev/kmsg')", "PrivateDevices"),
    "ports": ("import http.server\nhttp.server.HTTPServer(('', 80), None)", "below 1024"),
    "threads": ("import threading, time\nfor _ in range(9999): threading.Thread(target=time.sleep, args=(9,)).start()",
                "bot_tasks_max"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRIES)
def test_each_restriction_is_known_by_real_words(red, name):
    """A bot that runs into it fails its deployment, whose one line names the variable or setting that lifts it."""
    if name == "threads" and red.on("stat -fc %T /sys/fs/cgroup") != "cgroup2fs":
        pytest.skip("no version 2 of control groups here")
    tried, lift = TRIES[name]
    red.version("as before")
    red.write("bot/try.py", tried)
    red.commit()
    red.ship(run=["/usr/bin/python3", "try.py"], build=[])
    if name == "threads" and red.on("cat /sys/fs/cgroup/cgroup.controllers").find("pids") < 0:
        pytest.skip("TasksMax has no effect on this computer")
    ran = red.deploy()
    red.ship()
    assert ran.code == 4, ran
    assert lift in ran.document["error"]
