"""Whether the bot runs where its profile says, and is well."""

from __future__ import annotations

from collections.abc import Iterator

from botswain.deployment.doctor.look import Look, bad, good, warning
from botswain.profile.settings import Profile


def place(profile: Profile) -> Iterator[Look]:
    """Whether releases of this machine stand alone; nothing where they do."""
    if profile.service is None or profile.service.target != "local":
        return
    from botswain.state import places
    from botswain.targets.moving import left_behind, place_of

    found = place_of(profile.name)
    if way := left_behind(found):
        told = f"releases lie in the checkout, {found.root}, where tools that look upward use its settings"
        yield warning("place", told, f"move them: {way}")
    elif above := places.above(found.root):
        told = f"above the bot's releases, where tools that look upward use it: {', '.join(map(str, above))}"
        yield warning("place", told, "move it away, unless the bot is meant to use it")


def service(profile: Profile) -> Iterator[Look]:
    """One look at its process and health URLs; nothing for a profile that is about commands alone."""
    if profile.service is None:
        return
    from botswain.deployment.outage import outage_of
    from botswain.deployment.service import target_for
    from botswain.targets.sandbox import served

    if (double := served(profile)) is not None:
        yield good("sandbox", f"DISCORD_API is {double}/api; control routes are at {double}/sandbox/ (docs/sandbox.md)")
    target, env = target_for(profile), f"--env {profile.name}"
    state = target.state()
    if state.release is None:
        yield good("service", "nothing was deployed yet")
    elif state.unconfirmed is not None:
        told = f"the switch to release {state.unconfirmed} is not confirmed"
        yield warning("service", told, f"wait for the run that does it, or settle it: ./inv deploy {env}")
    elif state.halted:
        yield warning("service", f"release {state.release}: {state.halted}", f"./inv service.start {env}")
    elif not state.running:
        yield bad(
            "service",
            f"release {state.release} does not run: {state.told}",
            f"./inv service.start {env}; ./inv service.logs {env} may tell why",
        )
    elif (trouble := target.healthy()) is not None:
        told = f"release {state.release} ({state.told}) is not well: {trouble}"
        if (down := outage_of(profile)()) is not None:
            yield warning("service", f"{told}; but so is Discord: {down}", "wait until Discord is well again")
        else:
            yield bad("service", told, f"./inv service.logs {env}; ./inv rollback {env} --only service")
    elif state.behind:
        yield bad("service", f"release {state.release} ({state.told}): {state.behind}", f"./inv deploy {env}")
    else:
        yield good("service", f"release {state.release}: {state.told}")
