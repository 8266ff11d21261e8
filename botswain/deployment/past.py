"""An earlier commit of the bot's repository as files, beside the work tree and without touching it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from botswain.deployment import git
from botswain.errors import BotswainError
from botswain.profile.settings import Source
from botswain.state import places

_DEPENDENCIES = ("node_modules", ".venv", "venv")
"""Folders that no commit holds and that the bot's code needs."""


@dataclass(frozen=True)
class Past:
    """A source as it was."""

    source: Source
    label: str
    """The commit, in words."""
    notes: tuple[str, ...]
    now: Source

    def named(self, file: str) -> str:
        """How messages name one of its files: as it is called in the repository, with the commit."""
        with suppress(ValueError):
            return f"{self.label}: {self.now.repo / Path(file).relative_to(self.source.repo)}"
        return f"{self.label}: {file}"


@contextmanager
def checkout_of(source: Source, since: str) -> Iterator[Past]:
    """The files of a commit in a folder outside of every project. Raises BotswainError when git has no such one.

    The dependencies are those that are installed now.
    """
    commit, notes = _commit(source.repo, since)
    with files_of(source, commit) as past:
        yield replace(past, notes=notes)


@contextmanager
def files_of(source: Source, commit: str) -> Iterator[Past]:
    """The files of this very commit in such a folder."""
    repo = source.repo
    prefix = git.answer(repo, "rev-parse", "--show-prefix") or ""
    with places.scratch("past") as scratch:
        folder = scratch / "files"
        folder.mkdir()
        top = git.answer(repo, "rev-parse", "--show-toplevel") or str(repo)
        index = {"GIT_INDEX_FILE": str(scratch / "index")}
        for step in (("read-tree", commit), ("checkout-index", "--all", "--force", f"--prefix={folder}/")):
            if git.answer(Path(top), *step, **index) is None:
                raise BotswainError(f"could not take the files of {commit[:12]} out of git", where=str(repo))
        past = folder / prefix
        if not past.is_dir():
            raise BotswainError(f"has nothing at {prefix} in commit {commit[:12]}", where=str(repo))
        for here, there in {(Path(top), folder), (repo.resolve(), past)}:
            for dependency in _DEPENDENCIES:
                if (here / dependency).is_dir() and not (there / dependency).exists():
                    (there / dependency).symlink_to(here / dependency)
        yield Past(replace(source, repo=past), f"commit {commit[:12]}", (), source)


def _commit(repo: Path, since: str) -> tuple[str, tuple[str, ...]]:
    """The commit that `since` stands for, and what is to be said of it."""
    commit = git.answer(repo, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{since}^{{commit}}")
    if not commit:
        shallow = git.answer(repo, "rev-parse", "--is-shallow-repository") == "true"
        fix = "this clone is shallow: fetch the whole history (fetch-depth: 0 in actions/checkout)" if shallow else ""
        what = f'has no commit "{since}"'
        if ".." in since:
            what, fix = f'"{since}" is a range', "name one commit or branch to compare with"
        if git.answer(repo, "rev-parse", "--git-dir") is None:
            what, fix = "is no git repository", "set `repo` in the profile to the bot's repository"
        raise BotswainError(what, where=str(repo), fix=fix or "git branch --all and git log show what there is")
    base = git.answer(repo, "merge-base", commit, "HEAD")
    if base is None:
        return commit, (f"{since} and HEAD have no common commit here, so {since} itself is what is compared with",)
    return base, ()
