"""A project whose bot runs on real hosts: a yard with target vm, machines, and a served double of Discord."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desk import APP, GUILD, token
from shipyard import Yard

from botswain.sandbox.process import running_server

if TYPE_CHECKING:
    from machines.machine import Machine

PYTHON = "/usr/bin/python3"
ROOT = "/srv/botswain/dev"


class Coast(Yard):
    """A project with one machine for the gateway, and any number for workers."""

    def __init__(
        self, folder: Path, api: str, gateway: Machine, workers: Sequence[Machine] = (), **service: Any
    ) -> None:
        from machines.inventory import write_inventory

        self.api, self.gateway, self.workers = api, gateway, tuple(workers)
        super().__init__(folder, **service)
        self.environment["DISCORD_DEV_TOKEN"] = token(APP)
        groups = {"bot": [gateway], **({"workers": self.workers} if self.workers else {})}
        write_inventory(folder / "inventories/dev", groups)
        for one in (gateway, *self.workers):
            one.relay(int(api.rpartition(":")[2]))

    def ship(self, **fields: Any) -> None:
        """Writes the profile; `fields` are of its service."""
        here = f"http://127.0.0.1:{self.port}"
        health = {"alive": f"{here}/healthz", "ready": f"{here}/readyz", "deadline": 6, "stable_for": 0.2}
        usual = {"target": "vm", "run": [PYTHON, "bot.py"], "port": self.port, "stop_timeout": 2, "health": health}
        if self.workers:
            usual["workers"] = {"run": [PYTHON, "bot.py"], "port": self.port, "health": health}
        self.profile(repo="bot", api=f"{self.api}/api/v10", service={**usual, **self.service, **fields})

    def provision(self) -> None:
        """Makes the machines ready."""
        ran = self.inv("provision", "--env", "dev", "--yes")
        assert ran.code == 0, ran

    # What there is to see.

    def on(self, command: str, machine: Machine | None = None) -> str:
        """What a command prints on a machine; the gateway's unless another is named."""
        return str((machine or self.gateway).run(command).stdout).strip()

    def asked(self, machine: Machine | None = None) -> dict[str, Any] | None:
        """What the bot on a machine says of itself; None when nobody answers."""
        told = self.on(f"curl --silent --max-time 3 http://127.0.0.1:{self.port}/healthz || true", machine)
        return json.loads(told) if told else None

    def runs(self, machine: Machine | None = None) -> str | None:
        """The name of the bot that answers on a machine."""
        found = self.asked(machine)
        return found["name"] if found else None

    def processes(self, machine: Machine | None = None) -> list[int]:
        """The bot's processes on a machine."""
        return [int(one) for one in self.on("pgrep -f '[b]ot.py' || true", machine).split()]

    def current(self, machine: Machine | None = None) -> str | None:
        """The release that the link leads to on a machine."""
        return self.on(f"readlink {ROOT}/current || true", machine).rpartition("/")[2] or None

    def live(self, scope: str = GUILD, environment: str = "dev", application: str = APP) -> dict[str, Any]:
        """What is live in a scope: the commands by name."""
        where = f"{self.api}/api/v10/applications/{application}/guilds/{scope}/commands"
        request = urllib.request.Request(where, headers={"Authorization": f"Bot {token(application)}"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - always http and loopback
            return {one["name"]: one for one in json.loads(answer.read())}

    def down(self) -> None:
        """Nothing of it runs here; its machines end by themselves."""


@contextlib.contextmanager
def timed(what: str) -> Iterator[None]:
    """Prints how long something took; `pytest -rP` shows it."""
    began = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - began:.1f} s")  # noqa: T201 - a figure


@contextlib.contextmanager
def coast(folder: Path, gateway: Machine, workers: Sequence[Machine] = (), **service: Any) -> Iterator[Coast]:
    """A project and its double of Discord; the machines are provisioned."""
    with running_server() as api:
        made = Coast(folder, api, gateway, workers, **service)
        made.provision()
        yield made
