"""Work on hosts that takes its time: whoever waits is told that it goes on, and may call it off."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from botswain.targets.base import Stop

_LOOK = 0.1
"""Seconds between looks whether somebody called it off."""
_BREATH = 5.0
"""Seconds after which whoever waits is told that it goes on, again and again."""

T = TypeVar("T")


def attended(
    work: Callable[[], T],
    waiting: Callable[[float], None],
    stopped: Stop | None = None,
    off: Callable[[], None] = lambda: None,
) -> T:
    """What comes of work that goes on in a thread, so that signals are heard meanwhile. Raises what it raises.

    `waiting` is called every few seconds with the seconds since the beginning. Once `stopped` says so, `off` is called,
    which is to bring the work to its end: that is waited for all the same.
    """
    began = said = time.monotonic()
    heard = False
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(work)
        while not wait([running], timeout=_LOOK).done:
            if stopped is not None and not heard and stopped():
                heard = True
                pool.submit(off)
            if time.monotonic() - said >= _BREATH:
                said = time.monotonic()
                waiting(said - began)
        return running.result()
