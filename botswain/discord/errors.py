"""What can go wrong between here and Discord.

    DiscordError                   (a BotswainError; `scope` is "global", a guild id, or "" for other routes)
    ├── Rejected                   Discord refused the request; nothing changed (`status`, `discord_code`)
    │   ├── Unauthorized           401: the token is wrong; the client sends nothing more
    │   │   ├── SecretRefused      the client secret is wrong
    │   │   └── AccessRefused      access tokens are refused, fresh ones too
    │   ├── Forbidden              403: the token may not do this
    │   ├── ScopeUnavailable       403 with code 50001, or 404, in a guild: the application is not there
    │   ├── InvalidForm            the commands break Discord's rules (`problems`, `lines`)
    │   └── DailyCreateLimit       30034: 200 new commands a day in one scope (`clears_in`)
    ├── RateLimited                the wait is too long, or came too often (`kind`, `retry_after`)
    ├── Blocked                    Cloudflare has banned this address for a while
    ├── TooManyInvalidRequests     our own budget, kept so that Cloudflare does not ban this address
    ├── Unreachable                no connection, or a read that never got an answer
    ├── ServerTrouble              5xx on a read, several times
    ├── BadAnswer                  a read brought HTML, cut or unexpected JSON, several times
    └── LostReply                  a write whose outcome is unknown: read and compare before writing again

Only after LostReply may Discord have changed something. No message holds a token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botswain.discord.enums import GLOBAL
from botswain.discord.limits import CREATES_PER_DAY, INVALID_REQUESTS
from botswain.discord.times import duration, local_time
from botswain.errors import BotswainError
from botswain.secrets import redaction

if TYPE_CHECKING:
    from botswain.discord.forms import FormProblem

STATUS_PAGE = "https://discordstatus.com"
BOT_TOKEN, CLIENT_SECRET = "DISCORD_<ENV>_TOKEN", "DISCORD_<ENV>_CLIENT_SECRET"
"""How messages name the variables of an environment that is not known."""


def token_variable(secret: str) -> str:
    """The variable that a bot token would be in, for a client secret that came from one of its own."""
    name = redaction.name_of(secret)
    suffix = CLIENT_SECRET.rpartition(">")[2]
    return name.removesuffix(suffix) + "_TOKEN" if name.endswith(suffix) else BOT_TOKEN


def place(scope: str) -> str:
    """How messages name a scope: `global commands`, `guild 123`, or `Discord` where there is none."""
    if not scope:
        return "Discord"
    return "global commands" if scope == GLOBAL else f"guild {scope}"


class DiscordError(BotswainError):
    """A request to Discord failed; `scope` says for which commands, "" for routes without any."""

    def __init__(self, what: str, *, scope: str = "", fix: str = "") -> None:
        super().__init__(what, where=place(scope), fix=fix)
        self.scope = scope


class Rejected(DiscordError):
    """Discord refused the request and changed nothing. `discord_code` is its JSON code, 0 if none."""

    def __init__(self, what: str, *, scope: str = "", fix: str = "", status: int, discord_code: int = 0) -> None:
        super().__init__(what, scope=scope, fix=fix)
        self.status = status
        self.discord_code = discord_code


class Unauthorized(Rejected):
    """401: the token is not valid. The client makes no further request, since each counts towards a ban.

    `variable` names the variable that the message speaks of; "" when it is not known.
    """

    _what = "the token was refused (401)"
    _fix = "copy the current one from the Developer Portal into {}"
    _variable = BOT_TOKEN

    def __init__(self, *, scope: str = "", variable: str = "") -> None:
        super().__init__(self._what, scope=scope, fix=self._fix.format(variable or self._variable), status=401)


class SecretRefused(Unauthorized):
    """The client secret is not, or no longer, that of the application."""

    _what = "the client secret was refused (401)"
    _fix = "copy the current one from the OAuth2 page of the profile's application (application_id) into {}"
    _variable = CLIENT_SECRET


class AccessRefused(Unauthorized):
    """An access token was refused, and so was the one that was fetched in its place."""

    _what = "an access token was refused (401), and so was a new one"
    _fix = "check in the Developer Portal that the application is whole, or use a bot token ({})"


class Forbidden(Rejected):
    """403: the token is valid and may not do this, for instance because it is another application's."""


