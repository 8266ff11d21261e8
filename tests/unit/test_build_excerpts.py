"""What a failed build shows: the lines with the reason first, then the end, and where the rest is."""

from __future__ import annotations

import sys

import pytest

from botswain.host.commands import run
from botswain.host.errors import HostError

NPM_NOISE = [f"npm error gyp info spawn args [ '{number}' ]" for number in range(40)]
NPM_END = [
    f"npm error A complete log of this run can be found in: /home/bot/.npm/_logs/{number}.log" for number in range(35)
]

CASES = {
    "npm: a compiler is missing": (
        ["npm error code 1", *NPM_NOISE, "npm error gyp ERR! stack Error: not found: make", *NPM_NOISE],
        ["npm error code 1", "npm error gyp ERR! stack Error: not found: make"],
    ),
    "npm: dependencies that do not fit": (
        ["npm error code ERESOLVE", "npm error Could not resolve dependency:", *NPM_END],
        ["npm error code ERESOLVE", "npm error Could not resolve dependency:"],
    ),
    "tsc": (
        ["> tsc", "src/a.ts(3,7): error TS2322: Type 'x' is not assignable to type 'y'.", *["npm error"] * 40],
        ["src/a.ts(3,7): error TS2322: Type 'x' is not assignable to type 'y'."],
    ),
    "a C compiler under pip": (
        ["Building wheel", "  x.c:1:10: fatal error: Python.h: No such file or directory", *["  note: no"] * 50],
        ["  x.c:1:10: fatal error: Python.h: No such file or directory"],
    ),
    "pytest": (
        ["collected 3 items", "E   ModuleNotFoundError: No module named 'discord'", *["-- docs"] * 40],
        ["E   ModuleNotFoundError: No module named 'discord'"],
    ),
    "pnpm": (
        [" ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with frozen-lockfile", *["  see"] * 40],
        [" ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with frozen-lockfile"],
    ),
    "a program that is missing": (["sh: 1: node-gyp: not found", *["x"] * 40], ["sh: 1: node-gyp: not found"]),
}


def failed(tmp_path, lines, before=""):
    """What is told of a command that prints these lines and fails, in a log that says `before`."""
    log = tmp_path / "build.log"
    log.write_text(before)
    (tmp_path / "lines").write_text("\n".join(lines))
    script = "import sys; print(open('lines').read()); sys.exit(1)"
    with pytest.raises(HostError) as told:
        run((sys.executable, "-S", "-c", script), tmp_path, {}, log, 60)
    assert told.value.where == str(log)
    return told.value.log.splitlines()


@pytest.mark.parametrize(("printed", "reasons"), CASES.values(), ids=CASES)
def test_the_reason_above_the_last_lines_of_a_failed_build_is_shown_first(tmp_path, printed, reasons):
    """A reason further up stands above the last lines, with a pointer to what is left out."""
    shown = failed(tmp_path, printed)
    assert shown[: len(reasons)] == reasons
    assert shown[len(reasons)].endswith(f"other lines are in {tmp_path / 'build.log'})")
    assert shown[-1] == printed[-1]
    assert len(shown) <= 30


def test_a_short_failure_is_shown_as_it_is(tmp_path):
    """Where the last lines have the reason, nothing is said twice."""
    assert failed(tmp_path, ["one", "npm error code 1"])[1:] == ["one", "npm error code 1"]


def test_errors_of_earlier_commands_are_not_the_reason(tmp_path):
    """What a command before this one printed, or a warning, explains nothing."""
    shown = failed(tmp_path, ["npm warn EBADENGINE", "Found 0 errors.", *["x"] * 40], "Error: of another command\n")
    assert shown == ["x"] * 30


def test_many_reasons_leave_room_for_the_end(tmp_path):
    """At most twelve, the first ones, each once."""
    printed = [f"a.ts({n // 2},1): error TS1: wrong" for n in range(60)] + ["end"] * 40
    shown = failed(tmp_path, printed)
    assert shown[:12] == [f"a.ts({n},1): error TS1: wrong" for n in range(12)]
    assert shown[13:] == ["end"] * 17
