"""The benchmarks' frame: complete, of the promised shape, and failing when a figure is missed."""

from __future__ import annotations

import json

import pytest

from benchmarks import __main__ as bench
from benchmarks.figures import Figure, at_least, at_most, exactly

ROWS = [at_most("time", 1.23456, "x", 1.3), at_least("rate", 47, "requests/s", 45), exactly("writes", 0, "", 0)]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Rows that a faked measurement gives; the test may add to them."""
    rows = [*ROWS]
    monkeypatch.setitem(bench.GROUPS, "commands", {"faked": lambda: rows})
    return rows


def test_every_promised_figure_has_a_measurement() -> None:
    """A figure that nobody measures any more would look as if it were kept."""
    names = ["memory", "traffic", "differences", "pace", "list", "apply"]
    assert list(bench.GROUPS["commands"]) == names
    assert all(callable(one) for one in bench.GROUPS["commands"].values())


def test_json(measured: list[Figure], capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts get one list of rows on stdout, with the keys that the design names."""
    assert bench.main(["--group", "commands", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0] == {
        "figure": "time",
        "value": 1.235,
        "unit": "x",
        "limit": 1.3,
        "better": "lower",
        "ok": True,
    }
    assert len(rows) == len(measured)
    assert [row["better"] for row in rows] == ["lower", "higher", "lower"]


@pytest.mark.parametrize(
    "missed",
    [at_most("time", 1.31, "x", 1.3), at_least("rate", 44.9, "/s", 45), exactly("reads", 4, "", 5)],
    ids=lambda row: row.figure,
)
def test_a_missed_figure_fails_the_run(
    missed: Figure, measured: list[Figure], capsys: pytest.CaptureFixture[str]
) -> None:
    """CI sees it, and so does the reader of the table."""
    measured.append(missed)
    assert bench.main([]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["ok", "ok", "ok", "MISSED"]
