"""Which hosts an environment has, by Ansible's inventory: exactly one that runs the gateway, and any number of workers.

What `ansible-inventory` says is remembered while the inventory's files stay as they are, without anything secret; an
inventory that a program or plugin makes is asked each time.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botswain import cache
from botswain.errors import BotswainError

GATEWAY = "bot"
"""The group with the one host that holds the connection to Discord."""
WORKERS = "workers"
DATABASE = "database"
_VARIABLES = (
    "ansible_host", "ansible_port", "ansible_ssh_host", "ansible_ssh_port", "ansible_user", "ansible_ssh_user",
    "ansible_private_key_file", "ansible_ssh_private_key_file", "ansible_ssh_common_args", "ansible_ssh_extra_args",
    "ansible_connection", "ansible_become", "ansible_become_method",
)  # fmt: skip
"""What it takes to reach a host by ssh alone."""
_PASSWORDS = ("ansible_password", "ansible_ssh_pass", "ansible_ssh_password", "ansible_become_password",
              "ansible_become_pass", "ansible_sudo_pass")  # fmt: skip
_FIX = "list it there (inventories/README.md)"


@dataclass(frozen=True)
class Host:
    """A host as the inventory has it."""

    name: str
    variables: Mapping[str, Any]
    """Those of the way to it."""
    direct: bool = True
    """Whether ssh alone reaches it: nothing but ssh and sudo is needed, and no password of the inventory's own."""
    password: str = field(default="", repr=False)
    """What sudo is told where it wants a password."""


@dataclass(frozen=True)
class Fleet:
    """The hosts that run an environment's bot."""

    inventory: Path
    gateway: Host
    workers: tuple[Host, ...] = ()

    @property
    def hosts(self) -> tuple[Host, ...]:
        """All of them, in the order in which they are tried: the gateway last, or alone."""
        return (*self.workers, self.gateway)


def inventory_of(environment: str, named: str | None = None) -> Path:
    """Where an environment's inventory is."""
    return Path(named or f"inventories/{environment}")


def fleet_of(inventory: Path, *, workers: bool, password: str = "") -> Fleet:
    """The hosts of the bot; `password` is for their sudo.

    Raises BotswainError where that is not exactly one gateway, with or without workers.
    """
    groups, known = _read(inventory, password)
    gateways = [known[name] for name in groups.get(GATEWAY, ())]
    if len(gateways) != 1:
        told = "has no host" if not gateways else f"has {len(gateways)} hosts"
        what = f"group {GATEWAY} {told}, and exactly one runs the gateway"
        fix = _FIX if not gateways else f"leave one there; further processes are for the group {WORKERS}"
        raise BotswainError(what, where=str(inventory), fix=fix)
    helpers = tuple(known[name] for name in groups.get(WORKERS, ()))
    both = next((one.name for one in helpers if one.name == gateways[0].name), None)
    if both:
        what = f"host {both} is in the groups {GATEWAY} and {WORKERS}, and runs one process"
        raise BotswainError(what, where=str(inventory), fix=f"take it out of {WORKERS}")
    if workers != bool(helpers):
        what = f"group {WORKERS} has no host, and the profile says how workers run"
        fix = f"{_FIX}, or leave service.workers out"
        if helpers:
            what, fix = f"group {WORKERS} has hosts, and the profile does not say what they run", "add service.workers"
        raise BotswainError(what, where=str(inventory), fix=fix)
    return Fleet(inventory, gateways[0], helpers)


def database_of(inventory: Path, password: str = "") -> Host:
    """The host of the database; `password` is for its sudo. Raises BotswainError where that is not exactly one."""
    groups, known = _read(inventory, password)
    found = groups.get(DATABASE, ())
    if len(found) != 1:
        what = f"group {DATABASE} has {len(found) or 'no'} host{'s' if len(found) > 1 else ''}, and one is backed up"
        raise BotswainError(what, where=str(inventory), fix=_FIX)
    return known[found[0]]


def _read(inventory: Path, password: str) -> tuple[Mapping[str, list[str]], dict[str, Host]]:
    key = _key(inventory)
    found = (
        _asked(inventory)
        if key is None
        else cache.remembered(f"hosts-{_slug(inventory)}", key, lambda: _asked(inventory))
    )
    hosts = {name: Host(name, one["variables"], one["direct"], password) for name, one in found["hosts"].items()}
    return found["groups"], hosts


def _asked(inventory: Path) -> dict[str, Any]:
    from botswain.ansible.inventory import hosts_of

    known = hosts_of(inventory)
    hosts = {
        name: {
            "variables": {one: variables[one] for one in _VARIABLES if one in variables},
            "direct": _direct(variables),
        }
        for name, variables in known.hosts.items()
    }
    return {"groups": {name: list(one) for name, one in known.groups.items()}, "hosts": hosts}


def _direct(variables: Mapping[str, Any]) -> bool:
    templated = any("{{" in str(variables.get(one, "")) for one in _VARIABLES)
    plain = variables.get("ansible_connection", "ssh") in {"ssh", "smart"}
    sudo = variables.get("ansible_become_method", "sudo") == "sudo"
    file = "ANSIBLE_BECOME_PASSWORD_FILE" in os.environ  # of the key below, too
    return plain and sudo and not templated and not file and not any(one in variables for one in _PASSWORDS)


def _slug(inventory: Path) -> str:
    return "".join(one if one.isalnum() else "-" for one in str(inventory))[-60:]


def _key(inventory: Path) -> str | None:
    """A digest of all files of a static inventory; None for one that a program makes, or that is not there."""
    if not inventory.exists():
        return None
    files = sorted(inventory.rglob("*")) if inventory.is_dir() else [inventory]
    parts: list[str | bytes] = ["2", str(inventory.resolve())]  # the number: what is remembered, in this form
    parts += [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("ANSIBLE_")]
    for path in (*files, Path("ansible.cfg")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if path.name != "ansible.cfg" and (os.access(path, os.X_OK) or b"plugin:" in data):
            return None
        parts += [str(path), data]
    return cache.digest(parts)
