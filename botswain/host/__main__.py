"""What is done with a bot by hand, or by the guard, on the machine where it runs.

    python -m botswain.host <folder> status
    python -m botswain.host <folder> rollback [RELEASE]
    python -m botswain.host <folder> settle
    python -m botswain.host <folder> guard TOKEN UNTIL

Prints one JSON document. Exit code 0: done; 1: failed, nothing changed; 5: a person is needed.
"""

from __future__ import annotations

import json
import os
import pwd
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botswain.host import guard, releases, switch
from botswain.host.errors import HostError
from botswain.host.ledger import Ledger
from botswain.host.managers import manager_of
from botswain.host.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    folder, verb, *rest = (*(sys.argv[1:] if arguments is None else arguments), "", "")
    verbs: dict[str, tuple[Callable[..., dict[str, Any]], tuple[int, ...]]] = {
        "status": (_status, (0,)), "rollback": (_rollback, (0, 1)), "settle": (_settle, (0,)), "guard": (_guard, (2,)),
    }  # fmt: skip
    rest = [one for one in rest if one]
    if verb not in verbs or len(rest) not in verbs[verb][1]:
        sys.stderr.write(f"{__doc__}\n")
        return 1
    place = Place(Path(folder).resolve())
    try:
        told = verbs[verb][0](place, *rest)
    except HostError as error:
        sys.stderr.write(f"botswain: {error}\n{error.log}\n" if error.log else f"botswain: {error}\n")
        return 5 if isinstance(error, switch.Stuck) else 1
    sys.stdout.write(json.dumps(told, indent=1) + "\n")
    return 0


def run() -> None:
    """The entry point of a zipapp, which ends with the exit code."""
    sys.exit(main())


def _nothing_known() -> str | None:
    """Nobody here asks how Discord is: by hand, a person decides."""
    return None


def _status(place: Place) -> dict[str, Any]:
    service = place.load()
    known = [asdict(one) for one in Ledger(place).releases()]
    found = switch.unfinished(place)
    try:
        process = asdict(manager_of(service).process())
    except HostError as error:
        process = {"running": None, "told": str(error)}
    return {"live": place.live(), "process": process, "releases": known, "unconfirmed": found.to if found else None}


def _rollback(place: Place, to: str | None = None) -> dict[str, Any]:
    service = place.load()
    with switch.alone(place):
        found = releases.candidate(place, service, to)
        done = switch.back(place, service, manager_of(service), found, _me(), _nothing_known)
    return {"live": done.release, "left": done.previous, "seconds": round(done.seconds, 2)}


def _settle(place: Place) -> dict[str, Any]:
    service = place.load()
    done = switch.settle(place, service, manager_of(service), _nothing_known)
    return {"live": place.live(), "left": done.left if done else None}


def _guard(place: Place, token: str, until: str) -> dict[str, Any]:
    done = guard.watch(place, token, float(until))
    return {"reverted": done is not None, "live": place.live()}


def _me() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


if __name__ == "__main__":
    run()
