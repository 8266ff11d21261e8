"""Programs of the bot that print its commands: what is taken, what they may see, and that nothing of them is left."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from desk import ROOT, token

from botswain.commands.sources import child
from botswain.commands.sources.read import Found, isolated, read
from botswain.errors import BotswainError, InvalidInput
from botswain.profile.settings import Source

PING = {"name": "ping", "description": "Answers", "name_localizations": {"de": "klopfen"}, "nsfw": True}
BASICS = {"PATH", "HOME", "LANG", "NO_COLOR", "PYTHONDONTWRITEBYTECODE"}


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[None]:
    """Something waits in our own stdin."""
    (tmp_path / "typed").write_text("by a person")
    ours, other = os.dup(0), os.open(tmp_path / "typed", os.O_RDONLY)
    os.dup2(other, 0)
    yield
    os.dup2(ours, 0)
    os.close(ours)
    os.close(other)


@pytest.fixture(params=["bubblewrap", "none"], autouse=True)
def isolation(request: pytest.FixtureRequest) -> str:
    """How the program is kept from everything else."""
    if request.param == "bubblewrap":
        request.getfixturevalue("bubblewrap_works")
    _isolation[0] = request.param
    return request.param


_isolation = ["none"]


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bot's repository, beside the working directory."""
    (tmp_path / "bot").mkdir()
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    return tmp_path / "bot"


def source(repo: Path, script: str, **fields) -> Source:
    """A source whose program is a shell script."""
    (repo / "print.sh").write_text(script)
    return Source("program", repo, run=("sh", "print.sh"), isolation=_isolation[0], **fields)


def says(value: object) -> str:
    """A line of shell that prints a value as JSON."""
    return f"printf '%s\\n' {shlex.quote(json.dumps(value))}\n"


def refused(source: Source) -> str:
    """Why a source cannot be read, on one line."""
    with pytest.raises(BotswainError) as caught:
        read(source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def sleeping(seconds: str) -> bool:
    """Whether `sleep SECONDS` runs, wherever its process is: numbers inside of bubblewrap mean nothing outside."""
    words = b"\0".join((b"sleep", seconds.encode(), b""))
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if path.read_bytes() == words:
                return True
    return False


def gone(seconds: str) -> bool:
    """Whether `sleep SECONDS` has ended, within a few seconds."""
    for _ in range(250):
        if not sleeping(seconds):
            return True
        time.sleep(0.02)
    return False


_LONG = 4000 + os.getpid()
"""Seconds of sleep that no other test sleeps."""


def test_the_printed_commands(repo: Path) -> None:
    """They arrive as they are, from a program that runs in the bot's repository."""
    (repo / "commands.json").write_text(json.dumps([PING, {"name": "pong", "description": "P", "ownerOnly": True}]))
    found = read(source(repo, "echo '[INFO] here'\ncat commands.json\necho; echo bye >&2\n"))
    assert [one.payload for one in found.definitions] == [PING, {"name": "pong", "description": "P"}]
    assert [one.owner_only for one in found.definitions] == [False, True]
    assert found.definitions[0].file == "sh print.sh"


def test_a_program_of_the_repository(repo: Path) -> None:
    """`run: [bin/print]` is meant from there, whatever the working directory."""
    (repo / "bin").mkdir()
    (repo / "bin/print").write_text(f"#!/bin/sh\n{says([PING])}")
    (repo / "bin/print").chmod(0o755)
    assert read(Source("program", repo, run=("bin/print",), isolation=_isolation[0])).definitions[0].payload == PING


def test_what_libraries_print(repo: Path) -> None:
    """The deprecated field that some still send, and JavaScript's spelling, are understood here too."""
    printed = {"name": "x", "description": "X", "default_permission": True, "nameLocalizations": {"de": "ix"}}
    found = read(source(repo, says([printed])))
    assert found.definitions[0].payload == {"name": "x", "description": "X", "name_localizations": {"de": "ix"}}


def test_no_commands(repo: Path) -> None:
    """An empty list is read as one."""
    assert read(source(repo, "echo '[]'")) == Found([])


def test_another_checkout(repo: Path, tmp_path: Path) -> None:
    """An isolated source is read there, and nothing of it here."""
    here = source(repo, says([PING]))
    there = tmp_path / "there"
    there.mkdir()
    (there / "print.sh").write_text(says([{**PING, "name": "older"}]))
    assert [one.name for one in read(isolated(here, there)).definitions] == ["older"]
    assert [one.name for one in read(here).definitions] == ["ping"]


def test_all_problems_at_once(repo: Path) -> None:
    """Each with the place in the list, or the command that it is about."""
    with pytest.raises(InvalidInput) as caught:
        read(source(repo, says([PING, {"name": "Bad"}, 5, {"name": "x", "desciption": "X"}, PING])))
    assert [str(problem).removeprefix("sh print.sh: ") for problem in caught.value.problems] == [
        '/Bad: name "Bad" has capitals; Discord wants "bad"',
        "/Bad: description is missing; 1 to 100 characters",
        "commands.2: must be a mapping of fields, not 5",
        '/x.desciption: unknown field; did you mean "description"?',
        "/x: description is missing; 1 to 100 characters",
        "chat_input/ping: is defined already in the same file; names are unique per kind",
    ]


def test_a_program_that_fails(repo: Path) -> None:
    """Whatever it printed is not taken; its last lines are quoted, without secrets."""
    script = f"{says([PING])}echo first >&2\necho 'no module x' >&2\necho token {token()} >&2\nexit 3\n"
    told = refused(source(repo, script))
    assert told.startswith("sh print.sh: failed with exit code 3 (it said last: first | no module x | token [redacted")
    assert told.endswith("; run it by hand in the bot's repository to see why")
    assert token() not in told
    assert refused(source(repo, "kill -SEGV $$")).startswith("sh print.sh: was killed by SIGSEGV;")


def test_a_program_that_is_not_there(repo: Path) -> None:
    """It says what could not be run, and where."""
    told = refused(Source("program", repo, run=("no-such-program",)))
    assert told == (
        f"{repo}: no-such-program cannot be run: No such file or directory; check the commands section of the profile"
    )


def test_a_program_that_may_not_be_run(repo: Path) -> None:
    """The command that mends it is told; so is what a first line names that is not there."""
    program = repo / "print"
    program.write_text("#!/no/such/shell\n")
    program.chmod(0o644)
    told = refused(Source("program", repo, run=("./print",), isolation=_isolation[0]))
    assert told == f"{repo}: ./print cannot be run: Permission denied; chmod +x {program}"
    program.chmod(0o755)
    told = refused(Source("program", repo, run=("./print",), isolation=_isolation[0]))
    assert "its first line names the program" in told


def test_a_program_that_hangs(repo: Path) -> None:
    """It ends with its time, and so does what it started, although it printed the commands."""
    begin = time.monotonic()
    script = f"{says([PING])}echo waiting for the database >&2\nsleep {_LONG}.1 &\nwait\n"
    told = refused(source(repo, script, timeout=0.5))
    assert told == (
        "sh print.sh: did not end within 0.5 s (it said last: waiting for the database); let it end once it has printed"
        " the commands, or raise commands.timeout"
    )
    assert time.monotonic() - begin < 20
    assert gone(f"{_LONG}.1")


def test_what_it_leaves_running_is_killed(repo: Path) -> None:
    """A child that keeps the output open neither delays the answer nor survives it."""
    begin = time.monotonic()
    found = read(source(repo, f"{says([PING])}sleep {_LONG}.2 &\n", timeout=60))
    assert len(found.definitions) == 1
    assert time.monotonic() - begin < 30
    assert gone(f"{_LONG}.2")


def test_ctrl_c_leaves_nothing_running(repo: Path) -> None:
    """The bot's code is no member of the terminal's group, so it is ended for it."""
    source(repo, f"sleep {_LONG}.3 &\nwait\n")
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"  # a background job ignores it
        "from pathlib import Path; from botswain.commands.sources.read import read;"
        "from botswain.profile.load import Source;"
        f"read(Source('program', Path({str(repo)!r}), run=('sh', 'print.sh'), timeout=60, isolation={_isolation[0]!r}))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE
    ) as process:
        for _ in range(500):
            if sleeping(f"{_LONG}.3"):
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert b"KeyboardInterrupt" in process.communicate(timeout=20)[1]
    assert gone(f"{_LONG}.3")


