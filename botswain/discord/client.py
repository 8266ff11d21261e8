"""The part of Discord's API that a deploy tool needs, as plain calls."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, Literal, Self

from botswain.discord.brake import INVALID_BUDGET
from botswain.discord.enums import GLOBAL
from botswain.discord.errors import BOT_TOKEN, DiscordError
from botswain.discord.http import Http
from botswain.discord.oauth import BotToken, ClientCredentials
from botswain.discord.ratelimit import Route
from botswain.errors import BotswainError
from botswain.secrets import redaction

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    import httpx

    from botswain.discord.counts import RequestLog

API = "https://discord.com/api/v10"

_GLOBAL_COMMANDS = "/applications/{application_id}/commands"
_GUILD_COMMANDS = "/applications/{application_id}/guilds/{guild_id}/commands"


class DiscordClient:
    """Calls Discord with one token; for any number of threads. Close it, or use it as a context manager.

    `token` is a bot token (or, with that scheme, an OAuth2 one), or client credentials, which stand for one.
    `application_id` may be set after `application()` told it. `requests_per_second` leaves the running bot
    its part of Discord's 50. A rate limit is waited out for `retry_after_cap` seconds at most, else it is
    RateLimited. `clock` (monotonic), `wall_clock` (Unix time), `sleep` and `jitter` (0 to 1) are for tests.
    All failures of calls are DiscordErrors.
    """

    def __init__(
        self,
        *,
        token: str | ClientCredentials,
        api: str = API,
        application_id: str | None = None,
        scheme: Literal["Bot", "Bearer"] = "Bot",
        requests_per_second: float = 20.0,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        retry_after_cap: float = 60.0,
        wall_clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        invalid_budget: int = INVALID_BUDGET,
    ) -> None:
        # httpx would name such a token in its error.
        if isinstance(token, str) and not (token and all("!" <= letter <= "~" for letter in token)):
            raise BotswainError(
                "the token is empty or has blanks or letters that no token has",
                where="Discord",
                fix=f"copy it again from the Developer Portal into {redaction.name_of(token) or BOT_TOKEN}",
            )
        self.application_id = application_id
        self.commands_only = isinstance(token, ClientCredentials)
        """Whether Discord tells no more than commands, and whose they are: no settings, nothing of the gateway."""
        self._http = Http(
            access=BotToken(token, scheme) if isinstance(token, str) else token,
            api=api,
            requests_per_second=requests_per_second,
            transport=transport,
            clock=clock,
            sleep=sleep,
            retry_after_cap=retry_after_cap,
            wall_clock=wall_clock,
            jitter=jitter,
            invalid_budget=invalid_budget,
        )

    @property
    def requests(self) -> RequestLog:
        """What was asked of Discord so far."""
        return self._http.requests

    @property
    def clock_offset(self) -> float | None:
        """Seconds by which this machine's clock is ahead of Discord's (negative: behind), give or take one.

        None before an answer that told.
        """
        return self._http.clock_offset

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def application(self) -> dict[str, Any]:
        """The application that the token belongs to: `id`, `name` and, for bots, `integration_types_config` too."""
        if self.commands_only:
            return self._http.call(Route("GET", "/oauth2/@me", "/oauth2/@me"), _authorization)
        return self._http.call(Route("GET", "/applications/@me", "/applications/@me"), _application)

    def gateway(self) -> dict[str, Any]:
        """`url`, `shards` and `session_start_limit` (`total`, `remaining`, `reset_after` in ms). Needs a bot token."""
        if self.commands_only:
            what = "client credentials are not told how often the bot may still connect"
            raise DiscordError(what, fix="set the bot token (DISCORD_<ENV>_TOKEN) for this")
        return self._http.call(Route("GET", "/gateway/bot", "/gateway/bot"), _gateway)

    def commands(self, scope: str) -> list[dict[str, Any]]:
        """Every command of a scope as Discord has it, with localizations; empty means there is none."""
        return self._http.call(self._route("GET", scope), _commands, params={"with_localizations": "true"})

    def put_commands(
        self, scope: str, payload: list[dict[str, Any]], *, before: Callable[[], None] | None = None
    ) -> list[dict[str, Any]]:
        """Replace all commands of a scope and return what Discord made of them.

        Commands that are not in `payload` are deleted. Raises LostReply when the outcome is unknown; it is
        never sent again by itself once it may have been applied. `before` is called when all waiting for rate
        limits is over, right before anything is sent; what it raises stops the call.
        """
        return self._http.call(self._route("PUT", scope), _commands, payload=payload, before=before)

    def _route(self, method: str, scope: str) -> Route:
        application = self.application_id
        if not application or not application.isdecimal():
            raise BotswainError(
                f"the application id is {application!r}, not a number"
                if application
                else "the application id is missing",
                where="Discord",
                fix="set application_id in the profile",
            )
        if scope == GLOBAL:
            return Route(method, _GLOBAL_COMMANDS, f"/applications/{application}/commands", scope)
        if not scope.isdecimal():
            raise BotswainError(
                f"{scope!r} is neither `{GLOBAL}` nor a guild id",
                where="Discord",
                fix="check guild_ids in the profile",
            )
        return Route(method, _GUILD_COMMANDS, f"/applications/{application}/guilds/{scope}/commands", scope)


def _object(value: object, what: str, *fields: str) -> dict[str, Any]:
    """A JSON object whose `fields` are non-empty text."""
    if not isinstance(value, dict):
        raise ValueError(f"{what} is no JSON object")  # noqa: TRY004 - one kind of error for every wrong shape
    for field in fields:
        if not isinstance(value.get(field), str) or not value[field]:
            raise ValueError(f"{what} has no {field}")
    return value


def _application(value: object) -> dict[str, Any]:
    return _object(value, "the application", "id")


def _authorization(value: object) -> dict[str, Any]:
    return _application(_object(value, "the authorization").get("application"))


def _gateway(value: object) -> dict[str, Any]:
    gateway = _object(value, "the gateway", "url")
    limit = _object(gateway.get("session_start_limit"), "session_start_limit")
    if not isinstance(limit.get("remaining"), int):
        raise ValueError("session_start_limit has no remaining")  # noqa: TRY004 - see above
    return gateway


def _commands(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise ValueError("the list of commands is no JSON array")  # noqa: TRY004 - see above
    return [_object(item, "a command", "id", "name") for item in value]
