"""The bot that Botswain deployed, relinked and restarted by one `ssh`: what people do on a host without any tool."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

from benchmarks.hosts import FOLDER
from benchmarks.project import ENVIRONMENT
from botswain.hosts import fleet, ssh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.hosts import Shore

_SWITCH = """cd {folder} && ln -s releases/{release} by-hand && mv -T by-hand current &&
systemctl restart botswain-{environment} &&
until curl --silent --fail --output /dev/null http://127.0.0.1:{port}/readyz; do sleep 0.02; done"""


def switch(shore: Shore, release: str) -> float:
    """Relinks, restarts the same unit, and waits until the bot is ready; seconds.

    Botswain's ledger learns nothing of it: who goes to another release has to come back.
    """
    command = _SWITCH.format(folder=FOLDER, release=release, environment=ENVIRONMENT, port=shore.port)
    begun = time.perf_counter()
    _ssh(shore, command=["sh", "-c", command])
    took = time.perf_counter() - begun
    if shore.running() != release:
        raise RuntimeError(f"{release} does not run after the switch by hand")
    return took


def hang_up(shore: Shore) -> None:
    """Closes the connection that all share here, Botswain and Ansible too: the next one has to open a new one."""
    _ssh(shore, "-O", "exit")


def _ssh(shore: Shore, *options: str, command: Sequence[str] = ()) -> None:
    (host,) = fleet.fleet_of(shore.inventory, workers=False).hosts
    rooted = [ssh.as_root(host, command)] if command else []
    argv = ["ssh", *ssh.options(host), *options, ssh.address(host), *rooted]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode and "No such file" not in done.stderr:  # none was open
        raise RuntimeError(f"ssh ended with {done.returncode}: {done.stderr}")
