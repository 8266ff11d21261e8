"""Data that a bot wrote into its own release: told before the next release leaves it behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botswain.errors import Refused
from botswain.host.written import covered

if TYPE_CHECKING:
    from botswain.plan import ServicePlan
    from botswain.profile.settings import Profile
    from botswain.targets.base import Target

_SHOWN = 8
_LEAVES = ("deploy", "back")


def left_behind(profile: Profile, target: Target, plan: ServicePlan) -> tuple[str, ...]:
    """What to say of data that what would run does not have; nothing where there is none."""
    if plan.action not in _LEAVES or plan.live is None or profile.service is None:
        return ()
    found = target.written()
    told = [
        f"{one.path} is to be shared, and its data is in the live release alone: {one.bring}"
        for one in found
        if one.bring
    ]
    lost = [one.path for one in found if not one.bring and not covered(one.path, profile.service.shared)]
    if lost:
        names = ", ".join(lost[:_SHOWN]) + (f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else "")
        what = f"the bot wrote into release {plan.live} what the next release does not have: {names}"
        told.append(f"{what}; to keep it, add to service in {profile.file}: shared: [{', '.join(lost[:_SHOWN])}]")
    return tuple(told)


def check(profile: Profile, target: Target, plan: ServicePlan) -> None:
    """Raise Refused where data has to be brought along first: nothing was built or stopped yet."""
    if plan.action != "deploy" or plan.live is None:
        return
    for one in target.written():
        if one.bring:
            what = f"{one.path} is to be shared by all releases, and its data is in the live release alone"
            raise Refused(what, where=f"{profile.file}: service.shared", fix=f"bring it along: {one.bring}")
