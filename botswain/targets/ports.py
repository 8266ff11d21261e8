"""The ports that a bot of this machine needs, before anything stops."""

from __future__ import annotations

from collections.abc import Iterable

from botswain.host import ports
from botswain.profile.settings import Service


def of(service: Service) -> list[tuple[str, int]]:
    """The addresses on this machine where the bot is going to listen, as far as the profile says."""
    if service.port is not None:
        return [("127.0.0.1", service.port)]
    return ports.addresses((service.health.alive, service.health.ready))


def check(service: Service, ours: Iterable[int]) -> None:
    """Raise HostError when a process that is none of `ours` has a port of the bot."""
    known = set(ours)
    for one in ports.in_the_way(of(service), known.__contains__, known):
        raise one.refusal()
