"""The backup runner at work in tests: its configuration, its commands, and what it leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desk import ROOT
from postgres import Cluster, someone


@dataclass(frozen=True)
class Told:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document of stdout."""
        return json.loads(self.out)

    @property
    def line(self) -> str:
        """The one line that tells a failure, without `botswain: `."""
        lines = [one for one in self.err.splitlines() if one.startswith("botswain: ")]
        assert len(lines) == 1, self
        assert "Traceback" not in self.err, self
        return lines[0].removeprefix("botswain: ")


def copied_programs(programs: Path, folder: Path) -> Path:
    """Links to PostgreSQL's programs in a folder where one of them can be replaced."""
    folder.mkdir()
    for path in programs.iterdir():
        (folder / path.name).symlink_to(path)
    for one in (folder, *folder.parents):  # pytest's folders are their owner's alone
        if one.owner() == "root" and one != Path("/") and not one.stat().st_mode & 0o001:
            one.chmod(one.stat().st_mode | 0o011)
    return folder


class Backups:
    """One environment's backups of one database."""

    def __init__(self, root: Path, cluster: Cluster, database: str, **fields: Any) -> None:
        self.cluster = cluster
        self.folder = root / "backups"
        self.configuration = root / "stage.json"
        self.environment: dict[str, str] = {}
        """Variables on top of PATH."""
        self.settings: dict[str, Any] = {
            "environment": "stage", "database": database, "host": str(cluster.folder), "port": cluster.port,
            "user": "postgres", "folder": str(self.folder), "run_as": someone(), "bin": str(cluster.programs),
        }  # fmt: skip
        self.configure(**fields)

    def configure(self, **fields: Any) -> None:
        """Change the configuration; None takes a field out."""
        self.settings.update(fields)
        self.settings = {name: value for name, value in self.settings.items() if value is not None}
        self.configuration.write_text(json.dumps(self.settings))

    def argv(self, *arguments: str) -> list[str]:
        """The command line of the runner."""
        return [sys.executable, "-m", "botswain.backup", "--config", str(self.configuration), *arguments]

    def where(self) -> dict[str, Any]:
        """Folder and environment of such a process."""
        known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {"cwd": ROOT, "env": {**known, **self.environment}}

    def do(self, *arguments: str, **options: Any) -> Told:
        """Run a command to its end."""
        usual: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 120}
        if "input" not in options:
            usual["stdin"] = subprocess.DEVNULL
        done = subprocess.run(self.argv(*arguments), check=False, **{**usual, **self.where(), **options})
        return Told(done.returncode, done.stdout, done.stderr)

    def run(self) -> str:
        """Make a backup that is good; its id."""
        done = self.do("run", "--json")
        assert done.code == 0, done
        return str(done.document["backup"]["id"])

    def states(self) -> dict[str, str]:
        """What list says: the state by id."""
        done = self.do("list", "--json")
        assert done.code == 0, done
        return {one["id"]: one["state"] for one in done.document["backups"]}

    def last_run(self) -> Any:
        """What list says about the last run."""
        return self.do("list", "--json").document["lastRun"]

    def dump(self, identity: str) -> Path:
        """The file of a dump."""
        return next((self.folder / identity).glob("database.dump*"))

    def names(self) -> set[str]:
        """Everything in the folder but what is always there."""
        if not self.folder.exists():
            return set()
        return {path.name for path in self.folder.iterdir()} - {".lock", ".last-run.json", ".last-good.json"}

    def whole(self, *identities: str) -> None:
        """Fails unless exactly these are there, good, and read back."""
        assert self.names() == set(identities)
        assert self.states() == dict.fromkeys(identities, "good")
        assert self.do("verify").code == 0


def until(true: Callable[[], Any], seconds: float = 60) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)
