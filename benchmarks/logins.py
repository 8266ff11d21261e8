"""How many logins of the day's budget many deployments use, some of them of versions that crash again and again."""

from __future__ import annotations

import sys

from benchmarks.figures import Figure, at_least, at_most, exactly
from benchmarks.harbour import harbour
from botswain.deployment.budget import RELEASES
from botswain.host.launch import STARTS

DEPLOYS, LOOPING = 20, 5
MOST = 40
_LIMIT = RELEASES * STARTS
"""With fewer logins left, a deployment is refused."""
_STABLE = 2.0
"""Seconds; the versions that crash do so at once or up to a second after they have logged in."""


def logins() -> list[Figure]:
    """One deployment after the other, with just the budget that keeps all of them from being refused.

    Discord's pause of five seconds between two logins stays left out: with it, a crash loop would use fewer of them.
    """
    every, failed = DEPLOYS // LOOPING, 0
    with harbour(stable_for=_STABLE) as service:
        budget = {"sessions_total": MOST + _LIMIT, "sessions_remaining": MOST + _LIMIT}
        service.place.ask("POST", "/sandbox/settings", {"limits": True, "identify_seconds": 0, **budget})
        before = service.identifies()
        for number in range(DEPLOYS):
            loops, begun, live = number % every == every - 1, service.identifies(), service.current
            service.commit(f"Change {number}", crash=number // every / (LOOPING - 1) if loops else None)
            code = service.deploy()
            if code != (4 if loops else 0) or (service.current == live) != loops:
                raise RuntimeError(f"deploy {number} ended with {code}; {service.current.name} is live")
            failed += loops
            used = service.identifies() - begun
            print(f"deploy {number}{', crashes' if loops else ''}: {used} logins", file=sys.stderr, flush=True)
        total, left = service.identifies() - before, service.logins_left()
    if total + left != MOST + _LIMIT:
        raise RuntimeError(f"{total} logins left {left} of {MOST + _LIMIT}: they were not counted against the budget")
    what = f"{DEPLOYS} deploys in a row, {LOOPING} of crash-looping versions"
    return [
        at_most(f"{what}: logins used", total, "identifies", MOST),
        at_least(f"{what}: logins left of {MOST + _LIMIT}; with fewer, the next is refused", left, "", _LIMIT),
        exactly(f"{what}: taken back", failed, "", LOOPING),
    ]
