"""Which commit of the bot's repository is being deployed, and which build."""

from __future__ import annotations

import os
from dataclasses import dataclass

from botswain.deployment import git
from botswain.deployment.uncommitted import listed, uncommitted
from botswain.errors import Refused
from botswain.profile.settings import Profile

FIX = "commit them first; only a sandbox may deploy a dirty tree"
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
    sha, changes = _state(profile)
    hidden = _hidden(profile, sha, changes)
    if (changes != "" or hidden) and not profile.rehearsal:
        raise Refused(_refusal(sha, changes, hidden), where=str(profile.source.path), fix=FIX)
    return _checkout(sha, changes or hidden)


def _hidden(profile: Profile, sha: str | None, changes: str | None) -> str:
    """The files of definitions that are not as in the commit although git names no change, in words."""
    if sha is None or changes != "" or profile.source.runs_code:
        return changes or ""
    return listed(uncommitted(profile.source, sha))


def _refusal(sha: str | None, changes: str | None, hidden: str) -> str:
    if sha is None or changes is None:
        return "is in no commit"
    what = f"has changes that are not in commit {sha[:12]}"
    return f"{what}, though git status hides them: {hidden}" if changes == "" else what


def clean_commit(profile: Profile) -> str | None:
    """The commit that is checked out, if nothing that git shows differs from it."""
    sha, changes = _state(profile)
    return sha if changes == "" else None


def as_it_stands(profile: Profile) -> Checkout:
    """The same for a run that sends nothing to Discord, which a dirty tree does not stop."""
    sha, changes = _state(profile)
    return _checkout(sha, changes or _hidden(profile, sha, changes))


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
