"""What an inventory says, as Ansible understands it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botswain.ansible import settings
from botswain.ansible.reasons import HostFailed
from botswain.errors import BotswainError

_SECONDS = 120
_LINES = 10


@dataclass(frozen=True)
class Inventory:
    """The hosts of an environment."""

    hosts: Mapping[str, Mapping[str, Any]] = field(hash=False)
    """Their variables, by name."""
    groups: Mapping[str, tuple[str, ...]] = field(hash=False)
    """The hosts of each group, in the inventory's order, with those of the groups in it."""


def hosts_of(inventory: Path) -> Inventory:
    """Read an inventory. Raises BotswainError for one that is not there, or cannot be read."""
    if not inventory.exists():
        fix = "./inv init writes one, or see inventories/README.md"
        raise BotswainError("there is no inventory", where=str(inventory), fix=fix)
    argv = [settings.program("ansible-inventory"), f"--inventory={inventory.absolute()}", "--list"]
    environment = settings.environment(settings.folder(), {})
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, check=False, timeout=_SECONDS, env=environment,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise BotswainError(f"was not read within {_SECONDS} s", where=str(inventory), fix=_FIX) from None
    try:
        return _parsed(json.loads(done.stdout))
    except (ValueError, AttributeError):
        log = "\n".join(done.stderr.strip().splitlines()[-_LINES:])
        raise HostFailed("is no inventory that Ansible can read", where=str(inventory), fix=_FIX, log=log) from None


_FIX = "correct it; `ansible-inventory -i INVENTORY --graph` shows how it is understood"


def _parsed(document: dict[str, Any]) -> Inventory:
    groups = {name: one for name, one in document.items() if name != "_meta"}

    def members(name: str, seen: tuple[str, ...] = ()) -> list[str]:
        one = groups.get(name, {})
        inner = [
            host for child in one.get("children", ()) if child not in seen for host in members(child, (*seen, name))
        ]
        return list(dict.fromkeys([*one.get("hosts", ()), *inner]))

    variables = document.get("_meta", {}).get("hostvars", {})
    return Inventory(
        {name: variables.get(name, {}) for name in members("all")}, {name: tuple(members(name)) for name in groups}
    )
