"""Steps of a deployment: run one after another, and taken back in reverse order when one of them fails.

That ends at the point of no return: after the last step there is nothing here that could revert a healthy bot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from botswain.state.store import LockLost


class Step(Protocol):
    """A part of a deployment."""

    name: str
    """For people: service, commands."""

    def run(self) -> None:
        """Does it. Raises what kept it from its end; what it had done until then, `undo` takes back."""

    def undo(self) -> None:
        """Takes back whatever `run` did, wholly or in part; nothing if it did nothing. Raises when it cannot."""


@dataclass
class Ended:
    """How a row of steps ended."""

    failed: str = ""
    """The step that failed; "" for none."""
    failure: BaseException | None = None
    stuck: dict[str, BaseException] = field(default_factory=dict)
    """By step: why it could not be taken back."""
    lost: LockLost | None = None
    """Somebody else has the lock: whatever is left is theirs to settle, and nothing was taken back since."""


def run_steps(steps: Sequence[Step], timed: Callable[[str], AbstractContextManager[object]]) -> Ended:
    """Runs the steps in order. `timed` is entered around each of them, and around each way back, with its name."""
    done: list[Step] = []
    for step in steps:
        done.append(step)
        try:
            with timed(step.name):
                step.run()
        except LockLost as lost:
            return Ended(step.name, lost, lost=lost)
        except BaseException as failure:  # noqa: BLE001 - whatever it is, the way back comes first
            return _taken_back(done, Ended(step.name, failure), timed)
    return Ended()


def _taken_back(done: list[Step], ended: Ended, timed: Callable[[str], AbstractContextManager[object]]) -> Ended:
    for step in reversed(done):
        try:
            with timed(f"{step.name} back"):
                step.undo()
        except LockLost as lost:
            ended.lost = lost
            break
        except Exception as error:  # noqa: BLE001 - the other steps are still to be taken back
            ended.stuck[step.name] = error
    return ended
