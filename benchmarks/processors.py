"""Shares of this computer's processors for machines, so that one does not wait for another, as servers do not."""

from __future__ import annotations

import contextlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from machines.machine import Machine

_PERIOD = 20_000
"""Microseconds in which a share is used up; the kernel's own 100,000 would make a machine stutter."""


@contextmanager
def shared(machine: Machine, cores: float) -> Iterator[None]:
    """Leaves a running machine that many processors, until the block ends. Raises RuntimeError where that cannot be."""
    from machines import cgroups

    quota = round(cores * _PERIOD)
    own = _mounted("cgroup", "cpu")
    if own is not None:
        folder = own / machine.unit
        folder.mkdir(exist_ok=True)
        (folder / "cpu.cfs_period_us").write_text(str(_PERIOD))
        (folder / "cpu.cfs_quota_us").write_text(str(quota))
        for pid in cgroups.members(machine.unit):
            with contextlib.suppress(ProcessLookupError):
                (folder / "cgroup.procs").write_text(str(pid))
        try:
            yield
        finally:
            for pid in (folder / "cgroup.procs").read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    (own / "cgroup.procs").write_text(pid)
            folder.rmdir()
        return
    whole = _mounted("cgroup2", "")
    if whole is None or "cpu" not in (whole / "cgroup.controllers").read_text().split():
        raise RuntimeError("no cgroup hierarchy here shares out processors")
    (whole / "cgroup.subtree_control").write_text("+cpu")
    limit = whole / machine.unit / "cpu.max"
    limit.write_text(f"{quota} {_PERIOD}")
    yield
    limit.write_text("max")


def _mounted(kind: str, controller: str) -> Path | None:
    """Where a hierarchy is mounted that has this controller; in version 2 all of them are one."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        head, _, tail = line.partition(" - ")
        found, _, options = tail.split(" ", 2)
        if found == kind and (not controller or controller in options.split(",")):
            return Path(head.split(" ")[4])
    return None
