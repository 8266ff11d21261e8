"""The stored state of the double: control values, applications and their scopes, by name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botswain.discord import limits
from botswain.sandbox.answers import ApiError, LimitedError
from botswain.sandbox.model import Mint, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from botswain.sandbox.live import Live
    from botswain.sandbox.record import Record
    from botswain.sandbox.store import Store

DAY = 86_400.0
TOKEN_SECONDS = 604_800.0


@dataclass
class Ledger:
    """What is known of a scope beside its commands."""

    creates: int = 0
    """Commands created since `creates_since`."""
    creates_since: float = 0.0
    stale: list[Record] = field(default_factory=list)
    """What the next `stale_reads` lists still show, when a fault delays visibility."""
    stale_reads: int = 0


class World:
    """Typed access to the store. The caller holds the store's lock."""

    def __init__(self, store: Store, clock: Callable[[], float], settings: Settings) -> None:
        self.store = store
        self._clock = clock
        self._base = settings
        self._mint = Mint()
        self._control: dict[str, Any] = {}
        self.settings = settings
        self.refresh()

    @cached_property
    def live(self) -> Live:
        """What is known in this process only: gateway sessions, interactions, messages."""
        from botswain.sandbox.live import Live

        return Live(self)

    def refresh(self) -> None:
        """Takes over what another process may have changed; once a request."""
        self._control = self.store.read("control") or {}
        self.settings = self._base.changed(self._control.get("settings", {}))

    def now(self) -> float:
        """Seconds since 1970 by this double's clock, which a control call may advance."""
        return self._clock() + float(self._control.get("clock", 0.0))

    def snowflake(self) -> str:
        """A fresh id."""
        return self._mint.snowflake(self.now())

    def advance(self, seconds: float) -> None:
        """Moves the clock on."""
        self._control["clock"] = self._control.get("clock", 0.0) + seconds
        self.store.write("control", self._control)

    def configure(self, values: dict[str, Any]) -> None:
        """Changes settings, for every process on this state."""
        changed = {**self._control.get("settings", {}), **values}
        self.settings = self._base.changed(changed)
        self._control["settings"] = changed
        if {"sessions_total", "sessions_remaining"} & set(values):
            self._control["starts"] = {"epoch": self.starts_epoch()[0] + 1, "time": self.now()}
        self.store.write("control", self._control)

    def starts_epoch(self) -> tuple[int, float]:
        """How often the budget of gateway sessions was set by hand, and when last; ledgers count from there."""
        starts = self._control.get("starts", {})
        return int(starts.get("epoch", 0)), float(starts.get("time", 0.0))

    def set_guild(self, guild: str, state: str) -> None:
        """Makes a guild `open`, `forbidden` or `missing`."""
        self._control.setdefault("guilds", {})[guild] = state
        self.store.write("control", self._control)

    def guild(self, guild: str) -> str:
        """Whether the applications are in the guild."""
        return str(self._control.get("guilds", {}).get(guild, "open"))

    def guilds(self, application: str) -> list[str]:
        """The guilds that an application is known to be in: opened by name, or written to; oldest id first."""
        named = set(self._control.get("guilds", {})) | {
            name for name in self.store.names(application) if name.isdigit()
        }
        return sorted((one for one in named if self.guild(one) == "open"), key=int)

    def guild_details(self, guild: str) -> dict[str, Any]:
        """What a control call said about a guild: some of `name`, `channels`, `roles`, `members`."""
        return self.store.read(f"guilds/{guild}") or {}

    def save_guild_details(self, guild: str, values: dict[str, Any]) -> None:
        """Stores it."""
        self.store.write(f"guilds/{guild}", values)

    @property
    def down(self) -> bool:
        """Whether all of Discord is out of order."""
        return bool(self._control.get("down"))

    def set_down(self, down: bool) -> None:
        """Begins or ends an outage."""
        self._control["down"] = down
        self.store.write("control", self._control)

    def refuses(self, token: str) -> bool:
        """Whether this bot token was reset."""
        refused: dict[str, str] = self._control.get("refused_tokens", {})
        return bool(refused) and _digest(token) in refused

    def refuse_token(self, token: str, application: str) -> None:
        """From now on the token is worth nothing, as after a reset; any other of the application is."""
        self._control.setdefault("refused_tokens", {})[_digest(token)] = application
        self.store.write("control", self._control)

    def accept_tokens(self, application: str) -> None:
        """Forgets which tokens of an application were reset."""
        refused = self._control.get("refused_tokens", {})
        self._control["refused_tokens"] = {key: owner for key, owner in refused.items() if owner != application}
        self.store.write("control", self._control)

    def commands(self, application: str, scope: str) -> list[Record]:
        """The commands of one scope; empty when nothing was written there yet."""
        return self.store.read(f"{application}/{scope}") or []

    def commands_text(self, application: str, scope: str) -> str:
        """The same as JSON, which is the whole answer to a list request with localizations."""
        return self.store.text(f"{application}/{scope}") or "[]"

    def save_commands(self, application: str, scope: str, commands: list[Record]) -> None:
        """Stores the commands of a scope."""
        self.store.write(f"{application}/{scope}", commands)

    def ledger(self, application: str, scope: str) -> Ledger:
        """What is known of a scope beside its commands."""
        return Ledger(**(self.store.read(f"{application}/{scope}.ledger") or {}))

    def save_ledger(self, application: str, scope: str, ledger: Ledger) -> None:
        """Stores it."""
        self.store.write(f"{application}/{scope}.ledger", vars(ledger))

    def application(self, application: str) -> dict[str, Any]:
        """What was changed about an application by PATCH."""
        return self.store.read(f"{application}/application") or {}

    def save_application(self, application: str, values: dict[str, Any]) -> None:
        """Stores it."""
        self.store.write(f"{application}/application", values)

    def install_types(self, application: str) -> list[int]:
        """How the application can be installed, by its `integration_types_config`."""
        config = self.application(application).get("integration_types_config")
        return sorted(self.settings.integration_types) if config is None else sorted(int(kind) for kind in config)

    def permissions(self, application: str) -> dict[str, dict[str, Any]]:
        """Permission overwrites by guild, then by command id."""
        return self.store.read(f"{application}/permissions") or {}

    def save_permissions(self, application: str, values: dict[str, dict[str, Any]]) -> None:
        """Stores them."""
        self.store.write(f"{application}/permissions", values)

    def forget_permissions(self, application: str, commands: set[str]) -> None:
        """Discord drops the overwrites of a command that is deleted or renamed, in every guild."""
        stored = self.permissions(application) if commands else {}
        kept = {
            guild: {command: rules for command, rules in by_command.items() if command not in commands}
            for guild, by_command in stored.items()
        }
        if kept != stored:
            self.save_permissions(application, kept)

    def count_creates(self, state: Ledger, new: int) -> None:
        """Counts creates against the 200 a day of one scope; refuses the whole request beyond."""
        now = self.now()
        if now >= state.creates_since + DAY:
            state.creates, state.creates_since = 0, now
        if self.settings.limits and state.creates + new > limits.CREATES_PER_DAY:
            message = f"Max number of daily application command creates has been reached ({limits.CREATES_PER_DAY})"
            if self.settings.creates_status == 429:
                raise LimitedError(state.creates_since + DAY - now, "user", message, 30034)
            raise ApiError(400, 30034, message)
        state.creates += new

    def add_token(self, token: str, application: str, scopes: list[str]) -> None:
        """Remembers an OAuth2 token by its hash; expired ones go."""
        tokens = self.store.read("tokens") or {}
        tokens = {key: value for key, value in tokens.items() if value["expires"] > self.now()}
        expires = self.now() + TOKEN_SECONDS
        tokens[_digest(token)] = {"application": application, "scopes": scopes, "expires": expires}
        self.store.write("tokens", tokens)

    def token(self, token: str) -> dict[str, Any] | None:
        """Whose token it is, unless it is unknown or expired."""
        found = (self.store.read("tokens") or {}).get(_digest(token))
        return found if found and found["expires"] > self.now() else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
