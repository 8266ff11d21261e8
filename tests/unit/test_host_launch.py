"""The launcher: how often it starts the bot, with what, and that it does so once at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from desk import ROOT
from hosting import Host, until

from botswain.host import launch, single
from botswain.host.errors import HostError


@pytest.fixture
def host(tmp_path):
    """A place with one release, which is live."""
    made = Host(tmp_path, run=("/bin/sh", "-c", "env; pwd"))
    made.fill("a")
    made.place.link("a")
    return made


def start(host: Host) -> subprocess.CompletedProcess[str]:
    """Run the launcher to its end."""
    argv = [sys.executable, "-m", "botswain.host.launch", str(host.place.root)]
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DISCORD_DEV_TOKEN": "ours"}
    return subprocess.run(argv, env=variables, capture_output=True, text=True, check=False)


def test_what_the_bot_gets(host):
    """The bot starts in its release with its own variables and secrets, and with none of ours."""
    host.place.secret("token", "its own\n")
    host.service = replace(host.service, environment={"MODE": "1"}, secrets={"TOKEN": "token"})
    host.place.store(host.service)
    done = start(host)
    lines = done.stdout.splitlines()
    assert {"MODE=1", "TOKEN=its own", "BOTSWAIN_RELEASE=a"} <= set(lines)
    assert f"CREDENTIALS_DIRECTORY={host.place.credentials}" in lines
    assert lines[-1] == str(host.place.release("a"))
    assert "ours" not in done.stdout
    assert "PYTHONPATH" not in done.stdout


def test_the_bot_knows_its_commit(host):
    """GIT_SHA is the commit's beginning, of which the release is named; the profile may say otherwise."""
    name = "20261127-232136-00d0e7bf-2"
    host.fill(name)
    host.place.link(name)
    assert "GIT_SHA=00d0e7bf" in start(host).stdout.splitlines()
    host.place.store(replace(host.service, environment={"GIT_SHA": "mine"}))
    assert "GIT_SHA=mine" in start(host).stdout.splitlines()


@pytest.mark.parametrize("value", [None, b"", b"\n", b"a\0b", b"\xff\xfe"])
def test_a_secret_that_cannot_be_used(host, value):
    """A secret that is missing, empty or no text is told by its file, never by its value, and starts nothing."""
    host.service = replace(host.service, secrets={"TOKEN": "token"})
    host.place.store(host.service)
    host.place.credentials.mkdir()
    if value is not None:
        (host.place.credentials / "token").write_bytes(value)
    done = start(host)
    assert (done.returncode, done.stdout) == (launch.REFUSED, "")
    assert done.stderr.count("\n") == 1
    assert f"botswain: bot cannot start: {host.place.credentials}/token: " in done.stderr


@pytest.mark.parametrize(
    ("run", "why"), [(("./missing",), "No such file or directory"), (("no-such-program",), "No such file")]
)
def test_a_command_that_is_not_there(host, run, why):
    """A command that cannot be started is one line, and the exit code of a refusal."""
    host.place.store(replace(host.service, run=run))
    done = start(host)
    assert done.returncode == launch.REFUSED
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_live(host):
    """Without a live release nothing starts."""
    host.place.link(None)
    assert "no release is live; deploy one" in start(host).stderr


def test_too_many_starts(host, monkeypatch):
    """More than so many starts in so long are refused, until the time is over or somebody starts it on purpose."""
    now = [1000.0]
    monkeypatch.setattr(launch.time, "time", lambda: now[0])
    for _ in range(launch.STARTS):
        launch.allow(host.place.starts)
        now[0] += 1.0
    with pytest.raises(HostError, match=r"was started 6 times in 300 s; .* spends Discord's logins"):
        launch.allow(host.place.starts)
    now[0] = 1000.0 + launch.WINDOW + 0.5
    launch.allow(host.place.starts)
    with pytest.raises(HostError):
        launch.allow(host.place.starts)
    launch.forget(host.place.starts)
    launch.allow(host.place.starts)


def test_no_restarts(host, monkeypatch):
    """With Discord's logins spent, a bot starts once, and not again by itself after any time."""
    now = [1000.0]
    monkeypatch.setattr(launch.time, "time", lambda: now[0])
    launch.forget(host.place.starts, restarts=False)
    launch.allow(host.place.starts)
    now[0] += 10 * launch.WINDOW
    with pytest.raises(HostError, match="is not started again by itself"):
        launch.allow(host.place.starts)
    launch.forget(host.place.starts)
    launch.allow(host.place.starts)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"most": "x", "starts": [1]}', "\0" * 512])
def test_a_damaged_list_of_starts(host, text):
    """A list that cannot be read is begun anew; it keeps no bot from running."""
    host.place.starts.write_text(text)
    launch.allow(host.place.starts)
    for _ in range(launch.STARTS - 1):
        launch.allow(host.place.starts)
    with pytest.raises(HostError):
        launch.allow(host.place.starts)


def test_the_list_never_grows(host):
    """Notes of starts are written over in place: on a full disk they need no room."""
    launch.forget(host.place.starts)
    size = host.place.starts.stat().st_size
    for _ in range(launch.STARTS):
        launch.allow(host.place.starts)
    assert host.place.starts.stat().st_size == size


@pytest.mark.parametrize("deaf", [False, True])
def test_one_at_a_time(host, monkeypatch, deaf):
    """While a process of the bot lives, no second one starts; the engine ends it, whether it listens or not."""
    monkeypatch.setattr(launch, "PATIENCE", 0.1)
    words = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"
        if deaf
        else "import time; time.sleep(60)"
    )
    host.place.store(replace(host.service, run=(sys.executable, "-S", "-c", words)))
    assert single.free(host.place)
    argv = [sys.executable, "-m", "botswain.host.launch", str(host.place.root)]
    first = subprocess.Popen(argv, env={"PYTHONPATH": str(ROOT)})
    try:
        until(lambda: single.holders(host.place) == [first.pid] and not single.free(host.place), "the bot")
        with pytest.raises(HostError, match=rf"another process of this bot still runs \({first.pid}\)"):
            launch.claim(host.place.running)
        monkeypatch.setattr(launch, "PATIENCE", 3.0)
        until(lambda: b"-S" in Path(f"/proc/{first.pid}/cmdline").read_bytes(), "its own program")
        until(lambda: not deaf or _ignores(first.pid), "its handler")
        single.end_others(host.place, 0.3 if deaf else 10.0)
        assert single.free(host.place)
        assert first.wait(5) == (-9 if deaf else -15)
    finally:
        first.kill()
        first.wait()


def _ignores(pid: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    mask = next(line.split()[1] for line in lines if line.startswith("SigIgn"))
    return bool(int(mask, 16) & 1 << 14)
