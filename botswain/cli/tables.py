"""Tables of what the records hold: deployments, and the snapshots stored before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botswain.plan.service import short
from botswain.secrets.visible import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botswain.cli.style import Paint
    from botswain.deployment.history import Deployment, ServiceResult
    from botswain.deployment.snapshots import Stored
    from botswain.targets.base import Release, ServiceState

_DEPLOYMENTS = ("deployment", "what", "outcome", "who", "when (UTC)", "commit", "build", "changed")
_SNAPSHOTS = ("before deployment", "what", "outcome", "when (UTC)", "live commands", "size", "to restore it")
_RELEASES = ("release", "commit", "state", "since (UTC)", "who", "why")


def deployments_table(entries: Sequence[Deployment], paint: Paint) -> list[str]:
    """Deployments as aligned lines, the first one the heading."""
    return _aligned(_DEPLOYMENTS, [_deployment(entry) for entry in entries], paint)


def snapshots_table(stored: Sequence[Stored], paint: Paint) -> list[str]:
    """Snapshots as aligned lines, the first one the heading."""
    return _aligned(_SNAPSHOTS, [_snapshot(one) for one in stored], paint)


def releases_table(releases: Sequence[Release], now: ServiceState, paint: Paint) -> list[str]:
    """Releases of the service as aligned lines, the first one the heading."""
    return _aligned(_RELEASES, [_release(one, now) for one in releases], paint)


def _release(one: Release, now: ServiceState) -> tuple[str, ...]:
    state = one.state
    if one.id == now.release:
        state = "unconfirmed" if one.id == now.unconfirmed else "live" if now.running else "live, not running"
    sha, dirty, _ = one.commit.partition("+dirty")
    return (one.id, f"{sha[:8]}{dirty}", state, one.at[:19].replace("T", " "), one.by, one.why)


def _aligned(heading: tuple[str, ...], rows: list[tuple[str, ...]], paint: Paint) -> list[str]:
    rows = [tuple(one_line(cell) for cell in row) for row in rows]
    widths = [max(len(row[column]) for row in [heading, *rows]) for column in range(len(heading))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
             for row in [heading, *rows]]  # fmt: skip
    return [paint("bold", lines[0]), *lines[1:]]


def _deployment(entry: Deployment) -> tuple[str, ...]:
    commit = entry.git_sha or "-"
    if len(commit) > 12:
        commit = commit[:8] + ("+dirty" if commit.endswith("+dirty") else "")
    build = entry.build_id or "-"
    return (entry.id, _what(entry), entry.outcome, entry.actor, _when(entry), commit, build, _changes(entry))


def _what(entry: Deployment) -> str:
    if entry.undoes:
        return f"{entry.kind} of {', '.join(entry.undoes)}"
    return f"{entry.kind} to {entry.restores}" if entry.restores else entry.kind


def _when(entry: Deployment) -> str:
    return entry.started_at[:19].replace("T", " ")


def _changes(entry: Deployment) -> str:
    results = [one for one in entry.scopes.values() if one.state != "planned" or entry.finished_at is None]
    parts = [
        f"{sign}{len({key for one in results for key in getattr(one, part)})}"
        for sign, part in (("+", "created"), ("»", "renamed"), ("~", "updated"), ("-", "deleted"))
        if any(getattr(one, part) for one in results)
    ]
    scopes = f" in {len(entry.scopes)} scopes" if len(entry.scopes) > 1 else ""
    commands = (" ".join(parts) + scopes) if parts else ""
    return ", ".join(part for part in (_service(entry.service), commands) if part) or "record only"


def _service(service: ServiceResult | None) -> str:
    if service is None or service.action == "record":
        return ""
    what = {"deploy": "bot", "start": "bot started", "back": "bot back to", "withdraw": "bot stopped"}[service.action]
    commit = f" {short(service.commit)[:8]}" if service.release else ""
    return f"{what}{commit}" + ("" if service.state == "live" else f" ({service.state})")


def _snapshot(one: Stored) -> tuple[str, ...]:
    entry = one.entry
    scopes = f"{one.commands} in {one.scopes} scope{'' if one.scopes == 1 else 's'}"
    rollback = f"./inv rollback --env {entry.environment}"
    way = f"{rollback} --to {entry.previous}" if one.restorable else "-"
    if one.undone_next:
        way = rollback
    return (entry.id, _what(entry), entry.outcome, _when(entry), scopes, f"{max(1, round(one.size / 1000))} kB", way)
