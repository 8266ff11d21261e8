"""How often the bot may still log in today, asked before a deployment starts it (rule 5).

Each start costs one session for each shard, and the last one costs the token. A release that dies again and again is
started a limited number of times; whoever deploys must be able to afford that, and the way back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botswain.errors import Refused
from botswain.host.launch import STARTS

if TYPE_CHECKING:
    from botswain.discord.client import DiscordClient

RELEASES = 2
"""The new release may be started again and again, and so may the one before when it comes back."""


def check_budget(client: DiscordClient) -> str | None:
    """Raises Refused when a restart loop could exhaust the budget; a note when it cannot be known, else None."""
    if client.commands_only:
        return (
            "client credentials are not told how many logins Discord still allows today, so that was not checked;"
            " a bot token is (DISCORD_<ENV>_TOKEN)"
        )
    gateway = client.gateway()
    limit = gateway["session_start_limit"]
    shards = max(1, int(gateway.get("shards") or 1))
    needed = shards * STARTS * RELEASES
    if limit["remaining"] >= needed:
        return None
    reset = float(limit.get("reset_after") or 0) / 1000
    when = f"the budget is whole again in {reset / 3600:.1f} h" if reset else "wait until the budget is whole again"
    raise Refused(
        f"the bot may log in {limit['remaining']} more times today; a release that dies in a loop, and the way back,"
        f" could take {needed}, and with none left Discord resets the token",
        where="session_start_limit",
        fix=f"{when}; ./inv rollback --only service asks for no budget",
    )


def remaining(client: DiscordClient) -> int | None:
    """How many logins are left, if Discord tells; for a way back, which never waits for it."""
    from botswain.errors import BotswainError

    if client.commands_only:
        return None
    try:
        return int(client.gateway()["session_start_limit"]["remaining"])
    except BotswainError:
        return None
