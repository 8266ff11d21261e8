"""`python -m benchmarks --group commands [--json]`: measures, prints, and fails when a figure is missed."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from benchmarks import backup, commands, service, vm
from benchmarks.figures import Figure, document, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

GROUPS: dict[str, Mapping[str, Callable[[], list[Figure]]]] = {
    "backup": backup.MEASUREMENTS,
    "commands": commands.MEASUREMENTS,
    "service": service.MEASUREMENTS,
    "vm": vm.MEASUREMENTS,
}


def main(arguments: list[str] | None = None) -> int:
    """Runs the measurements of a group; 1 when a row is not ok."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--group", choices=sorted(GROUPS), default="commands")
    parser.add_argument("--only", default="", help="just the measurement of this name, while working on it")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options = parser.parse_args(arguments)
    chosen = {name: one for name, one in GROUPS[options.group].items() if options.only in ("", name)}
    if not chosen:
        parser.error(f"--only: there are {', '.join(GROUPS[options.group])}")
    rows = measure(chosen.items())
    print(document(rows) if options.json else table(rows))
    return 0 if all(row.ok for row in rows) else 1


def measure(measurements: Iterable[tuple[str, Callable[[], list[Figure]]]]) -> list[Figure]:
    """All rows, one measurement after the other."""
    rows: list[Figure] = []
    for name, one in measurements:
        begun = time.monotonic()
        rows += one()
        print(f"measured {name} in {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
