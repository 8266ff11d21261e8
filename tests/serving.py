"""A bot's place on a machine, as the role `bot` lays it, and the controller's side of the engine's orders."""

from __future__ import annotations

import json
import shlex
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2
from desk import ROOT
from hosting import BOT, Repository, git
from machines import Machine

from botswain.host import forms, orders
from botswain.host.ledger import Release
from botswain.host.looking import View
from botswain.host.moves import Switched
from botswain.host.place import Health, Service
from botswain.hosts.engine import COMMAND, PATH, engine

TEMPLATES = ROOT / "roles" / "bot" / "templates"
PORT = 8085
FAMILIES = ["AF_INET", "AF_INET6", "AF_UNIX"]


def units(name: str, **variables: Any) -> dict[str, str]:
    """The unit files of a bot, by their name."""
    folder = f"/srv/botswain/{name}"
    known = {
        "bot_environment": name, "bot_user": f"botswain-{name}", "bot_folder": folder, "bot_memory_max": "512M",
        "bot_tasks_max": 128, "bot_read_write_paths": [f"{folder}/shared"], "bot_address_families": FAMILIES,
        "bot_memory_deny_write_execute": True, "bot_system_calls": [], **variables,
    }  # fmt: skip
    made = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, autoescape=False)  # noqa: S701 - no HTML
    text = {kind: (TEMPLATES / f"botswain{kind}.service.j2").read_text() for kind in ("", "-settle")}
    return {f"botswain-{name}{kind}.service": made.from_string(source).render(**known) for kind, source in text.items()}


