"""What the target `local` works out without starting anything: its log, its configuration, its words."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from configparser import ConfigParser
from dataclasses import replace
from pathlib import Path

import pytest

import botswain
from botswain.errors import BotswainError
from botswain.host import ports
from botswain.host.errors import HostError, Unhealthy
from botswain.host.launch import REFUSED
from botswain.host.switch import Failed, Stuck
from botswain.profile.load import load
from botswain.profile.settings import Health, Service
from botswain.targets import follow
from botswain.targets.base import ServiceError, ServiceRolledBack, ServiceStuck
from botswain.targets.choose import target_of
from botswain.targets.failures import translated
from botswain.targets.follow import lines_of
from botswain.targets.specification import PRELOADS, preloads, specification, supervised
from botswain.targets.supervisor import Daemon, bot, sandbox_program

SERVICE = Service(run=("node", "main.js"))


# The log


@pytest.mark.parametrize(
    ("text", "count", "lines"),
    [
        ("a\nb\nc\n", 2, ["b", "c"]),
        ("a\nb\nc", 2, ["b", "c"]),
        ("a\nb\nc\n", 3, ["a", "b", "c"]),
        ("a\nb\nc\n", 9, ["a", "b", "c"]),
        ("a\nb\nc\n", 0, []),
        ("", 5, []),
        ("\n\n", 1, [""]),
        ("x\n" + "y" * 70_000 + "\nz\n", 2, ["y" * 70_000, "z"]),
        ("a" * 65_535 + "\nb\n", 2, ["a" * 65_535, "b"]),
        ("schön\n", 1, ["schön"]),
    ],
    ids=range(10),
)
def test_the_last_lines(tmp_path, text, count, lines):
    """Exactly so many, however long they are, with or without a newline at the end."""
    (tmp_path / "log").write_text(text)
    assert list(lines_of(tmp_path / "log", count)) == lines


def test_bytes_that_are_no_text(tmp_path):
    """A bot may print anything."""
    (tmp_path / "log").write_bytes(b"a\xff\nb\n")
    assert list(lines_of(tmp_path / "log", 5)) == ["a\ufffd", "b"]


def test_a_log_that_is_rotated_is_followed(tmp_path, monkeypatch):
    """Nothing is lost and nothing told twice, when the file is moved away and begun anew, or emptied."""
    monkeypatch.setattr("botswain.targets.follow._PAUSE", 0.001)
    log = tmp_path / "log"
    found: list[str] = []
    done = threading.Event()

    def read():
        for line in lines_of(log, 1, follow=True):
            found.append(line)
            if line == "end":
                done.set()
                return

    def add(text):
        with log.open("a") as file:
            file.write(text)

    def told(count):
        end = time.monotonic() + 20
        while len(found) < count:
            assert time.monotonic() < end, found
            time.sleep(0.001)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()  # before there is a log
    add("one\n")
    told(1)
    add("tw")
    add("o\n")
    told(2)
    add("three\n")
    log.rename(tmp_path / "log.1")
    add("four" * 50 + "\n")  # longer than what was there
    told(4)
    os.truncate(log, 0)
    told(4)
    add("end\n")
    assert done.wait(20)
    assert found == ["one", "two", "three", "four" * 50, "end"]


def test_what_is_written_while_it_is_rotated(tmp_path, monkeypatch):
    """A line that came after the last look and before the file was moved is told, too."""
    log, look = tmp_path / "log", follow._replaced
    log.write_text("one\n")

    def rotate(file, path):
        monkeypatch.setattr(follow, "_replaced", look)
        with log.open("a") as late:
            late.write("late\n")
        log.rename(tmp_path / "log.1")
        log.write_text("new\nnewer\n")
        return look(file, path)

    monkeypatch.setattr(follow, "_replaced", rotate)
    lines = lines_of(log, 1, follow=True)
    assert [next(lines) for _ in range(3)] == ["one", "late", "new"]


# The configuration


def sections(tmp_path, *programs):
    """What supervisord would read."""
    parser = ConfigParser(interpolation=None, inline_comment_prefixes=(";", "#"))
    parser.read_string(Daemon(tmp_path)._configuration(programs))
    return parser


def test_how_the_bot_is_kept(tmp_path):
    """Started by us alone, again after unexpected ends only, and stopped with all that it started."""
    found = sections(tmp_path, bot(2.5))["program:bot"]
    wanted = {
        "autostart": "false", "autorestart": "unexpected", "startsecs": "0", "exitcodes": "0,75,77,78",
        "stopsignal": "TERM", "stopwaitsecs": "2", "stopasgroup": "true", "killasgroup": "true",
        "redirect_stderr": "true", "stdout_logfile": "logs/bot.log", "stdout_logfile_maxbytes": "10MB",
    }  # fmt: skip
    assert {name: found[name] for name in wanted} == wanted
    assert found["command"].endswith(" -S -c 'import sys; from botswain.host.launch import main; main(sys.argv[1:])' .")


@pytest.mark.parametrize("folder", ["/srv/a b,c", "/srv/it's 50%"])
def test_a_moved_checkout_is_where_the_next_start_finds_it(tmp_path, monkeypatch, folder):
    """Supervisord keeps the variables that it was started with; each program's own name where the checkout is now."""
    from supervisor.datatypes import dict_of_key_value_pairs

    monkeypatch.setattr("botswain.targets.supervisor._HERE", folder)
    text = sections(tmp_path, bot(1))["program:bot"]["environment"]
    assert dict_of_key_value_pairs(text.replace("%%", "%")) == {"PYTHONPATH": folder}


