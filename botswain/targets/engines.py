"""Sends orders to the engines of a fleet, and makes of their answers what they had: the controller's half of the talk.

A playbook brings this checkout's engine along; orders to hosts that have it go by ssh alone, where that reaches them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from botswain.ansible.reasons import HostFailed, Told, Unreachable
from botswain.errors import BotswainError
from botswain.host import forms, orders
from botswain.host.looking import View
from botswain.host.orders import Order
from botswain.host.place import Service
from botswain.hosts import ssh
from botswain.hosts.engine import COMMAND
from botswain.hosts.fleet import Fleet, Host
from botswain.hosts.forbidden import hint
from botswain.hosts.ssh import Done
from botswain.targets.base import ServiceError, ServiceRolledBack, ServiceStuck, Stop

ROOT = "/srv/botswain"
"""Holds one folder an environment, on every host."""
_NOT_FOUND = 127
_LATER = 2.0
"""Seconds between tries to reach a host again."""
_SLACK = 120.0
"""Seconds that Ansible may take beyond what the engine may."""

Asked = Mapping[str, Sequence[Order]]
"""By host: the orders for it."""
Say = Callable[[str], None]


class Line(Protocol):
    """Runs a command as root on a host; see ssh.on."""

    def __call__(self, host: Host, command: Sequence[str], given: str = "", seconds: float = 60) -> Done:
        """How it ended. Raises Unreachable, and HostFailed where nobody may become root."""


def silent(_message: str) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Outcome:
    """What became of the orders to one host."""

    host: str
    answers: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    error: BotswainError | None = field(default=None, compare=False)

    @property
    def good(self) -> bool:
        """Whether all were carried out."""
        return self.error is None and bool(self.answers)

    @property
    def lost(self) -> bool:
        """Whether the host could not be reached, or not any more, so that nobody knows what it did."""
        return isinstance(self.error, Unreachable)

    @property
    def kind(self) -> str:
        """Of a failure: failed, rolled_back or stuck, in the engine's words."""
        return self.error.kind if isinstance(self.error, Told) else "failed"

    def insist(self) -> Outcome:
        """The outcome itself, if it is good. Raises the ServiceError that it is not."""
        if self.error is not None:
            raise translated(self.error)
        if not self.answers:
            raise ServiceError("was left out, since another host failed", where=self.host)
        return self


