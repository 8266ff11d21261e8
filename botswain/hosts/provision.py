"""Makes the servers of an environment ready for its bot, or says what that would change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from botswain.ansible.inventory import hosts_of
from botswain.ansible.results import Play
from botswain.ansible.run import run
from botswain.errors import BotswainError, Interrupted
from botswain.hosts.backup import role_variables
from botswain.profile.settings import Profile, Service

SECONDS = 3600.0
"""How long it may take: packages come from far away."""
_RUNTIMES = {
    "python": ("python", "pip", "uv", "poetry"),
    "node": ("node", "npm", "npx", "yarn", "pnpm"),
}


def provision(profile: Profile, *, check: bool, say: Callable[[str], None]) -> Play:
    """Provision every host of the profile's inventory; with `check` nothing is changed.

    Raises BotswainError, before anything is done, for an inventory in which not exactly one host runs the bot.
    """
    inventory = inventory_of(profile.name)
    if profile.service is not None and profile.service.target == "local" and not inventory.exists():
        what = "the bot runs on this machine: there is no server to make ready"
        raise BotswainError(what, where=profile.file, fix="service.target: vm has it run on one")
    _look_at(inventory)
    known = {"environment_name": profile.name, "botswain_runtimes": runtimes(profile.service)}
    variables = {**known, **role_variables(profile)}
    try:
        return run("provision", inventory, variables=variables, check=check, seconds=SECONDS, say=say)
    except KeyboardInterrupt:
        what = "stopped" if check else "stopped on the way; what was done stays"
        raise Interrupted(what, where=str(inventory), fix="" if check else "call it again, and it goes on") from None


def inventory_of(environment: str) -> Path:
    """Where an environment's hosts are listed."""
    return Path("inventories") / environment


def runtimes(service: Service | None) -> list[str]:
    """What a bot is written in, by the programs that its commands name."""
    if service is None:
        return []
    words = {PurePosixPath(argv[0]).name for argv in _commands(service) if argv}
    return [name for name, starts in _RUNTIMES.items() if any(_is(word, starts) for word in words)]


def _commands(service: Service) -> Iterable[tuple[str, ...]]:
    return (service.run, *service.build, *service.lint, *service.test)


def _is(word: str, names: Iterable[str]) -> bool:
    """Whether a program is one of these, of any version: python3.12 is python."""
    return word.rstrip("0123456789.") in names


def _look_at(inventory: Path) -> None:
    found = hosts_of(inventory).groups.get("bot", ())
    if len(found) != 1:
        what = "no host is in group bot" if not found else f"{len(found)} hosts are in group bot: {', '.join(found)}"
        fix = "one host runs the bot; list it there, and others in group workers"
        raise BotswainError(what, where=str(inventory), fix=fix)
