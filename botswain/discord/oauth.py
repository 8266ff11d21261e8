"""What requests are authorized with: a bot token, or client credentials.

Client credentials are an application's id and secret. Discord trades them for an access token, which may write commands
and hardly anything else. It is kept in this process alone.
"""

from __future__ import annotations

import threading
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from botswain.discord.errors import (
    BOT_TOKEN,
    AccessRefused,
    DiscordError,
    Rejected,
    SecretRefused,
    Unauthorized,
    token_variable,
)
from botswain.discord.http import TOKEN, Http
from botswain.secrets import redaction

SCOPE = "applications.commands.update"
"""All that is asked for; Discord grants it to applications of teams too."""


@dataclass(frozen=True, repr=False)
class BotToken:
    """A token that stays the same."""

    token: str
    scheme: str = "Bot"

    def header(self, _http: Http) -> str:
        """The token under its scheme."""
        return f"{self.scheme} {self.token}"

    def renewable(self, _refused: str) -> bool:
        """There is no other."""
        return False

    def refusal(self, scope: str) -> Unauthorized:
        """The token is wrong."""
        return Unauthorized(scope=scope, variable=redaction.name_of(self.token))


class ClientCredentials:
    """An application's id and client secret; one access token serves all threads, and is renewed once if refused."""

    def __init__(self, application_id: str, secret: str) -> None:
        self.application_id = application_id
        self._pair = _Pair(application_id, secret)
        self._lock = threading.Lock()
        self._token: str | None = None
        self._renewed = False

    def header(self, http: Http) -> str:
        """The access token, which the first request of a run has to wait for."""
        with self._lock:
            if self._token is None:
                self._token = self._fetch(http)
            return f"Bearer {self._token}"

    def renewable(self, refused: str) -> bool:
        """Whether another access token than the refused one is there, or may be fetched."""
        with self._lock:
            if self._token is None or refused != f"Bearer {self._token}":
                return True  # another thread was quicker
            if self._renewed:
                return False
            self._renewed, self._token = True, None
            return True

    def refusal(self, scope: str) -> Unauthorized:
        """Fresh access tokens are refused too."""
        return AccessRefused(scope=scope, variable=token_variable(self._pair.secret))

    def _fetch(self, http: Http) -> str:
        form = {"grant_type": "client_credentials", "scope": SCOPE}
        bot_token = token_variable(self._pair.secret)
        try:
            granted = http.call(TOKEN, _granted, form=form, access=self._pair)
        except Rejected as error:
            error.fix = error.fix.replace(BOT_TOKEN, bot_token)
            raise
        token = str(granted["access_token"])
        redaction.register(token, "access token")
        if SCOPE not in str(granted["scope"]).split():
            fix = f"use a bot token ({bot_token}) for this application"
            raise DiscordError(f"the access token was granted without the scope {SCOPE}", fix=fix)
        return token


@dataclass(frozen=True, repr=False)
class _Pair:
    """Id and secret themselves, which only the token route takes."""

    application_id: str
    secret: str

    def header(self, _http: Http) -> str:
        return f"Basic {b64encode(f'{self.application_id}:{self.secret}'.encode()).decode()}"

    def renewable(self, _refused: str) -> bool:
        return False

    def refusal(self, scope: str) -> Unauthorized:
        return SecretRefused(scope=scope, variable=redaction.name_of(self.secret))


def _granted(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("the access token is no JSON object")  # noqa: TRY004 - one kind of error for every wrong shape
    for field in ("access_token", "scope"):
        text = value.get(field)
        if not isinstance(text, str) or not text or (field == "access_token" and not _sendable(text)):
            raise ValueError(f"the answer to the client secret has no usable {field}")
    return value


def _sendable(token: str) -> bool:
    return all("!" <= letter <= "~" for letter in token)
