"""Brings commits of the bot's repository to where releases are made of them: into a bare repository of the place."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path, PurePosixPath

from botswain.host.errors import HostError
from botswain.host.place import Place, explained

_SECONDS = 600


def push(repo: Path, folder: str, place: Place, commit: str) -> tuple[str, str]:
    """Make a commit known to the place; returns its full id, and the folder of the service inside the commit.

    Raises HostError for a commit or folder that is not there. No hook of the repository runs.
    """
    full, prefix = resolved(repo, folder, commit)
    if not place.mirror.is_dir():
        with explained(place.root, "keep commits in it"):
            place.root.mkdir(parents=True, exist_ok=True)
        draft = place.mirror.with_name(f".{place.mirror.name}.{os.getpid()}")
        _git(repo, "init", "--quiet", "--bare", "--template=", str(draft))
        _git(repo, f"--git-dir={draft}", "config", "receive.shallowUpdate", "true")  # a CI job has a shallow clone
        with explained(place.mirror, "keep commits in it"):
            draft.rename(place.mirror)
    target = str(place.mirror.resolve())
    _git(repo, "push", "--quiet", "--no-verify", "--force", target, f"{full}:refs/releases/{full}")
    return full, prefix


def resolved(repo: Path, folder: str, commit: str) -> tuple[str, str]:
    """The full id of a commit, and the service's folder in it from the top. Raises HostError."""
    full = _git(repo, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}", missing=commit)
    path = PurePosixPath(_git(repo, "rev-parse", "--show-prefix"), folder)
    prefix = "" if str(path) == "." else str(path)
    if prefix:
        kind = _git(repo, "cat-file", "-t", f"{full}:{prefix}", missing=f"{full[:12]}:{prefix}")
        if kind != "tree":
            raise HostError(
                f"{prefix} is no folder in commit {full[:12]}", where=str(repo), fix="correct service.folder"
            )
    return full, prefix


def _git(repo: Path, *arguments: str, missing: str = "") -> str:
    """What git prints. `missing` is what a failure means is not there."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(repo), *arguments], capture_output=True, text=True, check=False, timeout=_SECONDS,
            stdin=subprocess.DEVNULL, env={**known, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"},
        )  # fmt: skip
    except FileNotFoundError:
        raise HostError("git is not installed", fix="sudo apt install git") from None
    except subprocess.TimeoutExpired:
        raise HostError(f"git {arguments[0]} did not end within {_SECONDS} s", where=str(repo)) from None
    if done.returncode == 0:
        return done.stdout.strip()
    reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    if "not a git repository" in done.stderr or "cannot change to" in done.stderr:  # more lines may follow that one
        fix = "a release is made of a commit: correct `repo`, or run git init and commit there"
        raise HostError("is no git repository", where=str(repo), fix=fix)
    if missing:
        fix = "fetch it, or name one that is there" if ":" not in missing else "commit it, or correct service.folder"
        raise HostError(f"{missing} is not in this repository", where=str(repo), fix=fix)
    raise HostError(f"git {arguments[0]}: {reason}", where=str(repo))
