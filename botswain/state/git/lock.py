"""The lock of an environment as a document of its ref: taken, shown and given back by pushing commits.

Whoever pushes holds it, since a push succeeds only on top of the commit that was looked at: every push of a run is
its own proof that the lock was still there. The holder's machine knows when the holder is dead, and then the next run
there takes the lock over, as the kernel would let it; anywhere else only a person can say so (`lock.break`).
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from botswain.state import holding
from botswain.state.ids import timestamp

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from botswain.state.git.objects import Documents
    from botswain.state.git.store import GitStore
    from botswain.state.store import Holder

LOCK = "lock.json"
HEARTBEAT = 60.0
"""Seconds between signs of life; each is a commit."""


def holder_in(data: bytes) -> Holder | None:
    """Say who holds the lock that `data` is; None when it is free, was broken, or its holder surely died."""
    holder, breaks = holding.contents(data)
    if holder is None or any(one.token == holder.token for one in breaks) or holding.surely_dead(holder):
        return None
    return replace(holder, alive=holding.alive(holder))


def take(view: Documents, holder: Holder | None, *, keep: bool = True) -> None:
    """Name the holder, or nobody, in the lock of a run that holds it; `keep` also whom it names as cut off."""
    data = view.read(LOCK) or b""
    _, breaks = holding.contents(data)
    view.put(LOCK, holding.document(holder, breaks, holding.earlier(data) if keep else ()))


class HeldRef:
    """The lock, held by what the remote says; a thread shows signs of life."""

    def __init__(self, store: GitStore, holder: Holder, cut_off: tuple[Holder, ...]) -> None:
        self.cut_off = cut_off
        self.left_behind = next(iter(cut_off), None)
        self.unsettled = False
        self.token = holder.token
        self._store = store
        self._holder = holder
        self._released = False
        self._stop, self._thread = holding.beating(self.beat, HEARTBEAT)

    def check(self) -> None:
        """Make sure that the lock is still ours, by a look that is some seconds old at most. Raises LockLost."""
        if self._released:
            raise holding.lost(self.token, [], "the lock was released", self._store.environment)
        self._store.still(self)

    def look(self, data: bytes) -> None:
        """Raise LockLost unless `data`, the lock as the remote has it, is ours."""
        holder, breaks = holding.contents(data)
        if holder is None or holder.token != self.token or any(one.token == self.token for one in breaks):
            raise holding.lost(self.token, breaks, "somebody else took the lock", self._store.environment)

    def beaten(self) -> Holder:
        """Describe the holder as alive now."""
        self._holder = replace(self._holder, heartbeat=timestamp())
        return self._holder

    def beat(self) -> None:
        """Show a sign of life; a remote that cannot be reached must not end a run for it."""
        self._store.beat(self)

    def release(self) -> None:
        """Give the lock back."""
        if self._released:
            return
        self._released = True
        self._stop.set()
        if self._thread is not threading.current_thread():
            self._thread.join()
        self._store.give_back(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
