"""What every target can do: the one door through which deployments, rollbacks and tasks reach the bot's service.

A target keeps releases of the bot, runs exactly one of them, and knows the way back. Nothing here asks a person or
prints. All methods raise ServiceError for what failed on the target; its `log` holds the last lines of what the failing
part printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from botswain.errors import BotswainError, ExitCode
from botswain.host.ledger import Release
from botswain.host.switch import Settled, Switched

__all__ = [
    "Built",
    "Outage",
    "Release",
    "Say",
    "ServiceError",
    "ServiceRolledBack",
    "ServiceState",
    "ServiceStuck",
    "Settled",
    "Stop",
    "Switched",
    "Target",
    "Written",
]

Outage = Callable[[], "str | None"]
"""What is wrong with Discord right now, or None: asked before a bot that runs but is not ready is called bad."""
Stop = Callable[[], bool]
"""Whether somebody wants the run to end: asked while it is waited for a release to be well."""
Say = Callable[[str], None]
"""Progress for people."""
BY_ITSELF = "it goes back by itself"
"""Said of a host that nobody can reach: there is nothing that a person could do there."""


class ServiceError(BotswainError):
    """Something failed on the target; what ran before still runs."""

    others: tuple[str, ...] = ()
    """Of several hosts, where it failed on one: how each of the others is, in a line."""

    def __init__(self, what: str, *, where: str = "", fix: str = "", log: str = "") -> None:
        super().__init__(what, where=where, fix=fix)
        self.log = log
        """The last lines of what the failing part printed; may be empty."""


class ServiceRolledBack(ServiceError):
    """The new release was bad, and the one before runs again, or nothing runs where it was the first."""

    code = ExitCode.ROLLED_BACK

    seconds: float | None = None
    """From the beginning of the stop until the one before was ready again; None where nobody can tell."""
    killed: bool = False
    """Whether the bot that ran before did not heed SIGTERM, and was killed."""

    def __init__(
        self, what: str, *, where: str = "", fix: str = "", log: str = "", previous: str | None = None
    ) -> None:
        super().__init__(what, where=where, fix=fix, log=log)
        self.previous = previous
        """The release that runs again; None when there was none."""


class ServiceStuck(ServiceError):
    """A release was bad, and the way back failed too: a person is needed."""

    code = ExitCode.STUCK


@dataclass(frozen=True)
class ServiceState:
    """What runs on a target now."""

    target: str
    """The profile's word: local."""
    release: str | None
    """The release that is live: that runs, or would run if it were started. None before the first deployment."""
    commit: str | None
    """The commit of that release."""
    running: bool
    told: str = ""
    """About the process, in the words of who keeps it: `running`, `stopped`, `exited, exit code 77`, …"""
    pid: int = 0
    """0 when it does not run."""
    since: float = 0.0
    """When the process was started, in Unix seconds; 0 when it does not run."""
    unconfirmed: str | None = None
    """The release of a switch that nobody confirmed or took back yet: of a run that is under way, or was killed."""
    until: float = 0.0
    """When that switch is taken back by itself unless somebody confirms it, in Unix seconds; 0 when it never is."""
    halted: str = ""
    """Who stopped the bot by hand, and when, in words: nothing but a person starts it then."""
    outdated: bool = False
    """Whether the profile says otherwise now than when the live release was judged how to find out if it is well."""
    returns: str | None = ""
    """The release that runs once that switch is settled, None for none; "" where there is none, or nobody can tell."""
    behind: str = ""
    """Of several hosts: which of them run another commit than the one with the gateway, in words; empty mid-switch."""


@dataclass(frozen=True)
class Built:
    """A release that is built and has passed its checks, and does not run yet."""

    release: str
    commit: str
    reused: bool = False
    """Whether it was there already."""


@dataclass(frozen=True)
class Written:
    """A path in the live release's own folder that its bot wrote; the next release does not have it."""

    path: str
    """A folder ends in `/`."""
    bring: str = ""
    """Where the profile shares it and its data is still in that release alone: the commands that bring it along."""