def test_the_command_that_is_kept_is_the_launcher(tmp_path):
    """It takes the folder in which supervisord starts it, and says in one line what is missing there."""
    known = {"PYTHONPATH": str(Path(botswain.__file__).parents[1])}
    done = subprocess.run(bot(15).command, cwd=tmp_path, env=known, capture_output=True, text=True, check=False)
    assert done.returncode == REFUSED
    assert done.stderr == f"botswain: {tmp_path.name} cannot start: {tmp_path}: no release is live; deploy one\n"


def test_nobody_else_reaches_supervisord(tmp_path):
    """A socket in the folder for the user alone, and no port."""
    found = sections(tmp_path, bot(15))
    assert found["unix_http_server"]["chmod"] == "0700"
    assert found["unix_http_server"]["file"].endswith("/supervisor.sock")
    assert "inet_http_server" not in found


def test_a_long_path_is_named_by_its_folder(tmp_path):
    """The address of a socket may have 107 bytes."""
    deep = tmp_path / ("ä" * 60)
    assert sections(deep, bot(15))["unix_http_server"]["file"] == "/proc/self/cwd/supervisor.sock"


def test_words_that_supervisord_would_misread(tmp_path, monkeypatch):
    """Quoted where that helps; refused where its format has no way."""
    monkeypatch.setattr("sys.executable", "/opt/50%/my python")
    assert sections(tmp_path, bot(15))["program:bot"]["command"].startswith("'/opt/50%%/my python' -S ")
    for path in ("/opt/a ;b/python", "/opt/a #b/python", "/opt/a\nb/python"):
        monkeypatch.setattr("sys.executable", path)
        with pytest.raises(HostError, match="supervisord cannot be told of this path"):
            sections(tmp_path, bot(15))


def test_the_sandbox_is_kept_by_itself(tmp_path):
    """It starts with supervisord and comes back whenever it ends."""
    found = sections(tmp_path, sandbox_program(tmp_path / "a/b", tmp_path / "s", 8081))["program:sandbox"]
    assert (found["autostart"], found["autorestart"]) == ("true", "true")
    assert found["command"].endswith(" -m botswain.sandbox --port 8081 --state ../../s")


# The specification


