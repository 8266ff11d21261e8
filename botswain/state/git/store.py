"""`state: git`: an environment's records as commits on a ref of its own, in the remote that all clones share.

Every change is a commit on the newest one that is known, pushed only if the remote is still there: so two clones never
overwrite each other, and whoever loses looks, and does the same change again on what the other left. A push whose
answer was lost is settled by looking. Nothing here touches a work tree, an index or a branch.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from botswain.errors import BotswainError, Refused
from botswain.secrets import redaction
from botswain.state import holding
from botswain.state.git.changes import Changes
from botswain.state.git.head import Disputed, Head, now
from botswain.state.git.lock import HEARTBEAT, LOCK, HeldRef, holder_in, take
from botswain.state.git.objects import NAME, Documents, Objects
from botswain.state.git.process import Git
from botswain.state.git.remote import Remote, RemoteError
from botswain.state.store import JOURNAL, Broken, Holder, LockLost, Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from botswain.audit.verify import Finding

FRESH = 5.0
"""Seconds for which a look at the remote is good enough."""
TRUST = 120.0
"""Seconds for which a lock is taken to be held while the remote cannot be reached, since a person breaks locks."""
_POLL = 1.0
"""Seconds between looks at a lock that is waited for."""
_RESERVE = 1 << 20
"""Bytes that are kept free beside what a run says it needs."""
_RESERVED = ("lock", LOCK)


class GitStore:
    """The Store on a ref of a git remote. It looks at the remote once; later only where the answer may have changed.

    `clean` sees every byte that is written, as in a folder.
    """

    delayed = True

    def __init__(
        self,
        repo: Path,
        remote: str,
        ref: str,
        environment: str,
        *,
        clean: Callable[[bytes], bytes] = redaction.clean_document,
    ) -> None:
        self.environment = environment
        self.git = Git(repo)
        self.objects = Objects(self.git)
        self.remote = Remote(self.git, remote, ref)
        self.head = Head(self.git, self.objects, self.remote, environment)
        self.changes = Changes(self.git, self.objects, self.remote, self.head, environment)
        self.where = f"{self.remote.name} {ref}"
        self._clean = clean
        self._held: HeldRef | None = None
        self._said: tuple[str, ...] = ()

    def start(self) -> None:
        """Begin to look at the remote now; it saves that time to whoever asks later."""
        self.changes.start()

    @property
    def notes(self) -> tuple[str, ...]:
        """Tell when what was read is an older copy, and why; and what could not be given back."""
        note = self.head.note() if self.changes.looked else None
        return ((note,) if note else ()) + self._said

    def read(self, name: str) -> bytes | None:
        """Return a document whole; None when there is none."""
        self._check(name)
        with self.changes.alone():
            return self.changes.view().read(name)

    def names(self, prefix: str = "") -> list[str]:
        """Return the names that begin with `prefix`, sorted."""
        parent = prefix.rpartition("/")[0]
        if parent:
            self._check(parent)
        with self.changes.alone():
            return [name for name in self.changes.view().names(prefix) if name not in _RESERVED]

    def _check(self, name: str) -> None:
        if not NAME.fullmatch(name) or name in _RESERVED:
            raise BotswainError(f"{name!r} cannot name a record", where=self.where)

    def together(self) -> AbstractContextManager[None]:
        """Store all changes within this as one commit, when it ends; none when its body raises."""
        return self.changes.together()

    def write(self, documents: Mapping[str, bytes]) -> None:
        """Store documents, all of them at once."""
        clean = {name: self._clean(data) for name, data in documents.items()}
        for name in clean:
            self._check(name)

        def change(view: Documents) -> None:
            for name, data in clean.items():
                view.put(name, data)

        self.changes.do(change)

    def append(self, name: str, line: bytes) -> None:
        """Add one line. Of the journal of a run that holds the lock, it is stored with whatever is stored next."""
        self._check(name)
        data = self._clean(line + b"\n")
        self.changes.do(
            lambda view: view.put(name, (view.read(name) or b"") + data),
            later=name == JOURNAL and self._held is not None,
        )

    def chain(self, name: str, build: Callable[[bytes], bytes]) -> None:
        """Add what `build` makes of the end of a line file; again, if somebody else was quicker."""
        self._check(name)

        def change(view: Documents) -> None:
            known = view.read(name) or b""
            view.put(name, known + self._clean(build(_end(known))))

        self.changes.do(change)

    def delete(self, names: Iterable[str]) -> None:
        """Remove documents; one that is not there is none."""
        gone = list(names)
        for name in gone:
            self._check(name)

        def change(view: Documents) -> None:
            for name in gone:
                view.remove(name)

        self.changes.do(change)

    def testimony(self, name: str) -> list[Finding]:
        """Tell where a log is no continuation of what the remote, this clone and the ref's history have of it."""
        from botswain.state.git.anchor import testimony

        return testimony(self, name)

    def check_writable(self, bytes_needed: int = 0) -> None:
        """Make sure that this clone has room, and that the remote can be reached: it took the lock a moment ago."""
        room = os.statvfs(self.git.folder)
        if room.f_bavail * room.f_frsize < bytes_needed + _RESERVE:
            fix = "free some space, then run the same command again"
            raise Refused("cannot record anything in it: the disk is full", where=str(self.git.folder), fix=fix)
        with _refusing(), self.changes.alone():
            self.changes.fresh(FRESH)

    def lock(self, owner: Owner, *, wait: float = 0, waiting: Callable[[Holder], None] | None = None) -> HeldRef:
        """Take the environment's lock by pushing a commit that says so."""
        end = time.monotonic() + wait
        age, told = FRESH, False
        while True:
            try:
                with _refusing():
                    return self._take(owner, age)
            except _Taken as taken:
                if age:  # nobody is refused for what was so a moment ago
                    age = 0.0
                    continue
                if time.monotonic() >= end:
                    raise holding.refusal(taken.holder, self.environment, HEARTBEAT) from None
                if waiting and not told:
                    waiting(taken.holder)
                    told = True
            time.sleep(max(0.0, min(end - time.monotonic(), _POLL * random.uniform(0.8, 1.2))))  # noqa: S311 - a pause

    def _take(self, owner: Owner, age: float) -> HeldRef:
        me = holding.holding(owner)
        left: list[tuple[Holder, ...]] = []

        def change(view: Documents) -> None:
            data = view.read(LOCK) or b""
            if (taken := holder_in(data)) is not None:
                raise _Taken(taken)
            _, breaks = holding.contents(data)
            left.append(holding.unreleased(data))
            view.put(LOCK, holding.document(me, breaks, left[-1]))

        with self.changes.alone():
            self.changes.fresh(age)
            self.changes.task = f"{redaction.clean_text(owner.command)} {owner.deployment}"
            try:
                self.changes.do(change)
            except BaseException:
                self.changes.task = self.environment
                raise
            held = HeldRef(self, me, left[-1])
            self._held, self.changes.fence = held, held.look
            return held

    def holder(self) -> Holder | None:
        """Tell who holds the lock now, if anybody does; as of the last accepted copy when the remote tells nothing."""
        with self.changes.alone():
            with contextlib.suppress(RemoteError, Disputed):
                self.changes.fresh(1)
            self.changes.view()
            return holder_in(self.changes.stored(LOCK))

    def break_lock(self, why: str, by: str) -> Broken | None:
        """Take the lock from whoever holds it, from any clone."""
        holding.check_reason(why, self.environment)
        found: list[Broken | None] = []

        def change(view: Documents) -> None:
            data = view.read(LOCK) or b""
            holder, breaks = holding.contents(data)
            if holder is None or holder_in(data) is None:
                found.append(None)
                return
            done = holding.breaking(holder, by, why)
            view.put(LOCK, holding.document(holder, [*breaks, done], holding.earlier(data)))
            found.append(Broken(replace(holder, alive=holding.alive(holder)), by, done.why, done.at))

        with self.changes.alone():
            self.changes.fresh(FRESH)
            self.changes.do(change)
        return found[-1]

    # What the lock that was given out asks for.

    def still(self, held: HeldRef) -> None:
        """Make sure that the lock is still `held`'s. Raises LockLost, or BotswainError when nobody can tell."""
        with self.changes.alone():
            held.look(self.changes.stored(LOCK))
            if now() - self.head.sure <= FRESH:
                return
            try:
                if self.remote.look() == self.head.commit:
                    self.head.sure = now()
                    return
                self.changes.look()
            except RemoteError as error:
                if now() - self.head.sure > TRUST:
                    what = f"nobody can tell whether the lock is still held: {error.where} {error.what}"
                    raise BotswainError(what, where=self.environment, fix=error.fix) from None
                return
            held.look(self.changes.stored(LOCK))

    def beat(self, held: HeldRef) -> None:
        """Push a sign of life, unless something is being stored just now. Never raises."""
        with self.changes.soon(1) as free, contextlib.suppress(BotswainError, OSError):
            if free and self._held is held:
                self.changes.do(lambda view: take(view, held.beaten()))

    def give_back(self, held: HeldRef) -> None:
        """Push that the lock is free. Never raises: what a remote out of reach does not hear is left as a note."""
        with self.changes.alone():
            if self._held is not held:
                return
            try:
                self.changes.do(lambda view: take(view, None, keep=held.unsettled))
            except LockLost:
                pass
            except BotswainError as error:
                more = f'elsewhere it takes `./inv lock.break --env {self.environment} --why "…"`'
                self._said += (f"the lock could not be given back ({error}); the next run here takes it over, {more}",)
            finally:
                self._held = self.changes.fence = None
                self.changes.task = self.environment
                self.changes.drop()


class _Taken(Exception):
    """Somebody holds the lock."""

    def __init__(self, holder: Holder) -> None:
        super().__init__(holder.token)
        self.holder = holder


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """Tell a failure inside as a refusal: nothing was changed."""
    try:
        yield
    except Refused:
        raise
    except BotswainError as error:
        raise Refused(error.what, where=error.where, fix=error.fix) from error


def _end(data: bytes) -> bytes:
    """Return the last complete line and what follows it."""
    return data[data.rfind(b"\n", 0, max(data.rfind(b"\n"), 0)) + 1 :]
