"""Which process listens on the bot's port: found before anything stops, since a bot that cannot listen is down.

The kernel's lists of sockets decide, of IPv4 and IPv6, and what each process has open: no answer at a URL, and no try
to listen there, tells whose a port is.
"""

from __future__ import annotations

import os
import pwd
import socket
import struct
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from botswain.host.errors import HostError
from botswain.host.place import Service

_LISTENING = "0A"
_LOOPBACK = {"127.0.0.1": socket.AF_INET, "localhost": socket.AF_INET, "::1": socket.AF_INET6}
_REACHED = frozenset({"127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"})  # noqa: S104 - compared, not bound
"""Where a socket listens that answers on this machine's loopback, or keeps the bot from listening everywhere."""
Address = tuple[str, int]


@dataclass(frozen=True)
class Listener:
    """A process other than the bot that has a port which the bot needs."""

    host: str
    port: int
    pid: int
    """0 where the system does not tell."""
    name: str
    user: str = ""
    """Whose process it is, where that is all that the system tells."""

    @property
    def process(self) -> str:
        """The process in words."""
        if self.pid:
            return f"process {self.pid} ({self.name})"
        return f"a process of the user {self.user}" if self.user else "another process"

    def refusal(self) -> HostError:
        """What a person is told."""
        fix = "stop it, or give the bot another port (service.port, service.health)"
        if not self.pid and self.user:
            fix = f"sudo ss -tlnp 'sport = :{self.port}' names it; {fix}"
        where = f"[{self.host}]" if ":" in self.host else self.host
        what = f"port {self.port}, which the bot needs, is used by {self.process}"
        return HostError(what, where=f"{where}:{self.port}", fix=fix)


@dataclass(frozen=True)
class Socket:
    """A socket that listens."""

    name: str
    """As the descriptor of a process names it."""
    host: str
    user: int


def of(service: Service) -> list[Address]:
    """The addresses on this machine where the bot is going to listen, as far as its spec says."""
    port = service.environment.get("PORT", "")
    if port.isdecimal():
        return [("127.0.0.1", int(port))]
    return addresses((service.health.alive, service.health.ready))


def addresses(urls: Iterable[str | None]) -> list[Address]:
    """The addresses on this machine that URLs lead to."""
    found: dict[Address, None] = {}
    for url in urls:
        parts = urlsplit(url or "")
        if parts.hostname in _LOOPBACK and parts.port is not None:
            found[parts.hostname, parts.port] = None
    return list(found)


def in_the_way(wanted: Iterable[Address], ours: Callable[[int], bool], known: Collection[int]) -> list[Listener]:
    """The processes other than the bot that have these ports, on IPv4 or IPv6: one for each port at most.

    `ours` tells the bot's processes, and `known` are some of them: they are looked at first, since a look through the
    files of all processes takes long on a busy machine.
    """
    found: dict[int, Listener] = {}
    for host, port in wanted:
        listening = _listening(port)
        if listening is None:
            if not (_free(host, port) or known):
                found.setdefault(port, Listener(host, port, 0, ""))
            continue
        stranger = _stranger(listening, port, ours, known) if listening else None
        if stranger is not None:
            found.setdefault(port, stranger)
    return list(found.values())


def _stranger(
    listening: list[Socket], port: int, ours: Callable[[int], bool], known: Collection[int]
) -> Listener | None:
    """Who has one of these sockets and is not the bot: a socket is the bot's if any process of the bot has it open."""
    own = {name for pid in known for name in _open(pid)}
    left = [one for one in listening if one.name not in own]
    holders = _holders({one.name for one in left})
    # Of a process that changed its rights, as of another user's, only root may see what it has open.
    hidden = {_user(pid) for pid in known if not _readable(pid)}
    for one in left:
        pids = holders.get(one.name, [])
        if pids and not any(ours(pid) for pid in pids):
            return Listener(one.host, port, pids[0], _name(pids[0]))
        if not pids and one.user not in hidden:
            return Listener(one.host, port, 0, "", _called(one.user))
    return None


def _free(host: str, port: int) -> bool:
    """Whether the bot could listen there: all that can be known where the system has no list of sockets."""
    family = _LOOPBACK[host]
    with socket.socket(family) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1" if family == socket.AF_INET else "::1", port))
        except PermissionError:
            return True
        except OSError:
            return False
    return True


def _listening(port: int) -> list[Socket] | None:
    """Every socket that listens on a port where the bot may be reached; None where the system does not tell."""
    found, told = [], False
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            lines = Path("/proc/net", table).read_text().splitlines()[1:]
            told = True
            for line in lines:
                parts = line.split()
                address, _, number = parts[1].rpartition(":")
                if parts[3] == _LISTENING and int(number, 16) == port and _host(address) in _REACHED:
                    found.append(Socket(f"socket:[{parts[9]}]", _host(address), int(parts[7])))
    return found if told else None


def _host(text: str) -> str:
    """The address that the kernel writes as hexadecimal words in the byte order of the machine."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, struct.pack(f"={len(words)}I", *words))


def _holders(sockets: set[str]) -> dict[str, list[int]]:
    """By socket: the processes that have it open, as far as the system shows them to us."""
    found: dict[str, list[int]] = {}
    for pid in sorted(int(folder.name) for folder in Path("/proc").glob("[0-9]*")) if sockets else ():
        for name in sockets & _open(pid):
            found.setdefault(name, []).append(pid)
    return found


def _open(pid: int) -> set[str]:
    """What a process has open, as far as the system shows it to us."""
    found = set()
    with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with suppress(OSError):
                found.add(os.readlink(entry.path))  # noqa: PTH115 - no path, but a name
    return found


def _readable(pid: int) -> bool:
    """Whether what a process has open can be seen; one that has ended has nothing open."""
    try:
        os.scandir(f"/proc/{pid}/fd").close()
    except PermissionError:
        return False
    except OSError:
        return True
    return True


def _user(pid: int) -> int:
    """Whose process it is: the files of one that is hidden are root's, so its status tells."""
    with suppress(OSError, ValueError, IndexError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[2]) for line in lines if line.startswith("Uid:"))
    return -1


def _called(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
