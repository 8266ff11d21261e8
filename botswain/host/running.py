"""The bot's process by itself: start, stop, restart what is live. No release changes, and nothing forbids a stop."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from botswain.host import halt, launch, ports, single, systemd
from botswain.host.errors import HostError
from botswain.host.found import by_hand
from botswain.host.gate import Manager
from botswain.host.ledger import Ledger
from botswain.host.place import Place, Service
from botswain.host.ports import Address, Listener
from botswain.host.underway import alone


def start(place: Place, service: Service, manager: Manager) -> None:
    """Start the live release unless it runs. Raises HostError."""
    with alone(place):
        live = place.live()
        if live is None or not place.release(live).is_dir():
            raise nothing_to_start(place, live, by_hand(place.root.name, "rollback"), "deploy one")
        if manager.process().running:
            halt.lift(place)
            return
        check_ports(place, place.spec(live, service), manager)
        halt.lift(place)
        launch.forget(place.starts)
        single.lay(place)
        manager.start()


def nothing_to_start(place: Place, live: str | None, back: str, deploy: str) -> HostError:
    """What a person is told who starts a bot of which no release is live, or not there any more.

    `back` is how to start another one that was good, up to its name, and `deploy` how to make one.
    """
    what = "there is no release to start" if live is None else f"release {live} is gone"
    good = [one for one in Ledger(place).releases() if one.order and one.id != live and place.release(one.id).is_dir()]
    newest = max(good, key=lambda one: one.order, default=None)
    return HostError(what, where=str(place.root), fix=f"{back} {newest.id}, or {deploy}" if newest else deploy)


def stop(place: Place, service: Service, manager: Manager, by: str = "") -> None:
    """Stop the bot, and everything that it started, for good. It waits for nobody, and no switch starts it again."""
    halt.halt(place, by)
    end(place, service, manager)


def restart(place: Place, service: Service, manager: Manager) -> None:
    """Stop the bot, then start the live release. Raises HostError."""
    end(place, service, manager)
    start(place, service, manager)


def end(place: Place, service: Service, manager: Manager) -> None:
    """Stop the bot, and everything that it started, for now."""
    family = single.family(place, manager.process().pid)
    manager.stop()
    single.end_others(place, service.stop_timeout, family)


def check_ports(place: Place, service: Service, manager: Manager) -> None:
    """Raise HostError when another process has a port of the bot."""
    for one in in_the_way(place, service, manager):
        raise one.refusal()


def in_the_way(
    place: Place, service: Service, manager: Manager, wanted: Iterable[Address] | None = None
) -> list[Listener]:
    """The processes that are not the bot's and have ports of it, or those that are `wanted`."""
    return strangers(place, service, manager.process().pid, ports.of(service) if wanted is None else wanted)


def strangers(place: Place, service: Service, pid: int, wanted: Iterable[Address]) -> list[Listener]:
    """The same, of a bot whose process is `pid`; 0 where none runs.

    The bot's are that process, its group, whatever it started, whatever holds its lock or has its environment, and its
    unit's: what a stop ends.
    """
    wanted = list(wanted)
    if not wanted:
        return []
    known = {pid, *single.holders(place)} - {0}
    unit = service.manager.get("unit", "")
    marks = [os.fsencode(f"CREDENTIALS_DIRECTORY={root / 'credentials'}") for root in place.roots()]

    def ours(pid: int) -> bool:
        return _descends(pid, known) or _marked(pid, marks) or bool(unit and systemd.owns(unit, pid))

    return ports.in_the_way(wanted, ours, known)


def _descends(pid: int, known: set[int]) -> bool:
    """Whether a process is one of these, of the group of one, or was started by one."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        while pid > 1:
            if pid in known or os.getpgid(pid) in known:
                return True
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return False


def _marked(pid: int, marks: list[bytes]) -> bool:
    """Whether a process was started with the bot's environment."""
    with contextlib.suppress(OSError):
        known = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return any(mark in known for mark in marks)
    return False
