"""The guard: a process of its own that brings the release before back when nobody confirms the new one in time."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from pathlib import Path

from botswain.host import switch as switching
from botswain.host.errors import HostError
from botswain.host.managers import manager_of
from botswain.host.place import Place, explained
from botswain.host.underway import Switch, pending

_ARMED = b"armed\n"
_PATIENCE = 20.0
"""Seconds that a guard may take to be there."""
_LOOK = 0.2
"""Seconds between its looks."""


def arm(place: Place, switch: Switch) -> None:
    """Start the guard of a switch; returns once it watches. Raises HostError when it cannot."""
    log = place.logs / "guard.log"
    root = Path(__file__).parents[2]
    variables = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "LC_ALL"}}
    argv = [sys.executable, "-m", "botswain.host", str(place.root), "guard", switch.token, repr(switch.until)]
    with explained(log, "start the guard"):
        place.logs.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True,
                cwd="/", env={**variables, "PYTHONPATH": str(root)},
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
