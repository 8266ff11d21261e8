"""The bot's commits on this machine: a bare repository that only ever gets what a bundle brings.

It runs no hook, reads no configuration but its own, and has no remote.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from botswain.host.commands import git, git_in
from botswain.host.errors import HostError
from botswain.host.place import Place, explained, store

_REFS = "refs/releases"
_SHA256 = 64
"""Characters of an id in a repository that uses SHA-256."""
_ID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def commits(place: Place) -> list[str]:
    """The commits that are here, with all that they need: what a bundle may leave out."""
    if not place.mirror.is_dir():
        return []
    return git(place, "for-each-ref", "--format=%(objectname)", _REFS).split()


def fetch(place: Place, bundle: Path, commit: str, shallow: tuple[str, ...] = ()) -> None:
    """Take a commit from a bundle. `shallow` are commits of it whose parents the sender does not have either.

    Raises HostError for a file that is no bundle, lacks the commit, or builds on commits that are not here.
    """
    ensure(place, "sha256" if len(commit) == _SHA256 else "sha1")
    heads = dict(line.split(" ", 1) for line in git(place, "bundle", "list-heads", str(bundle)).splitlines())
    if commit not in heads:
        raise HostError(
            f"does not bring commit {commit[:12]}", where=str(bundle), fix="bundle it by a name that it has"
        )
    if shallow:
        _cut(place, shallow)
    try:
        git(place, "fetch", "--quiet", "--no-tags", "--force", str(bundle), f"{heads[commit]}:{_REFS}/{commit}")
    except HostError as error:
        if not any(commit == one for one in commits(place)):
            what = f"cannot be taken in ({error.what})"
            raise HostError(what, where=str(bundle), fix="send the commit with its whole history") from None


def ensure(place: Place, objects: str) -> None:
    """Have a repository with such objects (sha1 or sha256) there, whatever git here makes by itself.

    One with other objects, of a bot whose repository was converted, is replaced: releases do not need it.
    """
    if place.mirror.is_dir():
        if git(place, "rev-parse", "--show-object-format") == objects:
            return
        with explained(place.mirror, "replace it"):
            shutil.rmtree(place.mirror)
    with explained(place.root, "keep commits in it"):
        place.root.mkdir(parents=True, exist_ok=True)
        draft = place.mirror.with_name(f".{place.mirror.name}.{os.getpid()}")
        git_in(draft, "init", "--quiet", "--bare", "--template=", f"--object-format={objects}")
        git_in(draft, "config", "receive.shallowUpdate", "true")  # a CI job has a shallow clone
        draft.rename(place.mirror)


def _cut(place: Place, shallow: tuple[str, ...]) -> None:
    """Have git take these commits for first ones, as it does where they come from."""
    if not all(_ID.fullmatch(one) for one in shallow):
        raise HostError("shallow: not all of them are ids of commits")
    path = place.mirror / "shallow"
    with explained(path, "write it"):
        known = set(path.read_text().split()) if path.exists() else set()
        if not known.issuperset(shallow):
            store(path, "".join(f"{one}\n" for one in sorted(known | set(shallow))).encode())
