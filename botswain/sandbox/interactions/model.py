"""Interactions that were sent to bots: who was asked what, and how and when they answered."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from botswain.errors import BotswainError
from botswain.sandbox.answers import ApiError

if TYPE_CHECKING:
    from botswain.sandbox.community.messages import Message

ANSWER_SECONDS = 3.0
"""How long a bot may take for its first answer."""
TOKEN_SECONDS = 900.0
"""How long the token lets it edit and follow up."""
KEPT = 10_000
_HAIR = 1e-6


class Kind(IntEnum):
    """What a person did."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class Reply(IntEnum):
    """What a bot may answer with."""

    MESSAGE = 4
    DEFER = 5
    DEFER_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


FITTING = {
    Kind.COMMAND: {Reply.MESSAGE, Reply.DEFER, Reply.MODAL},
    Kind.COMPONENT: {Reply.MESSAGE, Reply.DEFER, Reply.DEFER_UPDATE, Reply.UPDATE, Reply.MODAL},
    Kind.AUTOCOMPLETE: {Reply.CHOICES},
    Kind.MODAL: {Reply.MESSAGE, Reply.DEFER, Reply.DEFER_UPDATE, Reply.UPDATE},
}


@dataclass
class Interaction:
    """One interaction. Times are the double's, in seconds since 1970."""

    id: str
    token: str
    application: str
    kind: Kind
    created: float
    payload: dict[str, Any]
    """What INTERACTION_CREATE carried."""
    delivered: int = 0
    """Sessions that were connected to receive it."""
    acknowledged: Reply | None = None
    deferred: bool = False
    """Whether a person still sees the bot thinking."""
    original: str = ""
    """The id of the message that answered it."""
    modal: dict[str, Any] | None = None
    responses: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    """Answers that came too late or a second time, by code."""
    watchers: list[Callable[[], None]] = field(default_factory=list)

    def state(self, now: float) -> str:
        """`pending`, `answered`, `deferred` or `timed out`."""
        if self.acknowledged is None:
            return "pending" if now <= self.created + ANSWER_SECONDS + _HAIR else "timed out"
        if not self.deferred:
            return "answered"
        return "deferred" if self.usable(now) else "timed out"

    def usable(self, now: float) -> bool:
        """Whether the token still lets the bot edit and follow up."""
        return now <= self.created + TOKEN_SECONDS + _HAIR

    def left(self, now: float) -> float:
        """Seconds until the state changes by itself; 0 when it will not."""
        state = self.state(now)
        if state == "pending":
            return self.created + ANSWER_SECONDS - now
        return self.created + TOKEN_SECONDS - now if state == "deferred" else 0.0

    def acknowledge(self, reply: Reply, now: float) -> None:
        """Takes the first answer; refuses one that is late (10062) or not the first (40060)."""
        if self.acknowledged is not None and self.usable(now):
            raise self._refusal(ApiError(400, 40060, "Interaction has already been acknowledged."), now)
        if self.state(now) == "timed out" or not self.usable(now):
            raise self._refusal(ApiError(404, 10062, "Unknown interaction"), now)
        self.acknowledged = reply
        self.deferred = reply is Reply.DEFER

    def _refusal(self, error: ApiError, now: float) -> ApiError:
        self.refused.append({"code": error.body["code"], "time": now, "after": round(now - self.created, 3)})
        self.touch()
        return error

    def note(self, kind: str, now: float, **more: Any) -> None:
        """Records what the bot did."""
        self.responses.append({"kind": kind, "time": now, "after": round(now - self.created, 3), **more})
        self.touch()

    def touch(self) -> None:
        """Tells those who wait to look again."""
        for watcher in list(self.watchers):
            watcher()

    def described(self, now: float, message: Message | None) -> dict[str, Any]:
        """What a control call tells; the token stays out."""
        data = self.payload.get("data") or {}
        return {
            "id": self.id,
            "application_id": self.application,
            "guild_id": self.payload.get("guild_id"),
            "type": int(self.kind),
            "name": data.get("name") or data.get("custom_id"),
            "created": self.created,
            "delivered": self.delivered,
            "state": self.state(now),
            "message": message,
            "modal": self.modal,
            "responses": self.responses,
            "refused": self.refused,
        }


class Interactions:
    """The interactions of this process by id; the oldest go first."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Interaction] = OrderedDict()

    def add(self, interaction: Interaction) -> None:
        """Remembers one."""
        self._known[interaction.id] = interaction
        if len(self._known) > KEPT:
            self._known.popitem(last=False)

    def get(self, identity: str) -> Interaction:
        """One by id, for control calls."""
        found = self._known.get(identity)
        if found is None:
            raise BotswainError(
                f"no interaction {identity!r}", where="sandbox interactions", fix="use an id that POST returned"
            )
        return found

    def find(self, identity: str, token: str) -> Interaction:
        """One by id and token, for its callback."""
        found = self._known.get(identity)
        if found is None or found.token != token:
            raise ApiError(404, 10062, "Unknown interaction")
        return found

    def by_token(self, application: str, token: str) -> Interaction:
        """One by the token in a webhook's path."""
        for one in reversed(self._known.values()):
            if one.token == token and one.application == application:
                return one
        raise ApiError(404, 10015, "Unknown Webhook")

    def touch(self) -> None:
        """The clock was moved: everybody who waits looks again."""
        for one in self._known.values():
            one.touch()


def new_token() -> str:
    """What lets a bot answer, and nobody else."""
    return f"interaction{os.urandom(24).hex()}"
