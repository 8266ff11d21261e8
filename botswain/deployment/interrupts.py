"""Ctrl-C, SIGTERM, or a closed terminal, while something is being written: first an orderly end, then an abrupt one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def orderly(stop: Callable[[], None], say: Callable[[str], None]) -> Iterator[None]:
    """Inside, the first signal calls `stop` and the second one ends the process, as SIGKILL would.

    That is safe, since the journal tells the next run; what is not safe is to leave half-way and let go of the lock
    while threads still write.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False

    def handle(number: int, _frame: object) -> None:
        nonlocal asked
        if asked:
            _tell(say, "ended at once; the next deploy or rollback settles what is left")
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        asked = True
        stop()
        _tell(say, "stopping: what is under way is finished or undone first (once more ends at once)")

    deaf = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # of nohup
    heeded = [number for number in _SIGNALS if not (deaf and number == signal.SIGHUP)]
    before = {number: signal.signal(number, handle) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(say: Callable[[str], None], message: str) -> None:
    try:
        say(message)
    except RuntimeError:  # the signal came in the middle of printing, which Python's streams do not take
        with suppress(OSError):
            os.write(2, f"{message}\n".encode())
    except OSError:  # the terminal is gone
        pass
