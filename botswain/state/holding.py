"""What a lock says of its holder, in whatever store: the document, its wording, and signs of life."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from botswain.errors import BotswainError, Refused
from botswain.secrets import redaction
from botswain.state.ids import hostname, moment, timestamp
from botswain.state.store import Holder, LockLost, Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from threading import Event, Thread

_KEPT_BREAKS = 5
_KEPT_LEFT = 5


@dataclass(frozen=True)
class Break:
    """A lock that was broken: whose (by token), by whom, why and when."""

    token: str
    by: str
    why: str
    at: str


def holding(owner: Owner) -> Holder:
    """Describe this process as the holder, from now on."""
    now = timestamp()
    return Holder(
        deployment=owner.deployment,
        actor=owner.actor,
        command=redaction.clean_text(owner.command),
        token=os.urandom(8).hex(),
        host=hostname(),
        pid=os.getpid(),
        process_started=_process_started(os.getpid()),
        started_at=now,
        heartbeat=now,
        alive=True,
        place=place(),
    )


def beating(beat: Callable[[], None], seconds: float) -> tuple[Event, Thread]:
    """Start a thread that shows a sign of life every so many seconds, until the event is set."""
    from threading import Event, Thread

    stop = Event()

    def run() -> None:
        while not stop.wait(seconds):
            beat()

    thread = Thread(target=run, name="lock-heartbeat", daemon=True)
    thread.start()
    return stop, thread


def document(holder: Holder | None, breaks: list[Break], left: Sequence[Holder] = ()) -> bytes:
    """Write what a lock says; only the last few breaks are kept.

    `left` are the holders before, newest first, that did not release it, and of whose end nobody was told yet.
    """
    known = {"holder": holder and asdict(holder), "breaks": [asdict(one) for one in breaks[-_KEPT_BREAKS:]]}
    if left:
        known["left"] = [asdict(one) for one in left[:_KEPT_LEFT]]
    return json.dumps(known, indent=1).encode() + b"\n"


def contents(data: bytes) -> tuple[Holder | None, list[Break]]:
    """Read what a lock says; a text that is empty, half-written or strange names nobody."""
    try:
        known = _known(data)
        breaks = [Break(**one) for one in known["breaks"]]
        found = _holder(known["holder"]) if known["holder"] else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None, []
    return found, breaks


def earlier(data: bytes) -> list[Holder]:
    """Read which holders before the one that a lock names did not release it, newest first."""
    try:
        return [_holder(one) for one in _known(data).get("left", ())]
    except (ValueError, TypeError, AttributeError):
        return []


def unreleased(data: bytes) -> tuple[Holder, ...]:
    """Read which runs did not come to their end since the last one that did, newest first, for the next holder."""
    holder, breaks = contents(data)
    return (*((told(holder, breaks),) if holder else ()), *earlier(data))


def _known(data: bytes) -> dict[str, Any]:
    # A killed run may have left the end of a longer text behind a shorter one.
    known: dict[str, Any] = json.JSONDecoder().raw_decode(data.decode())[0]
    return known


def _holder(document: Mapping[str, Any]) -> Holder:
    names = {field.name for field in fields(Holder)}
    return Holder(**{key: value for key, value in document.items() if key in names})


def breaking(holder: Holder, by: str, why: str) -> Break:
    """Describe the breaking of a holder's lock, now."""
    return Break(holder.token, by, redaction.clean_text(why.strip()), timestamp())


def check_reason(why: str, environment: str) -> None:
    """Raise BotswainError for a reason that says nothing."""
    if not why.strip():
        fix = '`--why "…"` is recorded and shown to the run that loses it'
        raise BotswainError("breaking a lock needs a reason", where=environment, fix=fix)


def told(holder: Holder, breaks: list[Break]) -> Holder:
    """Say of a holder that did not release whether it lives, and who broke its lock."""
    done = next((one for one in breaks if one.token == holder.token), None)
    holder = replace(holder, alive=alive(holder))
    return replace(holder, broken_by=done.by, broken_why=done.why, broken_at=done.at) if done else holder


def refusal(holder: Holder, environment: str, beat: float) -> Refused:
    """Say who holds the lock, since when, for what, the last sign of life, and what to do.

    `beat` is the time in seconds between two signs of life.
    """
    what = (
        f"is locked by {holder.actor} since {clock(holder.started_at)} for `{holder.command}`"
        f" ({holder.deployment}, process {holder.pid} on {holder.host}),"
        f" {signs_of_life(holder, beat)}"
    )
    command = f'`./inv lock.break --env {environment} --why "…"`'
    fix = f"wait, or {command} when it hangs"
    if overdue(holder, beat):
        fix = f"a lock never lapses by itself: make sure that nothing runs there, then {command}"
    return Refused(what, where=environment, fix=fix)


def signs_of_life(holder: Holder, beat: float) -> str:
    """Say when a holder last showed one and, when two are missing, what that means."""
    if not overdue(holder, beat):
        return f"last sign of life {_ago(holder.heartbeat)}"
    means = "it hangs, or this machine slept" if looked_at(holder) and alive(holder) else "probably dead"
    found = moment(holder.heartbeat)
    silent = "without any sign of life" if found is None else f"silent for {_length(_since(found))}"
    return f"{silent}, though it should show a sign of life every {beat:.0f} s: {means}"


def overdue(holder: Holder, beat: float) -> bool:
    """Whether a holder missed two signs of life in a row."""
    found = moment(holder.heartbeat)
    return found is None or _since(found) > 2 * beat


def fate(holder: Holder) -> str:
    """Say what becomes of the run whose lock was taken: for sure only where its process can be looked at."""
    process = f"process {holder.pid} on {holder.host}"
    if not looked_at(holder):
        return f"if {process} still runs, it stops before its next change"
    return f"{process} still runs and stops before its next change" if alive(holder) else ""


def lost(token: str, breaks: list[Break], otherwise: str, environment: str) -> LockLost:
    """Say that the lock with this token was lost: who broke it, when and why, or `otherwise`."""
    what = otherwise
    for done in breaks:
        if done.token == token:
            what = f"the lock was broken by {done.by} at {clock(done.at)}: {done.why}"
            break
    fix = f"nothing more was changed; `./inv status --env {environment}` shows what is left"
    return LockLost(what, where=environment, fix=fix)


def alive(holder: Holder) -> bool:
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


def surely_dead(holder: Holder) -> bool:
    """Whether the holder's process has ended, as only the machine that it ran on can tell; elsewhere nobody knows."""
    return looked_at(holder) and not alive(holder)


def looked_at(holder: Holder) -> bool:
    """Whether the holder's process can be looked at from here: the same boot, the same namespace of process ids."""
    return bool(holder.place) and holder.place == place()


def place() -> str:
    """Name this boot of this machine and this namespace of process ids; empty where Linux does not tell."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot:  # noqa: PTH123 - a kernel file
            return f"{boot.read().strip()}/{os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 - it is no path
    except OSError:
        return ""


def _process_started(pid: int) -> str:
    """Return the start of a process in ticks since boot, as Linux tells it; empty elsewhere."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123 - pathlib adds nothing to a kernel file
            return stat.read().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return ""


def clock(at: str) -> str:
    """Write a timestamp for people."""
    found = moment(at)
    return f"{found:%Y-%m-%d %H:%M:%S} UTC" if found else at


def _ago(at: str) -> str:
    found = moment(at)
    return "unknown" if found is None else f"{_length(_since(found))} ago"


def _since(at: datetime) -> int:
    from datetime import UTC, datetime

    return max(0, int((datetime.now(UTC) - at).total_seconds()))


def _length(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
