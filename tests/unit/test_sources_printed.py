"""The list of commands among everything that a program prints."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from botswain.commands.sources.printed import printed_commands
from botswain.errors import BotswainError

PING: dict[str, Any] = {
    "name": "ping",
    "description": "Antwört [sic] {so}",
    "options": [{"type": 3, "name": "text", "description": "What"}],
}
LIST = json.dumps([PING], ensure_ascii=False)
PRETTY = json.dumps([PING, {"name": "pong", "description": "P"}], indent=2)
NOISE = """[INFO] starting
[2026-11-22 10:00:00] connecting to [::1]:5432 {pool: 3}
{"level": "info", "msg": "loaded", "commands": ["ping"]}
{"level": 30, "time": 1, "name": "bot", "msg": "a [b] {c}"}
{"level": "info", "commands": []}
[1, 2, 3]
[{"level": "warn"}]
\x1b[32mok\x1b[0m []: 0 plugins
(node:12) Warning: "[{" is unusual
"""


def found(text: str) -> Any:
    """What is taken from an output."""
    return printed_commands(text.encode(), "node print.js")


def refused(text: str) -> str:
    """Why an output is not taken."""
    with pytest.raises(BotswainError) as caught:
        found(text)
    return str(caught.value)


@pytest.mark.parametrize("before", ["", NOISE, "\ufeff", "Loading… ", "\x1b[32m"])
@pytest.mark.parametrize("after", ["", "\n" + NOISE, " done", "\nbye ]"])
@pytest.mark.parametrize("document", [LIST, PRETTY, f'{{"commands": {LIST}, "version": 3}}'])
def test_noise_before_and_after(before: str, after: str, document: str) -> None:
    """Lines of a log, JSON among them, are no commands, wherever they stand."""
    value = json.loads(document)
    assert found(before + document + after) == (value["commands"] if isinstance(value, dict) else value)


@pytest.mark.parametrize("text", ["[]", "  [ ]\n", f"{NOISE}[]\n{NOISE}", '{"commands": []}'])
def test_an_empty_list_is_a_list(text: str) -> None:
    """A bot may have no commands; whether that may be deployed is for the plan to say."""
    assert found(text) == []


def test_a_wrong_command_is_still_one() -> None:
    """What is wrong inside the list is told of the command, not as a missing list."""
    assert found('[{"name": "x"}, null, {"description": "no name"}]') == [
        {"name": "x"},
        None,
        {"description": "no name"},
    ]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (f"{LIST}\n{LIST}", (1, 2)),
        (f"{LIST} {PRETTY}", (1, 1)),
        (f"log\n\n{LIST}\n[]", (3, 4)),
        (f"[]\n{NOISE}[]", (1, 2 + NOISE.count("\n"))),
    ],
)
def test_two_lists_are_none(text: str, lines: tuple[int, int]) -> None:
    """Which of two is meant nobody can tell."""
    told = refused(text)
    first, second = lines
    assert told.startswith(f"node print.js: prints 2 lists of commands, which begin in lines {first} and {second} (it")
    assert told.endswith('; let it print one JSON array of commands, or {"commands": […]}, on stdout')


def test_no_list_quotes_what_was_printed() -> None:
    """The first lines on one line, shortened and without control characters."""
    told = refused("\x1b[31mHello\x07\n\n  [INFO]   not here\n3\n4\n5\n")
    assert told.startswith(
        "node print.js: prints no list of commands (it printed: [31mHello | [INFO] not here | 3 | 4);"
    )
    assert "(it printed nothing)" in refused("")
    assert len(refused("x" * 100_000)) < 700


def test_a_secret_in_the_quote_is_covered() -> None:
    """A bot that prints its token does not print it through us."""
    token = "MTAwMDAwMDAwMDAwMDAwMDAx.GplntD.kQ3v-Zr8_Yw2xT6mB1nC5dF9hJ4gL7pS0aEu"
    told = refused(f"logging in with {token}\n")
    assert token not in told
    assert "logging in with [redacted" in told


@pytest.mark.parametrize("cut", [3, 30, len(PRETTY) // 2, len(PRETTY) - 2])
def test_a_list_that_breaks_off_is_not_read_in_parts(cut: int) -> None:
    """The options of a half-printed command are a list of named things too, and no commands."""
    told = refused(f"[INFO] go\n{PRETTY[:cut]}")
    assert told.startswith("node print.js: ")
    assert "no list" in told or "not valid JSON" in told
    assert ("not valid JSON" in told) == (cut > 8)


def test_half_printed_on_one_line() -> None:
    """The same without line breaks, and as an object."""
    assert "not valid JSON" in refused(LIST[:-20])
    assert "not valid JSON" in refused(f'{{"commands": {LIST}')


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[{"name": "x", "name": "y"}]', "written twice"),
        ('[{"name": "x", "min": NaN}]', "NaN"),
        ('[{"name": "\\ud800"}]', "surrogate"),
    ],
)
def test_json_that_other_readers_would_misread(text: str, told: str) -> None:
    """As strict as with files."""
    assert told in refused(text)


@pytest.mark.parametrize("nonsense", ["[", "{", "[1 ", '{"a\n', '{"a": 1\n', "[]", "[] ", "{} "])
def test_nonsense_costs_little(nonsense: str) -> None:
    """A program that prints brackets without end is refused all the same, within a second or so."""
    before = time.monotonic()
    assert "prints no list" in refused(nonsense * 200_000)
    assert time.monotonic() - before < 5
