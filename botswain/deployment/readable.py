"""Where commands in the bot's own code are read: in a release that has what the code needs, or in the work tree.

A work tree often has nothing installed, since releases are built elsewhere. Then its code is read with what a release
has installed, and where there is none, it is said what to do.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from botswain.deployment.service import target_for
from botswain.deployment.wanted import wanted
from botswain.errors import BotswainError, InvalidInput, Problem
from botswain.host.ledger import GOOD

if TYPE_CHECKING:
    from botswain.deployment.wanted import Wanted
    from botswain.plan import ServicePlan
    from botswain.profile.settings import Profile, Source
    from botswain.targets.base import Target

_PYTHONS = (".venv/bin/python", "venv/bin/python")


def wanted_at_hand(profile: Profile, target: Target, plan: ServicePlan) -> Wanted:
    """What the profile wants, without anything being built: read where a deployment would read it, as far as that is.

    Raises InvalidInput with all problems, and what to do when nothing that the code needs is installed anywhere.
    """
    if not profile.source.runs_code:
        return wanted(profile)
    if plan.release is not None and plan.release == plan.live:
        return wanted(replace(profile, source=of_release(profile, target, plan.live)))
    lender = _lender(target, plan)
    source = _lent(profile.source, target, lender)
    return _wanted(replace(profile, source=source))


def _wanted(profile: Profile) -> Wanted:
    """What a profile wants. Raises InvalidInput, with what to do when nothing that the code needs is installed."""
    try:
        return wanted(profile)
    except InvalidInput as error:
        if profile.service is None or not profile.source.runs_code or _installed(profile.source):
            raise
        fix = f"install there what the bot needs (./inv doctor --env {profile.name} says how)"
        if profile.service.target == "local":
            fix = f"./inv deploy --env {profile.name} builds one and reads the commands there; or {fix}"
        what = f"nothing is installed in {profile.source.repo}, and no release here has it; {fix}"
        raise InvalidInput([*error.problems, Problem(profile.file, "repo", what)]) from None


def at_hand(profile: Profile) -> Profile:
    """The profile with its source in the work tree, to be read with what the live release has installed."""
    target = target_for(profile)
    return replace(profile, source=_lent(profile.source, target, target.state().release))


def wanted_offline(profile: Profile) -> Wanted:
    """As `wanted_at_hand`, of a service on this machine; where that cannot be told, the work tree alone is read."""
    if profile.service is not None and profile.service.target == "local" and profile.source.runs_code:
        with contextlib.suppress(BotswainError):
            profile = at_hand(profile)
    return _wanted(profile)


def of_release(profile: Profile, target: Target, release: str | None) -> Source:
    """The source of commands as the release has it, with what was installed there.

    A release holds the service's folder alone; a source that reaches beyond it is read from the work tree, which is
    that very commit.
    """
    folder = target.folder(release) if release else None
    inside = _inside(profile)
    if folder is None or inside is None:
        return _lent(profile.source, target, release)
    return replace(profile.source, repo=folder, folder=inside)


def _inside(profile: Profile) -> str | None:
    """The source's folder as seen from the service's; None if it is not in there."""
    source, service = profile.source, profile.service
    prefix = PurePosixPath(service.folder if service else ".")
    if str(prefix) == ".":
        return source.folder
    path = PurePosixPath(source.folder)
    if source.kind == "discord.js" and path.is_relative_to(prefix):
        return str(path.relative_to(prefix))
    return None


def _lender(target: Target, plan: ServicePlan) -> str | None:
    """The release whose packages are nearest to those of the commit: one of that very commit, else the live one."""
    try:
        known = target.releases()
    except BotswainError:
        known = []
    same = [one.id for one in known if one.commit == plan.commit and one.state in {"ready", *GOOD}]
    return next((one for one in reversed(same) if target.folder(one) is not None), plan.live)


def _lent(source: Source, target: Target, release: str | None) -> Source:
    """The source in the work tree; what it has not installed itself comes from the release."""
    folder = target.folder(release) if release and not _installed(source) else None
    if folder is None:
        return source
    if source.kind == "discord.js":
        modules = folder / "node_modules"
        return replace(source, modules=modules.absolute()) if modules.is_dir() else source
    if source.kind == "discord.py" and source.interpreter is None:
        python = next((path for one in _PYTHONS if (path := folder / one).exists()), None)
        return source if python is None else replace(source, interpreter=str(Path(python).absolute()))
    return source


def _installed(source: Source) -> bool:
    """Whether what the code needs is there already, as far as that can be seen."""
    if source.kind == "discord.py":
        return source.interpreter is not None or any((source.repo / one).exists() for one in _PYTHONS)
    if source.kind == "discord.js":
        start = source.path.absolute()
        return source.modules is not None or any((one / "node_modules").is_dir() for one in (start, *start.parents))
    return True
