"""The numbers that scripts rely on."""

from __future__ import annotations

import re

import pytest
from desk import ROOT

from botswain.deployment.history import Deployment, Outcome
from botswain.deployment.result import Result
from botswain.errors import BotswainError, ExitCode, Interrupted, InvalidInput, Problem, Refused
from botswain.plan import Plan, unavailable


def documented():
    """The table of docs/exit-codes.md: number, name, whether meaning and example are filled in."""
    text = (ROOT / "docs/exit-codes.md").read_text()
    rows = re.findall(r"^\| (\d) \| ([a-z ]+) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    return [(int(number), name) for number, name, meaning, example in rows if meaning and example]


def test_the_table_is_what_the_code_says():
    """Every code is documented with a meaning and an example, and none that does not exist."""
    assert documented() == [(int(code), code.name.lower().replace("_", " ")) for code in ExitCode]


def test_they_never_change():
    """Renumbering would break every script and pipeline."""
    assert [(code.name, int(code)) for code in ExitCode] == [
        ("DONE", 0), ("FAILED", 1), ("DIFFERENT", 2), ("REFUSED", 3), ("ROLLED_BACK", 4), ("STUCK", 5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BotswainError("x"), 1),
        (InvalidInput([Problem("f", "p", "m")]), 1),
        (Refused("x"), 3),
        (Interrupted("x"), 1),
    ],
)
def test_errors(error, code):
    """Each kind of failure has its number."""
    assert int(error.code) == code


def deployment(outcome):
    """A deployment that ended so."""
    return Deployment("id", "deploy", "dev", "me", "now", None, None, "0", None, outcome)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.DONE, 0),
        (Outcome.PARTIAL, 1),
        (Outcome.FAILED, 1),
        (Outcome.INTERRUPTED, 1),
        (Outcome.ROLLED_BACK, 4),
        (Outcome.STUCK, 5),
    ],
)
def test_outcomes(outcome, code):
    """A deployment's outcome and the process agree, and the document of --json has the same number."""
    result = Result("dev", "deploy", Plan(()), deployment(outcome))
    assert (int(result.code), result.to_json()["exitCode"]) == (code, code)


def test_what_could_not_be_recorded_is_no_success():
    """Discord was written; the next machine does not know it."""
    assert Result("dev", "deploy", Plan(()), deployment(Outcome.DONE), unrecorded=BotswainError("full")).code == 1


def test_a_skipped_guild_is_no_success():
    """Also when there was nothing to do in the others; a scope that left the profile does not count."""
    assert Result("dev", "deploy", Plan((unavailable("1", "no", None),))).code == 1
    assert Result("dev", "deploy", Plan((unavailable("1", "no", None, orphan=True),))).code == 0


def test_the_words_of_an_error():
    """Where, what, what to do; each part may be missing."""
    assert str(BotswainError("what", where="where", fix="do this")) == "where: what; do this"
    assert str(BotswainError("what")) == "what"
    assert str(Problem("file", "", "message")) == "file: message"
    problems = [Problem("a", "b", "c"), Problem("d", "e", "f")]
    assert str(InvalidInput(problems)) == "a: b: c\nd: e: f"