class ScopeUnavailable(Rejected):
    """The application cannot reach this guild's commands; other guilds are not affected."""

    def __init__(self, *, scope: str, status: int, discord_code: int) -> None:
        super().__init__(
            f"the application has no access to it (HTTP {status}, code {discord_code})",
            scope=scope,
            fix="invite the bot with the scope applications.commands, or take the guild out of the profile",
            status=status,
            discord_code=discord_code,
        )


class InvalidForm(Rejected):
    """The content breaks Discord's rules. `lines` name every problem by command, `problems` by path."""

    def __init__(
        self,
        lines: list[str],
        *,
        problems: list[FormProblem],
        scope: str = "",
        fix: str = "",
        status: int = 400,
        discord_code: int,
    ) -> None:
        shown = "; ".join(lines[:3])
        more = f"; and {len(lines) - 3} more" if len(lines) > 3 else ""
        super().__init__(
            f"Discord refused the commands: {shown}{more}",
            scope=scope,
            fix=fix,
            status=status,
            discord_code=discord_code,
        )
        self.lines = lines
        self.problems = problems


class DailyCreateLimit(Rejected):
    """30034: no new command in this scope for `clears_in` seconds (None: not said, a day at most)."""

    def __init__(self, *, scope: str, status: int, clears_in: float | None, now: float) -> None:
        when = "within 24 hours" if clears_in is None else f"in {duration(clears_in)}, {local_time(now + clears_in)}"
        super().__init__(
            f"Discord's limit of {CREATES_PER_DAY} new commands a day is reached; it clears {when}",
            scope=scope,
            fix="deploy again then; edits of existing commands are still possible",
            status=status,
            discord_code=30034,
        )
        self.clears_in = clears_in


class RateLimited(DiscordError):
    """Discord asks for `retry_after` seconds of silence. `kind` is `user`, `global` or `shared`."""

    def __init__(self, reason: str, *, scope: str, kind: str, retry_after: float, now: float) -> None:
        super().__init__(
            f"Discord's {kind} rate limit: {reason}",
            scope=scope,
            fix=f"run again after {local_time(now + retry_after, seconds=True)}",
        )
        self.kind = kind
        self.retry_after = retry_after


class Blocked(DiscordError):
    """Cloudflare, in front of Discord, refuses this address. More requests make the ban longer."""

    def __init__(self, *, scope: str, status: int, clears_in: float | None, now: float) -> None:
        when = f"after {local_time(now + clears_in)}" if clears_in else "in an hour"
        super().__init__(
            f"Cloudflare has banned this address for a while (HTTP {status})",
            scope=scope,
            fix=f"stop whatever else here sends failing requests to Discord and run again {when}",
        )
        self.status = status
        self.clears_in = clears_in


class TooManyInvalidRequests(DiscordError):
    """So many 401, 403 and 429 answers came that going on could get this address banned."""

    def __init__(self, count: int, *, scope: str, window: float) -> None:
        super().__init__(
            f"stopped after {count:,} refused requests (401, 403, 429) within {duration(window)};"
            f" Discord bans an address for {INVALID_REQUESTS[0]:,}",
            scope=scope,
            fix="take the guilds without access out of the profile, then run again",
        )


class Unreachable(DiscordError):
    """No connection to Discord's API, or, for a read, no answer over it."""


class ServerTrouble(DiscordError):
    """Discord answered a read with 5xx, several times."""

    def __init__(self, *, scope: str, status: int, tries: int) -> None:
        super().__init__(
            f"HTTP {status} on each of {tries} tries; the trouble is on Discord's side",
            scope=scope,
            fix=f"see {STATUS_PAGE} and run again later",
        )
        self.status = status


class BadAnswer(DiscordError):
    """What came back on a read is not what Discord's API sends, several times."""

    def __init__(self, reason: str, *, scope: str, tries: int) -> None:
        super().__init__(
            f"unusable answer on each of {tries} tries: {reason}",
            scope=scope,
            fix=f"check `api` in the profile and proxies on the way, and {STATUS_PAGE}",
        )


class LostReply(DiscordError):
    """A write was sent and no usable reply came: it may have been applied, so it is not repeated."""

    def __init__(self, reason: str, *, scope: str) -> None:
        super().__init__(
            f"a write was sent, but whether it was applied is unknown ({reason})",
            scope=scope,
            fix="read the commands back and compare before writing again",
        )
        self.reason = reason
