"""A project whose repository is a sample bot: built, started, stopped for real, with faults that a wrapper brings."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clients import harbour
from desk import APP
from samples import installed
from shipyard import Yard

from botswain.targets import processes
from botswain.targets.specification import API_FILE

SOURCES = {
    "harbour-py": {"source": "discord.py", "object": "harbour.bot:Harbour", "setup_hook": True},
    "harbour-js": {"source": "discord.js", "folder": "src/commands"},
}
CALM = 'exec "$@"'
OUTAGE = f"""{shlex.quote(sys.executable)} - <<'END'
import os, urllib.request
control = os.environ["DISCORD_API"].rstrip("/").removesuffix("/api") + "/sandbox/outage"
urllib.request.urlopen(urllib.request.Request(control, b'{{"down": true}}'), timeout=5).close()
END
{CALM}"""
WEATHER = {
    "calm": CALM,
    "lost": f"DISCORD_API=http://127.0.0.1:9 {CALM}",  # nobody there: it never logs in
    "short": '"$@" & sleep 3; kill -9 $!; exit 3',
    "deaf": "trap '' TERM; \"$@\" & while :; do wait; sleep 0.2; done",
    "outage": OUTAGE,
}
"""How the bot is started, by what befalls it."""


class Fleet(Yard):
    """A sample bot as a project; what it needs is linked by its build, and lies nowhere else."""

    def __init__(self, folder: Path, sample: harbour.Sample, repo: Path) -> None:
        super().__init__(folder)
        self.sample, self.repo = sample, repo
        self.installed = ".venv" if sample.name == "harbour-py" else "node_modules"
        packages = (repo / self.installed).resolve()
        (repo / self.installed).unlink()
        self.build = [["ln", "-s", str(packages), self.installed]]
        self.git("init", "--quiet", "--initial-branch=main")
        self.sail("calm")
        self.ship()

    def ship(self, **fields: Any) -> None:
        """Writes the profile; `fields` are of its service."""
        if not hasattr(self, "sample"):
            return  # as Yard makes itself
        here = f"http://127.0.0.1:{self.port}"
        python = self.sample.name == "harbour-py"
        run = [".venv/bin/python", "-m", "harbour"] if python else list(self.sample.argv)
        usual = {
            "run": ["sh", "start.sh", *run],
            "build": self.build,
            "environment": {"PORT": str(self.port)},
            "stop_timeout": 3,
            "health": {"alive": f"{here}/healthz", "ready": f"{here}/readyz", "deadline": 30, "stable_for": 0.3},
        }
        interpreter = {} if python else {"interpreter": self.sample.argv[0]}
        source = {**SOURCES[self.sample.name], **interpreter}
        self.profile(repo=str(self.repo), commands=source, service={**usual, **fields})

    def sail(self, weather: str) -> str:
        """Commits a version that meets this; the commit."""
        script = self.repo / "start.sh"
        number = int(self.git("rev-list", "--all", "--count"))
        script.write_text(f"# {number}\n{WEATHER[weather]}\n")
        return self.commit()

    def processes(self) -> list[int]:
        """The processes of the bot, without a shell that started it."""
        return [one for one in processes.of_bot(self.place) if _program(one) not in ("sh", "sleep")]

    def serves(self) -> str | None:
        """The beginning of the commit that the bot which answers is of."""
        found = self.asked()
        return found["commit"] if found else None

    def sessions(self) -> int:
        """How many gateways are logged in at the double."""
        url = (self.place / "credentials" / API_FILE).read_text().strip().removesuffix("/api")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{url}/sandbox/gateway", timeout=5) as answer:
            known = json.load(answer)
        return sum(one["application_id"] == APP and one["connected"] for one in known["sessions"])


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().partition("\0")[0].rpartition("/")[2]
    except OSError:
        return "sh"  # gone meanwhile


@contextlib.contextmanager
def fleet(folder: Path, name: str) -> Iterator[Fleet]:
    """A project with a sample bot, and no process of it afterwards."""
    (folder / "project").mkdir()
    sample = installed(name, folder / "sample")
    made = Fleet(folder / "project", sample, sample.folder)
    try:
        yield made
    finally:
        made.down()
