"""What a task did, for the cli to show and for scripts to read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from botswain.errors import ExitCode

if TYPE_CHECKING:
    from botswain.deployment.card import Card
    from botswain.deployment.history import Deployment
    from botswain.deployment.phases import Phase
    from botswain.errors import BotswainError
    from botswain.plan import Plan


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
    log: str = ""
    """The last lines of what failed on the service's target."""
    phases: tuple[Phase, ...] = ()
    """What took how long, where the service had a part."""
    unrecorded: BotswainError | None = None
    """Why the records are behind although Discord was written."""

    @property
    def code(self) -> ExitCode:
        """How the task ends."""
        if self.deployment is None:
            return ExitCode.FAILED if any(not one.orphan for one in self.plan.unavailable) else ExitCode.DONE
        code = self.deployment.outcome.exit_code
        return ExitCode.FAILED if self.unrecorded is not None and code is ExitCode.DONE else code

    def to_json(self) -> dict[str, Any]:
        """The result as the document of `--json`."""
        from botswain.deployment.card import card_json
        from botswain.deployment.history import to_json
        from botswain.deployment.planjson import plan_json

        return {
            "task": self.kind,
            "environment": self.environment,
            "dryRun": self.dry_run,
            "outcome": self.deployment.outcome if self.deployment else ("planned" if self.dry_run else "unchanged"),
            "exitCode": int(self.code),
            "plan": plan_json(self.plan),
            "deployment": to_json(self.deployment) if self.deployment else None,
            "settled": to_json(self.settled) if self.settled else None,
            "notes": list(self.notes),
            "card": card_json(self.card) if self.card else None,
            "error": self.error or (str(self.unrecorded) if self.unrecorded else None),
            "requests": self.requests,
            "log": self.log.splitlines(),
            "phases": [asdict(one) for one in self.phases],
        }
