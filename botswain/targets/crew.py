"""The hosts of a bot as the target `vm` has them: how each of them runs it, what was seen of it, and orders to all.

What was seen is kept for a moment, since one task looks once; whatever changes something on a host forgets it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

from botswain.host import forms, orders
from botswain.host.looking import View
from botswain.host.place import Service as Spec
from botswain.hosts import fleet as fleets
from botswain.profile.settings import Profile, Service
from botswain.secrets.environment import sudo_password
from botswain.targets.attending import attended
from botswain.targets.base import Say, ServiceError, Stop
from botswain.targets.engines import Engines, Outcome, longest, silent
from botswain.targets.specification import for_workers, specification

_FRESH = 5.0
"""Seconds for which what was seen counts as what is."""

T = TypeVar("T")
Asked = Mapping[str, Sequence[orders.Order]]
"""By host: the orders for it."""


class Crew:
    """The hosts of a profile's bot."""

    def __init__(self, profile: Profile, service: Service, say: Say = silent) -> None:
        self._profile = profile
        self._service = service
        self._began = time.monotonic()
        self._seen: tuple[float, dict[str, View]] | None = None
        self._since: dict[str, float] = {}
        self.say = say
        """Hears how it goes."""

    @cached_property
    def engines(self) -> Engines:
        """Their engines. Raises BotswainError where the inventory does not name the hosts."""
        inventory = fleets.inventory_of(self._profile.name, self._service.inventory)
        password = sudo_password(self._profile.name)
        fleet = fleets.fleet_of(inventory, workers=self._service.workers is not None, password=password)
        return Engines(fleet, self._profile.name)

    @cached_property
    def specs(self) -> dict[str, Spec]:
        """By host: how its process is to be run."""
        name = f"botswain-{self._profile.name}"
        manager = {"kind": "systemd", "unit": f"{name}.service"}
        own = specification(self._profile, self._service, manager, name)
        found = {self.gateway: own}
        if self._service.workers is not None:
            found |= {one.name: for_workers(own, self._service.workers) for one in self.engines.fleet.workers}
        return found

    @property
    def gateway(self) -> str:
        """The host that holds the gateway."""
        return self.engines.fleet.gateway.name

    @property
    def longest(self) -> float:
        """Seconds that a switch may take at most."""
        return longest(self.specs.values())

    def look(self) -> dict[str, View]:
        """What there is on each host. Raises ServiceError for the first that cannot be reached or is not ready."""
        asked = time.monotonic()
        if self._seen is None or asked - self._seen[0] > _FRESH:
            seen = self.engines.look(self.specs)
            self._seen = (time.monotonic(), seen)
            if not self._since:
                self._since = {name: one.at - (asked - self._began) for name, one in seen.items()}
        return self._seen[1]

    def since(self, host: str) -> float | None:
        """When this run began by a host's clock, so that a stop by hand since then wins; None before the first look."""
        return self._since.get(host)

    def remember(self, done: Mapping[str, Outcome]) -> None:
        """Take over what the look at the end of some orders showed, where all of them were carried out."""
        if all(one.good for one in done.values()):
            self._seen = (time.monotonic(), {name: forms.view(one.answers[-1]) for name, one in done.items()})

    def forget(self) -> None:
        """What was seen is not so any more."""
        self._seen = None

    def make_room(self) -> None:
        """Have hosts whose disk is too full for another release remove those that nobody needs."""
        full = [name for name, view in self.look().items() if view.free < view.wanted]
        if full:
            self.forget()
            self.engines.send("deploy", "ask", {name: [orders.Prune(self.specs[name])] for name in full})

    def chosen(self, name: str) -> fleets.Host:
        """A host by its name; the one with the gateway by default."""
        found = self.engines.named([name or self.gateway])
        if not found:
            known = ", ".join(one.name for one in self.engines.fleet.hosts)
            raise ServiceError(
                f"is no host of this bot: {name}", where=str(self.engines.fleet.inventory), fix=f"there are: {known}"
            )
        return found[0]

    def ask(self, asked: Asked) -> dict[str, Outcome]:
        """What became of ad hoc orders, by Fabric where ssh alone will do."""
        from botswain.hosts import adhoc

        self.forget()
        hosts = self.engines.named(asked)
        if not all(one.direct for one in hosts):
            return self.play(asked)
        return self.engines.tell(hosts, asked, adhoc.on, self.longest)

    def play(self, asked: Asked) -> dict[str, Outcome]:
        """Orders through a playbook, which brings this checkout's engine along."""
        self.forget()
        return self.engines.play("deploy", "ask", asked, seconds=self.longest, say=self.say)

    def attend(self, hosts: Iterable[str], run: str, stopped: Stop | None, work: Callable[[], T]) -> T:
        """Do work that hosts are asked for; says that it goes on, and calls `run` off there once `stopped` says so."""
        names = list(hosts)
        told = ", ".join(names)

        def off() -> None:
            self.say(f"telling {told} to go back")
            asked = {name: [orders.Cancel(run)] for name in names}
            try:
                done = self.engines.send("deploy", "ask", asked)
            except ServiceError as error:
                self.say(f"{error}; what is not confirmed goes back by itself")
                return
            for one in done.values():
                if not one.good:
                    self.say(f"{one.host} was not reached ({one.error}); what is not confirmed goes back by itself")

        self.forget()
        return attended(work, lambda seconds: self.say(f"waiting for {told} ({seconds:.0f} s)"), stopped, off)


def named() -> str:
    """A name for a run by which it can be called off."""
    return secrets.token_hex(8)
