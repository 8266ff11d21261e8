"""What can go wrong, as one line a person can act on, and the exit code it ends with.

BotswainError            1  failed; nothing was done, or a part, and the message says which
├── InvalidInput         1  a file or variable is wrong; carries every problem found, not the first
├── Refused              3  a gate, lock, limit or missing confirmation; nothing was changed
└── Interrupted          1  Ctrl-C or SIGTERM, after what was under way was settled
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """How a task ends; scripts rely on these numbers (docs/exit-codes.md)."""

    DONE = 0
    FAILED = 1
    DIFFERENT = 2
    REFUSED = 3
    ROLLED_BACK = 4
    STUCK = 5


class BotswainError(Exception):
    """A failure told as `what (where); do this`. `where` is a file, field, command path or scope."""

    code = ExitCode.FAILED

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f"; {self.fix}" if self.fix else ""
        return f"{place}{self.what}{remedy}"


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in something that a person wrote: `file: path: message`.

    `path` names the place inside the file, such as `/ban.user` (a command path) or `guild_ids.0` (a field).
    """

    file: str
    path: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.path, self.message) if part)


class InvalidInput(BotswainError):
    """Input that cannot be used. All its problems are told at once."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class Refused(BotswainError):
    """Nothing was changed, because a gate, lock, limit or missing confirmation stood in the way."""

    code = ExitCode.REFUSED


class Interrupted(BotswainError):
    """A person or the system stopped the run."""
