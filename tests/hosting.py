"""A place for one bot on this machine: a real repository, real releases, and bots of a few lines to run in them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from desk import ROOT

from botswain.host import releases, single, switch
from botswain.host.errors import HostError
from botswain.host.gate import Process
from botswain.host.ledger import Ledger, Release
from botswain.host.place import Health, Place, Service

BOT = """
import os, signal, socket, sys, time
mode, _, number = open("mode").read().strip().partition(" ")
number = float(number or 0)
print("mode", mode, "release", os.environ["BOTSWAIN_RELEASE"], flush=True)
if mode == "exits":
    print("cannot do this", flush=True)
    sys.exit(3)
if mode == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "parent" and os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.setsid()
    time.sleep(60)
    sys.exit()
if mode == "nested":
    if os.fork() == 0:
        os.setsid()
        os.closerange(3, 256)
        with open("mode", "w") as file:
            file.write("well")
        kept = {name: os.environ[name] for name in ("PORT", "BOTSWAIN_RELEASE")}
        os.execve(sys.executable, [sys.executable, "-S", "bot.py"], kept)
    time.sleep(600)
began = time.monotonic()
if mode == "slow":
    time.sleep(number)
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", int(os.environ["PORT"])))
server.listen(16)
server.settimeout(0.05)
while True:
    if mode == "dies" and time.monotonic() - began > number:
        print("out of ideas", flush=True)
        sys.exit(4)
    try:
        peer, _ = server.accept()
    except TimeoutError:
        continue
    ready = mode != "never" or not peer.recv(65536).startswith(b"GET /readyz")
    body = b"" if ready else b'{"reason": "not logged in"}'
    status = b"200 OK" if ready else b"503 Wait"
    head = b"HTTP/1.1 %s\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n"
    peer.sendall(head % (status, len(body)) + body)
    peer.close()
"""
"""Its file `mode` says how it behaves: well, exits, never, dies SECONDS, deaf, slow SECONDS, parent, nested."""
_GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}


def free_port() -> int:
    """A port that nobody uses right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def git(folder: Path, *arguments: str) -> str:
    """What git prints."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org", *arguments],
        cwd=folder, env={**known, **_GIT}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


class Repository:
    """The bot's repository."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)
        git(root, "init", "-q", "-b", "main")

    def commit(self, **files: str) -> str:
        """Commit files, by name; `__` in a name stands for a slash, `_DOT_` for a dot. The commit's id."""
        for name, text in files.items():
            path = self.root / name.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "--allow-empty", "-m", "x")
        return git(self.root, "rev-parse", "HEAD")


class Host:
    """One place with a repository beside it."""

    def __init__(self, root: Path, **fields) -> None:
        self.place = Place(root / "bot")
        self.place.root.mkdir(parents=True)
        self.repository = Repository(root / "repository")
        self.port = 0
        fields.setdefault("run", (sys.executable, "-S", "bot.py"))
        self.service = Service(name="bot", free_space=0, **fields)
        git(root, "init", "-q", "--bare", str(self.place.mirror))

    def answering(self, **health) -> None:
        """The bot answers at a port of its own."""
        self.port = free_port()
        base = f"http://127.0.0.1:{self.port}"
        timing = {"deadline": 5.0, "stable_for": 0.2, "interval": 0.05, "timeout": 0.5, **health}
        self.service = replace(
            self.service,
            health=Health(alive=f"{base}/healthz", ready=f"{base}/readyz", **timing),
            environment={**self.service.environment, "PORT": str(self.port)},
        )

    def send(self, **files: str) -> str:
        """Commit files and push the commit into the mirror."""
        commit = self.repository.commit(**files)
        git(self.repository.root, "push", "-q", str(self.place.mirror), f"{commit}:refs/releases/{commit}")
        return commit

    def bot(self, mode: str = "well") -> str:
        """Commit and push a bot that behaves so."""
        return self.send(bot_DOT_py=BOT, mode=mode)

    def prepare(self, commit: str, **order) -> Release:
        """A release of a commit."""
        return releases.prepare(self.place, self.service, releases.Order(commit, "ann", "d1", **order))

    def fill(self, *names: str) -> list[Release]:
        """Releases that need no git: a folder and a line in the ledger each."""
        for name in names:
            self.place.release(name).mkdir(parents=True)
            ledger = Ledger(self.place)
            ledger.add(name, "building", commit=name * 4, recipe="r", by="ann", deployment="d1")
            ledger.add(name, "ready")
        self.place.store(self.service)
        return [Ledger(self.place).get(name) for name in names]

    def ship(self, manager, release: Release, *, outage=lambda: None, guard=lambda _switch: None) -> switch.Switched:
        """Deploy a release and confirm it."""
        planned = switch.planned(self.service, release, by="ann", deployment="d1")
        done = switch.deploy(self.place, self.service, manager, release, planned, guard=guard, outage=outage)
        assert switch.confirm(self.place, done.token, "ann")
        return done

    def states(self) -> dict[str, str]:
        """The state of every release, by its id."""
        return {one.id: one.state for one in Ledger(self.place).releases()}


class Memory:
    """A manager whose process is a line in memory. `sick` names releases that never start."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.runs: str | None = None
        self.sick: set[str] = set()
        self.starts: list[str] = []
        self.broken = False

    def start(self, *, restarts: bool = True) -> None:
        """Start the live release."""
        assert self.runs is None, "two processes at once"
        live = self.place.live()
        assert live is not None
        self.starts.append(live)
        if live not in self.sick:
            self.runs = live

    def stop(self) -> None:
        """Stop it."""
        if self.broken:
            raise HostError("the manager does not answer")
        self.runs = None

    def process(self) -> Process:
        """What runs."""
        return Process(self.runs is not None, pid=len(self.starts), told="running" if self.runs else "exited with 3")

    def log(self, lines: int) -> str:
        """Words of a log."""
        return f"the last {lines} lines"


class Supervised:
    """A real supervisord in a folder, with one program: the launcher of a place."""

    def __init__(self, folder: Path, host: Host) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.socket = folder / "s"
        self.log = folder / "bot.log"
        stop = host.service.stop_timeout
        (folder / "supervisord.conf").write_text(f"""
[unix_http_server]
file={self.socket}
[supervisord]
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
nodaemon=true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[program:bot]
command={sys.executable} -m botswain.host.launch {host.place.root}
environment=PYTHONPATH="{ROOT}"
autostart=false
autorestart=unexpected
exitcodes=0,75,77,78
startsecs=0
startretries=1
stopwaitsecs={int(stop)}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={self.log}
""")
        host.service = replace(
            host.service,
            manager={"kind": "supervisor", "socket": str(self.socket), "program": "bot", "log": str(self.log)},
        )
        self.place = host.place
        self.start()

    def start(self) -> None:
        """Start supervisord; returns when it answers."""
        self.process = subprocess.Popen(
            [str(Path(sys.executable).with_name("supervisord")), "-c", str(self.folder / "supervisord.conf")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until(lambda: _answers(self.socket), "supervisord to answer")

    def end(self) -> None:
        """End supervisord and whatever is left of the bot."""
        self.process.terminate()
        self.process.wait(30)
        for one in single.holders(self.place):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as peer, suppress(OSError):
        peer.connect(str(path))
        return True
    return False


def until(condition, what: str, seconds: float = 20.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds:g} s for {what}"
        time.sleep(0.02)


def bots(place: Place) -> list[int]:
    """The processes of the place's bot."""
    return single.holders(place)


def release_of(pid: int) -> str:
    """The release that a process runs in."""
    return Path(f"/proc/{pid}/cwd").readlink().name
