"""How this package calls other programs: a failure says what was called and what it printed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

Found = TypeVar("Found")
Done = subprocess.CompletedProcess[str]


class MachineError(AssertionError):
    """A machine, or a tool on the controller, did not do what was asked."""


def call(
    argv: Sequence[object],
    *,
    check: bool = True,
    text: str | None = None,
    timeout: float = 60,
    env: dict[str, str] | None = None,
    told: str = "",
) -> Done:
    """Runs a program to its end; `told` names it in errors where the arguments are long."""
    words = [str(word) for word in argv]
    name = told or " ".join(words)
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=timeout, env=env, check=False,
            **({"stdin": subprocess.DEVNULL} if text is None else {"input": text}),
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        printed = "".join(part.decode(errors="replace") for part in (late.stdout, late.stderr) if part)
        raise MachineError(f"{name}: not done after {timeout:g} s\n{printed}") from None
    if check and done.returncode:
        raise MachineError(f"{name}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def until(look: Callable[[], Found | None], *, seconds: float, what: Callable[[], str]) -> Found:
    """Looks every 20 ms until there is something; raises with `what()` when it takes too long."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > end:
            raise MachineError(what())
        time.sleep(0.02)
