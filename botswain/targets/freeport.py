"""The port of a bot of this machine whose profile leaves it open: a free one, the same each time if it can be."""

from __future__ import annotations

import json
import zlib

from botswain.host import ports
from botswain.host.place import Place, store
from botswain.profile.settings import Service
from botswain.targets import processes

_FILE = "port.json"
_FIRST, _COUNT = 20_000, 12_000
"""The ports that are taken from, below those that systems give to connections."""


def placed(service: Service, place: Place) -> Service:
    """The service at the port that it has here: one that is named, or a free one, the same each time if it can be."""
    if not service.any_port:
        return service
    ours = set(processes.of(place.root))
    known = _remembered(place)
    if known is not None and not _taken(known, ours):
        return service.at(known)
    first = zlib.crc32(bytes(place.root))
    tries = (_FIRST + (first + step) % _COUNT for step in range(_COUNT))
    return service.at(next(one for one in tries if one != known and not _taken(one, ours)))


def remember(service: Service, place: Place) -> None:
    """Keep the port for the next time. Raises HostError."""
    if service.port is not None and _remembered(place) != service.port:
        store(place.root / _FILE, json.dumps({"port": service.port}).encode())


def _remembered(place: Place) -> int | None:
    try:
        found = json.loads((place.root / _FILE).read_bytes())["port"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if type(found) is int and 0 < found < 65536 else None


def _taken(port: int, ours: set[int]) -> bool:
    return bool(ports.in_the_way([("127.0.0.1", port)], ours.__contains__, ours))
