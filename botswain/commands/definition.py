"""A command as its source defines it, whatever that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botswain.commands import canonical
from botswain.commands.settle import settled


@dataclass(frozen=True)
class Definition:
    """One command as its source defines it."""

    payload: dict[str, Any]
    """Discord's request JSON, valid by all rules for one command. Not to be changed in place."""
    file: str
    """Where it was defined, for messages."""
    development_only: bool = False
    owner_only: bool = False
    renamed_from: str | None = None
    """The name under which it was deployed before; it keeps the id that it had then."""

    @property
    def key(self) -> str:
        """What identifies the command within a scope, such as `chat_input/ping`."""
        return canonical.key(self.payload)

    @property
    def name(self) -> str:
        """The command's name, by which profiles select and override it."""
        return settled(self.payload["name"])
