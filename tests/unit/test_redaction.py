"""Secrets never leave: by value in every spelling, by shape, and however the output arrives in pieces."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import sys
import urllib.parse
from typing import TextIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from botswain.secrets.redaction import Redactor
from botswain.secrets.visible import visible

TOKEN_27 = "MTE5NTMxNzYxNDMyMTE2MjI0MA.GabcDE." + "x-Yz_01" * 3 + "abcdef"
TOKEN_18 = "MTE5NTMxNzYxNDMyMTE2MjI0.GabcDE." + "x-Yz_01" * 3 + "abcdef"
TOKEN_38 = "OTk5OTk5OTk5OTk5OTk5OTk5.GabcDE." + "x-Yz_01" * 5 + "abc"
HOOK = "https://discord.com/api/v10/webhooks/119531761432116224/" + "aB3_-" * 14
SLACK = "https://hooks.slack.com/" + "services/T00000000/B00000000/" + "X" * 24
SEED = "SUA" + "B2C3D4E5" * 6 + "ABCDEFG"

ENCODINGS = {
    "plain": lambda value: value,
    "quoted": lambda value: urllib.parse.quote(value, safe=""),
    "path": urllib.parse.quote,
    "plus": urllib.parse.quote_plus,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "urlsafe": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "json": lambda value: json.dumps(value)[1:-1],
    "json text": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "json of others": lambda value: json.dumps(value)[1:-1].replace("/", "\\/"),
    "json in json": lambda value: json.dumps(json.dumps(value))[3:-3],
    "repr": lambda value: repr(value)[1:-1],
}

VALUES = st.text(st.characters(blacklist_categories=("Cs",), max_codepoint=0x2FFF), min_size=6, max_size=40).filter(
    lambda value: len(value.strip()) >= 6 and value.strip() not in "[redacted:THE_SECRET]"
)


class Sink(io.StringIO):
    """Keeps what was written."""

    encoding = "utf-8"


def uncovered(text: str) -> str:
    """Take the covers out: a secret that ends in `[` would seem to stand before one."""
    return re.sub(r"\[redacted(:\w+)?\]", "\U0001f512", text)


@given(value=VALUES, how=st.sampled_from(sorted(ENCODINGS)), around=st.text(max_size=9), data=st.data())
@example(value='pa"ss\n\\word', how="json in json", around="", data=None)
@example(value="abcd/ef+gh", how="json of others", around="", data=None)
@example(value="ab cd/ef+gh", how="quoted", around="x", data=None)
def test_a_secret_in_any_spelling_and_any_pieces_never_appears(value, how, around, data) -> None:
    """Split anywhere over any number of writes and flushes, what comes out never contains it."""
    redactor = Redactor()
    assert redactor.register(value, "THE_SECRET")
    planted = ENCODINGS[how](value)
    text = f"{around}{planted}{around}\n"
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=6)) if data else range(len(text))
    flushes = data.draw(st.lists(st.booleans(), min_size=7, max_size=7)) if data else [True] * (len(text) + 1)
    sink = Sink(newline="")
    stream = redactor.stream(sink)
    begin = 0
    for end, flush in zip([*sorted(cuts), len(text)], flushes, strict=False):
        stream.write(text[begin:end])
        begin = end
        if flush:
            stream.flush()
        assert planted not in uncovered(sink.getvalue())
    stream.close()
    assert planted not in uncovered(sink.getvalue())
    assert "[redacted:THE_SECRET]" in sink.getvalue()
    assert planted not in uncovered(redactor.text(text))
    assert redactor.text(text) == redactor.text(redactor.text(text))


@given(prefix=st.text(max_size=6), value=st.text("abcdefghij+/=0123", min_size=8, max_size=30))
def test_a_secret_inside_a_longer_base64_text_never_appears(prefix: str, value: str) -> None:
    """Basic authentication encodes `user:password` as one: at no alignment can the password be decoded."""
    redactor = Redactor()
    redactor.register(value, "DB")
    encoded = base64.b64encode(f"{prefix}:{value}:more".encode()).decode()
    clean = redactor.text(encoded)
    assert "[redacted:DB]" in clean
    for part in clean.split("[redacted:DB]"):
        for skip in range(4):
            usable = part[skip:][: len(part[skip:]) // 4 * 4]
            assert value.encode() not in base64.b64decode(usable, validate=False)


@given(st.lists(VALUES, min_size=2, max_size=4), st.data())
def test_overlapping_secrets_are_covered_together(values: list[str], data: st.DataObject) -> None:
    """One secret that begins inside another leaves no rest of either in the text."""
    redactor = Redactor()
    for number, value in enumerate(values):
        redactor.register(value, f"S{number}")
    shared = data.draw(st.integers(1, 5))
    text = "<" + values[0][:-shared] + values[1] + ">"
    clean = uncovered(redactor.text(text))
    assert all(value not in clean for value in values)


def test_the_longest_secret_names_the_place() -> None:
    """A secret that contains another one is covered whole, under its own name."""
    redactor = Redactor()
    redactor.register("hunter-2", "SHORT")
    redactor.register("hunter-2-long", "LONG")
    assert redactor.text("hunter-2-long hunter-2") == "[redacted:LONG] [redacted:SHORT]"
    redactor = Redactor()
    redactor.register("abcd-efgh", "FIRST")
    redactor.register("efgh-ijkl", "SECOND")
    assert redactor.text("<abcd-efgh-ijkl>") == "<[redacted:FIRST]>"


def test_a_short_value_is_not_registered() -> None:
    """Covering `dev` everywhere would ruin every text; `register` says that it does not."""
    redactor = Redactor()
    assert not redactor.register("  dev \n", "X")
    assert redactor.text("dev") == "dev"


def test_a_trailing_newline_in_a_secret_is_not_needed() -> None:
    """A secret read from a file often ends in a newline that no message repeats."""
    redactor = Redactor()
    redactor.register("abc-def-ghi\n", "FILE")
    assert redactor.text("(abc-def-ghi)") == "([redacted:FILE])"


def test_each_line_of_a_private_key_is_a_secret() -> None:
    """Logs show a key line by line."""
    redactor = Redactor()
    key = "-----BEGIN PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\nAAAABG5vbmU0123456\n-----END PRIVATE KEY-----\n"
    redactor.register(key, "SSH")
    assert redactor.text("2> AAAABG5vbmU0123456\n") == "2> [redacted:SSH]\n"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"Bot {TOKEN_27}", TOKEN_27),
        (f"Bot%20{TOKEN_38}&x", TOKEN_38),
        (f"'\\n{TOKEN_27}'", TOKEN_27),
        (f"xMT{TOKEN_27}", TOKEN_27),
        (f"MT{TOKEN_18}", TOKEN_18),
        (f"token is {TOKEN_38}.", TOKEN_38),
        ("mfa." + "a1_-" * 21, "a1_-" * 21),
        (f"POST {HOOK}?wait=true", "aB3_-" * 14),
        ("http://127.0.0.1:80/api/v10/webhooks/119531761432116224/" + "aB3_-" * 14, "aB3_-" * 14),
        ("/interactions/119531761432116224/" + "aB3_-" * 14 + "/callback", "aB3_-" * 14),
        (SLACK, "X" * 24),
        ("xoxb-" + "1234567890-abcdef", "1234567890-abcdef"),
        ("postgresql://bot:hunter2@db.local/bot", "hunter2"),
        ("postgres://bot:p@ss#w?rd@db/bot", "p@ss#w?rd"),
        ("redis://:s3cr@127.0.0.1", "s3cr"),
        ("host=db user=bot password=hunter2 dbname=x", "hunter2"),
        (r"password='it\'s secret' dbname=x", r"it\'s secret"),
        ("postgresql://db/bot?user=a&password=hunter2&sslmode=require", "hunter2"),
        ("RAILWAY_TOKEN=6b1f4d3e-8a0c-4f7e-9d55-0a1b2c3d4e5f", "6b1f4d3e-8a0c-4f7e-9d55-0a1b2c3d4e5f"),
        ('"railway_api_token": "6b1f4d3e-8a0c-4f7e-9d55-0a1b2c3d4e5f"', "8a0c-4f7e"),
        (
            "https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/42",
            "0123456789abcdef0123456789abcdef",
        ),
        ("nats://s3cr3t@nats:4222", "s3cr3t"),
        (f"seed {SEED}", SEED),
        ("Authorization: Bot abc.def.ghi", "abc.def.ghi"),
        ("{'authorization': 'Bearer 0123456789'}", "0123456789"),
        ("(b'Authorization', b'Basic dTpw0Q==')", "dTpw0Q=="),
        ("curl -H 'Bearer abcdefghijklmnop1'", "abcdefghijklmnop1"),
        ('{"client_secret": "abcdef-ghi"}', "abcdef-ghi"),
        (r'{"log": "{\"clientSecret\": \"abcdef-ghi\"}"}', "abcdef-ghi"),
        ("DISCORD_STAGE_CLIENT_SECRET=abcdefghi", "abcdefghi"),
        ("client_secret: aB3dE5gH7jK9mN1pQ3", "aB3dE5gH7jK9mN1pQ3"),
        ("ghp_" + "a1B2" * 9, "a1B2" * 9),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----", "MIIEvQ"),
    ],
)
def test_known_shapes_are_covered(text: str, secret: str) -> None:
    """A secret that nobody registered is covered by what it looks like, also when it comes bit by bit."""
    redactor = Redactor()
    clean = redactor.text(text)
    assert secret not in clean
    assert "[redacted]" in clean
    assert redactor.text(clean) == clean
    for cut in range(len(text)):
        sink = Sink()
        stream = redactor.stream(sink)
        stream.write(text[:cut])
        stream.write(text[cut:])
        stream.close()
        assert sink.getvalue() == clean


@pytest.mark.parametrize(
    "text",
    [
        "DISCORD_STAGE_TOKEN: is set but empty; give it a value or unset it",
        "DISCORD_STAGE_TOKEN is not set; see https://discord.com/developers/applications",
        "http://127.0.0.1:8080/api/v10/applications/@me",
        "set DISCORD_DEV_TOKEN=<token> or DISCORD_DEV_TOKEN=$OTHER",
        "client_secret: must be a string",
        "postgres://bot@db/bot",
        "chat_input/token: description: is longer than 100 characters",
        "MTE5NTMx.txt MODERATION.GABCDE. OTHERS",
        "stage: is locked by anna@ship since 2026-11-22 10:15:30 UTC (20261122-101530-3f9a2c)",
        '{"commandIds": {"chat_input/secret": "119531761432116224"}, "token": ""}',
        "Bot commands of 119531761432116224 · 0123456789abcdef0123456789abcdef01234567",
        "say authorization: is it needed?",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    """What a user must read is not covered: names of variables, ids, commits, plain URLs."""
    assert Redactor().text(text) == text


@given(st.integers(10**16, 2**64 - 1), st.sampled_from([27, 38]))
def test_every_bot_token_is_found(application: int, tail: int) -> None:
    """Tokens of ids of every length that Discord can give are recognised, wherever they stand."""
    first = base64.urlsafe_b64encode(str(application).encode()).decode().rstrip("=")
    token = f"{first}.Gab-_1.{'aZ09-_' * 7}"[: len(first) + 8 + tail]
    assert Redactor().text(f"x{token} y") == "x[redacted] y"


def test_documents_stay_exact_but_for_registered_values() -> None:
    """A snapshot is the way back: what only looks like a secret stays, and so does a common word."""
    redactor = Redactor()
    redactor.register("commands", "DEV_DB_PASSWORD")
    redactor.register("119531761432116224", "ID")
    redactor.register("s3cret-value", "API")
    text = json.dumps({"commands": [{"id": "119531761432116224", "d": "a://b:c@d token=abcdefg s3cret-value"}]})
    assert redactor.value_only(text) == text.replace("s3cret-value", "[redacted:API]")
    assert redactor.text("commands") == "[redacted:DEV_DB_PASSWORD]"


def test_names_cannot_break_a_document() -> None:
    """The name in the cover is plain text, whatever a profile calls its secret."""
    redactor = Redactor()
    redactor.register("s3cret-value", 'a"b\n]')
    assert json.loads(redactor.document(b'{"x": "s3cret-value"}')) == {"x": "[redacted:a_b__]"}


def test_structures_are_covered_by_key_too() -> None:
    """In data the name of a field says enough, however short its value; a command's own fields stay."""
    redactor = Redactor()
    data = {
        "DB_PASSWORD": "x",
        "nested": [{"sentryDsn": "y", "key": "chat_input/ping", "name": "token"}],
        "count": 3,
        "token": None,
    }
    assert redactor.structure(data) == {
        "DB_PASSWORD": "[redacted]",
        "nested": [{"sentryDsn": "[redacted]", "key": "chat_input/ping", "name": "token"}],
        "count": 3,
        "token": None,
    }


