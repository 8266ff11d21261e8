"""Who listens on the bot's port: found before anything stops, since a bot that cannot listen is a bot that is down."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from botswain.host.errors import HostError
from botswain.host.place import Service

_LISTENING = "0A"
_LOOPBACK = {"127.0.0.1": socket.AF_INET, "localhost": socket.AF_INET, "::1": socket.AF_INET6}
Address = tuple[str, int]


@dataclass(frozen=True)
class Listener:
    """Somebody else who has a port that the bot needs."""

    host: str
    port: int
    pid: int
    """0 where the system does not tell."""
    name: str

    def refusal(self) -> HostError:
        """What a person is told."""
        who = f"process {self.pid} ({self.name})" if self.pid else "another process"
        fix = "stop it, or give the bot another port (service.port, service.health)"
        what = f"port {self.port}, which the bot needs, is used by {who}"
        return HostError(what, where=f"{self.host}:{self.port}", fix=fix)


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
    """Who has these ports beside the bot itself, whose processes are `ours`; those that are `known` already too.

    Those come first: to look through everybody's takes long on a busy machine.
    """
    found = []
    for host, port in wanted:
        if _free(host, port):
            continue
        sockets = _sockets(port)
        if sockets and sockets <= {entry for pid in known for entry in _open(pid)}:
            continue
        holders = _holders(sockets)
        strangers = [pid for pid in holders if not ours(pid)]
        if strangers:
            found.append(Listener(host, port, strangers[0], _name(strangers[0])))
        elif not (holders or known):
            found.append(Listener(host, port, 0, ""))
    return found


def _free(host: str, port: int) -> bool:
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


def _sockets(port: int) -> set[str]:
    """Every socket that listens on a port, as a process's descriptors name it."""
    found = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                parts = line.split()
                if parts[3] == _LISTENING and int(parts[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{parts[9]}]")
    return found


def _holders(sockets: set[str]) -> list[int]:
    """The processes that have one of these sockets, as far as the system shows them to us."""
    pids = (int(folder.name) for folder in Path("/proc").glob("[0-9]*")) if sockets else ()
    return sorted(pid for pid in pids if not sockets.isdisjoint(_open(pid)))


def _open(pid: int) -> set[str]:
    """What a process has open, as far as the system shows it to us."""
    found = set()
    with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with suppress(OSError):
                found.add(os.readlink(entry.path))  # noqa: PTH115 - no path, but a name
    return found


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
