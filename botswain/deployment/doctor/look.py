"""One look of the doctor: what was looked at, what was found, and how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from botswain.errors import BotswainError, InvalidInput, Problem
from botswain.wording import many


class Verdict(StrEnum):
    """What a look found."""

    GOOD = "good"
    WARNING = "warning"
    """It works, and is risky or not as one would expect."""
    BAD = "bad"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True)
class Look:
    """One finding; `fix` says what to do about one that is not good."""

    look: str
    verdict: Verdict
    detail: str
    fix: str = ""

    def to_json(self) -> dict[str, str]:
        """The keys that scripts see."""
        return asdict(self)


def good(look: str, detail: str) -> Look:
    """Nothing to do."""
    return Look(look, Verdict.GOOD, detail)


def warning(look: str, detail: str, fix: str) -> Look:
    """Works, but."""
    return Look(look, Verdict.WARNING, detail, fix)


def bad(look: str, detail: str, fix: str) -> Look:
    """Stands in the way."""
    return Look(look, Verdict.BAD, detail, fix)


def unknown(look: str, why: str) -> Look:
    """Could not be looked at."""
    return Look(look, Verdict.UNKNOWN, why)


_PROBLEMS = 10
"""Problems of one kind that are told one by one."""


def failed(look: str, error: BotswainError, fix: str = "") -> list[Look]:
    """What an error found; one look for each problem of an invalid file. `fix` is for an error without one."""
    if not isinstance(error, InvalidInput):
        where = f"{error.where}: " if error.where else ""
        return [bad(look, f"{where}{error.what}", error.fix or fix)]
    told = [_problem(look, problem, fix) for problem in error.problems[:_PROBLEMS]]
    if (more := len(error.problems) - _PROBLEMS) > 0:
        told.append(bad(look, f"{more} more of the kind", "./inv validate lists them all"))
    return told


def _problem(look: str, problem: Problem, fix: str) -> Look:
    what, _, remedy = problem.message.partition("; ")
    place = ": ".join(part for part in (problem.file, problem.path) if part)
    return bad(look, f"{place}: {what}", remedy or fix or f"mend it in {problem.file}")


def safely(look: str, find: Callable[[], Iterable[Look]]) -> Iterator[Look]:
    """What a look finds; one that fails in a way nobody thought of cannot tell, and the others go on."""
    try:
        yield from find()
    except BotswainError as error:
        yield from failed(look, error)
    except Exception as error:  # noqa: BLE001 - the other looks are still worth having
        yield unknown(look, " ".join(f"internal error: {type(error).__name__}: {error}".split()))


_LISTED = 5


def listed(items: Sequence[str], most: int = _LISTED) -> str:
    """`a, b, c`, and how many more there are."""
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more:,} more" if more > 0 else "")


def guilds(ids: Sequence[str]) -> str:
    """`guild 1`, or `3 guilds (1, 2, 3)`."""
    return f"guild {ids[0]}" if len(ids) == 1 else f"{many(len(ids), 'guild')} ({listed(ids)})"