def test_prompts_and_progress_are_shown_at_once() -> None:
    """What waits for an answer is not kept back; a return, with which foreign text redraws a line, is shown."""
    redactor = Redactor()
    redactor.register("correct-horse", "DB")
    sink = Sink(newline="")
    stream = redactor.stream(sink)
    stream.write("Deploy? [y/N] ")
    assert sink.getvalue() == ""
    stream.flush()
    assert sink.getvalue() == "Deploy? [y/N] "
    stream.write("\r 40%")
    stream.flush()
    assert sink.getvalue().endswith("\\r 40%")
    stream.write("x" * 5000)
    assert len(sink.getvalue()) > 5000


def test_a_possible_beginning_waits_and_then_appears() -> None:
    """Text that only began like a secret comes out whole, in order, by the end at the latest."""
    redactor = Redactor()
    redactor.register("correct-horse", "DB")
    sink = Sink()
    stream = redactor.stream(sink)
    stream.write("this is correct")
    stream.flush()
    assert sink.getvalue() == "this is "
    stream.write("ly done\nand corr")
    assert sink.getvalue() == "this is correctly done\n"
    stream.close()
    assert sink.getvalue() == "this is correctly done\nand corr"


def test_a_whole_secret_waits_with_the_beginning_of_another() -> None:
    """A secret whose end may begin a second one is not let out up to there."""
    redactor = Redactor()
    redactor.register("abcdef-gh", "FIRST")
    redactor.register("gh-ijklmn", "SECOND")
    sink = Sink()
    stream = redactor.stream(sink)
    stream.write("<abcdef-gh-ij")
    stream.flush()
    assert sink.getvalue() == "<"
    stream.write("klmn>\n")
    assert sink.getvalue() == "<[redacted:FIRST]>\n"


