"""Discord's refusals turned into errors. Pure: an answer goes in, an error comes out.

Source: the opcodes and status codes page and the rate limits page of Discord's documentation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botswain.discord.enums import GLOBAL
from botswain.discord.errors import (
    BOT_TOKEN,
    DailyCreateLimit,
    DiscordError,
    Forbidden,
    InvalidForm,
    Rejected,
    ScopeUnavailable,
    Unauthorized,
)
from botswain.discord.forms import FormProblem, describe, flatten
from botswain.discord.ratelimit import number

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN_APPLICATION = 10002
BOTS_CANNOT = 20001
NOT_YOUR_APPLICATION = 20012
MAXIMUM_COMMANDS = 30032
DAILY_CREATES = 30034
NAME_EXISTS = 40041
MISSING_ACCESS = 50001
INVALID_FORM = 50035
ENTRY_POINT_MISSING = 50240

_FORM_TEXTS = {
    MAXIMUM_COMMANDS: (
        "there would be more commands in this scope than Discord allows",
        "delete some first: 100 chat input, 15 user and 15 message commands are the most",
    ),
    NAME_EXISTS: (
        "a command of this kind already has the new name",
        "rename to a free name, or delete the other command first",
    ),
    ENTRY_POINT_MISSING: (
        "the application's entry point command is missing from what was sent",
        "read the scope again and send the entry point back as it is",
    ),
}
_OAUTH_TEXTS = {
    "invalid_client": (
        "Discord knows no application with this id and client secret",
        "check application_id and secret",
    ),
    "invalid_scope": (
        "Discord does not let this application's client credentials update commands",
        f"use a bot token ({BOT_TOKEN}) instead",
    ),
}


@dataclass(frozen=True)
class Answer:
    """A reply as far as errors need it. `body` is the decoded JSON, None where it is no JSON object."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any] | None

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], content: bytes) -> Answer:
        """Decode what can be decoded."""
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            body = None
        return cls(status, headers, body if isinstance(body, dict) else None)

    @property
    def discord_code(self) -> int:
        """Discord's error code, 0 where it sent none."""
        code = self.body.get("code") if self.body else None
        return code if isinstance(code, int) else 0

    @property
    def retry_after(self) -> float:
        """Seconds to wait: the larger of header (whole seconds) and body; 0 where neither says."""
        return max(number(self.headers.get("retry-after")), number(self.body.get("retry_after") if self.body else 0))

    @property
    def from_cloudflare(self) -> bool:
        """Whether a 403 or 429 is Cloudflare's ban: Discord's own are JSON, its 429s always with `Via`."""
        if self.status == 429:
            return self.body is None or "via" not in self.headers
        return self.status == 403 and self.body is None and "via" not in self.headers

    @property
    def limit_kind(self) -> str:
        """Whose limit a 429 met: `user`, `global` or `shared`."""
        if "x-ratelimit-global" in self.headers or (self.body or {}).get("global") is True:
            return "global"
        kind = self.headers.get("x-ratelimit-scope", "user")
        return kind if kind in ("user", "global", "shared") else "user"


def rejection(answer: Answer, *, scope: str, payload: object, now: float) -> DiscordError:
    """The error for a 4xx answer that is neither a rate limit nor a ban. `now` is a Unix timestamp."""
    status, code = answer.status, answer.discord_code
    if code == DAILY_CREATES:
        return DailyCreateLimit(scope=scope, status=status, clears_in=answer.retry_after or None, now=now)
    if status == 401:
        return Unauthorized(scope=scope)
    guild = scope not in ("", GLOBAL)
    if guild and ((status == 403 and code == MISSING_ACCESS) or (status == 404 and code != UNKNOWN_APPLICATION)):
        return ScopeUnavailable(scope=scope, status=status, discord_code=code)
    if code == INVALID_FORM or code in _FORM_TEXTS:
        return _invalid_form(answer, scope, payload)
    what, fix = _other(answer)
    kind = Forbidden if status == 403 else Rejected
    return kind(what, scope=scope, fix=fix, status=status, discord_code=code)


def _invalid_form(answer: Answer, scope: str, payload: object) -> InvalidForm:
    body = answer.body or {}
    problems = flatten(body.get("errors"))
    lines = [describe(problem, payload) for problem in problems]
    text, fix = _FORM_TEXTS.get(answer.discord_code, (str(body.get("message", "Invalid Form Body")), ""))
    if not problems or answer.discord_code in _FORM_TEXTS:
        lines.insert(0, text)
        problems.insert(0, FormProblem((), str(answer.discord_code), text))
    return InvalidForm(
        lines, problems=problems, scope=scope, fix=fix, status=answer.status, discord_code=answer.discord_code
    )


def _other(answer: Answer) -> tuple[str, str]:
    if answer.discord_code == UNKNOWN_APPLICATION:
        return "Discord knows no application with this id", "check application_id in the profile"
    if answer.discord_code == NOT_YOUR_APPLICATION:
        return (
            "the token belongs to another application",
            "application_id and token of the profile must match",
        )
    if answer.discord_code == BOTS_CANNOT:
        return "Discord does not let bots do this", "use a token of a user who may"
    body = answer.body or {}
    if (known := _OAUTH_TEXTS.get(str(body.get("error")))) is not None:
        return known
    # One line, of bounded length, whatever came.
    told = body.get("message") or body.get("error_description") or body.get("error") or "no reason given"
    text = " ".join(str(told).split())[:200]
    return f"Discord refused the request (HTTP {answer.status}, code {answer.discord_code}): {text}", ""
