"""Runs the bot's code in a process of its own: few variables, bounded output, and nothing of it left behind."""

from __future__ import annotations

import errno
import json
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from botswain.commands.sources import rooms
from botswain.errors import BotswainError
from botswain.host import programs
from botswain.secrets import redaction

MAX_OUTPUT = 32_000_000
"""Bytes that a program may print, and that a reader may send: far more than all commands of one application have."""
_TAIL = 8_000
"""Bytes that are kept of what is only quoted when something fails."""
_CHUNK = 65_536
_LOOK = 0.05
"""Seconds between looks whether the process has ended, since a descendant may keep its pipes open."""
_QUOTED_LINES, _QUOTED_LETTERS = 4, 400
_KEPT = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "SYSTEMDRIVE",
    "COMSPEC", "PATHEXT",
)  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what came of it."""

    code: int | None
    """Its exit code, or the negative number of a signal; None when it was stopped here."""
    stopped: str
    """Why it was stopped here: `timeout`, `flood`, or nothing; `done` when a reader had said everything."""
    out: bytes
    """All of its stdout; nothing for a reader."""
    tail: bytes
    """The end of its stderr, and for a reader of its stdout as well."""
    messages: tuple[dict[str, Any], ...]
    """What a reader sent."""

    @property
    def said(self) -> str:
        """Its last lines, for a message: ` (it said last: …)`, or nothing."""
        return quoted(self.tail, "it said last", last=True)


def variables(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of the bot's code: what any program needs, what the profile gives it, and nothing else of ours.

    No token, no secret of the CI, and no option that changes how an interpreter works.
    """
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("LC_")}
    return {"PATH": os.defpath, "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"} | kept | dict(extra)


def quoted(data: bytes, lead: str, *, last: bool = False) -> str:
    """The first or last lines of an output as one line behind a message, without secrets and control characters."""
    text = redaction.clean_text(data.decode(errors="replace"))
    clean = ("".join(letter if letter.isprintable() else " " for letter in line) for line in text.splitlines())
    lines = [" ".join(line.split()) for line in clean if line.strip()]
    if not lines:
        return ""
    joined = " | ".join(lines[-_QUOTED_LINES:] if last else lines[:_QUOTED_LINES])
    if len(joined) > _QUOTED_LETTERS:
        joined = f"…{joined[-_QUOTED_LETTERS:]}" if last else f"{joined[:_QUOTED_LETTERS]}…"
    return f" ({lead}: {joined})"


