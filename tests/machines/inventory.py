"""Ansible inventories of machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from machines.machine import Machine


def write_inventory(folder: Path, groups: Mapping[str, Sequence[Machine]]) -> Path:
    """Writes `hosts.yml` into a folder: groups and their machines. The folder."""
    hosts = {one.name: variables(one) for members in groups.values() for one in members}
    children = {group: {"hosts": {one.name: None for one in members}} for group, members in groups.items()}
    return _write(folder, {"all": {"hosts": hosts, "children": children}})


def add(folder: Path, machine: Machine, groups: Sequence[str]) -> Path:
    """Adds a machine to the `hosts.yml` of a folder, which may be new. The folder."""
    import yaml  # heavy beside the rest, and only here

    path = folder / "hosts.yml"
    known: dict[str, Any] = (
        yaml.safe_load(path.read_text()) if path.exists() else {"all": {"hosts": {}, "children": {}}}
    )
    known["all"]["hosts"][machine.name] = variables(machine)
    for group in groups:
        known["all"]["children"].setdefault(group, {"hosts": {}})["hosts"][machine.name] = None
    return _write(folder, known)


def variables(machine: Machine) -> dict[str, str]:
    """How Ansible reaches it."""
    return {
        "ansible_host": machine.address,
        "ansible_user": "admin",
        "ansible_ssh_private_key_file": str(machine.lab.key),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={machine.lab.known_hosts} -o IdentitiesOnly=yes",
        "ansible_python_interpreter": "/usr/bin/python3",
    }


def _write(folder: Path, content: Any) -> Path:
    import yaml

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hosts.yml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder
