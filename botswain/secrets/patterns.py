"""Secrets that are known by their shape, whoever wrote them.

The shapes of Discord's tokens were derived from the ids they carry; the scanners tried knew half of what is
here.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from botswain.secrets.spans import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_KEY = r"(?:password|passwd|passphrase|secret|token|dsn|(?:api|access|private|secret)[_-]?key)"
_FIELD = rf"(?<![\w./-])[\w.-]*{_KEY}"
"""A field or variable; `chat_input/token` is none, but the key of a command."""
_FIELD_HINTS = ("password", "passwd", "passphrase", "secret", "token", "dsn", "key")
_SCHEME = r"(?:bot|bearer|basic|token)\s+"
_NOT_YET = r"(?!\[redacted)"


class _Shape(NamedTuple):
    """Group 1 of `pattern` is the secret. A text without any of `hints` (lower case) is not searched."""

    pattern: str
    hints: tuple[str, ...] = ()
    confirm: Callable[[str], bool] | None = None


def is_bot_token(text: str) -> bool:
    """Say whether the first part of a token is an id of Discord's, in unpadded base64."""
    import binascii

    first = text.partition(".")[0]
    try:
        number = binascii.a2b_base64((first + "===").replace("-", "+").replace("_", "/"))
    except binascii.Error:
        return False
    return number.isdigit() and 17 <= len(number) <= 20 and int(number) < 2**64


_SHAPES = (
    # No boundary is asked for in front: in `Bot%20MT…` and `\nMT…` there is none. Decoding finds the start.
    _Shape(r"((?:[MN][DTjz]|O[DT])[\w-]{21,25}\.[\w-]{6}\.[\w-]{27,})", (".",), is_bot_token),
    _Shape(r"(mfa\.[\w-]{20,})", ("mfa.",)),
    # Webhooks and interactions, on whatever host the API is: both tokens act without any other credential.
    _Shape(r"/(?:webhooks|interactions)/\d{17,20}/([\w-]{30,})", ("/webhooks/", "/interactions/")),
    _Shape(r"hooks\.slack\.com/(?:services|workflows|triggers)/([\w/+-]+)", ("hooks.slack",)),
    _Shape(r"(xox[abeoprs]-[\w-]{10,})", ("xox",)),
    _Shape(rf"://[^\s/:@'\"<>]*:{_NOT_YET}([^\s/'\"<>]+)@", ("://",)),
    _Shape(rf"://{_NOT_YET}([^\s/:@'\"<>]{{16,}})@", ("://",)),  # Sentry DSN, https://<token>@github.com
    _Shape(rf"(?:nats|tls)://{_NOT_YET}([^\s/:@'\"<>]+)@", ("://",)),
    _Shape(rf"\bpassword\s*=\s*{_NOT_YET}('(?:[^'\\]|\\.)+'|[^\s'\"&;,<>]+)", ("password",)),
    _Shape(r"\brailway[\w-]*token[\"']?\s*[=:]\s*[\"']?([0-9a-f]{8}-[0-9a-f-]{27})", ("railway",)),
    # By the key's name: quoted, or assigned, or long and not a word (a sentence may follow `token:`).
    _Shape(rf"{_FIELD}\\?[\"']?\s*[=:]\s*\\?[\"']{_NOT_YET}([^\s\"'\\]{{6,}})", _FIELD_HINTS),
    _Shape(rf"{_FIELD}=(?![<$%{{…]){_NOT_YET}([^\s\"'&;,<>]{{6,}})", _FIELD_HINTS),
    _Shape(rf"{_FIELD}:\s*{_NOT_YET}((?=[^\s\d]*\d)[\w.~+/=-]{{16,}})", _FIELD_HINTS),
    _Shape(
        rf"authorization[\"']?\s*[=:,]\s*b?[\"']?(?!(?:{_SCHEME})?\[redacted)(?:{_SCHEME})?([^\s\"',;}})]{{6,}})",
        ("authorization",),
    ),
    _Shape(rf"\bbearer\s+{_NOT_YET}([\w.~+/=-]{{16,}})", ("bearer",)),
    _Shape(r"((?-i:S[NACOUX][A-Z2-7]{56}))(?![A-Za-z0-9])"),  # NATS nkey seeds
    _Shape(r"((?:gh[opsru]|github_pat)_\w{30,}|hvs\.[\w-]{20,}|AGE-SECRET-KEY-1\w{50,})", ("gh", "hvs.", "age-")),
    _Shape(r"(?<![\w-])(eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,})", ("eyj",)),
    _Shape(r"-----BEGIN [A-Z ]*PRIVATE KEY-----([^\"']+?)(?:-----END|[\"']|\Z)", ("private key-----",)),
)

_FIELD = rf"(?<![\w./-])[\w.-]*{_KEY}"
"""A field or variable; `chat_input/token` is none, but the key of a command."""
_FIELD_HINTS = ("password", "passwd", "passphrase", "secret", "token", "dsn", "key")
_SCHEME = r"(?:bot|bearer|basic|token)\s+"
_BEGINNING = r"(?:[MN][DTjz]|O[DT])[\w-]{0,25}(?:\.[\w-]{0,6}(?:\.[\w-]*)?)?\Z|://[^\s/@:]*:[^\s/]*\Z"
_LONGEST_BEGINNING = 512


@cache
def _compiled(shape: _Shape) -> re.Pattern[str]:
    """Compiled when a text first hints at it: most runs meet few of these shapes."""
    return re.compile(shape.pattern, re.ASCII if shape.confirm else re.IGNORECASE | re.ASCII)  # the first is all case


def find(text: str) -> Iterator[Span]:
    """Find everything that has the shape of a secret."""
    lowered = text.lower()
    for shape in _SHAPES:
        if shape.hints and not any(hint in lowered for hint in shape.hints):
            continue
        pattern, confirm = _compiled(shape), shape.confirm
        match = pattern.search(text)
        while match:
            start, end = match.span(1)
            if confirm is None or confirm(match[1]):
                yield Span(start, end)
                match = pattern.search(text, end)
            else:
                match = pattern.search(text, start + 1)


def beginning(text: str) -> int:
    """Return where a token or a URL with a password may begin at the end of `text`; its length if nowhere."""
    offset = max(0, len(text) - _LONGEST_BEGINNING)
    match = _open().search(text, offset)
    return match.start() if match else len(text)


@cache
def _open() -> re.Pattern[str]:
    return re.compile(_BEGINNING, re.ASCII)


def is_secret_key(key: str) -> bool:
    """Say whether a field of this name holds a secret: `client_secret`, `DISCORD_DEV_TOKEN`, `sentryDsn`."""
    return _key().search(key) is not None


@cache
def _key() -> re.Pattern[str]:
    return re.compile(rf"\A[^/]*(?:{_KEY}s?|credentials?)\Z", re.IGNORECASE)
