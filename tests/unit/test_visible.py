"""What comes from outside never drives the terminal: it is shown, and our own colours are not."""

from __future__ import annotations

import io
import json
import re
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox_client import GUILD, slash

from botswain.cli import task
from botswain.cli.markdown import plan_markdown
from botswain.cli.show import plan_lines
from botswain.cli.style import Paint
from botswain.commands.canonical import canonical, key
from botswain.commands.structure import define
from botswain.host import hand
from botswain.plan import Plan
from botswain.plan.scope import plan_scope
from botswain.secrets.redaction import Redactor
from botswain.secrets.visible import escaped, json_safe, log_line, ours, visible

DRIVING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
EVIL = "a\x1b]8;;http://evil\x07b\rc\x9b2Jd\u202ee\x7f\x08"


def printed(*texts: str) -> str:
    """What reaches the terminal of what is printed through the stream that every task has."""
    out = io.StringIO()
    stream = Redactor().stream(out)
    for text in texts:
        print(text, file=stream)
    stream.finish()
    return out.getvalue()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "\\x1b]8;;http://x\\x07link\\x1b]8;;\\x07"),
        ("over\rwritten", "over\\rwritten"),
        ("\x9b31m", "\\x9b31m"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("half \ud83c", "half \\ud83c"),
        ("tab\tand é 画 👨\u200d👩 \u200f", "tab\tand é 画 👨\u200d👩 \u200f"),
    ],
)
def test_control_characters_are_shown(written: str, shown: str) -> None:
    """Sequences, links, returns, C1, overrides and half characters are shown; joiners, marks and tabs stay."""
    assert printed(written) == f"{shown}\n"


@given(st.text(st.characters() | st.sampled_from("\x1b\x9b\r\u202e\ud800m[0;31"), max_size=40), st.sampled_from("\n "))
@settings(max_examples=300, deadline=None)
def test_nothing_that_is_printed_drives_the_terminal(text: str, end: str) -> None:
    """Whatever the text and however it arrives, no control character but the line end and the tab comes out."""
    assert not DRIVING.search(printed(text + end, text))
    document = json_safe(json.dumps({"text": text}, ensure_ascii=False))
    assert not DRIVING.search(document)
    assert json.loads(document) == {"text": text}


def test_our_own_colours_pass_and_a_copy_of_them_does_not() -> None:
    """A colour that we made is a colour; the same sequence from outside, or inside of what we colour, is shown."""
    green = Paint(enabled=True)("green", "fine\x1b[2J")
    assert green == "\x1b[32mfine\\x1b[2J\x1b[0m"
    assert printed(f"\x1b[31m{green} \x1b[32mfin\x1b[0m") == f"\\x1b[31m{green} \\x1b[32mfin\\x1b[0m\n"


def test_what_was_styled_long_ago_is_forgotten() -> None:
    """A run of any length remembers a bounded number of its own texts, the latest ones."""
    first = ours("\x1b[1mfirst\x1b[0m")
    for number in range(6000):
        ours(f"\x1b[1m{number}\x1b[0m")
    assert escaped("\x1b[1m5999\x1b[0m") == "\x1b[1m5999\x1b[0m"
    assert escaped(first) == visible(first)


def test_a_bots_log_keeps_its_text_colours_on_a_terminal_alone() -> None:
    """Colours of the text are kept and end with the line; screen, title, links and hidden text are not."""
    line = "\x1b[2J\x1b]0;title\x07\x1b[32mINFO\x1b[0m \x1b[8mhidden\x1b[38;5;9mred\x07 \rover"
    assert printed(log_line(line, colours=True)) == "\x1b[32mINFO\x1b[0m hidden\x1b[38;5;9mred\\x07 \\rover\x1b[0m\n"
    assert printed(log_line(line, colours=False)) == "INFO hiddenred\\x07 \\rover\n"


def test_names_and_texts_of_live_commands_are_shown() -> None:
    """In a plan on the terminal and in Markdown, an escape sequence or line end in a live command is text."""
    name = f"{EVIL}\nbotswain: fine"
    live = [{**slash(name, description=EVIL), "id": "1"}, {**slash("ping", description=EVIL), "id": "2"}]
    wanted = {key(one): canonical(one, GUILD) for one in [slash("ping")]}
    plan = Plan((plan_scope(GUILD, wanted, live, None, delete_unmanaged=True),), notes=(f"note {name}",))
    lines = printed(*plan_lines(plan, Paint(enabled=False)))
    assert not DRIVING.search(lines)
    assert "\\x1b]8;;" in lines
    assert not [line for line in lines.splitlines() if line.startswith("botswain:")]
    assert not DRIVING.search(printed(plan_markdown(plan, "dev")))


def test_errors_are_one_line_whatever_they_quote() -> None:
    """A line end inside an error's text cannot begin a line of its own."""
    out = io.StringIO()
    with mock.patch("sys.stderr", out):
        task.report(task.BotswainError("bad\nbotswain: done"), task.ExitCode.FAILED, json=False)
    assert out.getvalue() == "botswain: bad\\nbotswain: done\n"


def test_the_program_on_hosts_shows_control_characters_too() -> None:
    """What `botswain` prints on a host quotes logs and errors, and drives no terminal there."""
    out = io.StringIO()
    hand._print(out, f"log: {EVIL} é 画\nnext")
    assert not DRIVING.search(out.getvalue())
    assert out.getvalue().endswith(" é 画\nnext\n")


def test_half_a_character_in_code_is_one_line_with_its_place() -> None:
    """JavaScript cuts an emoji in two by `slice`: the command and field are named, and nothing fails later."""
    made = define(
        {"name": "x", "description": "X\ud83c", "options": [{"type": 3, "name": "o", "description": "\udf40"}]}, "x.js"
    )
    assert isinstance(made, list)
    assert [str(one) for one in made] == [
        "x.js: /x.description: holds half of a surrogate pair (\\ud800-\\udfff)",
        "x.js: /x.options.0.description: holds half of a surrogate pair (\\ud800-\\udfff)",
    ]
