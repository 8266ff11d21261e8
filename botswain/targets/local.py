"""The target `local`: the bot runs on this machine, kept by a supervisord, outside of every project."""

from __future__ import annotations

import functools
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from botswain.host import (
    guard,
    halt,
    keeper,
    launch,
    managers,
    ports,
    probe,
    releases,
    running,
    single,
    switch,
    written,
)
from botswain.host.gate import Manager, Process
from botswain.host.ledger import Ledger, Release
from botswain.host.place import explained
from botswain.host.switch import Settled, Switched
from botswain.profile.settings import Profile, Service
from botswain.state.ids import actor
from botswain.targets import credentials, freeport, mirror, processes, sandbox
from botswain.targets.base import Built, Outage, Say, ServiceError, ServiceState, Stop, Written
from botswain.targets.failures import translated
from botswain.targets.follow import lines_of
from botswain.targets.moving import keep, left_behind, place_of
from botswain.targets.specification import API_FILE, preloads, specification, supervised
from botswain.targets.supervisor import Daemon

_GRACE = 1.0
"""Seconds that what a stopped bot left behind gets to end."""


class Local:
    """The bot of a profile on this machine."""

    def __init__(self, profile: Profile, service: Service, token: Callable[[], str] | None = None) -> None:
        keeper.unreadable()  # a bot runs as the same user, and might look
        self._profile = profile
        self._token = token
        self._place = place_of(profile.name)
        self._any_port = service.any_port
        self._service = service = freeport.placed(service, self._place)
        self._daemon = Daemon(self._place.root)
        self._began = time.time()
        """A stop by hand from now on is meant for what is done here."""
        self.spec = specification(profile, service, supervised(self._daemon))
        credentials.cover(self._place)

    def state(self) -> ServiceState:
        """What runs now."""
        with translated():
            live, pending = self._place.live(), switch.unfinished(self._place)
            found = self._daemon.program("bot")
            commit = self._commit(live)
            outdated = live is not None and self._place.spec(live, self.spec).health != self.spec.health
        pid, told, since, halted = 0, "stopped", 0.0, halt.told(self._place)
        if found is not None:
            pid, told = int(found["pid"]), managers.told(found)
            since = float(found["start"]) if pid else 0.0
            times = launch.lately(self._place.starts)
            if pid and times > 1:
                told += f", started {times} times in {launch.WINDOW:g} s"
        elif left := processes.of(self._place.root):
            told = f"supervisord is gone, process {left[0]} goes on without it"
        elif live is not None and not halted:
            told = "supervisord is gone, as after a restart of this machine"
        until = pending.until if pending and self._watched() else 0.0
        return ServiceState(
            "local", live, commit, pid > 0, told, pid, since, pending.to if pending else None, until, halted, outdated,
            pending.back if pending else "",
        )  # fmt: skip

    def wanted(self, commit: str) -> str | None:
        """The live release if it is this commit as the profile wants it now."""
        with translated():
            full, prefix = mirror.resolved(self._profile.source.repo, self._service.folder, commit)
            live = self._place.live()
            made = next((one for one in self._known() if one.id == live), None)
            if made is None or live is None or made.recipe != releases.recipe(self.spec, prefix):
                return None
            same = mirror.same_service(self._profile, self._service, prefix, made.commit, full)
            return live if same and self._place.release(live).is_dir() else None

    def written(self) -> list[Written]:
        """What the bot wrote into the live release's own folder."""
        with translated():
            live, found = self._place.live() or "", written.written(self._place)
            ways = written.to_bring(self._place, self.spec.shared, found)
            bring = {one: written.way(str(self._place.root), self.spec, live, one) for one in ways}
        return [
            *(Written(one) for one in found if not written.covered(one, ways)),
            *map(Written, bring, bring.values()),
        ]

    def healthy(self) -> str | None:
        """What is wrong with the bot that runs."""
        state = self.state()
        if not state.running:
            return f"the bot does not run ({state.told})"
        health = self.spec.health
        return probe.look(health, health.timeout).told or None

    def folder(self, release: str) -> Path | None:
        """Where a release's files are; None when they are gone."""
        found = self._place.release(release)
        return found if found.is_dir() else None

    def check(self) -> None:
        """Raise ServiceError for a port that is in use, and a secret that is not set."""
        credentials.values(self._profile, self._service, self._token)
        with translated():
            found = self._daemon.program("bot")
            self._check_ports(int(found["pid"]) if found else 0)

    def prepare(self, commit: str, *, by: str, deployment: str, say: Say) -> Built:
        """Build, lint and test a commit, or find it done."""
        with translated():
            self._keep()
            if way := left_behind(self._place):
                say(f"note: releases still lie in the checkout, where tools find its settings; to move them: {way}")
            repo = self._profile.source.repo
            full, prefix = mirror.push(repo, self._service.folder, self._place, commit)
            before = {one.id for one in self._known()}
            held = mirror.held(repo, self._service.folder, self._service.shared)
            order = releases.Order(full, by, deployment, prefix, mirror.lfs_objects(repo), held)
            made = releases.prepare(self._place, self.spec, order, say)
            return Built(made.id, made.commit, reused=made.id in before)

    def deploy(
        self, built: Built, *, by: str, deployment: str, outage: Outage, stopped: Stop | None = None
    ) -> Switched:
        """Switch to a release, and wait until it is well; it then waits to be confirmed."""
        with translated():
            self.check()
            manager = self._ready(kept=False)
            release = Ledger(self._place).get(built.release)
            planned = switch.planned(
                self.spec, release, by=by, deployment=deployment, confirm_within=self._service.confirm_within
            )
            arm = functools.partial(guard.arm, self._place)
            return switch.deploy(
                self._place, self.spec, manager, release, planned, guard=arm, outage=outage, stopped=stopped,
                since=self._began,
            )  # fmt: skip

    def confirm(self, switched: Switched, by: str) -> bool:
        """Make a switch final; False when the release before is back already."""
        with translated():
            return switch.confirm(self._place, switched.token, by)

    def revert(self, switched: Switched) -> Settled | None:
        """Take an unconfirmed switch back at once."""
        with translated():
            return switch.revert(self._place, self.spec, self._ready(), switched.token, _nothing_known)

    def settle(self, outage: Outage) -> Settled | None:
        """Take over what a killed run left."""
        with translated():
            if switch.unfinished(self._place) is None and not self._place.confirmed.exists():
                return None
            return switch.settle(self._place, self.spec, self._ready(), outage)

    def candidate(self, to: str | None, say: Say = lambda _: None) -> Release:
        """The release that a rollback returns to, checked."""
        with translated():
            return releases.candidate(self._place, self.spec, to, say)

    def back(
        self,
        release: Release,
        *,
        by: str,
        outage: Outage,
        why: str = "",
        restarts: bool = True,
        stopped: Stop | None = None,
        anew: bool = False,
    ) -> Switched:
        """Return to a release on purpose."""
        with translated():
            manager = self._ready()
            return switch.back(
                self._place, self.spec, manager, release, by, outage, why, restarts=restarts, stopped=stopped,
                since=self._began, anew=anew,
            )  # fmt: skip

    def withdraw(self, why: str = "", by: str = "") -> str | None:
        """Undo a first deployment: stop the bot, and make no release the live one."""
        with translated():
            self._ensure()
            return switch.withdraw(self._place, self.spec, managers.manager_of(self.spec), by, why)

    def start(self) -> ServiceState:
        """Start the live release unless it runs; of a switch that was cut off, and is not watched, the one before."""
        with translated(), switch.alone(self._place):
            if switch.unfinished(self._place) is not None and not self._watched():
                halt.lift(self._place)
                switch.settle(self._place, self.spec, self._ready(), _nothing_known)
            live = self._place.live()
            if live is None or not self._place.release(live).is_dir():
                env = f"--env {self._profile.name}"
                back, deploy = f"./inv rollback {env} --only service --to", f"./inv deploy {env}"
                raise running.nothing_to_start(self._place, live, back, deploy)
            manager = self._ready()
            if not manager.process().running:
                self._check_ports(0)
                halt.lift(self._place)
                launch.forget(self._place.starts)
                manager.start()
        return self.state()

    def stop(self) -> ServiceState:
        """Stop the bot, and everything that it started: nothing but a person starts it again."""
        with translated():
            halt.halt(self._place, actor())
            self._end()
        return self.state()

    def restart(self) -> ServiceState:
        """Stop, then start the live release."""
        with translated():
            self._end()
        return self.start()

    def logs(self, lines: int, *, follow: bool = False, host: str = "") -> Iterator[str]:
        """The last lines that the bot printed, and with `follow` what it prints from now on."""
        self._here(host)
        return lines_of(self._place.logs / "bot.log", lines, follow=follow)

    def shell(self, command: str = "", *, host: str = "") -> int:
        """A shell in the folder of the live release, or a command there; its exit code."""
        self._here(host)
        live = self._place.live()
        folder = self._place.release(live) if live else self._place.root
        if not folder.is_dir():
            raise ServiceError("nothing was ever deployed here", where=str(folder), fix="./inv deploy")
        program = os.environ.get("SHELL") or "/bin/sh"
        return subprocess.run([program, *(["-c", command] if command else [])], cwd=folder, check=False).returncode

    def _here(self, host: str) -> None:
        if host:
            raise ServiceError(
                f"the bot runs on this machine, not on {host}", where=self._profile.file, fix="leave --host out"
            )

    def releases(self) -> list[Release]:
        """Every release that is still there, oldest first."""
        with translated():
            return self._known()

    def prune(self) -> list[str]:
        """Remove releases that nobody needs; returns what could not be removed."""
        with translated():
            return releases.prune(self._place, self.spec)

    def down(self) -> list[str]:
        """Stop the bot, its sandbox and supervisord; returns what was stopped."""
        with translated():
            halt.halt(self._place, actor())
            return self._daemon.down(self._service.stop_timeout)

    def _watched(self) -> bool:
        """Whether a guard waits for the switch to be confirmed: a restart of the machine ends it, too."""
        return bool(processes.guards(self._place.root))

    def _check_ports(self, pid: int) -> None:
        """Raise HostError when a process that is not the bot's, whose process is `pid`, has a port of it."""
        for one in running.strangers(self._place, self.spec, pid, ports.of(self.spec)):
            raise one.refusal()

    def _known(self) -> list[Release]:
        return Ledger(self._place).releases() if self._place.ledger.exists() else []

    def _commit(self, release: str | None) -> str | None:
        return next((one.commit for one in self._known() if one.id == release), None)

    def _end(self) -> None:
        if self._daemon.pid():
            manager = managers.manager_of(self.spec)
            family = single.family(self._place, manager.process().pid)
            manager.stop()
            single.end_others(self._place, _GRACE, family)
            processes.end(lambda: processes.of_bot(self._place.root), _GRACE)
        else:  # a supervisord that was killed leaves the bot running
            self._daemon.down(self._service.stop_timeout)

    def _ready(self, *, kept: bool = True) -> Manager:
        """Have supervisord, the sandbox and the secrets there; with `kept`, a secret that was stored before will do."""
        self._keep()
        stored = self._place if kept else None
        values = credentials.values(self._profile, self._service, self._token, stored)
        if self._profile.sandbox:
            values[API_FILE] = f"{sandbox.started(self._profile)}/api"
            values |= preloads(self._service.environment)
        else:
            self._ensure()
        for name, value in values.items():
            self._place.secret(name, value)
        self._place.store(self.spec)
        return _Refreshed(managers.manager_of(self.spec), self._ensure)

    def _keep(self) -> None:
        with explained(self._place.root, "keep a service in it"):
            keep(self._profile.name)
            if self._any_port:
                freeport.remember(self._service, self._place)

    def _ensure(self) -> None:
        self._daemon.ensure(sandbox.programs(self._profile))


@dataclass(frozen=True)
class _Refreshed:
    """A manager that learns what changed in its configuration while the bot is stopped."""

    inner: Manager
    refresh: Callable[[], None]

    def start(self, *, restarts: bool = True) -> None:
        """Start the bot, as it is configured now."""
        self.refresh()
        self.inner.start(restarts=restarts)

    def stop(self) -> bool:
        """Stop the bot; whether it had to be killed."""
        return self.inner.stop()

    def process(self) -> Process:
        """What the process does."""
        return self.inner.process()

    def log(self, lines: int) -> str:
        """The last lines of what the bot printed."""
        return self.inner.log(lines)


def _nothing_known() -> str | None:
    return None
