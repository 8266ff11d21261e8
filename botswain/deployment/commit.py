"""The exact commit that becomes a release: the one that is checked out, or one made of a sandbox's dirty tree."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from botswain.deployment import git
from botswain.deployment.checkout import FIX, build_id
from botswain.deployment.uncommitted import listed, uncommitted
from botswain.errors import BotswainError, Refused
from botswain.plan.service import ServicePlan
from botswain.profile.settings import Profile

_MADE = "Uncommitted work"
"""The message of a commit that was made of a dirty tree."""
_NOBODY = {"GIT_AUTHOR_NAME": "botswain", "GIT_AUTHOR_EMAIL": "botswain@localhost"}


@dataclass(frozen=True)
class Commit:
    """What is to run, and how records call it."""

    sha: str
    """A commit object of the bot's repository."""
    recorded: str
    """The commit that is checked out; ends in `+dirty` when `sha` was made of a tree that differs from it."""
    build_id: str | None
    stored: bool = True
    """Whether the repository has it; not so for a dirty tree that was only looked at, and never deployed."""


def release_commit(profile: Profile, *, write: bool = True) -> Commit:
    """The commit that a deployment of commands and service takes both from.

    A dirty tree of a sandbox becomes a commit object of its own, the same one as long as the tree is the same; neither
    index nor work tree is touched. Raises BotswainError for a repository without a commit, and Refused for changes in
    no commit anywhere else. With `write=False` it only tells the id that the commit would have, and refuses nothing.
    """
    repo = profile.source.repo
    where = f"{profile.file}: repo: {repo}"
    head = git.answer(repo, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if head is None:
        if not repo.is_dir():
            raise BotswainError("is no folder", where=where, fix="correct repo in the profile")
        inside = git.answer(repo, "rev-parse", "--git-dir") is not None
        what = "has no commit yet" if inside else "is no git repository"
        raise BotswainError(f"{what}, and a release is made from a commit", where=where, fix="commit the bot first")
    dirty = git.answer(repo, "status", "--porcelain", "--", *_paths(profile))
    if dirty is None:
        raise BotswainError("git cannot tell whether it is clean", where=where, fix="run git status there to see why")
    hidden = [] if dirty or profile.source.runs_code else uncommitted(profile.source, head)
    if not (dirty or hidden):
        return Commit(head, head, build_id())
    if write and not profile.rehearsal:
        what = f"has changes that are not in commit {head[:12]}"
        what += f", though git status hides them: {listed(hidden)}" if hidden else ""
        raise Refused(what, where=str(repo), fix=FIX)
    made = _snapshot(repo, head, where, write=write)
    stored = write or git.answer(repo, "cat-file", "-e", made) is not None
    return Commit(made, f"{head}+dirty", build_id(), stored)


def shown(profile: Profile, commit: str | None) -> str | None:
    """A release's commit as records call it: one that was made of a sandbox's dirty tree by what was checked out."""
    if commit is None or not profile.rehearsal:
        return commit
    made = git.answer(profile.source.repo, "show", "-s", "--format=%an %s %P", commit, "--") or ""
    lead, _, parent = made.rpartition(" ")
    return f"{parent}+dirty" if lead == f"{_NOBODY['GIT_AUTHOR_NAME']} {_MADE}" else commit


def shown_plan(profile: Profile, plan: ServicePlan) -> ServicePlan:
    """The same for both commits of a plan."""
    return replace(plan, live_commit=shown(profile, plan.live_commit), commit=shown(profile, plan.commit))


def _paths(profile: Profile) -> list[str]:
    """What of the repository a deployment is made of: the bot's code may import any file of its folder."""
    source, service = profile.source, profile.service
    folder = service.folder if service else "."
    if source.runs_code or folder == ".":
        return ["."]
    return [folder, source.folder]


def _snapshot(repo: Path, head: str, where: str, *, write: bool) -> str:
    """A commit object of the work tree; with the dates of its parent, so that the same tree is the same commit."""
    top = git.answer(repo, "rev-parse", "--show-toplevel")
    date = git.answer(repo, "show", "-s", "--format=%cI", head)
    with tempfile.TemporaryDirectory(prefix="botswain-") as folder:
        variables = {
            **_NOBODY, "GIT_COMMITTER_NAME": "botswain", "GIT_COMMITTER_EMAIL": "botswain@localhost",
            "GIT_INDEX_FILE": f"{folder}/index", "GIT_AUTHOR_DATE": date or "", "GIT_COMMITTER_DATE": date or "",
        }  # fmt: skip
        if not write:
            objects = git.answer(repo, "rev-parse", "--path-format=absolute", "--git-path", "objects")
            variables |= {"GIT_OBJECT_DIRECTORY": folder, "GIT_ALTERNATE_OBJECT_DIRECTORIES": objects or ""}
        steps = (("read-tree", head), ("add", "-A", "--", "."), ("write-tree",))
        told: str | None = None
        for step in steps:
            told = git.answer(Path(top or repo), *step, **variables)
            if told is None:
                break
        made = told and git.answer(repo, "commit-tree", told, "-p", head, "-m", _MADE, **variables)
    if not made:
        raise BotswainError("no commit could be made of the changed files", where=where, fix="commit them")
    return made
