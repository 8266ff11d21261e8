"""Code that is not ours, as it would attack: what it can read of us, what it leaves running, how long it holds us up.

Tried as root and as an unprivileged user, inside bubblewrap and without it; builds as well as sources of commands.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest
from desk import ROOT
from test_source_program import gone, sleeping

from botswain.commands.sources import bubblewrap, child, program
from botswain.errors import BotswainError
from botswain.profile.settings import Source

CANARY = "kT-planted_Canary"
NOBODY = 65534
WAYS = ["bubblewrap", "none", "build"]
ATTACK = f"""
import ctypes, json, os, socket, sys
def tried(path):
    try:
        with open(path, "rb") as file:
            return file.read(65536).decode(errors="replace")
    except OSError as error:
        return error.strerror
def connects(address):
    try:
        socket.create_connection(("127.0.0.1", int(address)), 2).close()
        return True
    except OSError:
        return False
port, *paths = sys.argv[1:]
told = {{"environ": [], "memory": [], "traced": []}}
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) != os.getpid():
        if {CANARY!r} in tried(f"/proc/{{name}}/environ"):
            told["environ"].append(int(name))
        try:
            os.close(os.open(f"/proc/{{name}}/mem", os.O_RDONLY))
            told["memory"].append(int(name))
        except OSError:
            pass
libc = ctypes.CDLL(None)
for pid in [int(one) for one in open("watched").read().split()]:
    if libc.ptrace(16, pid, 0, 0) == 0:
        told["traced"].append(pid)
        os.waitpid(pid, 0)
        libc.ptrace(17, pid, 0, 0)
told["files"] = {{path: tried(path) for path in paths}}
told["open"] = sorted(int(one) for one in os.listdir("/proc/self/fd"))
told["network"] = connects(port)
told["variables"] = dict(os.environ)
print(json.dumps(told))
"""
DRIVER = """
import json, os, sys
from pathlib import Path
how, repo, *words = sys.argv[1:]
secret = os.open("secret", os.O_RDONLY)
os.set_inheritable(secret, True)
Path(repo, "watched").write_text(f"{os.getpid()} {os.getppid()}")
if how == "build":
    from botswain.host.commands import run
    log = Path(repo, "log")
    run([sys.executable, *words], Path(repo), {"PATH": os.environ["PATH"]}, log, 60)
    out = log.read_text().splitlines()[-1]
else:
    from botswain.commands.sources import child
    out = child.run([sys.executable, *words], Path(repo), {}, 60, isolation=how).out.decode()
