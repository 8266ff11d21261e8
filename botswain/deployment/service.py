"""The service's part of a deployment: what would happen to the bot, and the step that does it or takes it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botswain.deployment.history import ServiceResult
from botswain.errors import BotswainError, Interrupted
from botswain.plan.service import ServicePlan, short
from botswain.targets.base import ServiceError, ServiceRolledBack, ServiceStuck

if TYPE_CHECKING:
    from botswain.deployment.commit import Commit
    from botswain.host.ledger import Release
    from botswain.profile.settings import Profile
    from botswain.targets.base import Built, Outage, ServiceState, Switched, Target


@dataclass(frozen=True)
class Work:
    """What is to be done with the service, agreed and prepared."""

    target: Target
    plan: ServicePlan
    state: ServiceState
    """As it was when the plan was made."""
    by: str
    deployment: str
    outage: Outage
    recorded: str | None = None
    """How records call the commit that will run; None for the release's own."""
    built: Built | None = None
    """The release to switch to, of the action `deploy`."""
    release: Release | None = None
    """The release to start or to return to."""
    why: str = ""
    restarts: bool = True
    """Whether the bot is started again when it dies; False where that could spend the last login of the day."""

    def planned(self) -> ServiceResult:
        """How the records begin."""
        state = self.state
        release = self.built.release if self.built else self.release.id if self.release else None
        commit = self.built.commit if self.built else self.release.commit if self.release else None
        if self.plan.action == "record":
            release, commit = state.release, state.commit
        return ServiceResult(
            action=self.plan.action,
            state="planned",
            target=self.plan.target,
            release=release,
            commit=self.recorded or commit,
            previous=state.release,
            previous_commit=state.commit,
        )


def target_for(profile: Profile, say: Callable[[str], None] | None = None) -> Target:
    """Where the profile's service runs. `say` hears how it goes."""
    from botswain.deployment import credentials
    from botswain.targets.choose import target_of

    return target_of(profile, lambda: credentials.token(profile), say)


def look(target: Target, commit: Commit, outage: Outage, *, force: bool = False) -> ServicePlan:
    """What a deployment of that commit does with the service: nothing, if it is live, built so, running and well."""
    state = target.state()
    live = target.wanted(commit.sha) if commit.stored else None
    if state.unconfirmed is not None and live != (state.returns or None):
        return _after_settling(target, state, commit)
    if live is not None and not force:
        return _live(target, state, live, outage, commit.sha)
    same = (state.behind or "it is built or configured otherwise now") if state.commit == commit.sha else ""
    why = same if live is None else "forced"
    return ServicePlan("deploy", state.target, state.release, state.commit, commit.sha, None, why)


def _live(target: Target, state: ServiceState, live: str, outage: Outage, commit: str) -> ServicePlan:
    """What a deployment does with the release that is live and has the bot's files of a commit."""
    alike = "" if state.commit == commit else f"commit {short(commit)} changes no file of the bot"

    def plan(action: str, why: str = "") -> ServicePlan:
        return ServicePlan(action, state.target, state.release, state.commit, state.commit, live, why or alike)

    if not state.running or state.outdated:
        why = f"it does not run: {state.halted or state.told}"
        return plan("start", "its health is looked at otherwise now" if state.running else why)
    if (trouble := target.healthy()) is None:
        return plan("none")
    if (down := outage()) is not None:
        return plan("none", f"not ready: {trouble}; Discord: {down}")
    return plan("start", f"it is not well: {trouble}")


def _after_settling(target: Target, state: ServiceState, commit: Commit) -> ServicePlan:
    """What a deployment does that finds a switch which nobody confirmed: it settles that before anything else."""
    returns = state.release if state.returns == "" else state.returns
    back = next((one for one in target.releases() if one.id == returns), None)
    why = f"the switch that was cut off (release {state.unconfirmed}) is settled first"
    if state.returns != "":
        why += f", and {f'release {returns}' if returns else 'no release'} runs then"
    if back is not None and back.commit == commit.sha and state.returns:
        return ServicePlan("back", state.target, state.release, state.commit, commit.sha, back.id, why)
    return ServicePlan("deploy", state.target, returns, back.commit if back else None, commit.sha, None, why)


@contextmanager
def still_told(target: Target) -> Iterator[None]:
    """Adds to what fails before anything stops what runs all the same."""
    try:
        yield
    except ServiceError as error:
        with suppress(BotswainError):
            error.fix = "; ".join(part for part in (error.fix, _still(target)) if part)
        raise


