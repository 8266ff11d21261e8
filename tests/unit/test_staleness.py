"""A checkout that does not contain what is deployed."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from botswain.deployment.staleness import stale
from botswain.manifest import Manifest

MANIFEST = Manifest("dev", "1" * 18, "20261122-101530-3f9a2c", "", True, (), None, None, "0", None, {})


@pytest.fixture
def git(tmp_path):
    """Runs git in a repository of its own; `commit` makes one and returns its id."""

    def run(*arguments: str) -> str:
        identity = ("-c", "user.name=anna", "-c", "user.email=anna@ship")
        done = subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit() -> str:
        run("commit", "-q", "--allow-empty", "-m", "change")
        return run("rev-parse", "HEAD")

    run("init", "-q", "-b", "main")
    run.commit, run.folder = commit, tmp_path
    return run


def told(git, sha: str | None) -> str | None:
    """What is said when `sha` is deployed."""
    return stale(git.folder, replace(MANIFEST, git_sha=sha))


def test_what_is_deployed_is_here(git):
    """The deployed commit, with or without changes beside it, or one before it: nothing to say."""
    first, second = git.commit(), git.commit()
    assert [told(git, sha) for sha in (first, second, f"{second}+dirty", None)] == [None] * 4
    assert stale(git.folder, None) is None


def test_an_older_checkout(git):
    """Whoever forgot to pull would take back what somebody else deployed."""
    git.commit()
    deployed = git.commit()
    git("checkout", "-q", "HEAD~1")
    assert told(git, deployed) == (
        f"what is deployed comes from commit {deployed[:8]}, and this checkout is older: git pull first, unless you"
        " mean to take that back"
    )


def test_another_branch(git):
    """Two branches that were deployed in turns."""
    git.commit()
    git("checkout", "-q", "-b", "other")
    deployed = git.commit()
    git("checkout", "-q", "main")
    git("commit", "-q", "--allow-empty", "-m", "mine")
    assert told(git, deployed).endswith(
        "which this checkout does not contain: it may take back what somebody else deployed"
    )


def test_a_commit_that_is_not_here(git):
    """A clone that never fetched it."""
    git.commit()
    assert told(git, "ab" * 20).endswith("which this clone does not have: git fetch, and see whether you are behind")


def test_outside_of_git_nobody_knows(tmp_path):
    """Where there is no repository, nothing is said."""
    assert stale(tmp_path, replace(MANIFEST, git_sha="ab" * 20)) is None
