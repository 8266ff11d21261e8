"""What keeps an environment's records: the contract that `state: folder` and `state: git` fulfil.

A store holds the documents of *one* environment under relative POSIX names:

    manifest.json                        what is deployed
    history/<deployment>.json            what was deployed before
    snapshots/<deployment>/<scope>.json  raw live state, the way back
    journal.jsonl                        the run under way; absent when none was left unfinished
    audit.jsonl                          every intent and outcome, hash-chained

Every method raises BotswainError, one line with the place and the remedy, when the medium fails. A failed
read is never an absent document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from botswain.errors import BotswainError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import Self

    from botswain.audit.verify import Finding

MANIFEST = "manifest.json"
JOURNAL = "journal.jsonl"
AUDIT = "audit.jsonl"
HISTORY = "history/"
SNAPSHOTS = "snapshots/"


class LockLost(BotswainError):
    """The lock that this run held was broken by somebody; what was done so far is in the journal."""


@dataclass(frozen=True)
class Owner:
    """Who asks for the lock, and for what."""

    deployment: str
    actor: str
    command: str
    """What it is doing, in the user's words: `deploy`, `rollback --to 20261122-101530-3f9a2c`."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, or left it behind."""

    deployment: str
    actor: str
    command: str
    token: str
    """Random, one a holding: two runs of one deployment id would still differ."""
    host: str
    pid: int
    process_started: str
    """Tells a process from a later one with the same pid; empty where the system does not say."""
    started_at: str
    heartbeat: str
    alive: bool
    """Whether the process still runs, as far as can be seen from here."""
    place: str = ""
    """The boot of its machine and the namespace that `pid` belongs to: where somebody can tell that it has ended."""
    broken_by: str = ""
    broken_why: str = ""
    broken_at: str = ""


@dataclass(frozen=True)
class Broken:
    """What breaking a lock met."""

    holder: Holder
    """Its `alive` is the warning: that process runs on until it looks at its lock, before its next change."""
    by: str
    why: str
    at: str


class Held(Protocol):
    """A lock that this process holds, until it is released or the process ends in whatever way."""

    left_behind: Holder | None
    """The holder before, if it did not release: it died, or its lock was broken. Its journal tells more."""
    cut_off: tuple[Holder, ...]
    """`left_behind`, and before it the holders since the last one that released; newest first."""
    unsettled: bool
    """Whether `cut_off` is passed on when this is released: what became of them was not told yet."""
    token: str

    def check(self) -> None:
        """Make sure, before a change, that the lock is still ours. Raises LockLost: who broke it, and why."""

    def beat(self) -> None:
        """Show a sign of life now; a thread does so every few seconds anyway. Never raises."""

    def release(self) -> None:
        """Give the lock back; again is harmless, and so is releasing a broken one."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Store(Protocol):
    """The records of one environment.

    `delayed` tells whether lines that are appended to the journal may reach other machines later than the steps they
    announce: whoever settles a run of another machine then has to look at everything that it was to do.

    `read`, `names` and `holder` may be called by anybody. `write` and `delete` belong to the holder of the
    lock. `append` and `chain` are safe between processes even without it, since a refused or a lock-breaking
    run is audited too.
    """

    delayed: bool

    @property
    def notes(self) -> tuple[str, ...]:
        """Tell what a reader must know of what was read so far, such as that it is an older copy."""

    def together(self) -> AbstractContextManager[None]:
        """Within this, several changes may be stored as one: all of them durably by its end, in their order.

        Reads see them at once. When its body raises, what was changed within it may or may not be stored.
        """

    def read(self, name: str) -> bytes | None:
        """Return a document whole, as it was last written; None when there is none."""

    def write(self, documents: Mapping[str, bytes]) -> None:
        """Store documents, each whole or not at all, and durably by the time this returns.

        They appear in the given order: after a crash the first ones may be new and the rest old, never
        otherwise, so the one that makes the others count goes last. A store may also make them appear at once
        (one commit). When it raises for want of space or permission, normally no document has changed.
        """

    def append(self, name: str, line: bytes) -> None:
        """Add one line (without its newline) durably; in one write, so a crash tears at most this line."""

    def chain(self, name: str, build: Callable[[bytes], bytes]) -> None:
        r"""Add what `build` makes of the end of a line file, with no other writer in between.

        `build` gets the last complete line with its newline and, after it, whatever a crash left of a torn
        one; b"" for a new file. What it returns is added as it is, so it ends in b"\n". It may be called
        again with a newer end (a push that lost a race), so it must do nothing but compute.
        """

    def names(self, prefix: str = "") -> list[str]:
        """Return the names that begin with `prefix`, sorted; the lock is not a document."""

    def delete(self, names: Iterable[str]) -> None:
        """Remove documents; one that is not there is none."""

    def testimony(self, name: str) -> list[Finding]:
        """Tell what a store that keeps earlier versions elsewhere has to say against a log: that it was rewritten."""

    def check_writable(self, bytes_needed: int = 0) -> None:
        """Make sure, before anything is changed elsewhere, that the outcome can be recorded. Or Refused."""

    def lock(self, owner: Owner, *, wait: float = 0, waiting: Callable[[Holder], None] | None = None) -> Held:
        """Take the environment's lock, for up to `wait` seconds; `waiting` hears once whom it waits for.

        Raises Refused: who holds it, since when, for what, its last sign of life, and what to do.
        """

    def holder(self) -> Holder | None:
        """Tell who holds the lock now, if anybody does."""

    def break_lock(self, why: str, by: str) -> Broken | None:
        """Take the lock from whoever holds it; None when nobody does. `why` must say something.

        The next run finds that holder as `left_behind`; the old one finds `by` and `why` at its next check.
        """
