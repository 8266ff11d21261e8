"""What a measurement has to show, and how it is printed."""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Figure:
    """One row: a measured value and the limit that it has to keep."""

    figure: str
    value: float
    unit: str
    limit: float
    better: str
    """`lower` or `higher`."""
    ok: bool


def at_most(figure: str, value: float, unit: str, limit: float) -> Figure:
    """A figure that is fine up to its limit."""
    return Figure(figure, round(value, 3), unit, limit, "lower", ok=value <= limit)


def at_least(figure: str, value: float, unit: str, limit: float) -> Figure:
    """A figure that is fine from its limit on."""
    return Figure(figure, round(value, 3), unit, limit, "higher", ok=value >= limit)


def exactly(figure: str, value: float, unit: str, limit: float) -> Figure:
    """A count where less would mean that something was left out, and more that something was wasted."""
    return Figure(figure, value, unit, limit, "lower", ok=value == limit)


def table(rows: Sequence[Figure]) -> str:
    """The rows for people."""
    cells = [("figure", "value", "limit", "")]
    for row in rows:
        sign = "<=" if row.better == "lower" else ">="
        value, limit = f"{row.value:g} {row.unit}".strip(), f"{sign} {row.limit:g}"
        cells.append((row.figure, value, limit, "ok" if row.ok else "MISSED"))
    widths = [max(len(line[column]) for line in cells) for column in range(3)]
    return "\n".join(
        f"{name:<{widths[0]}}  {value:>{widths[1]}}  {limit:>{widths[2]}}  {verdict}".rstrip()
        for name, value, limit, verdict in cells
    )


def document(rows: Sequence[Figure]) -> str:
    """The rows for scripts."""
    return json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False)


def noise(what: str, values: Sequence[float], unit: str = "ms") -> None:
    """Tells on stderr how far single measurements are apart: the machine has other things to do."""
    least, middle, most = min(values), statistics.median(values), max(values)
    line = f"{what}: min {least:.1f}, median {middle:.1f}, max {most:.1f} {unit} (n={len(values)})"
    print(line, file=sys.stderr, flush=True)
