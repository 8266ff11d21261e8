"""A tiny bot in a git repository of its own, and the target that runs it: what a deployment does, in a second."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botswain.profile.load import load
from botswain.targets import processes
from botswain.targets.base import Built, Switched, Target
from botswain.targets.choose import target_of
from botswain.targets.moving import place_of

PATIENCE = 30.0
"""Seconds that anything may take on a busy machine."""
TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAx.Stand1.in-token-that-nobody-may-ever-see"
BOT = """
import json, os, signal, socket, subprocess, sys, time
how = json.load(open("behaviour.json"))
print("begun", how.get("name", ""), flush=True)
if how.get("deaf"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: (print("ended", flush=True), os._exit(0)))
if "child" in how:
    subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"])
if "dies" in how and not os.path.exists(how.get("once", "/nowhere")):
    if "once" in how:
        open(how["once"], "w").close()
    time.sleep(how.get("after", 0))
    os._exit(how["dies"])
server = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
while True:
    asked, _ = server.accept()
    with asked:
        path = asked.recv(4096).split(b" ")[1]
        good = path == b"/healthz" or how.get("ready", True)
        body = json.dumps({"reason": how.get("reason", ""), "name": how.get("name")}).encode()
        head = "HTTP/1.1 200 OK" if good else "HTTP/1.1 503 Not yet"
        asked.sendall(f"{head}\\r\\nContent-Length: {len(body)}\\r\\nConnection: close\\r\\n\\r\\n".encode() + body)
"""


def free_port() -> int:
    """A port that nobody uses right now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def until(look: Callable[[], Any]) -> Any:
    """Looks again and again until there is something to see, and returns it."""
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.02)
    return found


def runs(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def nothing_wrong() -> str | None:
    """Discord is well."""
    return None


@dataclass
class Standin:
    """A project with one such bot, in the current folder."""

    folder: Path
    environment: str = "dev"
    port: int = field(default_factory=free_port)
    token: str = TOKEN

    def __post_init__(self) -> None:
        self.repo = self.folder / f"bot-{self.environment}"
        self.repo.mkdir()
        self._git("init", "-q", "-b", "main")
        (self.repo / "bot.py").write_text(BOT)
        self.profile()

    def profile(self, *, top: dict[str, Any] | None = None, **fields: Any) -> None:
        """Writes the profile; `fields` are those of `service`, `top` those of the profile."""
        url = f"http://127.0.0.1:{self.port}"
        health = {
            "alive": f"{url}/healthz",
            "ready": f"{url}/readyz",
            "deadline": 20,
            "stable_for": 0.2,
            "interval": 0.05,
        }
        service = {"run": [sys.executable, "bot.py"], "port": self.port, "stop_timeout": 5, "health": health}
        known = {
            "environment": self.environment,
            "api": "http://127.0.0.1:9/api/v10",
            "application_id": "100000000000000001",
            "guild_ids": [f"20000000000000000{len(self.environment)}"],
            "repo": self.repo.name,
            "service": {**service, **fields, "health": {**health, **fields.get("health", {})}},
        }
        (self.folder / "profiles").mkdir(exist_ok=True)
        (self.folder / f"profiles/{self.environment}.yaml").write_text(json.dumps({**known, **(top or {})}))

    def commit(self, **behaviour: Any) -> str:
        """Commits a bot that behaves so; its id."""
        (self.repo / "behaviour.json").write_text(json.dumps(behaviour))
        self._git("add", "-A")
        self._git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "--allow-empty", "-m", "x")
        return self._git("rev-parse", "HEAD")

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(self.repo), *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    @property
    def target(self) -> Target:
        """The target as the profile is now."""
        return target_of(load(self.environment), lambda: self.token)

    @property
    def root(self) -> Path:
        """The folder of the service."""
        return place_of(self.environment).root

    def build(self, commit: str) -> Built:
        """Makes a release."""
        return self.target.prepare(commit, by="anna", deployment="d1", say=lambda _: None)

    def deploy(self, **behaviour: Any) -> Switched:
        """Commits, builds, switches and confirms."""
        target, built = self.target, self.build(self.commit(**behaviour))
        switched = target.deploy(built, by="anna", deployment="d1", outage=nothing_wrong)
        assert switched.verdict.good
        assert target.confirm(switched, "anna")
        return switched

    def asked(self) -> dict[str, Any]:
        """What the bot answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def log(self) -> list[str]:
        """What the bot printed."""
        return list(self.target.logs(1000))

    def processes(self) -> list[int]:
        """Every process of the environment."""
        return processes.of(self.root)


@contextlib.contextmanager
def standin(folder: Path, environment: str = "dev") -> Iterator[Standin]:
    """A project with a bot; in the end nothing of it runs any more, whatever the test did."""
    made = Standin(folder, environment)
    try:
        yield made
    finally:
        for pid in made.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
