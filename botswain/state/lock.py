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
import json
import os
import time
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from botswain.errors import BotswainError, Refused
from botswain.secrets import redaction
from botswain.state import atomic
from botswain.state.ids import hostname, moment, timestamp
from botswain.state.store import Broken, Holder, LockLost, Owner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from threading import Event, Thread
    from types import TracebackType
    from typing import Self

HEARTBEAT = 10.0
"""Seconds between signs of life."""
_POLL = 0.1
_GRACE = 3
"""Looks before a run is refused: a glance by `holder` and a run that is just ending hold it for a moment."""
_KEPT_BREAKS = 5


@dataclass(frozen=True)
class _Break:
    token: str
    by: str
    why: str
    at: str


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
                    holder, _ = _contents(_read(self.path))
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
        what = (
            f"is locked by {holder.actor} since {_clock(holder.started_at)} for `{holder.command}`"
            f" ({holder.deployment}, process {holder.pid} on {holder.host}),"
            f" last sign of life {_ago(holder.heartbeat)}"
        )
        fix = f'wait, or `./inv lock.break --env {self.environment} --why "…"` when it hangs'
        return Refused(what, where=self.environment, fix=fix)

    def holder(self) -> Holder | None:
        """Tell who holds the lock now, if anybody does."""
        with atomic.explained(self.path, "look at it"):
            return _contents(_read(self.path))[0] if self._taken() else None

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
        if not why.strip():
            fix = '`--why "…"` is recorded and shown to the run that loses it'
            raise BotswainError("breaking a lock needs a reason", where=self.environment, fix=fix)
        if not self._taken():
            return None
        with atomic.explained(self.path, "break the lock"):
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                holder, breaks = _contents(_all(descriptor))
                if holder is None:
                    return None
                done = _Break(holder.token, by, redaction.clean_text(why.strip()), timestamp())
                atomic.replace_files([(self.path, _document(holder, [*breaks, done]))])
            finally:
                os.close(descriptor)
        return Broken(replace(holder, alive=_alive(holder)), by, done.why, done.at)


class HeldFile:
    """The lock, held through an open file; a thread shows signs of life."""

    def __init__(self, lock: FileLock, descriptor: int, owner: Owner) -> None:
        self._lock = lock
        self._descriptor: int | None = descriptor
        before, self._breaks = _contents(_all(descriptor))
        self.left_behind = before and _told(before, self._breaks)
        self.token = os.urandom(8).hex()
        now = timestamp()
        self._holder = Holder(
            deployment=owner.deployment,
            actor=owner.actor,
            command=redaction.clean_text(owner.command),
            token=self.token,
            host=hostname(),
            pid=os.getpid(),
            process_started=_process_started(os.getpid()),
            started_at=now,
            heartbeat=now,
            alive=True,
        )
        self._put(self._holder)
        self._stop, self._thread = _beating(self)

    def check(self) -> None:
        """Make sure that the lock is still ours. Raises LockLost: who broke it, when and why."""
        if self._descriptor is not None and self._lock.names(self._descriptor):
            return
        _, breaks = _contents(_read(self._lock.path))
        for done in breaks:
            if done.token == self.token:
                told = f"the lock was broken by {done.by} at {_clock(done.at)}: {done.why}"
                break
        else:
            told = "the lock was released" if self._descriptor is None else "the lock file was replaced"
        fix = f"nothing more was changed; `./inv status --env {self._lock.environment}` shows what is left"
        raise LockLost(told, where=self._lock.environment, fix=fix)

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
                    _overwrite(descriptor, _document(None, self._breaks))
            finally:
                os.close(descriptor)

    def _put(self, holder: Holder) -> None:
        if self._descriptor is not None:
            _overwrite(self._descriptor, _document(holder, self._breaks))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _beating(held: HeldFile) -> tuple[Event, Thread]:
    from threading import Event, Thread

    stop = Event()

    def run() -> None:
        while not stop.wait(HEARTBEAT):
            held.beat()

    thread = Thread(target=run, name="lock-heartbeat", daemon=True)
    thread.start()
    return stop, thread


def _document(holder: Holder | None, breaks: list[_Break]) -> bytes:
    known = {"holder": holder and asdict(holder), "breaks": [asdict(one) for one in breaks[-_KEPT_BREAKS:]]}
    return json.dumps(known, indent=1).encode() + b"\n"


def _contents(data: bytes) -> tuple[Holder | None, list[_Break]]:
    """Read a lock file; one that is empty, half-written or strange names nobody: the kernel decides."""
    try:
        # A killed run may have left the end of a longer text behind a shorter one.
        known: dict[str, Any] = json.JSONDecoder().raw_decode(data.decode())[0]
        breaks = [_Break(**one) for one in known["breaks"]]
        holder = known["holder"]
        names = {field.name for field in fields(Holder)}
        found = Holder(**{key: value for key, value in holder.items() if key in names}) if holder else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None, []
    return found, breaks


def _told(holder: Holder, breaks: list[_Break]) -> Holder:
    """Say of a holder that did not release whether it lives, and who broke its lock."""
    done = next((one for one in breaks if one.token == holder.token), None)
    holder = replace(holder, alive=_alive(holder))
    return replace(holder, broken_by=done.by, broken_why=done.why, broken_at=done.at) if done else holder


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


def _alive(holder: Holder) -> bool:
    """Whether the holder's process runs; one on another host is taken to."""
    if holder.host != hostname():
        return True
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _process_started(holder.pid) == holder.process_started


def _process_started(pid: int) -> str:
    """Return the start of a process in ticks since boot, as Linux tells it; empty elsewhere."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123 - pathlib adds nothing to a kernel file
            return stat.read().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return ""


def _clock(at: str) -> str:
    found = moment(at)
    return f"{found:%Y-%m-%d %H:%M:%S} UTC" if found else at


def _ago(at: str) -> str:
    from datetime import UTC, datetime

    found = moment(at)
    if found is None:
        return "unknown"
    seconds = max(0, int((datetime.now(UTC) - found).total_seconds()))
    return f"{seconds} s ago" if seconds < 120 else f"{seconds // 60} min ago"
