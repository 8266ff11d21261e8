"""A project of its own beside a served sandbox, so that measuring leaves no trace in this one."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from botswain.sandbox.process import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]
APPLICATION = "100000000000000042"
TOKEN = f"{base64.urlsafe_b64encode(APPLICATION.encode()).decode().rstrip('=')}.sandbox.{'x' * 27}"
ENVIRONMENT = "bench"
_LINKS = ("tasks.py", "botswain", "requirements", ".venv")
_OWN: dict[str, str] = {}
"""Variables that keep what is measured out of a person's home."""
_NOT_A_USER_S = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPATH", "VIRTUAL_ENV"}


@dataclass(frozen=True)
class Ended:
    """A child process that has ended. Times in milliseconds, memory in MB (10^6 bytes)."""

    wall: float
    cpu: float
    peak: float


def run(command: Sequence[str], folder: Path, **variables: str) -> Ended:
    """Runs a child as a user would, and tells what it took; it has to succeed."""
    with tempfile.TemporaryFile("w+") as errors:
        begun = time.perf_counter()
        child = subprocess.Popen(
            command, cwd=folder, env=environment(**variables), stdout=subprocess.DEVNULL, stderr=errors
        )
        _pid, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        if child.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}:\n{errors.read()[-2000:]}")
        cpu = used.ru_utime + used.ru_stime
        return Ended(wall * 1e3, cpu * 1e3, used.ru_maxrss * 1024 / 1e6)


def environment(**variables: str) -> dict[str, str]:
    """The variables of a user's shell, and these."""
    known = {name: value for name, value in os.environ.items() if name not in _NOT_A_USER_S}
    return {**known, **_OWN, **variables}


def furnish(folder: Path) -> None:
    """Makes a folder a project: this Botswain, and room for profiles and commands."""
    folder.mkdir(exist_ok=True)
    for link in _LINKS:
        (folder / link).symlink_to(ROOT / link)
    shutil.copy(ROOT / "inv", folder / "inv")  # a link would lead it back to this checkout
    for own in ("profiles", "commands"):
        (folder / own).mkdir()


def repository(folder: Path) -> None:
    """Commits everything in a folder that is no repository yet."""
    who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false")
    for arguments in (("init", "--quiet", "-b", "main"), ("add", "--all"), (*who, "commit", "--quiet", "-m", "Bot")):
        subprocess.run(["git", *arguments], cwd=folder, check=True, stdin=subprocess.DEVNULL)


@dataclass(frozen=True)
class Project:
    """A folder with this Botswain and with commands and a profile of its own."""

    folder: Path
    url: str
    """Of the sandbox, without `/api/v10`."""

    def inv(self, *arguments: str, **variables: str) -> Ended:
        """Runs `./inv`."""
        return run(["./inv", *arguments], self.folder, DISCORD_BENCH_TOKEN=TOKEN, NO_COLOR="1", **variables)

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Starts `./inv` and leaves it to the caller how it ends."""
        return subprocess.Popen(
            ["./inv", *arguments],
            cwd=self.folder,
            env=environment(DISCORD_BENCH_TOKEN=TOKEN, NO_COLOR="1", **variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def document(self, *arguments: str, **variables: str) -> Any:
        """The JSON document of an `./inv` that has to succeed."""
        child = self.start(*arguments, "--json", **variables)
        out, errors = child.communicate()
        if child.returncode:
            said = f"{errors[-2000:]}{out[-2000:]}"
            raise RuntimeError(f"./inv {' '.join(arguments)} ended with {child.returncode}:\n{said}")
        return json.loads(out)

    def profile(self, **fields: Any) -> None:
        """Writes the profile; JSON is YAML."""
        profile = {
            "environment": ENVIRONMENT,
            "api": f"{self.url}/api/v10",
            "application_id": APPLICATION,
            "commands": {"folder": "commands", "requests_per_second": 50},
            **fields,
        }
        (self.folder / "profiles" / f"{ENVIRONMENT}.yaml").write_text(json.dumps(profile))

    def commands(self, definitions: Sequence[Mapping[str, Any]]) -> None:
        """Writes the sources, one file a command."""
        for definition in definitions:
            path = self.folder / "commands" / f"{definition['name']}.json"
            path.write_text(json.dumps(definition, ensure_ascii=False))

    def ask(self, method: str, path: str, body: Any = None, *, bot: str = TOKEN) -> Any:
        """A request to the sandbox, past Botswain."""
        request = urllib.request.Request(  # noqa: S310 - always http and loopback
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bot {bot}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as response:  # noqa: S310 - the same
            return json.loads(response.read() or b"null")

    def put(self, guild: str, commands: Sequence[Mapping[str, Any]]) -> None:
        """Fills a guild past Botswain."""
        self.ask("PUT", f"/api/v10/applications/{APPLICATION}/guilds/{guild}/commands", commands)

    def log(self) -> list[dict[str, Any]]:
        """What the sandbox was asked since the last look, oldest first."""
        seen: list[dict[str, Any]] = self.ask("GET", "/sandbox/log")
        self.ask("DELETE", "/sandbox/log")
        return seen


@contextmanager
def project(*, limits: bool) -> Iterator[Project]:
    """A fresh project and a fresh sandbox in a process of its own, with or without Discord's limits."""
    run(["./inv", "--list"], ROOT)  # makes the environment that users have, unless it is there
    if (ROOT / ".venv" / "bin" / "pytest").exists():
        print("note: .venv holds more than requirements/base.txt, which slows httpx; remove it", file=sys.stderr)
    with (
        tempfile.TemporaryDirectory(prefix="botswain-bench-") as name,
        mock.patch.dict(_OWN, {"XDG_STATE_HOME": str(Path(name, "state"))}),
        running_server() as url,
    ):
        folder = Path(name, "project")
        furnish(folder)
        made = Project(folder, url)
        made.ask("POST", "/sandbox/settings", {"limits": limits})
        yield made


def guilds(count: int) -> list[str]:
    """Ids of that many guilds."""
    return [str(200000000000000000 + number) for number in range(1, count + 1)]


def typical(count: int) -> list[dict[str, Any]]:
    """Slash commands as bots have them: three options each, some choices and a translation; about 1 kB."""
    return [
        {
            "name": f"command-{number}",
            "description": f"What the command with the number {number} of this bot does for people",
            "description_localizations": {"de": f"Was der Befehl mit der Nummer {number} tut"},
            "default_member_permissions": "8" if number % 5 == 0 else None,
            "options": [
                {"type": 6, "name": "who", "description": "Whom it is about", "required": True},
                {
                    "type": 3,
                    "name": "how",
                    "description": "One of the ways in which it can be done",
                    "choices": [{"name": f"Way {way}", "value": f"way-{way}"} for way in range(5)],
                },
                {"type": 4, "name": "days", "description": "For so many days", "min_value": 1, "max_value": 90},
            ],
        }
        for number in range(count)
    ]
