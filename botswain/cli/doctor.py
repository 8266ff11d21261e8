"""The task that looks at everything that may be wrong: doctor."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from botswain.cli.task import emit, environment, task
from botswain.errors import ExitCode

if TYPE_CHECKING:
    from botswain.cli.style import Paint
    from botswain.deployment.doctor.look import Look

_SIGNS = {"good": ("✓", "green"), "warning": ("!", "yellow"), "bad": ("✗", "red"), "cannot tell": ("?", "magenta")}
_WIDTH = 18


@task()
def doctor(_context: Any, env: str = "", json: bool = False, debug: bool = False) -> ExitCode:
    """Look for whatever may be wrong, and say how to mend it.

    This machine, the project, the records, Discord. Nothing is changed.
    """
    from botswain.deployment.doctor.examine import examine

    name = environment(env)
    looks: list[Look] = []
    if json:
        looks += examine(name)
        told = [look.to_json() for look in looks]
        emit({"task": "doctor", "environment": name, "looks": told, "exitCode": int(_code(looks))})
        return _code(looks)
    from botswain.cli.style import paint_for

    paint = paint_for(sys.stdout)
    for look in examine(name):
        looks.append(look)
        print(*_lines(look, paint), sep="\n", flush=True)
    print(_summary(looks, paint))
    return _code(looks)


def _code(looks: Iterable[Look]) -> ExitCode:
    return ExitCode.FAILED if any(look.verdict == "bad" for look in looks) else ExitCode.DONE


def _lines(look: Look, paint: Paint) -> Iterator[str]:
    sign, colour = _SIGNS[look.verdict]
    why = "cannot tell: " if look.verdict == "cannot tell" else ""
    yield f"{paint(colour, sign)} {look.look:<{_WIDTH}} {why}{look.detail}"
    if look.fix:
        yield f"  {'':<{_WIDTH}} {paint('bold', '→')} {look.fix}"


def _summary(looks: list[Look], paint: Paint) -> str:
    counts = Counter(look.verdict.value for look in looks)
    parts = [
        paint(colour, f"{counts[verdict]} {'warnings' if verdict == 'warning' and counts[verdict] > 1 else verdict}")
        for verdict, (_, colour) in _SIGNS.items()
        if counts[verdict]
    ]
    return f"{len(looks)} looks: {', '.join(parts)}"
