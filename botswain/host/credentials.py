"""The bot's secrets come with a deployment, and go when nothing names them that may run again. Other files stay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botswain.host import systemd
from botswain.host.errors import HostError
from botswain.host.place import Place, explained, store


def bring(place: Place, values: Mapping[str, str]) -> None:
    """Keep secrets, by the name of their file. Raises HostError."""
    for name, value in values.items():
        place.secret(name, value)
    with explained(place.brought, "write it"):
        store(place.brought, json.dumps(sorted(values)).encode())


def named(place: Place) -> set[str]:
    """Those that the last deployment brought, and those of the releases that are still here."""
    found: list[Any] = []
    for path in (place.brought, place.service, *place.services.glob("*.json")):
        try:
            known = json.loads(path.read_bytes())
            found += known if path == place.brought else known.get("secrets", {}).values()
        except (OSError, ValueError, AttributeError, TypeError):
            continue  # no release is started by one that cannot be read
    return {one for one in found if isinstance(one, str) and "/" not in one}


def forget(place: Place, before: set[str]) -> list[str]:
    """Remove those of `before` that nothing names any more; returns what could not be removed, and why."""
    gone = {one for one in before - named(place) if (place.credentials / one).is_file()}
    if not gone or not place.brought.exists():  # without it nobody knows what the last deployment brought
        return []
    try:
        service = place.load()
        if service.manager.get("kind") == "systemd":
            systemd.equip(place, service, without=gone)  # a unit whose credential is not there does not start
        for one in gone:
            (place.credentials / one).unlink()
    except (OSError, HostError) as error:
        return [f"a secret that nothing uses any more: {error}"]
    return []
