"""What took how long in a run that has several phases."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Phase:
    """A part of a run that has ended."""

    name: str
    seconds: float
    ok: bool


@dataclass
class Phases:
    """The phases of one run so far; each is told as it ends."""

    say: Callable[[str], None]
    known: list[Phase] = field(default_factory=list)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Times a phase. One that had nothing to do, and took no time, leaves no line."""
        began, ok = time.monotonic(), False
        try:
            yield
            ok = True
        finally:
            seconds = time.monotonic() - began
            if seconds >= 0.05 or not ok:
                self.known.append(Phase(name, round(seconds, 2), ok))
                self.say(f"{name}: {'done' if ok else 'failed'} in {seconds:.1f} s")
