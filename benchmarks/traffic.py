"""How many requests a run makes, counted by the sandbox."""

from __future__ import annotations

from collections import Counter

from benchmarks.figures import Figure, exactly
from benchmarks.project import APPLICATION, ENVIRONMENT, Project, guilds, project, typical

SCOPES, CHANGED = 5, 2


def traffic() -> list[Figure]:
    """An apply without a change, and one of a command that only some guilds have."""
    with project(limits=True) as place:
        owned = {"name": "fleet", "description": "For the owner", "ownerOnly": True}
        place.commands([*typical(10), owned])
        place.profile(guild_ids=guilds(SCOPES), owner_guild_ids=guilds(CHANGED))
        _apply(place)
        unchanged = _apply(place)
        place.commands([{**owned, "description": "For the bot's owner"}])
        changed = _apply(place)
    same = f"{SCOPES} unchanged scopes"
    some = f"{CHANGED} changed scopes of {SCOPES}"
    return [
        exactly(f"{same}: GETs of scopes", unchanged["GET"], "requests", SCOPES),
        exactly(f"{same}: writes", unchanged["write"], "requests", 0),
        exactly(f"{same}: GETs of /applications/@me, once a run", unchanged["me"], "requests", 1),
        exactly(f"{some}: PUTs", changed["PUT"], "requests", CHANGED),
        exactly(f"{some}: other writes", changed["write"] - changed["PUT"], "requests", 0),
        exactly(f"{some}: GETs that verify", changed["GET"] - SCOPES, "requests", CHANGED),
    ]


def _apply(place: Project) -> Counter[str]:
    """One apply: its requests by what they are."""
    place.log()
    place.inv("apply", "--env", ENVIRONMENT, "--yes")
    seen: Counter[str] = Counter()
    scopes = [f"/api/v10/applications/{APPLICATION}/guilds/{guild}/commands" for guild in guilds(SCOPES)]
    for request in place.log():
        method, path = request["method"], request["path"]
        if path == "/api/v10/applications/@me":
            seen["me"] += 1
        elif path in scopes:
            seen[method] += 1
        else:
            raise RuntimeError(f"nobody expected {method} {path}")
        seen["write"] += method != "GET"
    return seen
