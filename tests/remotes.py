"""A git remote on disk and clones of it, for records that are shared."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from botswain.state.git.store import GitStore

REF = "refs/botswain/dev"


def git(folder: Path, *arguments: str, data: str | None = None) -> str:
    """What git prints, past Botswain; it has to succeed."""
    done = subprocess.run(
        ["git", "-c", "user.name=Other", "-c", "user.email=other@hands", *arguments],
        cwd=folder, input=data, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Remote:
    """A bare repository in a folder, with the clones made of it beside it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.path = folder / "remote.git"
        git(folder, "init", "-q", "--bare", *options, str(self.path))

    def clone(self, name: str, *options: str, url: str | None = None) -> Path:
        """A new clone."""
        git(self.folder, "clone", "-q", *options, url or str(self.path), name)
        return self.folder / name

    def store(self, clone: Path | str, **options: Any) -> GitStore:
        """The records of `dev`, as a process in that clone sees them; a new clone for a new name."""
        path = self.folder / clone
        if not path.exists():
            self.clone(str(clone))
        return GitStore(path, options.pop("remote", "origin"), REF, "dev", **options)

    def hook(self, name: str, script: str) -> None:
        """Gives the remote a hook; it runs in the remote's folder."""
        path = self.path / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def unhook(self, name: str) -> None:
        """Takes it away."""
        (self.path / "hooks" / name).unlink()

    @property
    def head(self) -> str:
        """The commit that the remote is at; empty when it has no records."""
        return git(self.path, "for-each-ref", "--format=%(objectname)", REF)

    def point(self, commit: str) -> None:
        """Sets the ref, as a forced push of other hands does."""
        git(self.path, "update-ref", REF, commit)

    def delete(self) -> None:
        """Removes the ref."""
        git(self.path, "update-ref", "-d", REF)

    def subjects(self) -> list[str]:
        """The first lines of the commits' messages, oldest first."""
        return git(self.path, "log", "--reverse", "--format=%s", REF).splitlines()

    def show(self, name: str, commit: str = REF) -> str:
        """What a document holds on the remote."""
        return git(self.path, "show", f"{commit}:{name}")

    def forge(self, name: str, text: str, *parents: str) -> str:
        """A commit of other hands with one document changed, on the given parents; pushed by nobody yet."""
        base = git(self.path, "ls-tree", parents[0]) if parents else ""
        blob = git(self.path, "hash-object", "-w", "--stdin", data=text)
        lines = [line for line in base.splitlines() if not line.endswith(f"\t{name}")]
        tree = git(self.path, "mktree", data="\n".join([*lines, f"100644 blob {blob}\t{name}"]) + "\n")
        given = [part for one in parents for part in ("-p", one)]
        return git(self.path, "commit-tree", tree, *given, "-m", "by other hands")
