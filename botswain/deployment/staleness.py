"""Whether a checkout is behind what is deployed: the everyday accident of those who deploy from two machines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from botswain.deployment import git
from botswain.manifest import Manifest
from botswain.plan import Plan

_SHOWN = 8


def warned(plan: Plan, repo: Path, manifest: Manifest | None) -> Plan:
    """The plan with a note when what it would change may be what somebody else deployed from a newer commit."""
    changing = plan.changed or (plan.service is not None and plan.service.action == "deploy")
    told = stale(repo, manifest) if changing else None
    return replace(plan, notes=(*plan.notes, told)) if told else plan


def stale(repo: Path, manifest: Manifest | None) -> str | None:
    """What to say when the deployed commit is not part of this checkout's history; None when it is, or nobody knows."""
    sha = (manifest.git_sha or "").removesuffix("+dirty") if manifest else ""
    if not sha:
        return None
    contained = git.verdict(repo, "merge-base", "--is-ancestor", sha, "HEAD")
    if contained in (0, None):
        return None
    deployed = f"what is deployed comes from commit {sha[:_SHOWN]}"
    if contained != 1:
        return f"{deployed}, which this clone does not have: git fetch, and see whether you are behind"
    if git.verdict(repo, "merge-base", "--is-ancestor", "HEAD", sha) == 0:
        return f"{deployed}, and this checkout is older: git pull first, unless you mean to take that back"
    return f"{deployed}, which this checkout does not contain: it may take back what somebody else deployed"
