"""Placeholder of a part under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botswain.errors import BotswainError

if TYPE_CHECKING:
    from pathlib import Path


def GitStore(repo: Path, remote: str, ref: str, environment: str):  # noqa: N802, ANN201, D103, ARG001
    raise BotswainError("is not there yet")
