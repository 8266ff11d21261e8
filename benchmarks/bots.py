"""False differences of real bots: read by their source, applied, planned again, and held against their own sync."""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure, exactly
from benchmarks.project import APPLICATION, ENVIRONMENT, Project, environment, project
from benchmarks.published import PUBLISHED, Bot, Installed, cache, install

if TYPE_CHECKING:
    from collections.abc import Mapping

OTHER_APPLICATION = "100000000000000043"
_GIVEN = {"id", "application_id", "version"}
"""Discord makes these up anew for each command."""
_SECONDS = 120


@dataclass(frozen=True)
class Tally:
    """What one bot came to."""

    commands: tuple[str, ...]
    """The names of those that are live after an apply."""
    false: tuple[str, ...]
    """Commands that a plan would still change."""
    foreign: tuple[str, ...]
    """Commands and fields that are not as the bot's own library registers them."""


def bots() -> list[Figure]:
    """Each bot is applied to a fresh sandbox; then it registers the same commands itself, for another application."""
    installed = install(cache())
    tallies = [(bot, tally(bot, installed)) for bot in PUBLISHED]
    for bot, found in tallies:
        for line in (*found.false, *found.foreign):
            print(f"{bot.title}: {line}", file=sys.stderr, flush=True)
    total = sum(len(one.commands) for _, one in tallies)
    what = f"{total} commands of {len(tallies)} published bots"
    return [
        *(exactly(f"{bot.title}: commands read", len(one.commands), "", bot.commands) for bot, one in tallies),
        exactly(
            f"false differences: {what}, applied, then planned again",
            sum(len(one.false) for _, one in tallies),
            "commands",
            0,
        ),
        exactly(
            f"{what}: fields unlike those that the bots register themselves",
            sum(len(one.foreign) for _, one in tallies),
            "fields",
            0,
        ),
    ]


def tally(bot: Bot, installed: Installed) -> Tally:
    """Applies one bot's commands and counts what is not as it should be."""
    with project(limits=False) as place:
        bot.repository(place.folder / "bot", installed)
        node = {"interpreter": str(installed.node)} if bot.source["source"] == "discord.js" else {}
        commands = {**bot.source, **node, "requests_per_second": 50}
        place.profile(**{"repo": "bot", "commands": commands, "global": True, "allow_global": True})
        place.inv("apply", "--env", ENVIRONMENT, "--yes")
        false = planned(place.document("diff", "--env", ENVIRONMENT))
        shutil.rmtree(place.folder / "manifests")  # nothing is recorded any more: what is live speaks for itself
        false |= planned(place.document("diff", "--env", ENVIRONMENT))
        register(bot, installed, place)
        live, own = (registered(place, application) for application in (APPLICATION, OTHER_APPLICATION))
    return Tally(tuple(sorted(name for _, name in live)), tuple(sorted(false)), tuple(unlike(live, own)))


def planned(answer: Mapping[str, Any]) -> set[str]:
    """The commands that a plan has something to say of; it only counts those that stay as they are."""
    return {f"{one['command']}: {one['action']}" for scope in answer["plan"]["scopes"] for one in scope["commands"]}


def register(bot: Bot, installed: Installed, place: Project) -> None:
    """Has the bot's own code register its commands with its own library, for another application."""
    variables = environment(**bot.source.get("environment", {}), BOT_TOKEN=token(OTHER_APPLICATION))
    command = bot.register(installed, place.url, OTHER_APPLICATION)
    done = subprocess.run(
        command, cwd=place.folder / "bot", env=variables, capture_output=True, text=True, check=False, timeout=_SECONDS
    )
    if done.returncode:
        raise RuntimeError(f"{bot.title} could not register its commands:\n{done.stderr[-2000:]}")


def token(application: str) -> str:
    """A token of this application, as the sandbox takes them."""
    return f"{base64.urlsafe_b64encode(application.encode()).decode().rstrip('=')}.sandbox.{'x' * 27}"


def registered(place: Project, application: str) -> dict[tuple[int, str], dict[str, Any]]:
    """The global commands of an application, raw but for what is unlike by nature."""
    path = f"/api/v10/applications/{application}/commands?with_localizations=true"
    found = place.ask("GET", path, bot=token(application))
    if not found:
        raise RuntimeError(f"nothing is registered for {application}")
    return {(one["type"], one["name"]): {k: v for k, v in one.items() if k not in _GIVEN} for one in found}


def unlike(one: Mapping[Any, Mapping[str, Any]], other: Mapping[Any, Mapping[str, Any]]) -> list[str]:
    """Every command that only one side has, and every field in which the two differ."""
    lines = [f"{name}: only on one side" for _, name in sorted(one.keys() ^ other.keys())]
    for key in sorted(one.keys() & other.keys()):
        fields = one[key].keys() | other[key].keys()
        lines += [f"{key[1]}.{name}" for name in sorted(fields) if one[key].get(name) != other[key].get(name)]
    return lines
