"""Placeholder of a part under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botswain.commands.sources.read import Found
    from botswain.profile.load import Source


def read(source: Source) -> Found:
    """Every command of the source."""
    raise NotImplementedError
