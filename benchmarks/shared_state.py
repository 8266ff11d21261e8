"""What it costs a look at the plan that the records are in a git remote on the same machine, not in a folder."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure, at_most
from benchmarks.project import ENVIRONMENT, Project, guilds, project, repository, typical
from benchmarks.times import _ratio

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMANDS = 50


def shared_state() -> list[Figure]:
    """`./inv diff` of commands that are deployed, with records in either place, in turns."""
    with ExitStack() as places:
        shared, alone = (places.enter_context(project(limits=False)) for _ in range(2))
        for place, state in ((shared, {"kind": "git", "remote": "origin"}), (alone, {"kind": "folder"})):
            _deployed(place, state)
        ratio = _ratio(
            ("./inv diff, state: git", lambda: shared.inv("diff", "--env", ENVIRONMENT)),
            ("./inv diff, state: folder", lambda: alone.inv("diff", "--env", ENVIRONMENT)),
        )
    return [at_most(f"./inv diff, {COMMANDS} commands: state: git / state: folder", ratio, "x", 1.5)]


def _deployed(place: Project, state: Mapping[str, Any]) -> None:
    """Deploys the same bot, from a repository with a remote beside it."""
    bot, remote = place.folder / "bot", place.folder / "remote.git"
    bot.mkdir()
    place.commands(typical(COMMANDS))
    (place.folder / "commands").rename(bot / "commands")
    repository(bot)
    subprocess.run(["git", "clone", "--quiet", "--bare", str(bot), str(remote)], check=True)
    subprocess.run(["git", "remote", "add", "origin", str(remote)], cwd=bot, check=True)
    place.profile(repo="bot", guild_ids=guilds(1), state=dict(state))
    place.inv("deploy", "--env", ENVIRONMENT, "--yes")
