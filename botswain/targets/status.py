"""Where a bot's machine finds out whether Discord itself is in trouble."""

from __future__ import annotations

import os

from botswain.profile.settings import Profile

STATUS = "https://discordstatus.com/api/v2/status.json"
VARIABLE = "BOTSWAIN_DISCORD_STATUS"
"""Names another status page of the same form."""


def page_of(profile: Profile) -> str | None:
    """The status page to ask; None where the profile's API is a rehearsal, which has none."""
    return os.environ.get(VARIABLE) or (None if profile.rehearsal else STATUS)
