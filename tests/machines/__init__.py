"""Real Debian hosts for tests and benchmarks: `with machine("web") as web: web.ssh("uptime")`.

Each is a Debian 12 with systemd, sshd and cron, booted by systemd-nspawn on a bridge of its own lab; it starts in
about a second from a cached image and leaves nothing behind. Needs root; `ability.missing()` says what else.
"""

from __future__ import annotations

from machines.ability import Unable
from machines.inventory import write_inventory
from machines.lab import Lab, lab, machine
from machines.machine import Machine
from machines.tools import MachineError

__all__ = ["Lab", "Machine", "MachineError", "Unable", "lab", "machine", "write_inventory"]
