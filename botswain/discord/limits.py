"""Discord's bounds on application commands, each a (least, most) pair or a most.

A test holds them against Discord's published schema; where schema and documentation disagree, the documentation
wins and the test names the disagreement.
"""

from __future__ import annotations

from botswain.discord.enums import CommandType

NAME_LENGTH = (1, 32)
DESCRIPTION_LENGTH = (1, 100)
CHOICE_NAME_LENGTH = (1, 100)
CHOICE_VALUE_LENGTH = 100
"""The schema allows 6,000; the documentation 100."""
OPTIONS = 25
"""Options at one level of a command."""
CHOICES = 25
COMMAND_CHARACTERS = 8000
"""Names, descriptions and choice values of a whole command; of a localized field only the longest counts."""
STRING_MIN_LENGTH = (0, 6000)
STRING_MAX_LENGTH = (1, 6000)
INTEGER_VALUE = (-(2**53) + 1, 2**53 - 1)
"""Also the bounds of an integer option's `min_value` and `max_value`."""
PERMISSIONS = (0, 2**54 - 1)
FILE_TYPES = 10
"""File types of an attachment option; documented since August 2026, newer than the schema snapshot."""

COMMANDS_PER_SCOPE = {
    CommandType.CHAT_INPUT: 100,
    CommandType.USER: 15,
    CommandType.MESSAGE: 15,
    CommandType.PRIMARY_ENTRY_POINT: 1,
}
BULK_COMMANDS = 130
"""Commands in one bulk PUT."""
CREATES_PER_DAY = 200
"""New (kind, name) pairs in one scope in 24 hours; replacing a command is not a create."""

REQUESTS_PER_SECOND = 50
"""Of one bot over all routes; interaction callbacks do not count."""
INVALID_REQUESTS = (10_000, 600)
"""So many 401, 403 and 429 answers in so many seconds and Discord bans the address for a while."""
