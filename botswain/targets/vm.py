"""The target `vm`: the bot runs on a host of the inventory, kept by systemd, below /srv/botswain/<environment>.

With workers it runs on several: one host holds the gateway, the others run what the profile says, all of the same
commit. Every host has a ledger of its own; a release is called as the gateway's host calls it. A deployment tries one
host first, then the rest; when one of them is not well, all return to what they had.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from botswain.errors import BotswainError
from botswain.host import forms, orders, releases
from botswain.host.ledger import Release
from botswain.host.looking import View
from botswain.host.orders import Asked
from botswain.host.place import Service as Spec
from botswain.host.switch import Settled, Switched
from botswain.hosts import fleet as fleets
from botswain.hosts.engine import engine
from botswain.profile.settings import Profile, Service
from botswain.state.ids import actor
from botswain.targets import credentials, mirror, names, recovering
from botswain.targets.base import Built, Outage, Say, ServiceError, ServiceState, Stop
from botswain.targets.engines import Engines, Outcome, silent
from botswain.targets.failures import translated
from botswain.targets.specification import for_workers, specification
from botswain.targets.status import page_of

_FRESH = 5.0
"""Seconds for which what was seen counts as what is: one task looks once."""
_BUILDING = 600.0
"""Seconds for a commit to travel and be checked out."""
_SWITCHING = 30.0
"""Seconds that Ansible may take between a switch and its confirmation."""


class Vm:
    """The bot of a profile on the hosts of its inventory."""

    def __init__(self, profile: Profile, service: Service, token: Callable[[], str] | None = None) -> None:
        self._profile = profile
        self._service = service
        self._token = token
        self._seen: tuple[float, dict[str, View]] | None = None
        self._named: dict[str, dict[str, str]] = {}
        """By release of the gateway's host: how each host calls it."""
        self._tokens: dict[str, dict[str, str]] = {}
        """By token of the gateway's host: the one of each host."""
        self._unpruned: list[str] = []
        self._say: Say = silent
        """Who listened to the first part of a deployment listens to the rest."""

    @cached_property
    def engines(self) -> Engines:
        """The hosts. Raises BotswainError where the inventory does not name them."""
        inventory = fleets.inventory_of(self._profile.name, self._service.inventory)
        return Engines(fleets.fleet_of(inventory, workers=self._service.workers is not None), self._profile.name)

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

    def state(self) -> ServiceState:
        """What runs now; it does not run where one of its hosts does not run it."""
        views = self._look()
        found = views[self.gateway].state
        ill = next((name for name, one in views.items() if not one.state.running), None)
        told = found.told if ill is None or len(views) == 1 else f"{ill}: {views[ill].state.told}"
        waiting = next((one.switch for one in views.values() if one.switch is not None), None)
        halted = next((one.state.halted for one in views.values() if one.state.halted), "")
        outdated = any(one.state.outdated for one in views.values())
        return ServiceState(
            "vm", found.live, found.commit, ill is None, told, found.pid, found.since, waiting.to if waiting else None,
            waiting.until if waiting else 0.0, halted, outdated,
        )  # fmt: skip

    def wanted(self, commit: str) -> str | None:
        """The live release if every host has this commit as the profile wants it now."""
        with translated():
            full, prefix = mirror.resolved(self._profile.source.repo, self._service.folder, commit)
            views = self._look()
            for name, view in views.items():
                recipe = releases.recipe(self.specs[name], prefix)
                known = {one.id: one for one in view.releases}
                live = known.get(view.state.live or "")
                if live is None or (live.commit, live.recipe) != (full, recipe):
                    return None
            return views[self.gateway].state.live

    def healthy(self) -> str | None:
        """What is wrong with the bot on the first host on which something is."""
        return next((f"{name}: {one.health}" for name, one in self._look().items() if one.health), None)

    def folder(self, release: str) -> Path | None:  # noqa: ARG002 - what every target answers
        """None: a release's files are on its hosts."""
        return None

    def check(self) -> None:
        """Raise ServiceError for a port that is in use, a disk that is full, and a secret that is not set."""
        credentials.values(self._profile, self._service, self._token)
        for name, view in self._look().items():
            if view.in_the_way:
                refusal = view.in_the_way[0].refusal()
                raise ServiceError(refusal.what, where=f"{name}: {refusal.where}", fix=refusal.fix)
            if view.free < view.wanted:
                what = f"has {view.free // 1_000_000} MB free, and a release wants {view.wanted // 1_000_000}"
                raise ServiceError(what, where=f"{name}: {self.engines.root}", fix="free some space there")

    def prepare(self, commit: str, *, by: str, deployment: str, say: Say) -> Built:
        """Build, lint and test a commit on every host at once, or find it done."""
        repo, self._say = self._profile.source.repo, say
        with translated():
            full, prefix = mirror.resolved(repo, self._service.folder, commit)
        have = {name: one.commits for name, one in self._look().items()}
        self._seen = None
        asked: dict[str, list[orders.Order]] = {
            name: [orders.Prepare(full, by, deployment, spec, prefix), orders.Look(spec)]
            for name, spec in self.specs.items()
        }
        commands = [*self._service.build, *self._service.lint, *self._service.test]
        done = self.engines.play(
            "deploy", "prepare", asked, commits={"repository": str(repo.resolve()), "commit": full, "have": have},
            seconds=_BUILDING + len(commands) * self._service.build_timeout, say=say,
        )  # fmt: skip
        made = {name: one.insist().answers[0] for name, one in done.items()}
        self._remember(done)
        built = Built(made[self.gateway]["release"], full, reused=all(one["reused"] for one in made.values()))
        self._named[built.release] = {name: one["release"] for name, one in made.items()}
        return built

    def deploy(
        self,
        built: Built,
        *,
        by: str,
        deployment: str,
        outage: Outage,  # noqa: ARG002 - hosts ask
        stopped: Stop | None = None,  # noqa: ARG002 - nobody can tell a host, whose guard takes back what is not confirmed
    ) -> Switched:
        """Switch to a release, on one host first, and wait until it is well; it then waits to be confirmed."""
        secrets = credentials.values(self._profile, self._service, self._token)
        longest = max(_longest(one) for one in self.specs.values())
        within = self._service.confirm_within + (longest + _SWITCHING if self._service.workers else 0.0)
        asked = {
            name: [
                orders.Deploy(
                    self._named[built.release][name], by, deployment, self.specs[name], secrets, within, self._asked()
                )
            ]
            for name in self.specs
        }
        before = self._look()
        self._seen = None
        done = self.engines.send("deploy", "switch", asked, seconds=2 * longest, one_first=True, say=self._say)
        if not all(one.good for one in done.values()):
            until = time.monotonic() + longest + within
            raise recovering.taken_back(self.engines, self.specs, before, done, until, self._say)
        return self._gathered({name: forms.switched(one.answers[-1]) for name, one in done.items()})

    def confirm(self, switched: Switched, by: str) -> bool:
        """Make a switch final on every host; False when one of them went back before, and so all do."""
        tokens = self._tokens[switched.token]
        before = dict.fromkeys(tokens, switched.previous)
        asked: dict[str, list[orders.Order]] = {
            name: [orders.Confirm(one, by), orders.Prune(self.specs[name]), orders.Look(self.specs[name])]
            for name, one in tokens.items()
        }
        self._seen = None
        done = self.engines.send("deploy", "confirm", asked, say=self._say)
        confirmed = {name: self._confirmed(one, switched, by) for name, one in done.items()}
        self._unpruned = [f"{name}: {told}" for name, one in done.items() for told in _left(one)]
        if all(confirmed.values()):
            self._remember(done)
            return True
        kept = {name: self.specs[name] for name, one in confirmed.items() if one}
        recovering.undone(self.engines, kept, before, by)
        return False

    def revert(self, switched: Switched) -> Settled | None:
        """Take an unconfirmed switch back at once, on every host."""
        asked = {name: [orders.Revert(one)] for name, one in self._tokens[switched.token].items()}
        return self._settled(asked)

    def settle(self, outage: Outage) -> Settled | None:  # noqa: ARG002 - hosts ask
        """Take over what a killed run left on a host."""
        left = [name for name, one in self._look().items() if one.switch is not None or one.confirmed]
        return self._settled({name: [orders.Settle(outage=self._asked())] for name in left}) if left else None

    def candidate(self, to: str | None, say: Say = silent) -> Release:  # noqa: ARG002 - the hosts check it on the way
        """The release that a rollback returns to, which every host still has."""
        views = self._look()
        found = names.wanted(views[self.gateway], to, self.gateway)
        self._named[found.id] = {name: names.same(view, found, name) for name, view in views.items()}
        return found

    def back(
        self,
        release: Release,
        *,
        by: str,
        outage: Outage,  # noqa: ARG002 - hosts ask
        why: str = "",
        restarts: bool = True,
        stopped: Stop | None = None,  # noqa: ARG002 - nobody can tell a host
        anew: bool = False,
    ) -> Switched:
        """Return to a release on purpose, on all hosts at once."""
        if release.id not in self._named:
            self.candidate(release.id)
        called, own = self._named[release.id], self.specs if anew else {}
        asked: dict[str, list[orders.Order]] = {
            name: [
                orders.Back(by, called[name], why, restarts, own.get(name), outage=self._asked(), anew=anew),
                orders.Look(spec),
            ]
            for name, spec in self.specs.items()
        }
        ours = all(one.engine == engine().digest for one in self._look().values())
        self._seen = None
        longest = max(_longest(one) for one in self.specs.values())
        # A playbook brings this checkout's engine along where a host has another.
        done = self.engines.send("rollback", "", asked, seconds=longest) if ours else self._play(asked)
        gone = {name: (one.answers or one.insist().answers)[0] for name, one in done.items()}
        self._remember(done)
        return self._gathered({name: forms.switched(one) for name, one in gone.items()})

    def withdraw(self, why: str = "", by: str = "") -> str | None:
        """Undo a first deployment: stop the bot, and make no release the live one."""
        done = self._play({name: [orders.Withdraw(by, why)] for name in self.specs})
        left: str | None = done[self.gateway].insist().answers[-1]["left"]
        return left

    def start(self) -> ServiceState:
        """Start the live release unless it runs."""
        self._ask({name: [orders.Start(secrets=self._known())] for name in self.specs})
        return self.state()

    def stop(self) -> ServiceState:
        """Stop the bot, and everything that it started. Nothing can forbid this."""
        self._ask({name: [orders.Stop(actor())] for name in self.specs})
        return self.state()

    def restart(self) -> ServiceState:
        """Stop, then start the live release."""
        self._ask({name: [orders.Restart(secrets=self._known())] for name in self.specs})
        return self.state()

    def logs(self, lines: int, *, follow: bool = False, host: str = "") -> Iterator[str]:
        """The last lines that a host's process printed, and with `follow` what it prints from now on."""
        from botswain.hosts import adhoc

        chosen = self._chosen(host)
        return adhoc.journal(chosen, self.specs[chosen.name].manager["unit"], lines, follow=follow)

    def shell(self, command: str = "", *, host: str = "") -> int:
        """A shell on a host, as who logs in there, or a command; its exit code."""
        from botswain.hosts import adhoc

        return adhoc.shell(self._chosen(host), command)

    def releases(self) -> list[Release]:
        """Every release that the gateway's host still has, oldest first."""
        return self._look()[self.gateway].releases

    def prune(self) -> list[str]:
        """What could not be removed when the deployment was confirmed: each host prunes then."""
        return self._unpruned

    def down(self) -> list[str]:
        """Stop the bot on every host; returns what was stopped."""
        running = [name for name, one in self._look().items() if one.state.running]
        self.stop()
        return [f"the bot on {name}" for name in running]

    def _chosen(self, name: str) -> fleets.Host:
        """A host by its name; the one with the gateway by default."""
        found = self.engines.named([name or self.gateway])
        if not found:
            known = ", ".join(one.name for one in self.engines.fleet.hosts)
            raise ServiceError(
                f"is no host of this bot: {name}", where=str(self.engines.fleet.inventory), fix=f"there are: {known}"
            )
        return found[0]

    def _remember(self, done: Mapping[str, Outcome]) -> None:
        """Take over what the look at the end of some orders showed, where all of them were carried out."""
        if all(one.good for one in done.values()):
            self._seen = (time.monotonic(), {name: forms.view(one.answers[-1]) for name, one in done.items()})

    def _look(self) -> dict[str, View]:
        if self._seen is None or time.monotonic() - self._seen[0] > _FRESH:
            self._seen = (time.monotonic(), self.engines.look(self.specs))
        return self._seen[1]

    def _ask(self, asked: Mapping[str, Sequence[orders.Order]]) -> dict[str, Outcome]:
        from botswain.hosts import adhoc

        self._seen = None
        hosts = self.engines.named(asked)
        if not all(one.direct for one in hosts):
            return {name: one.insist() for name, one in self._play(asked).items()}
        longest = max(_longest(one) for one in self.specs.values())
        return self.engines.ask(hosts, asked, adhoc.on, longest)

    def _play(self, asked: Mapping[str, Sequence[orders.Order]]) -> dict[str, Outcome]:
        self._seen = None
        return self.engines.play("deploy", "ask", asked, seconds=max(_longest(one) for one in self.specs.values()))

    def _settled(self, asked: Mapping[str, Sequence[orders.Order]]) -> Settled | None:
        found = {name: forms.settled(one.insist().answers[-1]) for name, one in self._play(asked).items()}
        return found.get(self.gateway) or next((one for one in found.values() if one is not None), None)

    def _gathered(self, switched: Mapping[str, Switched]) -> Switched:
        """What happened on all hosts, as one: the gateway's, with the longest time and the worst verdict."""
        own = switched[self.gateway]
        self._tokens[own.token] = {name: one.token for name, one in switched.items()}
        doubt = next(((name, one.verdict) for name, one in switched.items() if not one.verdict.good), None)
        verdict = own.verdict if doubt is None else replace(doubt[1], why=f"{doubt[0]}: {doubt[1].why}")
        return replace(own, verdict=verdict, seconds=max(one.seconds for one in switched.values()))

    def _confirmed(self, outcome: Outcome, switched: Switched, by: str) -> bool:
        """Whether the switch of a host is final. One that was lost is told again once it can be reached."""
        if not outcome.lost:
            return bool((outcome.answers or outcome.insist().answers)[0]["confirmed"])
        (host,) = self.engines.named([outcome.host])
        view = self.engines.again(host, self.specs[host.name], time.monotonic() + self._service.confirm_within)
        if view is None or view.switch is None:  # it may have heard us before it was lost
            return view is not None and view.state.live != switched.previous
        token = self._tokens[switched.token][host.name]
        again = self.engines.send("deploy", "confirm", {host.name: [orders.Confirm(token, by)]})[host.name]
        return again.good and bool(again.answers[0]["confirmed"])

    def _asked(self) -> Asked:
        return Asked(page_of(self._profile), self._profile.api)

    def _known(self) -> dict[str, str]:
        """The secrets that are set here; the hosts keep the others as they are."""
        try:
            return credentials.values(self._profile, self._service, self._token)
        except BotswainError:
            return {}


def _longest(spec: Spec) -> float:
    """Seconds that a switch may take at most."""
    health = spec.health
    return 2 * (spec.stop_timeout + health.deadline + health.timeout + health.stable_for)


def _left(outcome: Outcome) -> list[Any]:
    return list(outcome.answers[1]["left"]) if len(outcome.answers) > 1 else []
