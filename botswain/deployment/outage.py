"""How Discord is asked for a profile whether it is in trouble itself, before a bot that is not ready is called bad."""

from __future__ import annotations

from collections.abc import Callable

from botswain.host import outage
from botswain.profile.settings import Profile
from botswain.targets.status import page_of


def outage_of(profile: Profile) -> Callable[[], str | None]:
    """A look at Discord: what is wrong there, or None. A sandbox is asked for its own switch."""

    def look() -> str | None:
        return _sandbox(profile) if profile.sandbox else outage.look(page_of(profile), profile.api)

    return look


def _sandbox(profile: Profile) -> str | None:
    from botswain.deployment.session import sandbox_path
    from botswain.sandbox.app import Sandbox

    double = Sandbox(sandbox_path(profile))
    try:
        with double.entered() as world:
            return "the sandbox has an outage (POST /sandbox/outage)" if world.down else None
    finally:
        double.close()
