"""What a remote and its history testify against a log: that it once said something else."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from botswain.audit.verify import Finding
from botswain.errors import BotswainError

if TYPE_CHECKING:
    from botswain.state.git.store import GitStore

_TOLD = 3
"""Findings of one kind; a log that was rewritten differs from all of its earlier versions."""


def testimony(store: GitStore, name: str) -> list[Finding]:
    """Hold a log against every version of it that the ref's history has, and that against what this clone accepted.

    Each version must be the beginning of the next one. Their hashes are enough to tell, so none is read that fits.
    """
    log = store.read(name) or b""
    with store.changes.alone():
        findings = _disputed(store, name, log)
        later = commit = store.head.commit
        if commit is None:
            return findings
        for made, blob, size in _versions(store, commit, name):
            if len(findings) >= _TOLD:
                break
            if size is None:
                findings.append(Finding(1, "cut", f"the log was removed by {_who(store, made)}, and begun anew"))
                log = b""
            elif log and (size > len(log) or _hash(log[:size], len(blob)) != blob):
                earlier = store.objects.blob(blob)
                told = f"was rewritten by {_who(store, later)}; `git show {made[:12]}:{name}` is the log before that"
                findings.append(Finding(_agreed(earlier, log) + 1, "fork", told))
                log = earlier
            else:
                log = log or store.objects.blob(blob)
            later = made
        return findings


def _who(store: GitStore, commit: str | None) -> str:
    """Name a commit, and whoever git says made it."""
    done = store.git.run("log", "-1", "--no-show-signature", "--format=%an, %ad", "--date=iso", str(commit), "--")
    told = " ".join(done.out.decode("utf-8", "replace").split())
    return f"commit {str(commit)[:12]}" + (f" of {told}" if told and not done.code else "")


def _disputed(store: GitStore, name: str, log: bytes) -> list[Finding]:
    from botswain.state.git.head import Disputed
    from botswain.state.git.objects import Documents

    problem, found = store.head.problem, store.head.found
    if not isinstance(problem, Disputed):
        return []
    other = Documents(store.objects, found).read(name) or b""
    kind = "cut" if log.startswith(other) else "fork"
    return [Finding(_agreed(other, log) + 1, kind, f"differs on {problem.where}: {problem.what}")]


def _versions(store: GitStore, commit: str, name: str) -> list[tuple[str, str, int | None]]:
    """Every version of a document: the commit that made it, its object and size (None: removed); newest first."""
    done = store.git.run(
        "log", "--first-parent", "--diff-merges=first-parent", "--format=%H", "--raw", "--no-abbrev", "--no-renames",
        commit, "--", name,
    )  # fmt: skip
    if done.code:
        raise BotswainError(f"git cannot read the history: {done.reason}", where=store.where, fix="git fsck tells more")
    versions: list[tuple[str, str]] = []
    made = ""
    for line in done.out.decode("utf-8", "replace").splitlines():
        if line.startswith(":"):
            versions.append((made, line.split()[3]))
        elif line:
            made = line
    blobs = [blob for _, blob in versions if blob.strip("0")]
    sizes = dict(zip(blobs, _sizes(store, blobs), strict=True))
    return [(one, blob, sizes.get(blob)) for one, blob in versions]


def _sizes(store: GitStore, blobs: list[str]) -> list[int]:
    if not blobs:
        return []
    done = store.git.run("cat-file", "--batch-check=%(objectsize)", data="".join(f"{one}\n" for one in blobs).encode())
    lines = done.out.decode().split("\n")[:-1]
    if done.code or not all(line.isdecimal() for line in lines):
        raise BotswainError("git lacks a part of the history", where=store.where, fix="git fsck tells more")
    return [int(line) for line in lines]


def _hash(data: bytes, digits: int) -> str:
    """The name that git gives to a file, in a repository whose names have so many digits."""
    new = hashlib.sha1 if digits == 40 else hashlib.sha256
    return new(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _agreed(one: bytes, other: bytes) -> int:
    """How many lines two logs begin with alike."""
    count = 0
    for left, right in zip(one.splitlines(), other.splitlines(), strict=False):
        if left != right:
            break
        count += 1
    return count