@given(st.lists(st.tuples(st.text("ab-\n\r:/@ M", max_size=12), st.booleans())), st.booleans())
def test_output_without_secrets_passes_unchanged(pieces: list[tuple[str, bool]], registered: bool) -> None:
    """Nothing is lost, doubled or moved by looking for secrets; a return is shown."""
    redactor = Redactor()
    if registered:
        redactor.register("a-b-a-b\nzzzzzz", "X")
    sink = Sink(newline="")
    stream = redactor.stream(sink)
    for text, flush in pieces:
        stream.write(text)
        if flush:
            stream.flush()
    stream.close()
    whole = "".join(text for text, _ in pieces)
    assert sink.getvalue() == visible(redactor.text(whole)) or "://" in whole


def test_a_stream_says_what_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    """Whoever asks for a terminal, a descriptor or an encoding gets the answer of the stream beneath."""
    stream: TextIO = Redactor().stream(sys.__stdout__ or sys.stdout)
    assert stream.encoding == (sys.__stdout__ or sys.stdout).encoding
    assert stream.isatty() is False
    assert stream.fileno() == 1
    assert stream.writable()
    assert not hasattr(stream, "buffer")


PROGRAM = """
import sys
from botswain.secrets import redaction
redaction.register("correct-horse", "DB")
redaction.install()
sys.stdout.write("correct-")
sys.stdout.flush()
sys.stdout.write("horse, corr")
raise SystemExit("Traceback: correct-horse")
"""


def test_a_process_ends_with_everything_said_and_covered() -> None:
    """The last words, held back as a possible beginning, still come out; so does the error, covered."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.stdout == "[redacted:DB], corr"
    assert done.stderr == "Traceback: [redacted:DB]\n"


def test_it_costs_little_to_have() -> None:
    """Start-up time is a feature: importing compiles no pattern and loads no further library."""
    program = (
        "import sys, botswain.errors; import botswain.secrets.redaction as r;"
        "from botswain.secrets import patterns; print(patterns._compiled.cache_info().currsize,"
        "{'threading', 'base64', 'json', 'urllib.parse', 'subprocess', 'asyncio'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "0 set()\n"
