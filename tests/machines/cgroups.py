"""One control group a machine: what keeps systemd of two machines apart, and finds every process of one."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from machines.tools import until

END_SECONDS = 20.0


def hierarchies() -> list[Path]:
    """Where the hierarchies are mounted that systemd uses: its own of version 1, and version 2."""
    found: dict[str, Path] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        head, _, tail = line.partition(" - ")
        kind, _, options = tail.split(" ", 2)
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            found.setdefault(kind, Path(head.split(" ")[4]))
    return list(found.values())


def folders(name: str) -> list[Path]:
    """The group `name` in each hierarchy, whether it exists or not."""
    return [one / name for one in hierarchies()]


def names(prefix: str) -> set[str]:
    """The groups that exist and whose names begin so."""
    return {path.name for one in hierarchies() for path in one.glob(f"{prefix}*") if path.is_dir()}


def make(name: str) -> list[Path]:
    """Makes the group; the files that a process writes itself into to join it."""
    for one in folders(name):
        one.mkdir(exist_ok=True)
    return [one / "cgroup.procs" for one in folders(name)]


def members(name: str) -> set[int]:
    """The processes in the group and below, as this process numbers them."""
    found: set[int] = set()
    for one in folders(name):
        for listed in one.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                found.update(int(word) for word in listed.read_text().split())
    return found - {0}


def end(name: str) -> None:
    """Kills every process of the group, and removes it."""

    def gone() -> bool | None:
        left = members(name)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return True if not left and all(_removed(one) for one in folders(name)) else None

    until(gone, seconds=END_SECONDS, what=lambda: f"processes of {name} do not end: {sorted(members(name))}")


def _removed(top: Path) -> bool:
    """Whether the group is gone; a process that just ended may hold it for a moment."""
    with contextlib.suppress(OSError):
        for one in sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True):
            one.rmdir()
        top.rmdir()
    return not top.exists()
