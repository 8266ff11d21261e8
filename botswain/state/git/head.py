"""What this clone holds to be true of the ref: the last commit it accepted, and how it goes on from there."""

from __future__ import annotations

import contextlib
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botswain.errors import BotswainError, Refused
from botswain.state.git.compare import compare
from botswain.state.git.remote import RemoteError

if TYPE_CHECKING:
    from botswain.state.git.objects import Objects
    from botswain.state.git.process import Git
    from botswain.state.git.remote import Remote


class Disputed(Refused):
    """The remote's history is not a continuation of what this clone accepted; a person has to say which is true."""


class Head:
    """The newest commit that this clone accepts. The local ref of the same name as the remote's remembers it.

    It only ever moves forward, to commits that contain it: that is what makes the remote and every clone each
    other's witness.
    """

    def __init__(self, git: Git, objects: Objects, remote: Remote, environment: str) -> None:
        self._git = git
        self._objects = objects
        self._remote = remote
        self._environment = environment
        self.commit: str | None = None
        """None: there are no records yet."""
        self.sure = float("-inf")
        """When the remote was last seen to be at it, in `now`'s seconds."""
        self.problem: BotswainError | None = None
        """Why the last look at the remote told nothing better."""
        self.found: str | None = None
        """Where the remote was at the last look."""

    def follow(self) -> None:
        """Fetch, and accept what continues the accepted. Raises RemoteError, Disputed. Wants the clone's turn."""
        self.commit = self._objects.resolve(self._remote.ref)
        began = now()
        try:
            self.found = self._objects.resolve(self._remote.fetched) if self._remote.fetch() else None
            self._consider()
        except BotswainError as error:
            self.problem = error
            raise
        self.problem = None
        self.sure = began

    def _consider(self) -> None:
        found, accepted = self.found, self.commit
        if found == accepted:
            return
        if accepted is not None and (found is None or not self.contains(found, accepted)):
            raise self._dispute(accepted, found)
        assert found is not None  # noqa: S101 - both being None is equality
        self.accept(found)

    def contains(self, commit: str, earlier: str) -> bool:
        """Whether a commit is `earlier`, or came of it by first parents; else a merge could replace history."""
        done = self._git.run("rev-list", "--parents", commit, f"^{earlier}")
        if done.code:
            fix = "`git fsck` there tells more"
            raise BotswainError(f"git cannot compare commits: {done.reason}", where=str(self._git.repo), fix=fix)
        parents = {one: before for one, *before in map(str.split, done.out.decode().splitlines())}
        while before := parents.get(commit):
            commit = before[0]
        return commit == earlier

    def accept(self, commit: str) -> None:
        """Take a commit that the remote has for the truth, and remember it. Wants the clone's turn."""
        self.point(self._remote.ref, commit)
        self.commit = commit
        self.sure = now()

    def point(self, ref: str, commit: str) -> None:
        """Set a local ref."""
        done = self._git.run("update-ref", "-m", "botswain", ref, commit)
        if done.code:
            what = f"git cannot set {ref}: {done.reason}"
            raise BotswainError(what, where=str(self._git.repo), fix="see whether another git runs there")

    def _dispute(self, accepted: str, found: str | None) -> Disputed:
        env, ref = self._environment, self._remote.ref
        if found is None:
            what = f"{ref} is gone; this clone knows it at {accepted[:12]}"
        elif self.contains(accepted, found):
            what = f"{ref} went back to {found[:12]}; this clone knows it at {accepted[:12]}"
        else:
            what = f"{ref} was rewritten: {found[:12]} does not contain {accepted[:12]}, which this clone knows"
        fix = (
            f'find out who did that; then `./inv state.accept --env {env} --why "…"` takes the remote\'s for the truth,'
            f' or `./inv state.restore --env {env} --why "…"` puts this clone\'s back'
        )
        with contextlib.suppress(BotswainError):  # what differs is worth knowing, and not more
            what += f"; {compare(self._objects, accepted, found)}"
        return Disputed(what, where=self._remote.name, fix=fix)

    def note(self) -> str | None:
        """What a reader has to know of the copy it is shown; None for one that is as new as can be."""
        if self.problem is None:
            return None
        known = f"these are the records as of {self.date()}" if self.commit else "there are no records here"
        if isinstance(self.problem, RemoteError):
            return f"{self.problem.where} {self.problem.what}; {known}"
        return f"{self.problem}; {known}"

    def date(self) -> str:
        """Say when the accepted commit was made."""
        found = self._objects.get(self.commit or "")
        when = re.search(rb"^committer .* (\d+) [+-]\d{4}$", found[1], re.MULTILINE) if found else None
        return f"{datetime.fromtimestamp(int(when[1]), UTC):%Y-%m-%d %H:%M:%S} UTC" if when else "an unknown time"


def now() -> float:
    """Seconds since boot, those that the machine slept through included."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
