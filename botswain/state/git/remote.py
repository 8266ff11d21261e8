"""The ref on the remote: looked at, fetched, and moved from one commit to the next, or not at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botswain.errors import BotswainError
from botswain.state.git.process import without_password

if TYPE_CHECKING:
    from botswain.state.git.process import Ended, Git

_FIXES = (
    (
        r"does not appear to be a git repo|No such remote|[Rr]epository.*not found|does not exist|not a git repository",
        "see `state: { kind: git, remote: … }` in the profile, and `git remote -v` in the bot's repository",
    ),
    (
        r"Authentication failed|Permission denied|could not read [UP]|Host key|(error:|HTTP) 40[13]",
        "give git a way in that asks nothing: a credential helper, or an SSH key in an agent",
    ),
    (r"No space left|unable to write|Permission to|insufficient permission", "see who may write there, and the disk"),
)
_LATER = "try again when it can be reached"
_REFUSED = re.compile(r"^!\t.*?\t\[(remote )?rejected\] \((.*)\)$", re.MULTILINE)
_RACES = re.compile(
    r"stale info|fetch first|non-fast-forward|cannot lock ref|failed to update ref|already exists"
    r"|incorrect old value|reference broken|failed to lock|atomic transaction failed|needs force"
)
"""Reasons for which a push is not the fault of anybody, because somebody else was quicker."""


class RemoteError(BotswainError):
    """The remote could not be reached, or did not do what was asked."""


class Rejected(RemoteError):
    """The remote answered, and will not take what was pushed. Trying again does not help."""


class Remote:
    """One ref of a remote of a repository."""

    def __init__(self, git: Git, remote: str, ref: str) -> None:
        self._git = git
        self.remote = remote
        self.ref = ref
        self.name = without_password(remote)
        base = ref.rpartition("/")[2]
        self.fetched = f"refs/botswain-local/{base}/fetched"
        """The local ref that follows the remote's; only git moves it."""
        self.written = f"refs/botswain-local/{base}/written"
        """The local ref that keeps alive what is being pushed."""
        self.replaced = f"refs/botswain-local/{base}/replaced"
        """The local folder of refs that keep what a person declared to be wrong."""

    def fetch(self) -> bool:
        """Bring the ref's commits here, to `fetched`. False when the remote has no such ref. Raises RemoteError."""
        done = self._git.run(
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
            "--no-recurse-submodules", "--no-filter", "--no-prune", "--no-show-forced-updates", "--refmap=",
            "--", self.remote, f"+{self.ref}:{self.fetched}", remote=True,
        )  # fmt: skip
        if done.code and re.search(rf"couldn't find remote ref {re.escape(self.ref)}\b", done.err):
            return False
        if done.code:
            raise self._unreachable(done)
        return True

    def look(self) -> str | None:
        """Ask which commit the ref is at, and bring nothing here; None when there is no such ref."""
        done = self._git.run("ls-remote", "--quiet", "--", self.remote, self.ref, remote=True)
        if done.code:
            raise self._unreachable(done)
        lines = (line.split("\t") for line in done.out.decode("utf-8", "replace").splitlines())
        return next((line[0] for line in lines if line[1:] == [self.ref]), None)

    def push(self, commit: str, expected: str | None) -> None:
        """Move the ref from `expected` (None: it must not exist) to `commit`.

        Raises Rejected when the remote will not have it, RemoteError when it is not known what became of it, or
        somebody else was quicker; whoever asked then has to look.
        """
        mirror = () if ":" in self.remote or "/" in self.remote else ("-c", f"remote.{self.remote}.mirror=false")
        done = self._git.run(
            *mirror, "push", "--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no", "--no-signed",
            f"--force-with-lease={self.ref}:{expected or ''}", "--", self.remote, f"{commit}:{self.ref}", remote=True,
        )  # fmt: skip
        if done.code == 0:
            return
        refused = _REFUSED.search(done.out.decode("utf-8", "replace"))
        if refused is None or done.late:
            raise self._unreachable(done)
        reason = refused[2]
        if _RACES.search(reason):
            raise RemoteError(reason, where=self.name)
        said = [line[8:].strip() for line in done.err.splitlines() if line.startswith("remote: ")]
        told = next((line for line in said if line), "")
        what = f"does not take {self.ref}: {reason}" + (f" ({told})" if told else "")
        raise Rejected(what, where=self.name, fix=f"let this account push to {self.ref.rpartition('/')[0]}/*")

    def _unreachable(self, done: Ended) -> RemoteError:
        fix = next((fix for pattern, fix in _FIXES if re.search(pattern, done.err)), _LATER)
        return RemoteError(f"cannot be reached: {done.reason}", where=self.name, fix=fix)
