"""What happens to a deployment on its way to a host: it is killed at a point, or the line to the host breaks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from coast import ROOT, Coast
from desk import ROOT as REPO
from hosting import until

from botswain.host import forms, orders
from botswain.host.looking import View

if TYPE_CHECKING:
    from machines.machine import Machine

KILLING = REPO / "tests/killing_vm.py"
SWITCHED = "before a line in journal.jsonl (service switched)"
"""The point at which the host waits to be confirmed and nobody has noted so."""
_GUARD = "systemctl list-units --all --plain --no-legend 'botswain-dev-guard-*.timer' | cut -d' ' -f1"


def killed(ship: Coast, point: int | str, *arguments: str) -> str | None:
    """Runs a task and kills it at a point, by number or name; the point's name, or None when it got through."""
    where = ship.where()
    done = subprocess.run(
        [sys.executable, str(KILLING), str(point), *arguments, "--env", "dev", "--yes"], cwd=where["cwd"],
        env={**where["env"], "PYTHONPATH": f"{REPO / 'tests'}:{REPO}"}, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=180, check=False,
    )  # fmt: skip
    if done.returncode == -9:
        return done.stdout.splitlines()[-1]
    assert done.returncode == 0, done
    return None


@contextmanager
def deploying(ship: Coast, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`deploy` as a process of its own."""
    child = subprocess.Popen(
        ship.argv("deploy", "--env", "dev", "--yes", *arguments), **ship.where(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate()


def look(ship: Coast, machine: Machine | None = None) -> View:
    """What the engine on a host says that there is."""
    request = json.dumps(orders.request([orders.Look()]))
    answer = json.loads((machine or ship.gateway).run(f"botswain-host {ROOT} do", text=request).stdout)
    return forms.view(answer["answers"][0])


def guards(ship: Coast, machine: Machine | None = None) -> list[str]:
    """The timers on a host that wait for a switch to be confirmed."""
    return ship.on(_GUARD, machine).split()


def guarded(ship: Coast, release: str | None, machine: Machine | None = None) -> None:
    """The one guard on a host does what it does when its time is over: it alone brings this release back."""
    (guard,) = guards(ship, machine)
    ship.on(f"systemctl start {guard.removesuffix('.timer')}.service; systemctl stop {guard}", machine)
    until(lambda: look(ship, machine).switch is None, "the guard", 60)
    assert ship.current(machine) == release


def drop(machine: Machine) -> None:
    """Breaks every connection to a host, and lets nobody in."""
    machine.run("systemctl stop ssh.socket ssh.service; pkill -KILL sshd || true")


def mend(machine: Machine) -> None:
    """Lets people in again."""
    machine.run("systemctl start ssh.service")
    until(lambda: machine.ssh("true", check=False).returncode == 0, "ssh", 60)


@contextmanager
def small_disk(machine: Machine, size: str) -> Iterator[None]:
    """What lies below /srv/botswain on a small file system of its own; what is written there is lost at the end."""
    mount = f"mount -t tmpfs -o size={size},mode=0755 small /small && cp -a /srv/botswain/. /small"
    bind = f"mkdir -p /small && {mount} && mount --bind /small /srv/botswain"
    machine.run(f"systemctl stop botswain-dev; {bind}; systemctl start botswain-dev")
    try:
        yield
    finally:
        machine.run("systemctl stop botswain-dev; umount /srv/botswain && umount /small; systemctl start botswain-dev")
