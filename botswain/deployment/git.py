"""Asks git about the bot's repository; the records in git have a runner of their own, which also writes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from botswain.errors import BotswainError

_SECONDS = 120
_NOT_A_REPOSITORY = "not a git repository"


def answer(repo: Path, *arguments: str, **variables: str) -> str | None:
    """What git prints; None when it fails. `variables` are added to its environment."""
    done = run(repo, *arguments, **variables)
    return done.stdout.strip() if done.returncode == 0 else None


def verdict(repo: Path, *arguments: str) -> int | None:
    """The exit code of git; None where there is no repository."""
    done = run(repo, *arguments)
    return None if _NOT_A_REPOSITORY in done.stderr else done.returncode


def run(repo: Path, *arguments: str, given: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs git in a repository, with `given` as its input.

    Raises BotswainError when it is not installed, or does not trust the repository.
    """
    # A hook of git sets variables that would point at another repository; what replaces an object here is not sent.
    known = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(repo), *arguments], capture_output=True, text=True, errors="surrogateescape",
            check=False, timeout=_SECONDS, input=given,
            env={**known, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_REPLACE_OBJECTS": "1", **variables},
        )  # fmt: skip
    except FileNotFoundError:
        raise BotswainError("git is not installed", where=str(repo), fix="sudo apt install git") from None
    if "dubious ownership" in done.stderr:
        fix = f"git config --global --add safe.directory {repo.resolve()}"
        raise BotswainError("git does not trust it, since it belongs to another user", where=str(repo), fix=fix)
    return done
