"""What would happen to the bot's service, beside its commands."""

from __future__ import annotations

from dataclasses import dataclass

_SHA = 12


@dataclass(frozen=True)
class ServicePlan:
    """The service's part of a plan."""

    action: str
    """none, deploy (a release), start (the live one), back (to an earlier one), withdraw (the first one), or record
    (what already runs)."""
    target: str
    live: str | None
    """The release that is live now."""
    live_commit: str | None
    commit: str | None
    """The commit that would run; None for none."""
    release: str | None = None
    """The release that would run, where it is known: a new one gets its id when it is built."""
    why: str = ""
    """What is the reason, where the commits do not tell."""

    @property
    def text(self) -> str:
        """The part in one line."""
        now, new = short(self.live_commit), self.release or f"a release of commit {short(self.commit)}"
        why = f" ({self.why})" if self.why else ""
        if self.action == "none":
            return f"no change: commit {now} runs (release {self.live}){why}"
        if self.action == "record":
            return f"no change: commit {now} runs (release {self.live}); the record is brought up to date{why}"
        if self.action == "deploy":
            return f"{new}{f', instead of {now}' if self.live else ', the first one'}{why}"
        if self.action == "start":
            return f"start release {self.live} of commit {now}{why}"
        if self.action == "back":
            return f"back to {new} of commit {short(self.commit)}, from {self.live or 'none'}{why}"
        return f"stop the bot: before release {self.live} there was none{why}"


def short(commit: str | None) -> str:
    """A commit as people read it."""
    sha, dirty, _ = (commit or "none").partition("+dirty")
    return f"{sha[:_SHA]}{dirty}"
