"""Makes a bundle of what a host needs to have a commit, from a repository that stays as it is.

`git bundle create` wants a ref for what it packs, and nothing is written to the bot's repository; so the header is
written here, and git makes the pack. A bundle is thin: what the host has is named as a prerequisite, and left out.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_SECONDS = 600
"""How long git may take for one thing."""
_SHA256 = 64
"""Characters of an id in a repository that uses SHA-256."""


class BundleError(Exception):
    """The commit cannot be packed; one line says why."""


@dataclass(frozen=True)
class Bundle:
    """A bundle that was written."""

    size: int
    """Bytes."""
    shallow: tuple[str, ...]
    """Commits in it whose parents are not in the controller's repository: a shallow clone, as CI jobs make them."""


def ref(commit: str) -> str:
    """The name under which a host keeps a commit."""
    return f"refs/releases/{commit}"


def write(repository: Path, commit: str, have: Iterable[str], target: Path) -> Bundle:
    """Write the bundle of a commit for a host that has some already. Raises BundleError."""
    known = _known(repository, have)
    shallow = _shallow(repository, commit, known)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_header(commit, known))
        file.flush()
        _pack(repository, commit, known, file)
        size = file.seek(0, os.SEEK_END)
    return Bundle(size, shallow)


def _header(commit: str, known: Sequence[str]) -> bytes:
    long = len(commit) == _SHA256
    first = ["# v3 git bundle", "@object-format=sha256"] if long else ["# v2 git bundle"]
    return "\n".join([*first, *(f"-{one}" for one in known), f"{commit} {ref(commit)}", "", ""]).encode()


def _known(repository: Path, have: Iterable[str]) -> list[str]:
    """Those of the host's commits that are here too, with all that they stand on."""
    wanted = sorted(set(have))
    if not wanted:
        return []
    lines = _git(repository, "cat-file", "--batch-check", given="".join(f"{one}\n" for one in wanted)).splitlines()
    return [line.split()[0] for line in lines if line.split()[1:2] == ["commit"]]


def _shallow(repository: Path, commit: str, known: Sequence[str]) -> tuple[str, ...]:
    if _git(repository, "rev-parse", "--is-shallow-repository").strip() != "true":
        return ()
    file = repository / _git(repository, "rev-parse", "--git-path", "shallow").strip()
    sent = _git(repository, "rev-list", commit, *(f"^{one}" for one in known)).split()
    return tuple(sorted(set(file.read_text().split()) & set(sent)))


def _pack(repository: Path, commit: str, known: Sequence[str], output: IO[bytes]) -> None:
    given = "".join(f"{one}\n" for one in [commit, *(f"^{one}" for one in known)])
    _git(repository, "pack-objects", "--revs", "--thin", "--stdout", "--delta-base-offset", "--quiet", given=given,
         output=output)  # fmt: skip


def _git(repository: Path, *arguments: str, given: str = "", output: IO[bytes] | None = None) -> str:
    known = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(repository), *arguments], input=given.encode(), stdout=output or subprocess.PIPE,
            stderr=subprocess.PIPE, check=False, timeout=_SECONDS, env={**known, "LC_ALL": "C"},
        )  # fmt: skip
    except FileNotFoundError:
        raise BundleError("git is not installed on this machine; install it") from None
    except subprocess.TimeoutExpired:
        raise BundleError(f"{repository}: git {arguments[0]} did not end within {_SECONDS} s") from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit code {done.returncode}"]
        raise BundleError(f"{repository}: git {arguments[0]}: {lines[-1]}")
    return (done.stdout or b"").decode()
