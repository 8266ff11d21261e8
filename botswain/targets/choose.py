"""The target that a profile names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from botswain.errors import BotswainError
from botswain.profile.settings import Profile

if TYPE_CHECKING:
    from botswain.targets.base import Say, Target


def target_of(profile: Profile, token: Callable[[], str] | None = None, say: Say | None = None) -> Target:
    """The target of a profile that has a service. Raises BotswainError for one that has none.

    `token` gives the bot's token, and is asked only before the bot is started; without it the bot keeps the one it has.
    `say` hears how work on hosts goes that takes its time.
    """
    if profile.service is None:
        what = f"{profile.name} has no service: it is about commands alone"
        raise BotswainError(what, where=profile.file, fix="add a section `service` (docs/service.md)")
    if profile.service.target == "vm":
        if profile.sandbox:
            what, fix = (
                "no host can reach the sandbox that is embedded here",
                "serve it (docs/sandbox.md), and name its URL",
            )
            raise BotswainError(what, where=f"{profile.file}: service.target: vm with api: sandbox", fix=fix)
        from botswain.targets.vm import Vm

        return Vm(profile, profile.service, token, say)
    from botswain.targets.local import Local

    return Local(profile, profile.service, token)


def everything_down(profile: Profile | None, environment: str) -> list[str]:
    """Stop whatever runs of an environment on this machine, with or without its profile; what was stopped, in words."""
    from botswain.host import halt
    from botswain.state.ids import actor
    from botswain.targets.failures import translated
    from botswain.targets.moving import place_of
    from botswain.targets.supervisor import Daemon

    seconds = profile.service.stop_timeout if profile and profile.service else _SECONDS
    place = place_of(environment)
    with translated():
        halt.halt(place, actor())
        return Daemon(place.root).down(seconds)


def running(environment: str) -> list[int]:
    """The processes of an environment on this machine."""
    from botswain.targets import processes
    from botswain.targets.moving import place_of

    return processes.of(place_of(environment).root)


_SECONDS = 15.0
"""How long a bot may take to stop whose profile does not say."""
