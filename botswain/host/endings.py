"""How a bot's process ended, in words, and after which ends nobody starts it again."""

from __future__ import annotations

EXPECTED = (0, 75, 77, 78)
"""Exit codes that starting again does not mend: told to stop, refused by our launcher, by Discord, bad settings."""
_MEANING = {
    75: "it was started too often, or cannot start",
    77: "Discord refuses it",
    78: "a setting is missing or malformed",
}
"""What exit codes mean that are more than "failed"."""


def told(code: int) -> str:
    """An exit code in words; a negative one is a signal's, which supervisord does not name."""
    if code < 0:
        return "ended by a signal"
    return f"ended with exit code {code}" + (f": {_MEANING[code]}" if code in _MEANING else "")