def test_what_the_host_is_told(desk, monkeypatch):
    """Every field arrives; the address and the secrets are files, so that they are no part of a release."""
    monkeypatch.chdir(desk.folder)
    desk.profile()
    service = replace(
        SERVICE, build=(("make",),), lint=(("lint",),), test=(("test",),), environment={"A": "b"}, shared=("data/",),
        secrets={"X": "OUR_X"}, port=81, health=Health("http://a/", "http://b/", 1, 2, 3, 4), stop_timeout=5,
        build_timeout=6, keep_releases=7,
    )  # fmt: skip
    found = specification(load("dev"), service, supervised(Daemon(desk.folder)))
    assert (found.name, found.run, found.build, found.lint) == ("dev", ("node", "main.js"), (("make",),), (("lint",),))
    assert (found.test, found.shared) == ((("test",),), ("data/",))
    assert found.environment == {"A": "b", "PORT": "81"}
    assert found.secrets == {"DISCORD_TOKEN": "discord_token", "DISCORD_API": "discord_api", "X": "X", **PRELOADS}
    health = found.health
    assert (health.alive, health.ready, health.deadline) == ("http://a/", "http://b/", 1)
    assert (health.stable_for, health.interval, health.timeout) == (2, 3, 4)
    assert (found.stop_timeout, found.build_timeout, found.keep) == (5, 6, 7)
    desk.profile(api=None)
    plain = specification(load("dev"), replace(SERVICE, token=None), supervised(Daemon(desk.folder)))
    assert (plain.secrets, plain.environment) == ({}, {})


@pytest.mark.parametrize(
    ("service", "addresses"),
    [
        (SERVICE, []),
        (replace(SERVICE, port=81), [("127.0.0.1", 81)]),
        (replace(SERVICE, health=Health("http://127.0.0.1:82/a", "http://127.0.0.1:82/b")), [("127.0.0.1", 82)]),
        (replace(SERVICE, health=Health("http://localhost:82/", "http://[::1]:83/")), [("127.0.0.1", 83)]),
        (replace(SERVICE, health=Health("http://bot.example.org:82/")), []),
        (replace(SERVICE, health=Health("http://127.0.0.1/")), []),
    ],
)
def test_the_ports_of_a_bot(desk, monkeypatch, service, addresses):
    """What the profile says of them on this machine: where the bot is told to listen."""
    monkeypatch.chdir(desk.folder)
    desk.profile()
    assert ports.of(specification(load("dev"), service, {})) == addresses


def test_a_profile_without_a_service_has_no_target(desk, monkeypatch):
    """Told with the section to add."""
    monkeypatch.chdir(desk.folder)
    with pytest.raises(BotswainError) as error:
        target_of(load("dev"))
    assert str(error.value) == (
        "profiles/dev.yaml: dev has no service: it is about commands alone; add a section `service` (docs/service.md)"
    )


# Failures


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (HostError("what", where="where", fix="fix", log="log"), ServiceError, 1),
        (Unhealthy("what", where="where", fix="fix", log="log"), ServiceError, 1),
        (Failed(HostError("what", where="where", fix="fix", log="log"), "r1"), ServiceRolledBack, 4),
        (Stuck("what", where="where", fix="fix", log="log"), ServiceStuck, 5),
    ],
)
def test_failures_keep_their_meaning(error, kind, code):
    """What, where, what to do, the log, and the exit code."""
    with pytest.raises(ServiceError) as caught, translated():
        raise error
    assert type(caught.value) is kind
    assert (str(caught.value), caught.value.log, caught.value.code) == ("where: what; fix", "log", code)
    if isinstance(caught.value, ServiceRolledBack):
        assert caught.value.previous == "r1"


def test_preloads_keep_what_the_profile_says():
    """NODE_OPTIONS and PYTHONPATH of the profile stay, ours beside them; only a sandbox profile has ours at all."""
    alone = preloads({})
    assert alone["preload_node"].startswith('--require="/')
    both = preloads({"NODE_OPTIONS": "--import tsx", "PYTHONPATH": "src"})
    assert both["preload_node"] == f"--import tsx {alone['preload_node']}"
    assert both["preload_python"] == f"{alone['preload_python']}:src"
