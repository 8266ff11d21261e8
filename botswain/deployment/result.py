"""What a task did, for the cli to show and for scripts to read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from botswain.deployment.records import Deployment, Outcome, to_json
from botswain.errors import BotswainError, ExitCode
from botswain.plan import Plan

_EXIT = {
    Outcome.DONE: ExitCode.DONE,
    Outcome.PARTIAL: ExitCode.FAILED,
    Outcome.FAILED: ExitCode.FAILED,
    Outcome.INTERRUPTED: ExitCode.FAILED,
    Outcome.ROLLED_BACK: ExitCode.ROLLED_BACK,
    Outcome.STUCK: ExitCode.STUCK,
}


@dataclass(frozen=True)
class Card:
    """What a person should know at the end of a deployment, above all the way back."""

    runs: str
    """What is deployed now."""
    back: str | None
    """The deployment to whose state `rollback` returns; "" for the state before the first, None if there is no way."""
    deletes: tuple[str, ...] = ()
    """Commands that `rollback` would delete, and with them their permission overwrites."""
    recreates: tuple[str, ...] = ()
    """Commands that it would create anew; the overwrites that they once had are lost already."""
    seconds: float = 0.0
    """About how long the way back takes: as long as the way here."""
    command: str = ""


@dataclass(frozen=True)
class Result:
    """One run's end. `deployment` is None when there was nothing to do or it was only a preview."""

    environment: str
    kind: str
    plan: Plan
    deployment: Deployment | None = None
    dry_run: bool = False
    notes: tuple[str, ...] = ()
    """Said to people: guilds skipped, what an earlier run left, what could not be recorded."""
    error: str = ""
    card: Card | None = None
    settled: Deployment | None = None
    """An interrupted deployment that this run found and recorded."""
    requests: dict[str, int] = field(default_factory=dict)
    unrecorded: BotswainError | None = None
    """Why the records are behind although Discord was written."""

    @property
    def code(self) -> ExitCode:
        """How the task ends."""
        if self.unrecorded is not None:
            return ExitCode.FAILED
        if self.deployment is None:
            return ExitCode.FAILED if any(not one.orphan for one in self.plan.unavailable) else ExitCode.DONE
        return _EXIT[self.deployment.outcome]

    def to_json(self) -> dict[str, Any]:
        """The result as the document of `--json`."""
        from botswain.deployment.planjson import plan_json

        return {
            "task": self.kind,
            "environment": self.environment,
            "dryRun": self.dry_run,
            "outcome": self.deployment.outcome
            if self.deployment
            else ("planned" if self.dry_run else "unchanged"),
            "exitCode": int(self.code),
            "plan": plan_json(self.plan),
            "deployment": to_json(self.deployment) if self.deployment else None,
            "settled": to_json(self.settled) if self.settled else None,
            "notes": list(self.notes),
            "card": asdict(self.card) if self.card else None,
            "error": self.error or (str(self.unrecorded) if self.unrecorded else None),
            "requests": self.requests,
        }