print(json.dumps([os.getpid(), os.getppid(), out]))
"""


@pytest.fixture(scope="module")
def place():
    """A folder that every user reaches, with our code in it and a bot's repository that attacks."""
    folder = Path(tempfile.mkdtemp(prefix="botswain-attack-"))
    folder.chmod(0o755)
    shutil.copytree(ROOT / "botswain", folder / "code/botswain", ignore=shutil.ignore_patterns("__pycache__"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def listening():
    """A port on which something of this machine listens, as a database would."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def interpreter(user: int) -> str:
    """A Python that the user may run."""
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    for one in (sys.executable, "/usr/bin/python3"):
        with suppress(OSError):
            if subprocess.run([one, "-c", check], **rights(user), check=False, capture_output=True).returncode == 0:
                return one
    pytest.skip("no Python here that an unprivileged user may run")


def rights(user: int) -> dict[str, object]:
    """For Popen."""
    if user == os.geteuid():
        return {}
    if os.geteuid() != 0:
        pytest.skip("only root can try another user")
    return {"user": user, "group": user, "extra_groups": ()}


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("user", [0, NOBODY], ids=["root", "nobody"])
def test_foreign_code_reads_no_secret_of_ours(place, listening, request, user, how):
    """Not our environment, memory or open files; in bubblewrap also no other process, no home and no network."""
    if how == "bubblewrap":
        request.getfixturevalue("bubblewrap_works")
    python, home = interpreter(user), place / f"home-{user}-{how}"
    (home / ".ssh").mkdir(parents=True)
    (home / "bot").mkdir()
    for name in ("secret", ".ssh/id_test", ".env"):
        (home / name).write_text(CANARY)
    (home / "bot/attack.py").write_text(ATTACK)
    for one in (home, *home.rglob("*")):
        os.chown(one, user, user)
    files = [str(home / ".ssh/id_test"), str(home / ".env")]
    script = f'"$@"; code=$?; exit $code # {CANARY}'
    done = subprocess.run(
        ["sh", "-c", script, "sh", python, "-c", DRIVER, how, str(home / "bot"), "attack.py", str(listening), *files],
        cwd=home, capture_output=True, text=True, check=False, timeout=100, **rights(user),
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), "PYTHONPATH": str(place / "code"), "DISCORD_X_TOKEN": CANARY},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    driver, shell, out = json.loads(done.stdout)
    told = json.loads(out)
    seen = {*told["environ"], *told["memory"], *told["traced"]}
    assert driver not in seen
    if user == 0 or how == "bubblewrap":  # an unprivileged user's shell is as readable as its files
        assert shell not in seen
    assert len(told["open"]) == 4  # 0, 1, 2, and the folder that was listed
    assert CANARY not in json.dumps(told["variables"])
    assert told["network"] is (how != "bubblewrap")
    if how == "bubblewrap":
        assert seen <= {1}
        assert CANARY not in json.dumps(told["files"])


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("clean", [False, True])
def test_a_daemon_of_foreign_code_does_not_outlive_it(tmp_path, monkeypatch, request, how, clean):
    """Neither a session of its own, nor a lost parent, nor an empty environment saves it."""
    if how == "bubblewrap":
        request.getfixturevalue("bubblewrap_works")
    monkeypatch.chdir(tmp_path)
    seconds = f"{5000 + os.getpid()}.{WAYS.index(how)}{int(clean)}"
    (tmp_path / "bot").mkdir()
    (tmp_path / "bot/daemon.py").write_text(
        "import os\nif os.fork() == 0:\n os.setsid()\n if os.fork(): os._exit(0)\n"
        " for one in (0, 1, 2): os.dup2(os.open('/dev/null', os.O_RDWR), one)\n"
        f" os.execve('/bin/sleep', ['sleep', {seconds!r}], {'{}' if clean else 'dict(os.environ)'})\n"
        "os.wait()\nprint('[]')\n"
    )
    run_as(how, tmp_path / "bot", [sys.executable, "-S", "daemon.py"])
    assert gone(seconds)


def run_as(how: str, repo: Path, argv: list[str]) -> None:
    """Runs a command as a source of commands or as a build."""
    if how == "build":
        from botswain.host.commands import run

        run(argv, repo, {"PATH": os.environ["PATH"]}, repo / "log", 60)
    else:
        assert child.run(argv, repo, {}, 60, isolation=how).code == 0


@pytest.mark.parametrize("how", WAYS)
def test_nothing_goes_on_when_we_are_killed(tmp_path, request, how):
    """SIGKILL to us ends what we started, without anything of us left to do it."""
    if how == "bubblewrap":
        request.getfixturevalue("bubblewrap_works")
    seconds = f"{6000 + os.getpid()}.{WAYS.index(how)}"
    (tmp_path / "bot").mkdir()
    code = "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[4]);"
    code += "from test_foreign_code import run_as;"
    code += "run_as(sys.argv[1], Path(sys.argv[2]), ['setsid', '-w', 'sleep', sys.argv[3]])"
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    with subprocess.Popen(
        [sys.executable, "-c", code, how, str(tmp_path / "bot"), seconds, str(ROOT / "tests/integration")],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths},
    ) as process:  # fmt: skip
        end = time.monotonic() + 60
        while not sleeping(seconds):
            assert time.monotonic() < end
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert gone(seconds)


def test_many_beginnings_of_json_do_not_hold_us_up(tmp_path, monkeypatch):
    """Output that looks like commands again and again, and never is, is given up soon."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "print.py").write_text(
        "line = '{\"a\":[' + '1,' * 30000\nprint('\\n'.join([line] * 490)[:31_000_000])\n"
        'print(\'[{"name":"ping","description":"x"}]\')\n'
    )
    source = Source("program", tmp_path, run=(sys.executable, "-S", "print.py"))
    began = time.monotonic()
    with pytest.raises(BotswainError, match=r"prints too much that begins as JSON and is none"):
        program.read(source)
    assert time.monotonic() - began < 60


def test_more_commands_than_any_bot_has_are_refused(tmp_path, monkeypatch):
    """Half a million commands are a mistake that is told at once, not validated for minutes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "print.py").write_text(
        "import json\nprint(json.dumps([{'name': f'c{i}', 'description': 'd'} for i in range(500_000)]))\n"
    )
    with pytest.raises(BotswainError, match=r"prints 500,000 commands; no application has more than"):
        program.read(Source("program", tmp_path, run=(sys.executable, "-S", "print.py")))


@pytest.fixture
def without_bubblewrap(tmp_path, monkeypatch):
    """A PATH without it."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for one in ("sh", "env", "cat"):
        (programs / one).symlink_to(shutil.which(one))
    monkeypatch.setenv("PATH", str(programs))
    bubblewrap.trouble.cache_clear()
    yield programs
    bubblewrap.trouble.cache_clear()


def test_bubblewrap_that_is_missing_or_broken(tmp_path, monkeypatch, without_bubblewrap):
    """Without it code is read all the same, with a note where it is there and does not work; unless it is required."""
    from botswain.commands.sources.read import read

    monkeypatch.chdir(tmp_path)
    bot = tmp_path / "bot"
    bot.mkdir()
    source = Source("program", bot, run=("sh", "-c", "echo '[]'"))
    required = Source("program", bot, run=("sh", "-c", "echo '[]'"), isolation="bubblewrap")
    assert read(source).notes == ()
    with pytest.raises(BotswainError, match=r"is required .* not installed; install it .*apt install bubblewrap"):
        read(required)
    broken = without_bubblewrap / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    bubblewrap.trouble.cache_clear()
    (note,) = read(source).notes
    assert note.startswith("bubblewrap does not work here (No permissions to create a new namespace)")
    with pytest.raises(BotswainError, match="required and cannot be used: No permissions"):
        read(required)
    assert read(Source("program", bot, run=("sh", "-c", "echo '[]'"), isolation="none")).notes == ()


def test_a_repository_names_nothing_of_a_home_as_its_packages(tmp_path, monkeypatch):
    """Bubblewrap shows interpreters and packages of a home, no keys and no state, whatever the bot's files name."""
    home, bot = tmp_path / "home", tmp_path / "bot"
    state = home / ".local/state/botswain/x/service/dev"
    for name in ("packages", ".ssh", ".config/bot", ".pyenv/versions/3/bin", ".local/lib", ".cache/venv/bin"):
        (home / name).mkdir(parents=True)
    for name in ("credentials", "releases/1/node_modules"):
        (state / name).mkdir(parents=True)
    (home / "packages/package.json").write_text("{}")
    (bot / "node_modules").mkdir(parents=True)
    (bot / "node_modules/keys").symlink_to(home / ".ssh")
    (bot / "node_modules/good").symlink_to(home / "packages")
    (bot / "link").symlink_to(home / ".ssh")
    named = [one for one in home.rglob("*") if one.is_dir()] + [bot / "link", Path("/etc/ssl/private")]
    monkeypatch.setenv("HOME", str(home))
    argv = bubblewrap.command(["true"], bot, {"HOME": str(home), "PATH": "/usr/bin"}, tmp_path / "copy",
                              {"node_modules": bot / "node_modules"}, named)  # fmt: skip
    shown = [one for one in argv if "\0" not in one]
    assert not [one for one in shown if one.endswith(("/.ssh", "/link", "/.config", "/bot/keys", "/private"))]
    hidden = (
        ".local",
        ".local/state",
        ".local/state/botswain",
        ".cache",
        state.relative_to(home),
        state / "credentials",
    )
    assert not {str(home / one) for one in hidden} & {*shown}
    for name in ("packages", ".pyenv", ".local/lib", ".cache", ".local/state/botswain/x/service/dev/releases"):
        assert [one for one in shown if one.startswith(str(home / name))], name
