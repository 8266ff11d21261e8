"""Who listens on the bot's port: found before anything stops, since a bot that cannot listen is a bot that is down."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from botswain.host.errors import HostError
from botswain.profile.settings import Service
from botswain.targets import processes

_LISTENING = "0A"
_LOOPBACK = {"127.0.0.1": socket.AF_INET, "localhost": socket.AF_INET, "::1": socket.AF_INET6}


def of(service: Service) -> list[tuple[str, int]]:
    """The addresses on this machine where the bot is going to listen, as far as the profile says."""
    if service.port is not None:
        return [("127.0.0.1", service.port)]
    found: dict[tuple[str, int], None] = {}
    for url in (service.health.alive, service.health.ready):
        parts = urlsplit(url or "")
        if parts.hostname in _LOOPBACK and parts.port is not None:
            found[parts.hostname, parts.port] = None
    return list(found)


def check(service: Service, ours: Iterable[int]) -> None:
    """Raise HostError when a process that is none of `ours` has a port of the bot."""
    known = set(ours)
    for host, port in of(service):
        if _free(host, port):
            continue
        holders = _listeners(port)
        strangers = [pid for pid in holders if pid not in known]
        if strangers or not (holders or known):
            who = f"process {strangers[0]} ({processes.name(strangers[0])})" if strangers else "another process"
            fix = "stop it, or give the bot another port (service.port, service.health)"
            raise HostError(f"port {port}, which the bot needs, is used by {who}", where=f"{host}:{port}", fix=fix)


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
