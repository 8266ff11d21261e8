"""Peak memory of `./inv diff` and of a first `./inv apply` in 500 guilds with 100 commands each."""

from __future__ import annotations

from benchmarks.figures import Figure, at_most
from benchmarks.project import ENVIRONMENT, guilds, project, typical

GUILDS, COMMANDS = 500, 100
LIMIT_MB = 200


def memory() -> list[Figure]:
    """The diff is of guilds where every command was edited; the apply is into empty guilds."""
    size, rows = f"{GUILDS} guilds x {COMMANDS} commands", []
    with project(limits=False) as place:
        place.commands(typical(COMMANDS))
        place.profile(guild_ids=guilds(GUILDS))
        ended = place.inv("apply", "--env", ENVIRONMENT, "--yes")
        rows.append(at_most(f"peak memory, first apply, {size}", ended.peak, "MB", LIMIT_MB))
        edited = [{**one, "description": "Edited by other hands"} for one in typical(COMMANDS)]
        ended = place.inv("diff", "--env", ENVIRONMENT)
        rows.append(at_most(f"peak memory, diff, nothing changed, {size}", ended.peak, "MB", LIMIT_MB))
        for guild in guilds(GUILDS):
            place.put(guild, edited)
        ended = place.inv("diff", "--env", ENVIRONMENT)
        rows.append(at_most(f"peak memory, diff, every command edited, {size}", ended.peak, "MB", LIMIT_MB))
    return rows
