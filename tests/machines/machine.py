"""A machine as tests use it."""

from __future__ import annotations

import shlex
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from machines import cgroups, identity, inventory, network
from machines.container import BOOT_SECONDS, Container
from machines.relay import Relay
from machines.tools import Done, call, until

if TYPE_CHECKING:
    from machines.lab import Lab

SECONDS = 60.0
"""How long a command may take unless it is told otherwise."""
_BACK = 10.0
"""How long a network that was mended may take."""


class Machine:
    """A Debian host; `Lab.start` and `machine(...)` make one."""

    def __init__(self, lab: Lab, name: str, host: int, layers: Sequence[Path]) -> None:
        self.name = name
        self.lab = lab
        self.address = lab.network.address(host)
        """Where it is on the lab's network."""
        self.booted_in = 0.0
        """Seconds that the last start took, to a systemd that is done and an ssh that answers."""
        self._host = host
        bridge = lab.network.bridge
        self.unit = f"{bridge}-{host}"
        """Its name on this computer."""
        self._container = Container(self.unit, lab.folder / self.unit, layers, bridge)
        self._container.prepare()
        self.host_key = identity.give(
            self._container.upper, name=name, address=self.address, gateway=lab.network.gateway, mtu=network.widest()
        )
        self._relays: dict[int, int] = {}
        self._relaying: dict[int, Relay] = {}
        self._cut = False
        self._removed = False

    # Commands.

    def ssh(self, command: str, *, check: bool = True, text: str | None = None, timeout: float = SECONDS) -> Done:
        """Runs a shell command as the user `admin`, over a connection of its own. `text` is its input."""
        words = ["ssh", "-F", self.lab.ssh_config, self.address, command]
        return call(words, check=check, text=text, timeout=timeout, told=f"{self.name}: ssh {command}")

    def run(self, command: str, *, check: bool = True, text: str | None = None, timeout: float = SECONDS) -> Done:
        """Runs a shell command as root, past ssh and network: also while the network is cut."""
        return self._container.enter(["sh", "-c", command], check=check, text=text, timeout=timeout)

    def read(self, path: str) -> str:
        """The text of a file."""
        return self.run(f"cat -- '{path}'").stdout

    def write(self, path: str, text: str, *, mode: str = "0644", owner: str = "root") -> None:
        """Writes a file, and the folders above it."""
        self.run(f"install -D -m {mode} -o {owner} /dev/stdin '{path}'", text=text)

    def copy(self, source: Path, path: str) -> None:
        """Copies a file or folder of this computer into the machine, to be named `path`; root owns it."""
        packed = shlex.join(["tar", "-C", str(source.parent), "--transform", f"s,^{source.name},{Path(path).name},S",
                             "-cf", "-", source.name])  # fmt: skip
        parent = Path(path).parent
        self._container.pipe(packed, f"mkdir -p '{parent}' && tar -C '{parent}' --no-same-owner -xf -")

    def inventory(self, folder: Path, *groups: str) -> Path:
        """Writes an Ansible inventory with this machine in these groups, or adds it to the one that is there."""
        return inventory.add(folder, self, groups or ("bot",))

    def state(self) -> str:
        """What systemd says of the whole: `running`, or `degraded` when a unit failed."""
        return self.run("systemctl is-system-running", check=False).stdout.strip()

    # Power.

    def start(self) -> None:
        """Switches it on, and waits until it is up."""
        began = time.monotonic()
        self._container.start()
        self._up(began, before=None)

    def reboot(self) -> None:
        """Restarts it as a person would, and waits until it is up again."""
        began, before = time.monotonic(), self._container.init()
        self.run("systemctl reboot", check=False)
        self._up(began, before)

    def kill(self) -> None:
        """Takes the power away; `start` gives it back. What was written to files stays."""
        self._container.kill()
        self._silence()

    def stop(self) -> None:
        """Ends it, and removes its files; a second time does nothing."""
        if not self._removed:
            self._removed = True
            self._container.remove()
            self._silence()
            self.lab.forget(self._host)

    def _up(self, began: float, before: int | None) -> None:
        self._container.init(other_than=before)
        for port in self._relays:  # at once: what starts at boot may look for them
            self._relay(port)
        if self._cut:
            network.disconnect(self._container.link)
        until(self._booted, seconds=BOOT_SECONDS, what=lambda: f"{self.name}: no boot\n{self._container.console()}")
        if not self._cut:
            until(self._greeted, seconds=BOOT_SECONDS, what=lambda: f"{self.name}: no ssh at {self.address}")
        self.booted_in = time.monotonic() - began

    def _booted(self) -> bool | None:
        return self.state() in {"running", "degraded"} or None

    def _greeted(self) -> bool | None:
        try:
            with socket.create_connection((self.address, 22), timeout=1) as line:
                return line.recv(4) == b"SSH-" or None
        except OSError:
            return None

    # Network.

    def cut(self) -> None:
        """Cuts the network: nothing comes in or goes out; the machine's own interface stays up. Relays stay too."""
        network.disconnect(self._container.link)
        self._cut = True

    def restore(self) -> None:
        """Mends it."""
        network.connect(self._container.link, self.lab.network.bridge)
        self._cut = False
        end = time.monotonic() + _BACK  # what looked for it meanwhile has the kernel say for a moment that it is away
        while not self._greeted() and time.monotonic() < end:
            time.sleep(0.1)

    def relay(self, port: int, to: int | None = None) -> None:
        """Leads a port of the machine's 127.0.0.1 to one of this computer's 127.0.0.1, also after a reboot.

        It does not pass the network, so that a bot keeps its Discord while `cut` takes the way to the controller.
        """
        self._relays[port] = port if to is None else to
        self._relay(port)

    def unrelay(self, port: int) -> None:
        """Ends it: connections are refused."""
        del self._relays[port]
        self._relaying.pop(port).end()

    def _relay(self, port: int) -> None:
        old = self._relaying.pop(port, None)
        if old is not None:
            old.end()
        self._relaying[port] = Relay(self._container.init(), port, self._relays[port], cgroups.make(self.unit))

    def _silence(self) -> None:
        while self._relaying:
            self._relaying.popitem()[1].end()

    # Disk.

    def disk(self, path: str, limit: str = "16M") -> None:
        """Mounts an empty file system of that size at a path, to be filled; `undisk` takes it away, a reboot too."""
        self.run(f"mkdir -p '{path}' && mount -t tmpfs -o size={limit},mode=0755 small '{path}'")

    def fill(self, path: str, leave: str = "0") -> None:
        """Fills the file system at a path with a file `.ballast`, up to so many free bytes (`64K`)."""
        free = int(self.run(f"stat -f -c '%a * %S' '{path}' | xargs expr").stdout)
        kept = int(self.run(f"numfmt --from=iec {leave}").stdout)
        self.run(f"head -c {max(0, free - kept)} /dev/zero >>'{path}/.ballast' || true")

    def undisk(self, path: str) -> None:
        """Unmounts it."""
        self.run(f"umount --lazy '{path}'")
