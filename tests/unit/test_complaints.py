"""The table of complaints in docs/developing.md names tests that there are."""

from __future__ import annotations

import re

from desk import ROOT


def test_every_test_in_the_table_exists():
    """Fourteen rows; each names a test, and none that was renamed or removed since."""
    _, _, table = (ROOT / "docs/developing.md").read_text().partition("## What users of other tools complain about")
    rows = [line for line in table.splitlines() if re.match(r"\| \d+ \|", line)]
    assert len(rows) == 14
    files = {path.name: path.read_text() for path in (ROOT / "tests").glob("*/test_*.py")}
    for row in rows:
        named = re.findall(r"\b(test_\w+)\b(\.py)?", row)
        assert named, row
        for name, suffix in named:
            assert f"{name}.py" in files if suffix else any(f"def {name}(" in one for one in files.values()), (
                name,
                row,
            )
