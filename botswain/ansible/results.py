"""What became of a play, by host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from botswain.errors import BotswainError

Status = Literal["ok", "changed", "failed", "unreachable", "left out"]
"""`left out`: the run ended before it came to this host, or nothing in it was for this host."""


@dataclass(frozen=True)
class Change:
    """Something that a task changed on a host, or would change."""

    task: str
    role: str | None = None
    items: tuple[str, ...] = ()
    """Of a task that does several things, those that it changed."""
    diff: str = ""
    """What is different, a line each, where that was asked for and the task tells."""


@dataclass(frozen=True)
class HostResult:
    """What became of one host."""

    host: str
    status: Status
    answer: Mapping[str, Any] | None = field(default=None, hash=False)
    """What our own module returned last, also when it failed: `answers`, `error`, `installed`."""
    message: str = ""
    """What failed, in Ansible's words; for a task that did not, what it said."""
    error: BotswainError | None = field(default=None, compare=False)
    """What failed, in ours."""
    changes: tuple[Change, ...] = ()

    @property
    def good(self) -> bool:
        """Whether everything was done."""
        return self.status in {"ok", "changed"}


@dataclass(frozen=True)
class Play:
    """What became of a run of a playbook."""

    hosts: Mapping[str, HostResult] = field(hash=False)
    """Those that something was done on, or tried."""
    modules: int = 0
    """How many tasks ran on hosts, each one at least a round trip; those of several hosts at once count once."""
    seconds: float = 0.0

    def of(self, host: str) -> HostResult:
        """What became of a host."""
        return self.hosts.get(host) or HostResult(host, "left out")

    @property
    def bad(self) -> list[HostResult]:
        """The hosts that failed, or could not be reached."""
        return [one for one in self.hosts.values() if not one.good]

    def insist(self) -> Play:
        """The play itself, if every host is well. Raises what the first one failed with."""
        for one in self.bad:
            raise one.error or BotswainError(one.message, where=one.host)
        return self