def test_floods(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Endless output ends the program rather than us; endless errors do not matter."""
    monkeypatch.setattr(child, "MAX_OUTPUT", 1_000_000)
    told = refused(source(repo, "yes", timeout=5))
    assert told.startswith("sh print.sh: prints more than 1,000,000 bytes;")
    found = read(source(repo, f"yes | head -c 50000000 >&2\n{says([PING])}"))
    assert len(found.definitions) == 1


@pytest.mark.usefixtures("typed")
def test_only_basics_and_the_profiles_variables(repo: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No token, no secret of the CI, no interpreter's options, no terminal and nothing to read from."""
    for name in ("DISCORD_DEV_TOKEN", "DISCORD_TOKEN", "GITHUB_TOKEN", "NODE_OPTIONS", "PYTHONPATH", "TERM", "AWS_KEY"):
        monkeypatch.setenv(name, "made-up")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("LANG", "C.UTF-8")
    read(
        source(
            repo,
            "env > seen; cat > stdin; ls /proc/self/fd > open; [ -t 0 ] && echo tty > tty; echo '[]'\n",
            environment={"BOT_MODE": "read", "LANG": "de_DE.UTF-8"},
        )
    )
    seen = dict(line.split("=", 1) for line in (copy / "seen").read_text().splitlines())
    allowed = {"TMPDIR", "TEMP", "TMP", "USER", "LOGNAME", "LANGUAGE", "TZ", "PWD", "OLDPWD", "SHLVL", "_"}
    assert seen.keys() - allowed == BASICS | {"LC_ALL", "BOT_MODE"}
    assert (seen["BOT_MODE"], seen["LANG"], seen["PATH"]) == ("read", "de_DE.UTF-8", os.environ["PATH"])
    assert (copy / "stdin").read_text() == ""
    assert not (copy / "tty").exists()
