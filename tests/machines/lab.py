"""A lab: the machines of one process, their network and keys. It ends with the process, whatever ends that."""

from __future__ import annotations

import atexit
import contextlib
import functools
import threading
from collections.abc import Iterable, Iterator

from machines import ability, berths, controller, identity, image, network
from machines.machine import Machine

FIRST_HOST = 10
CONFIG = """Host *
  User {user}
  IdentityFile {key}
  IdentitiesOnly yes
  UserKnownHostsFile {known}
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  BatchMode yes
  ConnectTimeout 5
  LogLevel ERROR
"""


class Lab:
    """Raises Unable where machines cannot run."""

    def __init__(self) -> None:
        ability.require()
        image.base()  # before anything is held: it may take a minute
        self._berth = berths.take()
        self.folder = self._berth.folder
        self.network = network.Network(self._berth.number)
        self.key = self.folder / "key"
        self.known_hosts = self.folder / "known_hosts"
        self.ssh_config = self.folder / "ssh_config"
        self._overlaid = self.folder / "controller"
        self._machines: dict[int, Machine] = {}
        self._lock = threading.Lock()
        try:
            self.network.make()
            self._keys()
        except BaseException:
            self.close()
            raise

    def _keys(self) -> None:
        identity.make_key(self.key, comment="botswain tests")
        controller.lay(self._overlaid)
        entry = next(
            line for line in (image.base() / "etc/passwd").read_text().splitlines() if line.startswith("admin:")
        )
        numbers = tuple(int(word) for word in entry.split(":")[2:4])
        identity.admit(self._overlaid, image.USER, (numbers[0], numbers[1]), self.key.with_suffix(".pub").read_text())
        self.ssh_config.write_text(CONFIG.format(user=image.USER, key=self.key, known=self.known_hosts))

    def start(self, name: str, packages: Iterable[str] = (), release: str = image.RELEASE) -> Machine:
        """A machine that is up: systemd is done with booting, ssh answers."""
        layers = [self._overlaid, *image.layers(packages, self._overlaid, release)]
        with self._lock:
            host = next(one for one in range(FIRST_HOST, 250) if one not in self._machines)
            made = self._machines[host] = Machine(self, name, host, layers)
            self._learn()
        try:
            made.start()
        except BaseException:
            made.stop()
            raise
        return made

    def forget(self, host: int) -> None:
        """Frees the address of a machine that was removed."""
        with self._lock:
            self._machines.pop(host, None)
            self._learn()

    def _learn(self) -> None:
        lines = [f"{one.address} {one.host_key}\n" for one in self._machines.values()]
        self.known_hosts.write_text("".join(lines))

    def close(self) -> None:
        """Ends all machines and removes what the lab has on this computer; a second time does nothing."""
        lab.cache_clear()
        try:
            for one in list(self._machines.values()):
                one.stop()
        finally:
            self._berth.leave()


@functools.cache
def lab() -> Lab:
    """The lab of this process; a new one after it was closed."""
    made = Lab()
    atexit.register(made.close)
    return made


@contextlib.contextmanager
def machine(name: str = "host", packages: Iterable[str] = ()) -> Iterator[Machine]:
    """A machine in the lab of this process, with further Debian packages; removed at the end."""
    made = lab().start(name, packages)
    try:
        yield made
    finally:
        made.stop()
