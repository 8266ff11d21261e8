"""How fast many guilds are deployed to under Discord's limits, by the sandbox's own clock and log."""

from __future__ import annotations

import sys
from collections import Counter

from benchmarks.figures import Figure, at_least, exactly
from benchmarks.project import ENVIRONMENT, guilds, project, typical

GUILDS, COMMANDS, PACE = 500, 10, 50


def pace() -> list[Figure]:
    """A first deployment: every scope is read, written and read back."""
    with project(limits=True) as place:
        place.commands(typical(COMMANDS))
        place.profile(guild_ids=guilds(GUILDS))
        place.inv("apply", "--env", ENVIRONMENT, "--yes")
        log = place.log()
    methods = Counter(request["method"] for request in log)
    if methods != {"GET": 2 * GUILDS + 1, "PUT": GUILDS}:
        raise RuntimeError(f"a first deployment to {GUILDS} guilds made {dict(methods)} requests")
    times = [request["time"] for request in log]
    refused = sum(request["status"] == 429 for request in log)
    seconds = max(times) - min(times)
    print(f"{len(times)} requests in {seconds:.1f} s", file=sys.stderr, flush=True)
    what = f"first apply to {GUILDS} guilds at {PACE}/s with Discord's limits"
    return [
        at_least(what, (len(times) - 1) / seconds, "requests/s", 45),
        exactly(f"{what}: 429s", refused, "answers", 0),
    ]
