"""Which commit of the bot's repository is being deployed, and which build."""

from __future__ import annotations

import os
from dataclasses import dataclass

from botswain.deployment import git
from botswain.errors import Refused
from botswain.profile.settings import Profile

_BUILD_VARIABLES = ("BOTSWAIN_BUILD_ID", "GITHUB_RUN_ID", "CI_PIPELINE_ID", "BUILD_ID")


@dataclass(frozen=True)
class Checkout:
    """Where the definitions come from. `sha` ends in `+dirty` when they differ from the commit."""

    sha: str | None
    build_id: str | None


def checkout(profile: Profile) -> Checkout:
    """The commit that holds the profile's definitions, or the code that makes them.

    Only a profile that never reaches Discord may deploy what is in no commit; any other raises Refused.
    """
    source = profile.source
    sha, changes = _state(profile)
    if changes != "" and not profile.rehearsal:
        what = "is in no commit" if sha is None or changes is None else f"has changes that are not in commit {sha[:12]}"
        raise Refused(what, where=str(source.path), fix="commit them first; only a sandbox may deploy a dirty tree")
    return _checkout(sha, changes)


def as_it_stands(profile: Profile) -> Checkout:
    """The same for a run that sends nothing to Discord, which a dirty tree does not stop."""
    return _checkout(*_state(profile))


def _state(profile: Profile) -> tuple[str | None, str | None]:
    """The commit, and what differs from it; None for either where there is none to tell."""
    source = profile.source
    sha = git.answer(source.repo, "rev-parse", "HEAD")
    # The bot's code may import any file of its repository.
    return sha, None if sha is None else git.answer(
        source.repo, "status", "--porcelain", "--", str(source.path.resolve())
    )


def _checkout(sha: str | None, changes: str | None) -> Checkout:
    return Checkout(f"{sha}+dirty" if sha and changes != "" else sha, build_id())


def build_id() -> str | None:
    """The build that this run is part of, as CI names it."""
    return next((value for name in _BUILD_VARIABLES if (value := os.environ.get(name))), None)
