"""The guard: it brings the release before back when nobody confirms the new one in time, whoever is gone by then.

On a developer's machine it is a process of its own, on a server a timer of systemd, which outlives the session that
armed it. A timer does not outlive a reboot: the unit that runs `settle` once the machine is up does the same.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from botswain.host import switch as switching
from botswain.host.errors import HostError
from botswain.host.managers import manager_of
from botswain.host.place import Place, Service, explained
from botswain.host.underway import Switch, pending

_ARMED = b"armed\n"
_PATIENCE = 20.0
"""Seconds that a guard may take to be there."""
_LOOK = 0.2
"""Seconds between its looks."""


class Guard(Protocol):
    """Who watches over a switch."""

    def arm(self, switch: Switch) -> None:
        """Begin to watch; returns once it does. Raises HostError when it cannot."""

    def disarm(self, token: str) -> None:
        """The switch is settled: nobody has to watch any more."""


def guard_of(place: Place, service: Service) -> Guard:
    """The guard for those who keep the bot's process by the manager that the service names."""
    if service.manager.get("kind") == "systemd":
        return Timer(place, service.manager["unit"])
    return Watcher(place)


@dataclass(frozen=True)
class Watcher:
    """A process of its own."""

    place: Place

    def arm(self, switch: Switch) -> None:
        """Start it."""
        arm(self.place, switch)

    def disarm(self, token: str) -> None:
        """It sees for itself."""


@dataclass(frozen=True)
class Timer:
    """A timer of systemd beside the bot's unit."""

    place: Place
    unit: str

    def arm(self, switch: Switch) -> None:
        """Make the timer, the only one: what a killed run left waiting is settled by now."""
        self.disarm("*")
        argv, variables = itself()
        seconds = max(0.0, switch.until - time.time())
        try:
            done = subprocess.run(
                [
                    "systemd-run", "--quiet", f"--unit={self._name(switch.token)}", f"--on-active={seconds:.3f}",
                    "--timer-property=AccuracySec=100ms", f"--description=Takes {switch.to} back unless confirmed",
                    *(f"--setenv={name}={value}" for name, value in variables.items()),
                    *argv, str(self.place.root), "guard", switch.token, "0",
                ],
                capture_output=True, text=True, check=False, timeout=_PATIENCE,
            )  # fmt: skip
            why = done.stderr.strip().splitlines() if done.returncode else []
        except (OSError, subprocess.TimeoutExpired) as error:
            why = [str(error)]
        if why:
            raise HostError(f"the guard of the switch does not start: {why[-1]}", where=self.unit)

    def disarm(self, token: str) -> None:
        """Remove the timer; where that fails, it finds nothing to do."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            argv = ["systemctl", "stop", f"{self._name(token)}.timer"]
            subprocess.run(argv, capture_output=True, check=False, timeout=_PATIENCE)

    def _name(self, token: str) -> str:
        return f"{self.unit.rpartition('.')[0]}-guard-{token}"


def itself() -> tuple[list[str], dict[str, str]]:
    """The command that runs this very engine, and the variables that it needs."""
    root = Path(__file__).parents[2]
    if root.is_file():
        return [sys.executable, "-IS", str(root)], {}
    return [sys.executable, "-m", "botswain.host"], {"PYTHONPATH": str(root)}


def arm(place: Place, switch: Switch) -> None:
    """Start the guard of a switch; returns once it watches. Raises HostError when it cannot."""
    log = place.logs / "guard.log"
    command, own = itself()
    variables = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "LC_ALL"}}
    argv = [*command, str(place.root), "guard", switch.token, repr(switch.until)]
    with explained(log, "start the guard"):
        place.logs.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True,
                cwd="/", env={**variables, **own},
            )  # fmt: skip
    said = b""
    if child.stdout is not None:
        with child.stdout as pipe:
            ready, _, _ = select.select([pipe], [], [], _PATIENCE)
            said = os.read(pipe.fileno(), len(_ARMED)) if ready else b""
    if said != _ARMED:
        child.kill()
        child.wait()
        raise HostError("the guard of the switch does not start", where=str(log), fix="look there; nothing was stopped")
    _ours[:] = [one for one in [*_ours, child] if one.poll() is None]


_ours: list[subprocess.Popen[bytes]] = []
"""Guards that this process started, and that still watch."""


def watch(place: Place, token: str, until: float) -> switching.Settled | None:
    """Wait until the time is up or the switch is settled; then bring the release before back if nobody confirmed."""
    with contextlib.suppress(OSError):  # whoever armed it may be gone already
        os.write(1, _ARMED)
    os.dup2(2, 1)
    while time.time() < until:
        found = pending(place)
        if found is None or found.token != token:
            return None
        time.sleep(min(_LOOK, max(0.01, until - time.time())))
    service = place.load()
    return switching.revert(place, service, manager_of(service), token, _nothing_known, wait=float("inf"))


def _nothing_known() -> str | None:
    """Nobody here asks how Discord is: what was well before is well now, or a person is needed."""
    return None