def signal_name(number: int) -> str:
    """`SIGSEGV` for 11."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def run(
    argv: Sequence[str],
    repo: Path,
    environment: Mapping[str, str],
    timeout: float,
    *,
    request: object = None,
    isolation: str = "none",
    needed: Sequence[Path] = (),
) -> Ended:
    """Runs a command in a throw-away copy of `repo`, for at most `timeout` seconds, and ends all that it started.

    With a `request` it is a reader: it gets the numbers of two open files as its last arguments, reads the request as
    JSON from the first, and sends its messages as JSON lines to the second, the last one being `{"event": "done"}`.
    `isolation` is that of the profile, and `needed` is what is outside of the repository and has to be readable.
    Raises BotswainError when it cannot be started.
    """
    with ExitStack() as files:
        _check_startable(argv[0], repo, variables(environment))
        room = files.enter_context(rooms.room(repo, isolation))
        streams: dict[int, _Stream] = {}
        handed: tuple[int, ...] = ()
        channel = _Messages()
        if request is not None:
            asked = files.enter_context(tempfile.TemporaryFile())
            asked.write(json.dumps(room.inward(request)).encode())
            asked.seek(0)
            receive, send = os.pipe()
            files.callback(_close, receive)
            files.callback(_close, send)
            handed = (asked.fileno(), send)
            streams[receive] = channel
        try:
            with _undisturbed():  # else Ctrl-C could fall between its start and our knowing of it
                kept = room.start(
                    [*argv, *map(str, handed)],
                    variables(environment),
                    needed,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE if request is None else subprocess.STDOUT,
                    pass_fds=handed,
                )
                files.callback(kept.end)
        except OSError as error:
            what = f"{argv[0]} cannot be run: {error.strerror}"
            raise BotswainError(what, where=str(repo), fix=_startable(argv[0], repo)) from None
        if request is not None:
            _close(handed[1])
        process = kept.process
        assert process.stdout is not None  # noqa: S101 - asked for above
        out = _Whole() if request is None else _Stream()
        streams[process.stdout.fileno()] = out
        tail = out
        if process.stderr is not None:
            tail = streams[process.stderr.fileno()] = _Stream()
        stopped = _follow(process, streams, channel, time.monotonic() + timeout)
        code = None if stopped else room.code(kept.wait())
        kept.end()
        whole = room.outward(bytes(out.data)) if request is None else b""
        messages = tuple(room.outward_json(one) for one in channel.messages)
        return Ended(code, stopped, whole, room.outward(bytes(tail.data[-_TAIL:])), messages)


def _check_startable(program: str, repo: Path, environment: Mapping[str, str]) -> None:
    """Raises BotswainError for a program that is not there; what is wrong with it else is seen when it starts."""
    found = str(repo / program) if "/" in program else shutil.which(program, path=environment["PATH"])
    path = Path(found or "/nonexistent")
    missing = not path.exists() or not repo.is_dir()
    interpreter = "" if missing else programs.interpreter(path)
    if not missing and not os.access(path, os.X_OK):
        reason = os.strerror(errno.EACCES)
    elif missing or (interpreter and not Path(interpreter).exists()):
        reason = os.strerror(errno.ENOENT)
    else:
        return
    raise BotswainError(f"{program} cannot be run: {reason}", where=str(repo), fix=_startable(program, repo))


def _startable(program: str, repo: Path) -> str:
    """What to do about a program that cannot be started."""
    path = repo / program
    if "/" not in program or not path.is_file():
        return "check the commands section of the profile"
    if not os.access(path, os.X_OK):
        return f"chmod +x {path}"
    return "its first line names the program that runs it: see whether that is installed"


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Puts off what SIGINT and SIGTERM would do until the end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pending: list[tuple[int, FrameType | None]] = []
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    handled = {one: handler for one, handler in before.items() if callable(handler)}
    for one in handled:
        signal.signal(one, lambda number, frame: pending.append((number, frame)))
    try:
        yield
    finally:
        for one, handler in handled.items():
            signal.signal(one, handler)
    for number, frame in pending:
        handled[signal.Signals(number)](number, frame)


class _Stream:
    """What came out of a pipe: its end."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.flooded = False

    def take(self, data: bytes) -> None:
        self.data += data
        if len(self.data) > 2 * _CHUNK:
            del self.data[:-_TAIL]


class _Whole(_Stream):
    """All that came out of a pipe, up to a limit."""

    def take(self, data: bytes) -> None:
        self.data += data
        self.flooded = len(self.data) > MAX_OUTPUT


class _Messages(_Whole):
    """JSON lines; what is none was not written by a reader."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        self._taken = 0

    @property
    def done(self) -> bool:
        return bool(self.messages) and self.messages[-1].get("event") == "done"

    def take(self, data: bytes) -> None:
        self._taken += len(data)
        self.flooded = self._taken > MAX_OUTPUT
        *lines, rest = (bytes(self.data) + data).split(b"\n") if b"\n" in data else (bytes(self.data) + data,)
        self.data = bytearray(rest)
        for line in lines:
            with suppress(ValueError):
                message = json.loads(line)
                if isinstance(message, dict):
                    self.messages.append(message)


def _follow(process: subprocess.Popen[bytes], streams: dict[int, _Stream], channel: _Messages, deadline: float) -> str:
    """Takes what comes out of the pipes until the process ends; else why it has to be stopped."""
    with selectors.DefaultSelector() as selector:
        for number in streams:
            os.set_blocking(number, False)
            selector.register(number, selectors.EVENT_READ)
        while not channel.done:
            if any(stream.flooded for stream in streams.values()):
                return "flood"
            ended = process.poll() is not None
            left = deadline - time.monotonic()
            if left <= 0 and not ended:
                return "timeout"
            ready = selector.select(0 if ended else min(left, _LOOK))
            took = [_take(key.fd, streams[key.fd], selector) for key, _ in ready]
            if ended and (not any(took) or left <= 0):
                return ""
            if not selector.get_map():
                with suppress(subprocess.TimeoutExpired):
                    process.wait(min(max(left, 0), _LOOK))
    return "done"


def _take(number: int, stream: _Stream, selector: selectors.BaseSelector) -> bool:
    try:
        data = os.read(number, _CHUNK)
    except BlockingIOError:
        return False
    if not data:
        selector.unregister(number)
        return False
    stream.take(data)
    return True


def _close(number: int) -> None:
    with suppress(OSError):
        os.close(number)
