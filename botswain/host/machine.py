"""What machines ask of the engine: the controller's orders, and the guard's watch. One JSON document each."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

from botswain.host.errors import HostError, Refused
from botswain.host.found import check_root
from botswain.host.place import Place
from botswain.host.switch import Stuck


def main(words: list[str]) -> int:
    """`FOLDER do` or `FOLDER guard TOKEN UNTIL`; returns the exit code."""
    place = Place(Path(words[0]).resolve())
    try:
        check_root(place)
        if words[1] == "do":
            from botswain.host.answers import answer

            told = answer(place, _request())
        else:
            from botswain.host import guard

            _, _, token, until = words
            told = {"reverted": guard.watch(place, token, float(until)) is not None, "live": place.live()}
    except (HostError, ValueError) as error:
        sys.stderr.write(f"botswain: {error}\n")
        return 5 if isinstance(error, Stuck) else 3 if isinstance(error, Refused) else 1
    with contextlib.suppress(OSError):  # whoever asked is gone
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
    return 0


def _request() -> object:
    """The document on stdin; None for what is none. It may hold secrets, so no error repeats any of it."""
    try:
        return json.loads(sys.stdin.buffer.read())
    except ValueError:
        return None