def _still(target: Target) -> str:
    state = target.state()
    if state.release is None:
        return "nothing was started, and nothing runs, as before"
    known = f"release {state.release} of commit {short(state.commit)}"
    if not state.running:
        return f"{known} is live as before, and does not run: {state.halted or state.told}"
    trouble = target.healthy()
    return f"{known} still runs" + (f", and is not well: {trouble}" if trouble else ", and is well")


class ServiceStep:
    """Brings the bot from what runs to what is to run."""

    name = "service"

    def __init__(
        self,
        work: Work,
        note: Callable[[Mapping[str, Any]], None],
        check: Callable[[], None],
        stopped: Callable[[], bool],
    ) -> None:
        """`note` journals, `check` raises LockLost, `stopped` tells that somebody wants this run to end."""
        self.work = work
        self.result = work.planned()
        self.uncertain = ""
        """Why nobody can tell whether the bot is well; it stays then."""
        self.log = ""
        """The last lines of what failed."""
        self._note = note
        self._check = check
        self._stopped = stopped

    def run(self) -> None:
        """Switches, starts, waits until it is well, and makes that final. Raises what the target raised."""
        self._check()
        self._record("starts", self.result.action)
        try:
            switched = self._act()
        except ServiceError as error:
            self.log = error.log
            state = "failed" if isinstance(error, ServiceStuck) else "undone"
            self.result = replace(self.result, state=state, detail=error.what)
            if isinstance(error, ServiceRolledBack):
                self.result = replace(self.result, seconds=_rounded(error.seconds), killed=error.killed)
            self._record("failed", error.what)
            raise
        self.result = replace(self.result, state="live")
        if switched is not None:
            self.result = replace(self.result, seconds=_rounded(switched.seconds), killed=switched.killed)
        if switched is not None and not switched.verdict.good and not switched.verdict.certain:
            self.uncertain = switched.verdict.why
            self.result = replace(self.result, detail=self.uncertain)
        self._record("done", self.uncertain)

    def _act(self) -> Switched | None:
        work = self.work
        if work.plan.action == "record":
            return None
        if work.plan.action == "withdraw":
            work.target.withdraw(work.why, work.by)
            return None
        if work.built is not None:
            return self._deploy(work.built)
        assert work.release is not None  # noqa: S101 - whoever plans a way back names the release
        return work.target.back(
            work.release, by=work.by, outage=work.outage, why=work.why, restarts=work.restarts, stopped=self._stopped,
            anew=work.plan.action == "start",
        )  # fmt: skip

    def _deploy(self, built: Built) -> Switched:
        work = self.work
        switched = work.target.deploy(
            built, by=work.by, deployment=work.deployment, outage=work.outage, stopped=self._stopped
        )
        self._record("switched", built.release)
        if self._stopped():
            work.target.revert(switched)
            self.result = replace(self.result, state="undone", detail="stopped by hand")
            raise Interrupted("stopped by hand")
        self._check()
        if not work.target.confirm(switched, work.by):
            what = "was confirmed too late; the guard brought the release before back"
            fix = "raise service.confirm_within, then deploy again"
            raise ServiceRolledBack(what, where=f"release {built.release}", fix=fix, previous=switched.previous)
        return switched

    def undo(self) -> None:
        """Brings back what ran before a deployment. A way back is not taken back: nobody wants what they left."""
        before = self.work.state
        if self.result.state != "live" or self.work.built is None or self.work.built.release == before.release:
            return
        self._record("undo starts", before.release or "nothing")
        self.result = replace(self.result, state="failed")
        why = "a later step of its deployment failed"
        try:
            if before.release is None:
                self.work.target.withdraw(why, self.work.by)
            else:
                release = self.work.target.candidate(before.release)
                back = self.work.target.back(release, by=self.work.by, outage=self.work.outage, why=why)
                self.result = replace(self.result, seconds=_rounded((self.result.seconds or 0.0) + back.seconds))
        except ServiceError as error:
            self.log = error.log
            raise
        self.result = replace(self.result, state="undone", detail=why)
        self._record("undone", before.release or "nothing")

    def _record(self, event: str, told: str) -> None:
        self._note({"event": f"service {event}", "release": self.result.release, "told": told})


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
