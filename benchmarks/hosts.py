"""A project whose bot runs on real Debian hosts, which are made for as long as a measurement takes (tests/machines)."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.harbour import free_port
from benchmarks.project import ENVIRONMENT, ROOT, Project, guilds, project, repository, typical

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from machines.machine import Machine

PYTHON = "/usr/bin/python3"
"""On the hosts; the bot needs nothing else."""
COMMANDS = 10
FOLDER = f"/srv/botswain/{ENVIRONMENT}"
_FILES = 40
"""Files of the bot, so that a checkout has something to do."""

sys.path.append(str(ROOT / "tests"))  # machines and what else the tests have


@dataclass(frozen=True)
class Shore:
    """A project and its hosts; the bot was not deployed yet."""

    place: Project
    gateway: Machine
    workers: tuple[Machine, ...]
    port: int
    """Of the bot's health, on each host."""

    @property
    def machines(self) -> tuple[Machine, ...]:
        """All hosts."""
        return (self.gateway, *self.workers)

    @property
    def inventory(self) -> Path:
        """Names them for Ansible."""
        return self.place.folder / "inventories" / ENVIRONMENT

    @property
    def repository(self) -> Path:
        """The bot's."""
        return self.place.folder / "bot"

    def commit(self, change: str) -> None:
        """Commits a small change of the bot."""
        (self.repository / "behave.json").write_text(json.dumps({"name": change}))
        command = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false"]
        subprocess.run([*command, "commit", "--quiet", "--all", "-m", change], cwd=self.repository, check=True)

    def current(self, machine: Machine) -> str:
        """The release that is live on a host."""
        return str(machine.run(f"readlink {FOLDER}/current").stdout).strip().rpartition("/")[2]

    def running(self) -> str:
        """The release whose bot runs on the gateway's host."""
        found = self.gateway.run(f"readlink /proc/$(systemctl show --value -p MainPID botswain-{ENVIRONMENT})/cwd")
        return str(found.stdout).strip().rpartition("/")[2]


@contextmanager
def shore(workers: int = 0, packages: Sequence[str] = ()) -> Iterator[Shore]:
    """A project with a host for the gateway and some for workers; nothing is installed on them."""
    from machines.inventory import write_inventory

    with project(limits=False) as place, contextlib.ExitStack() as stack:
        made = [stack.enter_context(machine(name, packages)) for name in names(workers)]
        gateway, *others = made
        for one in made:
            one.relay(int(place.url.rpartition(":")[2]))
        write_inventory(place.folder / "inventories" / ENVIRONMENT, {"bot": [gateway], "workers": others})
        ashore = Shore(place, gateway, tuple(others), free_port())
        _bot(ashore)
        _profile(ashore)
        yield ashore


def names(workers: int) -> list[str]:
    """What the hosts are called; the gateway's first."""
    return ["gate", *(f"worker-{number}" for number in range(1, workers + 1))]


def machine(name: str, packages: Sequence[str]) -> contextlib.AbstractContextManager[Machine]:
    """A host of tests/machines. Raises what says why there can be none here."""
    import machines

    return machines.machine(name, packages)


def _bot(ashore: Shore) -> None:
    """The tests' bot, which needs Python alone, among files that it does not read."""
    from shipyard import BOT

    folder = ashore.repository
    folder.mkdir()
    (folder / "bot.py").write_text(BOT)
    (folder / "behave.json").write_text(json.dumps({"name": "first"}))
    for number in range(_FILES):
        (folder / f"part{number}.py").write_text(f"# Part {number}\n" * 50)
    ashore.place.commands(typical(COMMANDS))
    (ashore.place.folder / "commands").rename(folder / "commands")
    repository(folder)


def _profile(ashore: Shore) -> None:
    here = f"http://127.0.0.1:{ashore.port}"
    health = {"alive": f"{here}/healthz", "ready": f"{here}/readyz", "deadline": 60, "stable_for": 0}
    process = {"run": [PYTHON, "bot.py"], "port": ashore.port, "health": health}
    service = {"target": "vm", **process, **({"workers": process} if ashore.workers else {})}
    ashore.place.profile(repo="bot", guild_ids=guilds(1), service=service)
