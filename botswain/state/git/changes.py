"""What this process changes: done in memory, stored as one commit on the newest one, again when others were quicker."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from typing import TYPE_CHECKING

from botswain.errors import BotswainError, Refused
from botswain.secrets import redaction
from botswain.state.git.head import Disputed, Head, now
from botswain.state.git.lock import LOCK
from botswain.state.git.objects import Documents, Objects
from botswain.state.git.remote import Rejected, Remote, RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botswain.state.git.process import Git

_TRIES = 3
"""Pushes, while the remote cannot be reached."""
_LONG = 20.0
"""Seconds after which no further try begins."""
_PAUSE = 1.0
"""Seconds before the second try; three times as many before the next."""
_RACES = 60
"""Times that others may be quicker."""
_NAMED = 3
"""Documents that the first line of a commit's message names."""


class Changes:
    """The changes of one process on an environment's records. Safe between threads."""

    def __init__(self, git: Git, objects: Objects, remote: Remote, head: Head, environment: str) -> None:
        self._git = git
        self._objects = objects
        self._remote = remote
        self._head = head
        self._mutex = threading.RLock()
        self._early: threading.Thread | None = None
        self._view = Documents(objects, None)
        self._pending: list[Callable[[Documents], None]] = []
        """What is in `_view` and in no commit yet, in order."""
        self._depth = 0
        self.looked = False
        self.task = environment
        """How commits name what they are for."""
        self.fence: Callable[[bytes], None] | None = None
        """Raises for a lock that is not this run's, given what the remote holds."""

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other threads out meanwhile."""
        if self._early is not None and self._early is not threading.current_thread():
            self._early.join()
        with self._mutex:
            yield

    @contextlib.contextmanager
    def soon(self, seconds: float) -> Iterator[bool]:
        """Keep other threads out, and their batches, if that can be had soon; tells whether."""
        got = self._mutex.acquire(timeout=seconds)
        try:
            yield got
        finally:
            if got:
                self._mutex.release()

    # Looking.

    def start(self) -> None:
        """Begin to look at the remote beside whatever else there is to do; who asks later waits for it."""
        self._early = threading.Thread(target=self._peek, name="records", daemon=True)
        self._early.start()

    def _peek(self) -> None:
        with contextlib.suppress(BotswainError, OSError), self._mutex:  # whoever asks hears of it
            if not self.looked:
                self.look()

    def look(self) -> None:
        """Fetch; what is not stored yet is then a change of what was found. Raises RemoteError, Disputed."""
        try:
            with self._git.turn():
                self._head.follow()
        except (RemoteError, Disputed):
            self.looked = True
            self._rebase()
            raise
        self.looked = True
        self._rebase()

    def fresh(self, age: float) -> None:
        """Make sure of what the remote held `age` seconds ago, or later. Raises RemoteError, Disputed."""
        if self._head.problem is not None or now() - self._head.sure > age:
            self.look()

    def view(self) -> Documents:
        """What reads see: the last accepted copy when the remote tells nothing better, and then there is a note."""
        if not self.looked:
            with contextlib.suppress(RemoteError, Disputed):
                self.look()
        problem = self._head.problem
        if problem is not None and (self._head.commit is None or not isinstance(problem, (RemoteError, Disputed))):
            raise problem
        return self._view

    def _rebase(self) -> None:
        self._view = Documents(self._objects, self._head.commit)
        for change in self._pending:
            change(self._view)

    def stored(self, name: str) -> bytes:
        """What a document holds in the newest commit; b"" when it is not there."""
        return Documents(self._objects, self._head.commit).read(name) or b""

    # Changing.

    def do(self, change: Callable[[Documents], None], *, later: bool = False) -> None:
        """Carry out a change and store it, or (`later`, or in a batch) leave it to whatever is stored next.

        It may be called again with what others left, so it must do nothing but change what it is given.
        """
        with self.alone():
            self.view()
            before = list(self._pending)
            self._pending.append(change)
            with self._or_never(before):
                change(self._view)
                if not (later or self._depth):
                    self._push()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Store all changes within this as one commit, when it ends; none when its body raises."""
        with self.alone():
            self.view()
            before = list(self._pending)
            self._depth += 1
            with self._or_never(before):
                try:
                    yield
                finally:
                    self._depth -= 1
                if not self._depth and len(self._pending) > len(before):
                    self._push()

    def publish(self, over: str | None, changes: Callable[[], None]) -> None:
        """Store what `changes` does to the head, in place of the commit `over` that the remote must be at. Once."""
        with self.alone(), self._git.turn():
            self._head.problem = None
            self.drop()
            self._depth += 1
            try:
                with self._or_never([]):
                    changes()
            finally:
                self._depth -= 1
            made = self._commit()
            assert made is not None  # noqa: S101 - whoever publishes says at least why
            try:
                self._remote.push(made, over)
            except RemoteError as error:
                if isinstance(error, Rejected) or self._remote.look() != made:
                    self.drop()
                    raise
            self._head.accept(made)
            self.drop()

    def drop(self) -> None:
        """Forget what is not stored yet."""
        self._pending = []
        self._rebase()

    @contextlib.contextmanager
    def _or_never(self, before: list[Callable[[Documents], None]]) -> Iterator[None]:
        """When it fails, what came after `before` is as if it had never been."""
        try:
            yield
        except BaseException:
            self._pending = before
            self._rebase()
            raise

    def _push(self) -> None:
        """Push all changes as one commit. Raises BotswainError; LockLost when this run's lock is no longer there."""
        tries = 1 if self._head.problem else _TRIES  # what failed a moment ago has had its tries
        self._willing()
        failed = races = 0
        end = time.monotonic() + _LONG
        with self._git.turn():
            self._fenced()
            made = self._commit()
            while made is not None:
                base = self._head.commit
                try:
                    self._remote.push(made, base)
                    self._head.accept(made)
                except Rejected:
                    raise
                except RemoteError as error:
                    if not self._settled(made):
                        failed, races = (failed + 1, races) if self._head.commit == base else (0, races + 1)
                        if failed >= tries or races > _RACES or time.monotonic() >= end:
                            self._head.problem = error
                            raise
                        if self._head.commit != base:
                            self._fenced()
                            self._rebase()
                            made = self._commit()
                        time.sleep(_pause(failed))
                        continue
                made = None
                self._head.problem = None
                self._pending = []
                self._rebase()

    def _willing(self) -> None:
        """Raise Refused while there is nothing to build on; a run that holds the lock tries all the same."""
        if isinstance(self._head.problem, Disputed):
            raise self._head.problem
        if self._head.problem is not None and self.fence is None:
            try:
                self.look()
            except RemoteError as error:
                raise Refused(error.what, where=error.where, fix=error.fix) from error

    def _commit(self) -> str | None:
        changes = self._view.changes
        if not changes:
            return None
        return self._objects.commit(self._head.commit, changes, self._message(list(changes)), self._remote.written)

    def _settled(self, made: str) -> bool:
        """Look what became of a push that failed: whether it was done all the same."""
        with contextlib.suppress(RemoteError):
            self._head.follow()
        commit = self._head.commit
        return commit is not None and (commit == made or self._head.contains(commit, made))

    def _fenced(self) -> None:
        if self.fence is not None:
            self.fence(self.stored(LOCK))

    def _message(self, changed: list[str]) -> str:
        names = [name for name in changed if name != LOCK] or ["lock"]
        more = f" (+{len(names) - _NAMED})" if len(names) > _NAMED else ""
        subject = f"{self.task}: {', '.join(names[:_NAMED])}{more}"
        return redaction.clean_text("\n".join([subject, "", *changed])) + "\n"


def _pause(failed: int) -> float:
    """Seconds before a push is tried again: a moment after others were quicker, longer when it failed."""
    jitter = random.uniform(0.5, 1.5)  # noqa: S311 - a pause
    return jitter * (_PAUSE * 3 ** (failed - 1) if failed else 0.1)
