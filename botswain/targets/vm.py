"""The target `vm`: the bot runs on a host of the inventory, kept by systemd, below /srv/botswain/<environment>.

With workers it runs on several: one host holds the gateway, the others run what the profile says, all of the same
commit. Every host has a ledger of its own; a release is called as the gateway's host calls it. A deployment tries one
host first, then the rest; when one of them is not well, all return to what they had.

    crew.py         the hosts: what was seen of them, and orders to all
    engines.py      how an order gets to a host, and its answer back
    attending.py    waiting for them, and calling off what they do
    confirming.py   a switch of all of them is made final
    recovering.py   what to do when some of them failed
    names.py        how each of them calls a release
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from botswain.errors import BotswainError
from botswain.host import forms, orders, releases, written
from botswain.host.ledger import Release
from botswain.host.orders import Asked
from botswain.host.switch import Settled, Switched
from botswain.hosts.engine import engine
from botswain.profile.settings import Profile, Service
from botswain.state.ids import actor
from botswain.targets import confirming, credentials, mirror, names, recovering
from botswain.targets.base import Built, Outage, Say, ServiceError, ServiceState, Stop, Written
from botswain.targets.crew import Crew, named
from botswain.targets.engines import Outcome, insisted, silent
from botswain.targets.failures import translated
from botswain.targets.status import page_of

_BUILDING = 600.0
"""Seconds for a commit to travel and be checked out."""
_SWITCHING = 30.0
"""Seconds that Ansible may take between a switch and its confirmation."""


class Vm:
    """The bot of a profile on the hosts of its inventory."""

    def __init__(
        self, profile: Profile, service: Service, token: Callable[[], str] | None = None, say: Say | None = None
    ) -> None:
        self._profile = profile
        self._service = service
        self._token = token
        self._crew = Crew(profile, service, say or silent)
        self._named: dict[str, dict[str, str]] = {}
        """By release of the gateway's host: how each host calls it."""
        self._tokens: dict[str, dict[str, str]] = {}
        """By token of the gateway's host: the one of each host."""
        self._unpruned: list[str] = []
        credentials.cover_given(service)

    def state(self) -> ServiceState:
        """What runs now; it does not run where one of its hosts does not run it."""
        views = self._crew.look()
        found = views[self._crew.gateway].state
        ill = next((name for name, one in views.items() if not one.state.running), None)
        told = found.told if ill is None or len(views) == 1 else f"{ill}: {views[ill].state.told}"
        waiting = next((one.switch for one in views.values() if one.switch is not None), None)
        halted = next((one.state.halted for one in views.values() if one.state.halted), "")
        outdated = any(one.state.outdated for one in views.values())
        return ServiceState(
            "vm", found.live, found.commit, ill is None, told, found.pid, found.since, waiting.to if waiting else None,
            waiting.until if waiting else 0.0, halted, outdated,
            behind="" if waiting else names.behind(views, self._crew.gateway),
        )  # fmt: skip

    def wanted(self, commit: str) -> str | None:
        """The live release if every host has this commit as the profile wants it now."""
        with translated():
            full, prefix = mirror.resolved(self._profile.source.repo, self._service.folder, commit)
            views = self._crew.look()
            for name, view in views.items():
                recipe = releases.recipe(self._crew.specs[name], prefix)
                known = {one.id: one for one in view.releases}
                live = known.get(view.state.live or "")
                if live is None or live.recipe != recipe:
                    return None
                if not mirror.same_service(self._profile, self._service, prefix, live.commit, full):
                    return None
            return views[self._crew.gateway].state.live

    def written(self) -> list[Written]:
        """What the bot wrote into the live release's own folder, on any host."""
        found: dict[str, str] = {}
        for name, view in self._crew.look().items():
            ways = {one: self._way(name, view.state.live or "", one) for one in view.to_bring}
            found |= dict.fromkeys((one for one in view.data if not written.covered(one, ways)), "") | ways
        return [Written(path, way) for path, way in sorted(found.items())]

    def _way(self, host: str, live: str, path: str) -> str:
        return written.way(str(self._crew.engines.root), self._crew.specs[host], live, path)

    def healthy(self) -> str | None:
        """What is wrong with the bot on the first host on which something is."""
        return next((f"{name}: {one.health}" for name, one in self._crew.look().items() if one.health), None)

    def folder(self, release: str) -> Path | None:  # noqa: ARG002 - what every target answers
        """None: a release's files are on its hosts."""
        return None

    def check(self) -> None:
        """Raise ServiceError for a port that is in use, a disk that is full, and a secret that is not set."""
        credentials.values(self._profile, self._service, self._token)
        self._crew.make_room()
        for name, view in self._crew.look().items():
            if view.in_the_way:
                refusal = view.in_the_way[0].refusal()
                raise ServiceError(refusal.what, where=f"{name}: {refusal.where}", fix=refusal.fix)
            if view.free < view.wanted:
                what = f"has {view.free // 1_000_000} MB free, and a release wants {view.wanted // 1_000_000}"
                raise ServiceError(what, where=f"{name}: {self._crew.engines.root}", fix="free some space there")

    def prepare(self, commit: str, *, by: str, deployment: str, say: Say) -> Built:
        """Build, lint and test a commit on every host at once, or find it done."""
        repo = self._profile.source.repo
        with translated():
            full, prefix = mirror.resolved(repo, self._service.folder, commit)
            mirror.check_filters(repo, full, prefix)
            held = mirror.held(repo, self._service.folder, self._service.shared)
        have = {name: one.commits for name, one in self._crew.look().items()}
        self._crew.forget()
        asked: dict[str, list[orders.Order]] = {
            name: [orders.Prepare(full, by, deployment, spec, prefix, held=held), orders.Look(spec)]
            for name, spec in self._crew.specs.items()
        }
        commands = [*self._service.build, *self._service.lint, *self._service.test]
        done = self._crew.engines.play(
            "deploy", "prepare", asked, commits={"repository": str(repo.resolve()), "commit": full, "have": have},
            seconds=_BUILDING + len(commands) * self._service.build_timeout, say=say,
        )  # fmt: skip
        made = {name: one.insist().answers[0] for name, one in done.items()}
        self._crew.remember(done)
        built = Built(made[self._crew.gateway]["release"], full, reused=all(one["reused"] for one in made.values()))
        self._named[built.release] = {name: one["release"] for name, one in made.items()}
        return built

    def deploy(
        self,
        built: Built,
        *,
        by: str,
        deployment: str,
        outage: Outage,  # noqa: ARG002 - hosts ask
        stopped: Stop | None = None,
    ) -> Switched:
        """Switch to a release, on one host first, and wait until it is well; it then waits to be confirmed."""
        crew, run = self._crew, named()
        secrets = credentials.values(self._profile, self._service, self._token)
        longest = crew.longest
        within = self._service.confirm_within + (longest + _SWITCHING if self._service.workers else 0.0)
        before = crew.look()
        asked = {
            name: [
                orders.Deploy(
                    self._named[built.release][name], by, deployment, spec, secrets, within, self._asked(), run,
                    crew.since(name),
                )
            ]
            for name, spec in crew.specs.items()
        }  # fmt: skip

        def switch() -> dict[str, Outcome]:
            done = crew.engines.send(
                "deploy", "switch", asked, seconds=2 * longest, one_first=True, stopped=stopped, say=crew.say
            )
            if not all(one.good for one in done.values()):
                until = time.monotonic() + longest + within
                raise recovering.taken_back(crew.engines, crew.specs, before, done, until, crew.say)
            return done

        done = crew.attend(asked, run, stopped, switch)
        return self._gathered({name: forms.switched(one.answers[-1]) for name, one in done.items()})

    def confirm(self, switched: Switched, by: str) -> bool:
        """Make a switch final on every host; False when one of them went back before, and so all do."""
        crew, tokens = self._crew, self._tokens[switched.token]
        patience = self._service.confirm_within
        done, lost = crew.attend(tokens, "", None, lambda: confirming.confirmed(crew, switched, tokens, by, patience))
        self._unpruned = [f"{name}: {told}" for name, one in done.items() for told in confirming.unpruned(one)]
        if not lost:
            crew.remember(done)
            return True
        kept = {name: crew.specs[name] for name in tokens if name not in lost}
        recovering.undone(crew.engines, kept, dict.fromkeys(tokens, switched.previous), by, crew.since)
        return False

    def revert(self, switched: Switched) -> Settled | None:
        """Take an unconfirmed switch back at once, on every host."""
        return self._settled({name: [orders.Revert(one)] for name, one in self._tokens[switched.token].items()})

    def settle(self, outage: Outage) -> Settled | None:  # noqa: ARG002 - hosts ask
        """Take over what a killed run left on a host."""
        left = [name for name, one in self._crew.look().items() if one.switch is not None or one.confirmed]
        return self._settled({name: [orders.Settle(outage=self._asked())] for name in left}) if left else None

    def candidate(self, to: str | None, say: Say = silent) -> Release:  # noqa: ARG002 - the hosts check it on the way
        """The release that a rollback returns to, which every host still has."""
        views, gateway = self._crew.look(), self._crew.gateway
        found = names.wanted(views[gateway], to, gateway)
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
        stopped: Stop | None = None,
        anew: bool = False,
    ) -> Switched:
        """Return to a release on purpose, on all hosts at once."""
        if release.id not in self._named:
            self.candidate(release.id)
        crew, run, called = self._crew, named(), self._named[release.id]
        # A playbook brings this checkout's engine along where a host has another.
        ours, own = all(one.engine == engine().digest for one in crew.look().values()), crew.specs if anew else {}
        asked: dict[str, list[orders.Order]] = {
            name: [
                orders.Back(
                    by, called[name], why, restarts, own.get(name), outage=self._asked(), anew=anew, run=run,
                    since=crew.since(name),
                ),
                orders.Look(spec),
            ]
            for name, spec in crew.specs.items()
        }  # fmt: skip
        until = time.monotonic() + crew.longest + _SWITCHING

        def go() -> dict[str, Outcome]:
            done = (
                crew.engines.send("rollback", "", asked, seconds=crew.longest, say=crew.say)
                if ours
                else crew.play(asked)
            )
            return recovering.gone_back(crew.engines, crew.specs, asked, done, until, crew.say)

        done = crew.attend(asked, run, stopped, go)
        crew.remember(done)
        return self._gathered({name: forms.switched(one.answers[0]) for name, one in done.items()})

    def withdraw(self, why: str = "", by: str = "") -> str | None:
        """Undo a first deployment: stop the bot, and make no release the live one."""
        done = self._crew.play({name: [orders.Withdraw(by, why)] for name in self._crew.specs})
        recovering.all_did(done, "stopped the bot, and made no release live")
        left: str | None = done[self._crew.gateway].answers[-1]["left"]
        return left

    def start(self) -> ServiceState:
        """Start the live release unless it runs."""
        insisted(
            self._crew.ask({name: [orders.Start(secrets=self._known())] for name in self._crew.specs}),
            lambda _: "started",
        )
        return self.state()

    def stop(self) -> ServiceState:
        """Stop the bot, and everything that it started. Nothing can forbid this."""
        done = self._crew.ask({name: [orders.Stop(actor())] for name in self._crew.specs})
        insisted(done, lambda _: "stopped")
        return self.state()

    def restart(self) -> ServiceState:
        """Stop, then start the live release."""
        insisted(
            self._crew.ask({name: [orders.Restart(secrets=self._known())] for name in self._crew.specs}),
            lambda _: "started anew",
        )
        return self.state()

    def logs(self, lines: int, *, follow: bool = False, host: str = "") -> Iterator[str]:
        """The last lines that a host's process printed, and with `follow` what it prints from now on."""
        from botswain.hosts import adhoc

        chosen = self._crew.chosen(host)
        return adhoc.journal(chosen, self._crew.specs[chosen.name].manager["unit"], lines, follow=follow)

    def shell(self, command: str = "", *, host: str = "") -> int:
        """A shell on a host, as who logs in there, or a command; its exit code."""
        from botswain.hosts import adhoc

        return adhoc.shell(self._crew.chosen(host), command)

    def releases(self) -> list[Release]:
        """Every release that the gateway's host still has, oldest first."""
        return self._crew.look()[self._crew.gateway].releases

    def prune(self) -> list[str]:
        """What could not be removed when the deployment was confirmed: each host prunes then."""
        return self._unpruned

    def down(self) -> list[str]:
        """Stop the bot on every host; returns what was stopped."""
        running = [name for name, one in self._crew.look().items() if one.state.running]
        self.stop()
        return [f"the bot on {name}" for name in running]

    def _settled(self, asked: Mapping[str, Sequence[orders.Order]]) -> Settled | None:
        done = self._crew.play(asked)
        recovering.all_did(done, "went back", unknown=any(one.lost for one in done.values()))
        found = {name: forms.settled(one.answers[-1]) for name, one in done.items()}
        return found.get(self._crew.gateway) or next((one for one in found.values() if one is not None), None)

    def _gathered(self, switched: Mapping[str, Switched]) -> Switched:
        """What happened on all hosts, as one: the gateway's, with the longest time and the worst verdict."""
        own = switched[self._crew.gateway]
        self._tokens[own.token] = {name: one.token for name, one in switched.items()}
        doubt = next(((name, one.verdict) for name, one in switched.items() if not one.verdict.good), None)
        verdict = own.verdict if doubt is None else replace(doubt[1], why=f"{doubt[0]}: {doubt[1].why}")
        return replace(own, verdict=verdict, seconds=max(one.seconds for one in switched.values()))

    def _asked(self) -> Asked:
        return Asked(page_of(self._profile), self._profile.api)

    def _known(self) -> dict[str, str]:
        """The secrets that are set here; the hosts keep the others as they are."""
        try:
            return credentials.values(self._profile, self._service, self._token)
        except BotswainError:
            return {}
