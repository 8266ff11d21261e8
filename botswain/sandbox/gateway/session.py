"""One gateway session: what a bot was told, so that it can go on where a connection broke."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botswain.sandbox.gateway.codes import Op

if TYPE_CHECKING:
    from botswain.sandbox.gateway.connection import Connection

REMEMBERED = 1000
"""Events that a session can replay."""
RESUMABLE_SECONDS = 180.0
"""How long a session waits for its bot; Discord says `minutes`."""


@dataclass
class Session:
    """A session of one shard. Times are the double's, in seconds since 1970."""

    id: str
    application: str
    shard: int
    shards: int
    intents: int
    since: float
    connection: Connection | None
    sequence: int = 0
    resumes: int = 0
    lost: float = 0.0
    """When the connection went away; 0 while there is one."""
    guilds: set[str] = field(default_factory=set)
    """The guilds that the bot was told about."""
    presence: dict[str, Any] | None = None
    _events: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def push(self, event: str, data: Any) -> bool:
        """Tells the bot something, now or when it resumes; whether it was connected."""
        self.sequence += 1
        text = payload(Op.DISPATCH, data, self.sequence, event)
        self._events.append((self.sequence, text))
        if self.connection is None:
            return False
        self.connection.send(text)
        return True

    def missed(self, sequence: int) -> list[str] | None:
        """The payloads after `sequence`, or None when some of them are forgotten."""
        found = [text for number, text in self._events if number > sequence]
        return found if len(found) == self.sequence - sequence else None

    def serves(self, guild: str | None) -> bool:
        """Whether events of the guild come here; those without a guild come to shard 0."""
        return self.shard == ((int(guild) >> 22) % self.shards if guild else 0)

    def expired(self, now: float) -> bool:
        """Whether nobody came back in time."""
        return self.connection is None and now > self.lost + RESUMABLE_SECONDS


def payload(op: Op, data: Any, sequence: int | None = None, event: str | None = None) -> str:
    """A payload as text; every one has all four keys."""
    whole = {"op": int(op), "d": data, "s": sequence, "t": event}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
