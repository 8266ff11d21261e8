"""The lock of one environment on one machine: one run at a time, and never a stale lock in the way.

The kernel's lock (`flock`) on the file is the truth: it ends with the process, however that ends. What the
file says is for people, and for the next run: who holds it, or who left without releasing it. Breaking a lock
puts a *new* file at the path, so the old holder's lock is one on a file that nobody looks at any more, which
is what `check` notices.

`flock` works on local file systems and Linux' NFS; a folder shared otherwise wants `state: git`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from botswain.errors import Refused
from botswain.state import atomic
from botswain.state.holding import (
    alive,
    beating,
    breaking,
    check_reason,
    contents,
    document,
    earlier,
    holding,
    lost,
    refusal,
    unreleased,
)
from botswain.state.ids import timestamp
from botswain.state.store import Broken, Holder, Owner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType
    from typing import Self

HEARTBEAT = 10.0
"""Seconds between signs of life."""
_POLL = 0.1
_GRACE = 3
"""Looks before a run is refused: a glance by `holder` and a run that is just ending hold it for a moment."""


class FileLock:
    """The lock at `path` of `environment` (named in messages)."""

    def __init__(self, path: Path, environment: str) -> None:
        self.path = path
        self.environment = environment

    def acquire(self, owner: Owner, *, wait: float = 0, waiting: Callable[[Holder], None] | None = None) -> HeldFile:
        """Take the lock, trying for `wait` seconds; `waiting` hears once who has it. Raises Refused."""
        end = time.monotonic() + wait
        looks = 0
        with atomic.explained(self.path, "lock it"):
            atomic.make_folder(self.path.parent)
            while (descriptor := self._try()) is None:
                looks += 1
                if looks >= _GRACE:
                    holder, _ = contents(_read(self.path))
                    if time.monotonic() >= end:
                        raise self._refusal(holder)
                    if looks == _GRACE and holder and waiting:
                        waiting(holder)
                time.sleep(_POLL)
            try:
                return HeldFile(self, descriptor, owner)
            except BaseException:
                os.close(descriptor)
                raise

    def _try(self) -> int | None:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self.names(descriptor):  # else it was replaced between open and lock
                return descriptor
        except BlockingIOError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def names(self, descriptor: int) -> bool:
        """Say whether the path still leads to this open file."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(descriptor))
        except FileNotFoundError:
            return False

    def _refusal(self, holder: Holder | None) -> Refused:
        if holder is None:
            return Refused("is locked by a run that is just starting", where=self.environment, fix="try again")
        return refusal(holder, self.environment, HEARTBEAT)

    def holder(self) -> Holder | None:
        """Tell who holds the lock now, if anybody does."""
        with atomic.explained(self.path, "look at it"):
            return contents(_read(self.path))[0] if self._taken() else None

    def _taken(self) -> bool:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def break_lock(self, why: str, by: str) -> Broken | None:
        """Put a new file at the path that names the holder, `by` and `why`; None when nobody holds the lock.

        Raises BotswainError when `why` says nothing.
        """
        check_reason(why, self.environment)
        if not self._taken():
            return None
        with atomic.explained(self.path, "break the lock"):
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                data = _all(descriptor)
                holder, breaks = contents(data)
                if holder is None:
                    return None
                done = breaking(holder, by, why)
                atomic.replace_files([(self.path, document(holder, [*breaks, done], earlier(data)))])
            finally:
                os.close(descriptor)
        return Broken(replace(holder, alive=alive(holder)), by, done.why, done.at)


class HeldFile:
    """The lock, held through an open file; a thread shows signs of life."""

    def __init__(self, lock: FileLock, descriptor: int, owner: Owner) -> None:
        self._lock = lock
        self._descriptor: int | None = descriptor
        data = _all(descriptor)
        _, self._breaks = contents(data)
        self.cut_off = unreleased(data)
        self.left_behind = next(iter(self.cut_off), None)
        self.unsettled = False
        self._holder = holding(owner)
        self.token = self._holder.token
        self._put(self._holder)
        self._stop, self._thread = beating(self.beat, HEARTBEAT)

    def check(self) -> None:
        """Make sure that the lock is still ours. Raises LockLost: who broke it, when and why."""
        if self._descriptor is not None and self._lock.names(self._descriptor):
            return
        _, breaks = contents(_read(self._lock.path))
        otherwise = "the lock was released" if self._descriptor is None else "the lock file was replaced"
        raise lost(self.token, breaks, otherwise, self._lock.environment)

    def beat(self) -> None:
        """Write a sign of life into the lock file; a full disk must not end a run for it."""
        self._holder = replace(self._holder, heartbeat=timestamp())
        with contextlib.suppress(OSError):
            self._put(self._holder)

    def release(self) -> None:
        """Give the lock back. The file stays, so that nobody holds a lock on a file that is gone."""
        self._stop.set()
        self._thread.join()
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            try:
                with contextlib.suppress(OSError):
                    _overwrite(descriptor, document(None, self._breaks, self.cut_off if self.unsettled else ()))
            finally:
                os.close(descriptor)

    def _put(self, holder: Holder) -> None:
        if self._descriptor is not None:
            _overwrite(self._descriptor, document(holder, self._breaks, self.cut_off))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _overwrite(descriptor: int, data: bytes) -> None:
    """Write in place: the file must stay the one that is locked. Readers bear a half-written one."""
    os.pwrite(descriptor, data, 0)
    os.ftruncate(descriptor, len(data))


def _all(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
