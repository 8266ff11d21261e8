"""The first look at a bot that somebody started by hand: that its process is there says little, that it lives more."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botswain.targets.base import ServiceError

if TYPE_CHECKING:
    from botswain.profile.settings import Health
    from botswain.targets.base import ServiceState, Target

_MOMENT = 1.0
"""Seconds that a process has to live where no URL tells whether it is well."""
_PATIENCE = 10.0
"""Seconds that it is looked at most."""
_PAUSE = 0.1
_SHOWN = 30
"""Last lines of its log that a failure carries."""


@dataclass(frozen=True)
class Seen:
    """What was seen of a bot after its start."""

    state: ServiceState
    trouble: str
    """What keeps it from being well so far; empty when it is well, or lives and nothing tells more."""
    seconds: float
    """How long it was looked at."""

    @property
    def text(self) -> str:
        """What was seen, in words."""
        if self.trouble:
            return f"not well after {self.seconds:.1f} s: {self.trouble}"
        return f"well after {self.seconds:.1f} s"


def first_look(
    target: Target, started: ServiceState, health: Health, *,
    clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
) -> Seen:  # fmt: skip
    """Wait until a bot that was just started is well, or for as long as one looks at it.

    Raises ServiceError, with the end of its log, when its process ends meanwhile.
    """
    began, tells = clock(), bool(health.alive or health.ready)
    patience = min(_PATIENCE, health.deadline)
    while True:
        state = target.state()
        if not state.running or (started.pid and state.pid != started.pid):
            raise _ended(target, state)
        trouble, seconds = target.healthy() or "", clock() - began
        if (not trouble and (tells or seconds >= _MOMENT)) or seconds >= patience:
            return Seen(state, trouble, seconds)
        sleep(_PAUSE)


def _ended(target: Target, state: ServiceState) -> ServiceError:
    what = "its process ended, and was started again" if state.running else f"its process ended ({state.told})"
    if state.halted:
        return ServiceError(f"{what}: {state.halted}", where=f"release {state.release}")
    log = "\n".join(target.logs(_SHOWN))
    fix = "mend what its log says, or go to another release (./inv releases)"
    return ServiceError(what, where=f"release {state.release}", fix=fix, log=log)