class Served:
    """One bot on a machine."""

    def __init__(self, machine: Machine, name: str = "stage", port: int = PORT, **variables: Any) -> None:
        self.machine = machine
        self.name = name
        self.root = f"/srv/botswain/{name}"
        self.user = f"botswain-{name}"
        self.unit = f"botswain-{name}.service"
        base = f"http://127.0.0.1:{port}"
        self.service = Service(
            name=name,
            run=("/usr/bin/python3", "-S", "bot.py"),
            environment={"PORT": str(port)},
            health=Health(
                f"{base}/healthz", f"{base}/readyz", deadline=5.0, stable_for=0.3, interval=0.05, timeout=1.0
            ),
            stop_timeout=3.0,
            free_space=0,
            manager={"kind": "systemd", "unit": self.unit},
            user=self.user,
        )
        self.folder = tempfile.TemporaryDirectory()
        self.repository = Repository(Path(self.folder.name) / "repository")
        self._sent: list[str] = []
        self._cursor = machine.run("journalctl -n 0 --show-cursor").stdout.split("cursor:")[-1].strip()
        self._provision(variables)

    def _provision(self, variables: dict[str, Any]) -> None:
        with tempfile.NamedTemporaryFile() as file:
            file.write(engine().data)
            file.flush()
            self.machine.copy(Path(file.name), PATH)
        for name, text in units(self.name, **variables).items():
            self.machine.write(f"/etc/systemd/system/{name}", text)
        user, root = self.user, self.root
        self.machine.run(f"""
set -e
chmod 755 {PATH} && ln -sf {PATH} {COMMAND}
id {user} >/dev/null 2>&1 || useradd --system --user-group --no-create-home --home-dir {root}/cache {user}
install -d -m 750 -o root -g {user} {root}
install -d -m 755 -o {user} -g {user} {root}/shared {root}/cache
install -d -m 700 {root}/credentials
systemctl daemon-reload
systemctl enable -q {self.unit} botswain-{self.name}-settle.service
""")

    def remove(self) -> None:
        """Stop the bot, and remove everything of it."""
        self.machine.run(f"""
systemctl disable -q --now {self.unit} botswain-{self.name}-settle.service
systemctl stop 'botswain-{self.name}-guard-*.timer'
pkill -KILL -u {self.user}
rm -rf {self.root} /etc/systemd/system/botswain-{self.name}* /run/systemd/system/{self.unit}.d
systemctl daemon-reload; systemctl reset-failed
""", check=False)  # fmt: skip
        self.folder.cleanup()

    # Orders.

    def do(self, *asked: orders.Order) -> dict[str, Any]:
        """The engine's answer to a request."""
        done = self.machine.run(f"{COMMAND} {self.root} do", text=json.dumps(orders.request(asked)))
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def one(self, asked: orders.Order) -> dict[str, Any]:
        """The answer to one order that has to succeed."""
        answer = self.do(asked)
        assert answer["error"] is None, answer
        (found,) = answer["answers"]
        return found

    def look(self) -> View:
        """What there is."""
        return forms.view(self.one(orders.Look()))

    def hand(self, *words: str) -> Any:
        """A command by hand; how it ended."""
        return self.machine.run(shlex.join([COMMAND, self.name, *words]), check=False)

    # Releases.

    def send(self, **files: str) -> str:
        """Commit files and put a bundle that brings them on the machine; the commit."""
        commit = self.repository.commit(**files)
        with tempfile.NamedTemporaryFile() as file:
            known = ["--not", *self._sent] if self._sent else []
            git(self.repository.root, "bundle", "create", "-q", file.name, "main", *known)
            self.machine.copy(Path(file.name), f"/opt/{self.name}.bundle")
        self._sent = [commit]
        return commit

    def order(self, commit: str, **fields: Any) -> orders.Prepare:
        """The order to build a commit that `send` sent."""
        given = {"service": self.service, "bundle": f"/opt/{self.name}.bundle", **fields}
        return orders.Prepare(commit, "ann", "d1", **given)

    def prepare(self, mode: str = "well", **files: str) -> str:
        """A release of a bot that behaves so."""
        return str(self.one(self.order(self.send(bot_DOT_py=BOT, mode=mode, **files)))["release"])

    def deploying(self, release: str, **fields: Any) -> orders.Deploy:
        """The order to switch to a release."""
        return orders.Deploy(release, "ann", "d1", self.service, **fields)

    def deploy(self, release: str, **fields: Any) -> Switched:
        """Switch to a release; it waits to be confirmed."""
        return forms.switched(self.one(self.deploying(release, **fields)))

    def ship(self, mode: str = "well", **files: str) -> str:
        """Build, deploy and confirm a bot that behaves so; its release."""
        done = self.deploy(self.prepare(mode, **files))
        assert self.one(orders.Confirm(done.token, "ann"))["confirmed"]
        return done.release

    def fails(self, asked: orders.Order, kind: str = "failed") -> dict[str, Any]:
        """The error of an order that has to fail so."""
        error = self.do(asked)["error"]
        assert error is not None
        assert error["kind"] == kind, error
        return dict(error)

    def configure(self, **health: Any) -> None:
        """Change how the bot is judged."""
        self.service = replace(self.service, health=replace(self.service.health, **health))

    # What there is.

    def processes(self) -> list[int]:
        """The bot's processes."""
        told = self.machine.run(f"pgrep -u {self.user}", check=False).stdout
        return [int(one) for one in told.split()]

    def released(self, pid: int) -> str:
        """The release that a process runs in."""
        return Path(self.machine.run(f"readlink /proc/{pid}/cwd").stdout.strip()).name

    def states(self) -> dict[str, str]:
        """The state of every release, by its id."""
        return {one.id: one.state for one in self.releases()}

    def releases(self) -> list[Release]:
        """Every release."""
        return self.look().releases

    def well(self, release: str) -> int:
        """Exactly one process runs, it is this release's, and everything says so; the process."""
        (pid,) = self.processes()
        view = self.look()
        assert self.released(pid) == release == view.state.live
        assert (view.state.pid, view.state.running, view.health) == (pid, True, None)
        assert [one.id for one in view.releases if one.state == "live"] == [release]
        assert (view.switch, view.confirmed, view.state.unconfirmed) == (None, False, None)
        left = self.machine.run(f"ls -A {self.root}").stdout.split()
        assert not {"switch.json", "reverting.json", "confirmed.json"} & set(left)
        return pid

    def prints(self) -> str:
        """What the bot printed."""
        since = f"--after-cursor='{self._cursor}'"
        return self.machine.run(f"journalctl --sync; journalctl -q -o cat {since} _SYSTEMD_UNIT={self.unit}").stdout
