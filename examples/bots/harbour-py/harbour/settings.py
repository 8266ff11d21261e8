"""What the environment says; read once at the start."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

CREDENTIAL = "discord_token"
"""The file in $CREDENTIALS_DIRECTORY, as systemd's `LoadCredential=discord_token:…` puts it there."""
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_LEVELS = ("debug", "info", "warning", "error")


class BadSettings(Exception):
    """A variable is missing or malformed; the text is one line that says which, and what to do."""


@dataclass(frozen=True)
class Settings:
    """How this process runs."""

    token: str = field(repr=False)
    api: str | None
    """Base of another API than Discord's, without the version; None for Discord's own."""
    host: str
    port: int
    """0 for any that is free; the log says which."""
    log_level: str
    commit: str
    patience: float
    """Seconds that commands under way get when the bot is told to stop."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Takes the settings from environment variables. Raises BadSettings."""
        empty = [name for name in _NAMES if environment.get(name) == ""]
        if empty:
            raise BadSettings(f"{empty[0]} is set but empty; give it a value, or unset it")
        level = environment.get("LOG_LEVEL", "info").lower()
        if level not in _LEVELS:
            raise BadSettings(f"LOG_LEVEL is none of {', '.join(_LEVELS)}")
        return cls(
            token=_token(environment),
            api=_api(environment),
            host=environment.get("HOST", "127.0.0.1"),
            port=int(_number(environment, "PORT", "8080", 65535)),
            log_level=level,
            commit=environment.get("GIT_SHA", "unknown"),
            patience=_number(environment, "SHUTDOWN_SECONDS", "10", 600),
        )


_NAMES = ("DISCORD_TOKEN", "DISCORD_API", "HOST", "PORT", "LOG_LEVEL", "GIT_SHA", "SHUTDOWN_SECONDS")


def _token(environment: Mapping[str, str]) -> str:
    source, token = "DISCORD_TOKEN", environment.get("DISCORD_TOKEN")
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if token is None and folder:
        path = Path(folder, CREDENTIAL)
        source = str(path)
        try:
            token = path.read_text().strip()
        except FileNotFoundError:
            token = None
        except (OSError, UnicodeDecodeError) as error:
            raise BadSettings(f"{path} cannot be read ({type(error).__name__}); check who owns it") from None
    if token is None:
        where = f"put the bot's token there, or in the file {CREDENTIAL} of $CREDENTIALS_DIRECTORY"
        raise BadSettings(f"DISCORD_TOKEN is missing; {where}")
    if not _TOKEN.fullmatch(token):
        raise BadSettings(f"{source} holds no bot token; copy it from the Developer Portal, without quotes or `Bot`")
    return token


def _api(environment: Mapping[str, str]) -> str | None:
    address = environment.get("DISCORD_API")
    if address is None:
        return None
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment or parts.username:
        raise BadSettings("DISCORD_API is no URL of an API, such as http://127.0.0.1:8081/api")
    if parts.scheme == "http" and not _loopback(host):
        raise BadSettings("DISCORD_API would send the token unencrypted; use https, or a loopback address")
    return re.sub(r"(/v\d+)?/*$", "", address)


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _number(environment: Mapping[str, str], name: str, default: str, most: int) -> float:
    text = environment.get(name, default)
    if not re.fullmatch(r"\d{1,6}", text, re.ASCII) or int(text) > most:
        raise BadSettings(f"{name} is no whole number from 0 to {most}")
    return int(text)
