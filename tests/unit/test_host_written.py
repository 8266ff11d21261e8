"""What a bot wrote into its own release."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import replace

import pytest
from hosting import Host

from botswain.host.errors import HostError
from botswain.host.ledger import Ledger
from botswain.host.written import covered, to_bring, way, written


@pytest.fixture
def host(tmp_path):
    """A place whose live release is built and checked, and whose bot wrote nothing yet."""
    build, test = ("sh", "-c", "mkdir dist; echo built > dist/main.js"), ("sh", "-c", "echo > tested.db")
    made = Host(tmp_path, build=(build,), test=(test,))
    made.commit = made.send(bot_DOT_py="", config_DOT_json="{}", assets___DOT_gitkeep="", docs__a="x")
    made.live = made.prepare(made.commit).id
    made.place.link(made.live)
    Ledger(made.place).add(made.live, "live", by="ann")
    return made


def wrote(made: Host, *names: str) -> None:
    """The bot writes files into its release."""
    time.sleep(0.02)  # a file system's clock is a tick behind
    for name in names:
        path = made.place.release(made.live) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("data")


def test_a_release_that_only_was_built_and_tested_has_no_data(host):
    """What builds and tests leave is no data of the bot."""
    assert written(host.place) == []


def test_files_and_folders_that_the_bot_made_are_named(host):
    """A folder once, where all in it is new; a file where other things lie beside it."""
    wrote(host, "bot.db", "data/a/users.json", "data/b", "docs/new", "assets/x", "bot.db-wal", "bot.db-shm")
    assert written(host.place) == ["assets/", "bot.db", "data/", "docs/new"]


def test_a_committed_file_that_the_bot_changed_is_named(host):
    """What it wrote into its configuration is lost as well."""
    wrote(host, "config.json")
    assert written(host.place) == ["config.json"]


def test_what_tools_leave_is_no_data(host):
    """Compiled modules, caches and logs come again; a link leads elsewhere."""
    wrote(
        host, "__pycache__/bot.pyc", "node_modules/.cache/x", ".venv/x", "bot.log", "logs/today", ".next/x", "bot.pid"
    )
    (host.place.release(host.live) / "etc").symlink_to("/etc")
    assert written(host.place) == []


def test_a_ledger_of_an_earlier_version_knows_the_second(host):
    """Its lines have no exact time."""
    text = host.place.ledger.read_text().replace('"settled"', '"other"')
    host.place.ledger.write_text(text)
    wrote(host, "bot.db")
    later = time.time() + 5
    os.utime(host.place.release(host.live) / "bot.db", (later, later))
    assert written(host.place) == ["bot.db"]


def test_without_a_live_release_there_is_nothing(tmp_path):
    """Before the first deployment, and where its folder is gone."""
    assert written(Host(tmp_path).place) == []


@pytest.mark.parametrize(("path", "shared", "inside"), [
    ("bot.db", ["bot.db"], True), ("data/bot.db", ["data/"], True), ("data/", ["data"], True),
    ("database", ["data"], False), ("data", ["data/bot.db"], False),
])  # fmt: skip
def test_covered(path, shared, inside):
    """By whole parts of the path."""
    assert covered(path, shared) is inside


@pytest.mark.parametrize("shared", ["bot.db", "data/", "var/lib/"])
def test_data_is_brought_along_by_the_commands_that_are_named(host, shared):
    """A release that would not have it is refused; after the commands both releases have it, also what SQLite left."""
    wrote(host, "bot.db", "bot.db-wal", "data/rows", "var/lib/rows")
    (host.place.shared / "data").mkdir(parents=True)  # empty, as an earlier deployment may have made it
    host.service = replace(host.service, shared=(shared,), manager={"kind": "supervisor"})
    assert to_bring(host.place, [shared], written(host.place)) == [shared]
    with pytest.raises(
        HostError, match="is to be shared by all releases, and its data is still in the live"
    ) as refused:
        host.prepare(host.commit)
    command = refused.value.fix.removeprefix("bring it along: ")
    subprocess.run(["sh", "-ec", command.replace("./inv ", "true ")], check=True)
    assert to_bring(host.place, [shared], written(host.place)) == []
    old, new = host.live, host.prepare(host.commit).id
    assert old != new
    name = {"bot.db": "bot.db", "data/": "data/rows", "var/lib/": "var/lib/rows"}[shared]
    for release in (old, new):
        assert (host.place.release(release) / name).read_text() == "data"
    assert (host.place.shared / "bot.db-wal").exists() is (shared == "bot.db")


def test_a_folder_of_the_commit_that_is_shared_first_is_nothing_to_bring(host):
    """Nobody wrote into it."""
    host.service = replace(host.service, shared=("docs/",))
    assert host.prepare(host.commit).state == "ready"


def test_the_commands_for_a_host_are_root_s(host):
    """They stop and start by the engine there, and keep the folder the bot's."""
    service = replace(host.service, name="stage", user="botswain-stage", manager={"kind": "systemd", "unit": "x"})
    told = way("/srv/botswain/stage", service, "r1", "var/it's.db")
    assert told.startswith(
        "on the host: sudo sh -c 'botswain-host stage stop && mkdir -p /srv/botswain/stage/shared/var && chown"
    )
    assert told.endswith("botswain-host stage start'; then: ./inv deploy --env stage")
