"""Who listens on the bot's port: found before anything stops, since a bot that cannot listen is a bot that is down."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable
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


def in_the_way(wanted: Iterable[Address], ours: Callable[[int], bool], *, running: bool) -> list[Listener]:
    """Who has these ports beside the bot itself, whose processes are `ours` and which is `running` or not."""
    found = []
    for host, port in wanted:
        if _free(host, port):
            continue
        holders = _listeners(port)
        strangers = [pid for pid in holders if not ours(pid)]
        if strangers:
            found.append(Listener(host, port, strangers[0], _name(strangers[0])))
        elif not (holders or running):
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


def _listeners(port: int) -> list[int]:
    """The processes that listen on a port, as far as the system shows them to us."""
    sockets = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                parts = line.split()
                if parts[3] == _LISTENING and int(parts[1].rpartition(":")[2], 16) == port:
                    sockets.add(f"socket:[{parts[9]}]")
    found = []
    for folder in Path("/proc").glob("[0-9]*") if sockets else ():
        with suppress(OSError):
            if any(_link(entry) in sockets for entry in (folder / "fd").iterdir()):
                found.append(int(folder.name))
    return sorted(found)


def _link(entry: Path) -> str:
    with suppress(OSError):
        return os.readlink(entry)  # noqa: PTH115 - no path, but a socket's name
    return ""


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
