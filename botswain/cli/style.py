"""Colour, only where a person looks at a terminal."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TextIO

from botswain.secrets.visible import ours, visible

_CODES = {"green": "32", "yellow": "33", "red": "31", "cyan": "36", "magenta": "35", "bold": "1", "dim": "2"}


@dataclass(frozen=True)
class Paint:
    """Wraps text in terminal colours, or leaves it alone."""

    enabled: bool

    def __call__(self, style: str, text: str) -> str:
        """`text` in one of the styles green, yellow, red, cyan, magenta, bold, dim."""
        return ours(f"\033[{_CODES[style]}m{visible(text)}\033[0m") if self.enabled else text


def paint_for(stream: TextIO) -> Paint:
    """Colour for a terminal, unless NO_COLOR or CI is set."""
    unwanted = os.environ.get("NO_COLOR") or os.environ.get("CI") or os.environ.get("TERM") == "dumb"
    return Paint(stream.isatty() and not unwanted)