class Engines:
    """The engines of an environment's hosts."""

    def __init__(self, fleet: Fleet, environment: str) -> None:
        self.fleet = fleet
        self.root = f"{ROOT}/{environment}"
        self._environment = environment

    def look(self, services: Mapping[str, Service]) -> dict[str, View]:
        """What there is on each host. Raises ServiceError for the first that cannot be reached or is not ready."""
        asked = {name: [orders.Look(one)] for name, one in services.items()}
        hosts = self.named(services)
        if all(one.direct for one in hosts):
            try:
                return _views(self.tell(hosts, asked))
            except (KeyError, TypeError, ValueError):
                pass  # the engine there is of another Botswain; what follows brings ours
        return _views(self.play("deploy", "ask", asked))

    def ask(self, hosts: Sequence[Host], asked: Asked, line: Line = ssh.on, seconds: float = 60) -> dict[str, Outcome]:
        """Send orders to the engine that each host has, all at once. Raises ServiceError for the first that fails."""
        return {name: one.insist() for name, one in self.tell(hosts, asked, line, seconds).items()}

    def tell(self, hosts: Sequence[Host], asked: Asked, line: Line = ssh.on, seconds: float = 60) -> dict[str, Outcome]:
        """Send orders to the engine that each host has, all at once; by host what became of them."""
        command = [COMMAND, self.root, "do"]

        def one(host: Host) -> Outcome:
            try:
                done = line(host, command, json.dumps(orders.request(asked[host.name])), seconds)
            except HostFailed as error:
                return Outcome(host.name, error=error)
            return self._parsed(host, done)

        with ThreadPoolExecutor(len(hosts)) as pool:
            return {outcome.host: outcome for outcome in pool.map(one, hosts)}

    def send(
        self,
        playbook: str,
        tag: str,
        asked: Asked,
        *,
        seconds: float = 0.0,
        one_first: bool = False,
        stopped: Stop | None = None,
        say: Say = silent,
    ) -> dict[str, Outcome]:
        """Send orders to hosts that have this checkout's engine: as `play`, or without Ansible where ssh alone will do.

        Ansible takes a second to start and to come to a host; ssh on the connection that is open, a tenth of that.
        With `one_first` the others are left out unless that one is well, and `stopped` does not say otherwise by then;
        of a playbook, this is its own business.
        """
        hosts = self.named(asked)
        if not all(one.direct for one in hosts):
            return self.play(playbook, tag, asked, seconds=seconds, say=say)
        say(f"{(tag or playbook).capitalize()}: {', '.join(one.name for one in hosts)}")
        first = hosts[:1] if one_first else hosts
        found = {one.name: Outcome(one.name) for one in hosts}
        found |= self.tell(first, asked, seconds=seconds + _SLACK)
        on = stopped is None or not stopped()
        if len(first) < len(hosts) and on and all(found[one.name].good for one in first):
            found |= self.tell(hosts[len(first) :], asked, seconds=seconds + _SLACK)
        return found

    def play(
        self,
        playbook: str,
        tag: str,
        asked: Asked,
        *,
        commits: Mapping[str, Any] | None = None,
        seconds: float = 0.0,
        say: Say = silent,
    ) -> dict[str, Outcome]:
        """Send orders through a playbook, to be carried out within so many seconds and some for Ansible; by host.

        A host that Ansible did not come to has no answers. Raises ServiceError when Ansible itself fails.
        """
        from botswain.ansible.run import run

        variables = {
            "environment_name": self._environment,
            "botswain_orders": {name: [_form(one) for one in several] for name, several in asked.items()},
            "botswain_secrets": {
                name: value
                for several in asked.values()
                for one in several
                for name, value in getattr(one, "secrets", {}).items()
            },
            "botswain_commits": dict(commits or {}),
        }
        try:
            play = run(playbook, self.fleet.inventory, limit=[*asked], variables=variables, tags=[tag] if tag else (),
                       seconds=seconds + _SLACK, say=say)  # fmt: skip
        except HostFailed as error:
            raise translated(error) from error
        found = {}
        for name in asked:
            result = play.of(name)
            answers = tuple((result.answer or {}).get("answers") or ())
            found[name] = Outcome(name, answers, self._explained(result.error))
        return found

    def again(self, host: Host, service: Service, until: float, say: Say = silent) -> View | None:
        """What there is on a host that was lost, once it can be reached; None when it cannot until then (monotonic)."""
        told = False
        while True:
            try:
                return self.look({host.name: service})[host.name]
            except ServiceError as error:
                if not isinstance(error.__cause__, Unreachable) or time.monotonic() >= until:
                    return None
            left = until - time.monotonic()
            if not told:
                at = datetime.fromtimestamp(time.time() + left, UTC)
                say(f"{host.name} cannot be reached; it is tried until {at:%H:%M:%S} UTC, for {left:.0f} s at most")
                told = True
            else:
                say(f"{host.name} cannot be reached; trying again ({left:.0f} s left)")
            ssh.hang_up(host)
            time.sleep(_LATER)

    def named(self, names: Iterable[str]) -> list[Host]:
        """The hosts of these names, in the fleet's order."""
        wanted = set(names)
        return [one for one in self.fleet.hosts if one.name in wanted]

    def _parsed(self, host: Host, done: Done) -> Outcome:
        if done.code == _NOT_FOUND or (done.code and f"{COMMAND}: command not found" in done.err):
            fix = f"./inv provision --env {self._environment}"
            what = "nothing of Botswain is installed on it"
            return Outcome(host.name, error=ServiceError(what, where=host.name, fix=fix))
        try:
            document = json.loads(done.out)
            answers, error = tuple(document["answers"]), document["error"]
        except (ValueError, KeyError, TypeError):
            lines = done.err.strip().splitlines() or [f"it says nothing (exit code {done.code})"]
            what = f"its engine fails: {lines[-1]}"
            return Outcome(host.name, error=ServiceError(what, where=host.name, log=done.err))
        return Outcome(host.name, answers, self._explained(Told(error, host.name)) if error else None)

    def _explained(self, error: BotswainError | None) -> BotswainError | None:
        """An error of a bot that did not run, with what its unit forbade it by its log's words."""
        if isinstance(error, Told) and error.kind != "failed" and (found := hint(error.log, self._environment)):
            error.fix = f"{error.fix}; {found}" if error.fix else found
        return error


def longest(services: Iterable[Service]) -> float:
    """Seconds that a switch may take at most on the slowest of these hosts, there and back."""
    found = [(one.stop_timeout, one.health) for one in services]
    return max(2 * (stop + one.deadline + one.timeout + one.stable_for) for stop, one in found)


def translated(error: BotswainError) -> ServiceError:
    """A host's failure in the words of targets."""
    if isinstance(error, ServiceError):
        return error
    log = getattr(error, "log", "")
    words = {"where": error.where, "fix": error.fix, "log": log}
    found: ServiceError
    if isinstance(error, Told) and error.kind == "rolled_back":
        found = ServiceRolledBack(error.what, **words, previous=error.previous)
    elif isinstance(error, Told) and error.kind == "stuck":
        found = ServiceStuck(error.what, **words)
    else:
        found = ServiceError(error.what, **words)
    found.__cause__ = error
    return found


def insisted(done: Mapping[str, Outcome], well: Callable[[Outcome], str]) -> None:
    """Raise what the first host failed with; it tells how the others are, `well` of those that did not fail."""
    first = next((one for one in done.values() if not one.good), None)
    if first is None:
        return
    try:
        first.insist()
    except ServiceError as error:
        others = [one for one in done.values() if one is not first]
        error.others = tuple(
            f"{one.host}: {well(one) if one.good else one.error.what if one.error else 'was left out'}"
            for one in others
        )
        raise


def _views(done: Mapping[str, Outcome]) -> dict[str, View]:
    insisted(done, lambda one: _running(_view(one)))
    return {name: _view(one) for name, one in done.items()}


def _view(outcome: Outcome) -> View:
    return forms.view(outcome.answers[0])


def _running(view: View) -> str:
    live, commit = view.state.live, (view.state.commit or "")[:12]
    return f"release {live} of commit {commit}: {view.state.told}" if live else f"no release: {view.state.told}"


def _form(order: Order) -> dict[str, Any]:
    """An order as a variable for Ansible, with its secrets by their names alone."""
    form: dict[str, Any] = orders.request([order])["orders"][0]
    if form.get("secrets"):
        form["secrets"] = sorted(form["secrets"])
    return form
