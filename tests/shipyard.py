"""A project with a bot that is built, started and stopped for real: a tiny program that serves health URLs."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from desk import Desk, Ran

BOT = """
import json, os, signal, sys, time, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Timer

how = json.load(open("behave.json"))
if how.get("refuses"):
    sys.exit("cannot work like this: " + how["refuses"])
if os.path.exists(how.get("ill", "")):
    sys.exit("cannot work on this host")
if how.get("stubborn"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if how.get("dies_after"):
    Timer(how["dies_after"], lambda: (print("the bilge pump broke", flush=True), os._exit(3))).start()

if how.get("outage"):
    control = os.environ["DISCORD_API"].rstrip("/").removesuffix("/api") + "/sandbox/outage"
    urllib.request.urlopen(urllib.request.Request(control, b'{"down": true}'), timeout=5).close()

seen = [0.0, False]

def logged_in():
    if how.get("never_ready"):
        return False
    if time.monotonic() - seen[0] > 0.4:  # the double has a rate limit for everybody, as Discord has
        seen[0] = time.monotonic()
        try:
            urllib.request.urlopen(os.environ["DISCORD_API"].rstrip("/") + "/v10/gateway", timeout=2).close()
            seen[1] = True
        except OSError:
            seen[1] = False
    return seen[1]

class Vitals(BaseHTTPRequestHandler):
    def do_GET(self):
        good = self.path == "/healthz" or logged_in()
        body = json.dumps({"name": how["name"], "pid": os.getpid(), "reason": "" if good else "not logged in"}).encode()
        self.send_response(200 if good else 503)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *told):
        pass

print("bot", how["name"], "starts", flush=True)
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Vitals).serve_forever()
"""


def free_port() -> int:
    """A port that nothing uses now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Yard(Desk):
    """A project whose bot lives in a git repository `bot/` of its own, with commands beside it."""

    def __init__(self, folder: Path, **service: Any) -> None:
        super().__init__(folder, {})
        self.repo = folder / "bot"
        self.repo.mkdir()
        self.port = free_port()
        self.service = service
        self.git("init", "--quiet", "--initial-branch=main")
        self.write("bot/bot.py", BOT)
        self.ship()
        self.behave("one")
        self.define("ping")
        self.commit()

    def git(self, *arguments: str) -> str:
        """Runs git in the bot's repository."""
        identity = ("-c", "user.name=anna", "-c", "user.email=anna@ship")
        done = subprocess.run(
            ["git", "-C", self.repo, *identity, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self) -> str:
        """Commits everything; the commit."""
        self.git("add", "-A")
        self.git("commit", "--quiet", "--allow-empty", "-m", "change")
        return self.git("rev-parse", "HEAD")

    def behave(self, name: str, **how: Any) -> None:
        """Makes the work tree's bot one that is called so and behaves so."""
        self.write("bot/behave.json", json.dumps({"name": name, **how}))

    def version(self, name: str, **how: Any) -> str:
        """Commits such a bot."""
        self.behave(name, **how)
        return self.commit()

    def define(self, name: str, description: str = "Pong") -> None:
        """Defines a command in the bot's repository."""
        self.write(f"bot/commands/{name}.json", json.dumps({"name": name, "description": description}))

    def ship(self, **fields: Any) -> None:
        """Writes the profile; `fields` are of its service."""
        self.profile(repo="bot", service={**self.usual(), **self.service, **fields})

    def usual(self) -> dict[str, Any]:
        """A service as most tests have it."""
        here = f"http://127.0.0.1:{self.port}"
        return {
            "run": [sys.executable, "bot.py"],
            "environment": {"PORT": str(self.port)},
            "stop_timeout": 1,
            "health": {"alive": f"{here}/healthz", "ready": f"{here}/readyz", "deadline": 4, "stable_for": 0.2},
        }

    # What there is to see.

    def asked(self) -> dict[str, Any] | None:
        """What the bot says of itself; None when nobody answers, or only half: one that is being stopped may."""
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"http://127.0.0.1:{self.port}/healthz", timeout=3) as answer:
                found: dict[str, Any] = json.loads(answer.read())
                return found
        return None

    def runs(self) -> str | None:
        """The name of the bot that answers."""
        found = self.asked()
        return found["name"] if found else None

    def processes(self) -> list[int]:
        """The processes of the bot, by whatever has its folder as the working directory and runs bot.py."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and b"bot.py" in (entry / "cmdline").read_bytes():
                    where = (entry / "cwd").resolve()
                    ours = where.is_relative_to(self.folder) or where.is_relative_to(self.place)
                    found += [int(entry.name)] if ours else []
        return found

    @property
    def place(self) -> Path:
        """The folder of the service."""
        return (self.folder / ".botswain/service/dev").resolve()

    def current(self) -> str | None:
        """The release that the link leads to."""
        link = self.place / "current"
        return link.readlink().name if link.is_symlink() else None

    def deploy(self, *arguments: str) -> Ran:
        """`deploy --json`."""
        return self.inv("deploy", "--env", "dev", "--json", *arguments)

    def rollback(self, *arguments: str) -> Ran:
        """`rollback --json`, agreed to."""
        return self.inv("rollback", "--env", "dev", "--json", "--yes", "--allow-delete", "9", *arguments)

    def manifest(self) -> Any:
        """The manifest's document; None before the first deployment."""
        path = self.folder / "manifests/dev.json"
        return json.loads(path.read_bytes()) if path.exists() else None

    def outage(self, *, down: bool) -> None:
        """Begins or ends an outage of the double."""
        double = self.sandbox()
        try:
            with double.entered() as world:
                world.set_down(down)
        finally:
            double.close()

    def agree(self) -> None:
        """One bot runs, it is the release on record, nothing is locked and no journal is left."""
        service = (self.manifest() or {}).get("service")
        assert self.current() == (service["release"] if service else None)
        assert len(self.processes()) == (1 if service else 0)
        status = self.inv("status", "--env", "dev", "--json").document
        assert (status["lock"], status["interrupted"]) == (None, None)
        assert status["service"]["unconfirmed"] is None
        assert self.inv("audit.verify", "--env", "dev").code == 0

    def down(self) -> None:
        """Stops everything."""
        self.inv("dev.down", "--env", "dev")


@contextlib.contextmanager
def yard(folder: Path, **service: Any) -> Iterator[Yard]:
    """A project, and no process of it afterwards."""
    made = Yard(folder, **service)
    try:
        yield made
    finally:
        made.down()
