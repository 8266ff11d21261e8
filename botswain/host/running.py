"""The bot's process by itself: start, stop, restart what is live. No release changes, and nothing forbids a stop."""

from __future__ import annotations

from botswain.host import launch, ports, single, systemd
from botswain.host.errors import HostError
from botswain.host.gate import Manager
from botswain.host.place import Place, Service
from botswain.host.ports import Listener
from botswain.host.underway import alone


def start(place: Place, service: Service, manager: Manager) -> None:
    """Start the live release unless it runs. Raises HostError."""
    with alone(place):
        live = place.live()
        if live is None or not place.release(live).is_dir():
            what = "there is no release to start" if live is None else f"release {live} is gone"
            raise HostError(what, where=str(place.root), fix="deploy one")
        if manager.process().running:
            return
        check_ports(place, place.spec(live, service), manager)
        launch.forget(place.starts)
        single.lay(place)
        manager.start()


def stop(place: Place, service: Service, manager: Manager) -> None:
    """Stop the bot, and everything that it started. It waits for nobody."""
    manager.stop()
    single.end_others(place, service.stop_timeout)


def check_ports(place: Place, service: Service, manager: Manager) -> None:
    """Raise HostError when somebody else has a port of the bot."""
    for one in in_the_way(place, service, manager):
        raise one.refusal()


def in_the_way(place: Place, service: Service, manager: Manager) -> list[Listener]:
    """Who has ports of the bot and is none of its processes."""
    wanted = ports.of(service)
    if not wanted:
        return []
    known = {manager.process().pid, *single.holders(place)} - {0}
    unit = service.manager.get("unit", "")

    def ours(pid: int) -> bool:
        return pid in known or bool(unit and systemd.owns(unit, pid))

    return ports.in_the_way(wanted, ours, running=bool(known))
