"""Brings commits of the bot's repository to where releases are made of them: into a bare repository of the place."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from botswain.commands.sources.files import ENDINGS
from botswain.host.errors import HostError
from botswain.host.mirror import ensure
from botswain.host.place import Place
from botswain.profile.settings import Profile, Service

_SECONDS = 600
_PLAIN = re.compile(r"(smudge|process)( cat)?$")
"""A filter that changes nothing on its way out."""


def push(repo: Path, folder: str, place: Place, commit: str) -> tuple[str, str]:
    """Make a commit known to the place; returns its full id, and the folder of the service inside the commit.

    Raises HostError for a commit or folder that is not there. No hook of the repository runs.
    """
    full, prefix = resolved(repo, folder, commit)
    check_filters(repo, full, prefix)
    ensure(place, _git(repo, "rev-parse", "--show-object-format"))
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


def same_service(profile: Profile, service: Service, prefix: str, one: str, other: str) -> bool:
    """Whether the bot of two commits is the same: its folder without definitions of commands that it does not read."""
    definitions = None
    if not (profile.source.runs_code or service.reads_commands):
        definitions = str(PurePosixPath(_git(profile.source.repo, "rev-parse", "--show-prefix"), profile.source.folder))
    return same_files(profile.source.repo, prefix, one, other, definitions)


def same_files(repo: Path, prefix: str, one: str, other: str, definitions: str | None) -> bool:
    """Whether two commits have the same files for the service in the folder `prefix`; False for one that is not here.

    Definitions of commands in the folder `definitions`, from the top of the repository, do not count.
    """
    if one == other:
        return True
    left_out = []
    folder = PurePosixPath(definitions or "..")
    if definitions is not None and folder.is_relative_to(prefix or "."):
        below = folder.relative_to(prefix or ".").as_posix()
        left_out = [f":(exclude,glob,icase){_escaped(below)}/**/*{ending}" for ending in ENDINGS]
    top = Path(_git(repo, "rev-parse", "--show-toplevel") or repo)
    try:
        trees = [_git(top, "rev-parse", "--verify", "--quiet", f"{commit}:{prefix}") for commit in (one, other)]
        return not _git(top, "diff-tree", "-r", "--name-only", *trees, "--", ".", *left_out)
    except HostError:
        return False


def _escaped(pattern: str) -> str:
    return re.sub(r"([*?\[\\])", r"\\\1", pattern)


def lfs_objects(repo: Path) -> str:
    """Where Git LFS keeps the objects of a repository, whether or not it is used there."""
    common = Path(_git(repo, "rev-parse", "--path-format=absolute", "--git-common-dir"))
    try:
        store = _git(repo, "config", "--get", "lfs.storage") or "lfs"
    except HostError:
        store = "lfs"
    return str(common / store / "objects")


def held(repo: Path, folder: str, shared: Iterable[str]) -> dict[str, str]:
    """The files to be shared that lie in the work tree, such as a database of the days before Botswain."""
    found = {one: repo / folder / one for one in shared if not one.endswith("/")}
    return {name: str(path.absolute()) for name, path in found.items() if path.is_file()}


def check_filters(repo: Path, commit: str, prefix: str) -> None:
    """Raise HostError for files that git here changes on their way out of a commit, as no release does.

    Git LFS and git-crypt are no such filters: what they keep is known by what a release holds.
    """
    configured = _git(repo, "config", "--get-regexp", r"^filter\..*\.(smudge|process)$", fine=1).splitlines()
    names = {line.split(" ")[0].split(".", 1)[1].rpartition(".")[0] for line in configured if not _PLAIN.search(line)}
    names = {one for one in names if one != "lfs" and not one.startswith("git-crypt")}
    if not names:
        return
    with tempfile.TemporaryDirectory(prefix="botswain-") as folder:
        index = f"{folder}/index"
        top = Path(_git(repo, "rev-parse", "--show-toplevel"))
        _git(top, "read-tree", commit, index=index)
        files = _git(top, "ls-files", "-z", "--", prefix or ".", index=index)
        told = _git(top, "check-attr", "--cached", "-z", "--stdin", "filter", given=files, index=index).split("\0")
    filtered = [(path, name) for path, name in zip(told[::3], told[2::3], strict=False) if name in names]
    if filtered:
        path, name = filtered[0]
        more = f" and {len(filtered) - 1} more" if len(filtered) > 1 else ""
        what = f"{path}{more}: git's filter {name} makes other files of them here than commit {commit[:12]} holds"
        fix = "commit them as the bot needs them, without the filter in .gitattributes; or make them in service.build"
        raise HostError(what, where=str(repo), fix=fix)


def _git(repo: Path, *arguments: str, missing: str = "", given: str = "", fine: int = 0, index: str = "") -> str:
    """What git prints. `missing` is what a failure means is not there, `fine` an exit code that is none."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    known |= {"GIT_INDEX_FILE": index} if index else {}
    try:
        done = subprocess.run(
            ["git", "-C", str(repo), *arguments], capture_output=True, text=True, errors="surrogateescape",
            check=False, timeout=_SECONDS, input=given,
            env={**known, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1"},
        )  # fmt: skip
    except FileNotFoundError:
        raise HostError("git is not installed", fix="sudo apt install git") from None
    except subprocess.TimeoutExpired:
        raise HostError(f"git {arguments[0]} did not end within {_SECONDS} s", where=str(repo)) from None
    if done.returncode in (0, fine):
        return done.stdout.strip()
    reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    if "not a git repository" in done.stderr or "cannot change to" in done.stderr:  # more lines may follow that one
        fix = "a release is made of a commit: correct `repo`, or run git init and commit there"
        raise HostError("is no git repository", where=str(repo), fix=fix)
    if missing:
        fix = "fetch it, or name one that is there" if ":" not in missing else "commit it, or correct service.folder"
        raise HostError(f"{missing} is not in this repository", where=str(repo), fix=fix)
    raise HostError(f"git {arguments[0]}: {reason}", where=str(repo))
