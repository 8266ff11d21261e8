"""The fixtures `lab`, `machines` and `debian`, and what makes tests that use them run well beside others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

import pytest

import machines as package
from machines.image import RELEASE
from machines.lab import Lab
from machines.machine import Machine

NOTE = "no machines here: "
_VOYAGES = {"test_host_cut_off", "test_provision", "test_vm_bots", "test_vm_complaints", "test_vm_killed"}
"""The files of one half; both take about as long."""


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The lab of this run; without one the test is skipped, or in CI fails."""
    try:
        made = package.lab()
    except package.Unable as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{NOTE}{error}")
        pytest.skip(f"{NOTE}{error}")
    yield made
    made.close()


@pytest.fixture
def machines(lab: Lab) -> Iterator[Callable[..., Machine]]:
    """Makes machines for one test: `machines("web", packages=["postgresql"], release="trixie")`."""
    made: list[Machine] = []

    def make(name: str = "host", packages: Iterable[str] = (), release: str = RELEASE) -> Machine:
        made.append(lab.start(name, packages, release))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture(scope="module")
def debian(lab: Lab) -> Iterator[Machine]:
    """One machine for all tests of a file."""
    made = lab.start("debian")
    yield made
    made.stop()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Tests with machines run in two processes: those of one share a lab, and are not in each other's way."""
    if "lab" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.slow)
        item.add_marker(pytest.mark.xdist_group("voyages" if item.path.stem in _VOYAGES else "machines"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says which tests were left out for want of machines."""
    skipped = terminalreporter.stats.get("skipped", [])
    left_out = [one.nodeid for one in skipped if NOTE in str(one.longrepr)]
    if left_out:
        terminalreporter.section("left out: they need machines")
        terminalreporter.write_line("\n".join(sorted(left_out)))