class Target(Protocol):
    """A place where the bot's service runs."""

    def state(self) -> ServiceState:
        """What runs now. Starts nothing, and answers also where nothing was ever deployed."""

    def wanted(self, commit: str) -> str | None:
        """The live release if it has the bot's files of this commit, and is built and configured as the profile says.

        Such a release needs no deployment; whether it runs, `state` says.
        """

    def written(self) -> list[Written]:
        """What the bot wrote into the live release's own folder, such as a database."""

    def healthy(self) -> str | None:
        """What is wrong with the bot that runs, by one look at its process and health URLs; None if nothing is."""

    def folder(self, release: str) -> Path | None:
        """Where a release's files are, if they are on this machine; None otherwise."""

    def check(self) -> None:
        """Raise ServiceError for what would keep any deployment from succeeding, such as a port that is in use."""

    def prepare(self, commit: str, *, by: str, deployment: str, say: Say) -> Built:
        """Build, lint and test a commit of the bot's repository, or find it done. Slow, and before anything stops."""

    def deploy(
        self, built: Built, *, by: str, deployment: str, outage: Outage, stopped: Stop | None = None
    ) -> Switched:
        """Switch to a release, stop-first, and wait until it is well; it then waits to be confirmed.

        Its verdict may be "cannot tell" (`verdict.certain` is False): the bot runs, and something outside keeps it from
        being ready. Raises ServiceRolledBack when it was bad, or `stopped` says that nobody waits for it, and the one
        before is back; ServiceStuck when that is not well either.
        """

    def confirm(self, switched: Switched, by: str) -> bool:
        """Make a switch final; False when that came too late and the release before is back already."""

    def revert(self, switched: Switched) -> Settled | None:
        """Take an unconfirmed switch back at once; None when somebody confirmed it, or took it back before.

        Raises ServiceStuck when the release before is not well either.
        """

    def settle(self, outage: Outage) -> Settled | None:
        """Take over what a killed run left, so that one good release runs again; None when nothing was left.

        Cheap when nothing is left. Raises ServiceStuck.
        """

    def candidate(self, to: str | None, say: Say = ...) -> Release:
        """The release that a rollback returns to: `to` (an id or commit, or its beginning), or the last good one.

        It has passed its checks when this returns. Raises ServiceError when there is none.
        """

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
        """Return to a release on purpose; a newer one that is left is marked bad. Needs nothing from Discord.

        With `restarts=False` it may be started once only, as long as logins are few. Nothing has to be confirmed
        afterwards. Once `stopped` says so it is not waited for, and its verdict is "cannot tell". With `anew` it is
        what the profile makes now, so that says how it is judged, from now on. Raises ServiceStuck when it is not well;
        nothing else is tried then.
        """

    def withdraw(self, why: str = "", by: str = "") -> str | None:
        """Undo a first deployment: stop the bot, and make no release the live one. The release that was live."""

    def start(self) -> ServiceState:
        """Start the live release unless it runs."""

    def stop(self) -> ServiceState:
        """Stop the bot, and everything that it started. Nothing can forbid this, and nothing but a person undoes it."""

    def restart(self) -> ServiceState:
        """Stop, then start the live release."""

    def logs(self, lines: int, *, follow: bool = False, host: str = "") -> Iterator[str]:
        """The last lines that the bot printed; with `follow` also what it prints from now on, without end.

        `host` names one of several; by default it is the one with the gateway.
        """

    def shell(self, command: str = "", *, host: str = "") -> int:
        """A shell where the bot runs, or a command there, on this terminal; its exit code."""

    def releases(self) -> list[Release]:
        """Every release that the target still has, oldest first."""

    def prune(self) -> list[str]:
        """Remove releases that nobody needs; returns what could not be removed, which fails no deployment."""

    def down(self) -> list[str]:
        """Stop everything that belongs to the environment; returns what was stopped. Releases stay."""
