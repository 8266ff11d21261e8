"""How the hosts of a fleet call a release: each has a ledger of its own, and only the commit is the same."""

from __future__ import annotations

from collections.abc import Mapping

from botswain.host.ledger import GOOD, Release
from botswain.host.looking import View
from botswain.targets.base import ServiceError


def wanted(view: View, to: str | None, host: str) -> Release:
    """The release of a host that is called so, or that a rollback returns to. Raises ServiceError."""
    name = to or (view.switch.back if view.switch is not None else None) or view.back
    if name is None:
        raise ServiceError("there is no earlier release to go back to", where=host)
    exact = [one for one in view.releases if one.id == name]
    found = exact or [one for one in view.releases if one.id.startswith(name) or one.commit.startswith(name)]
    if len(found) != 1:
        what = f'"{name}" is {"no release" if not found else "several releases"} there'
        names = ", ".join(one.id for one in (found or view.releases)) or "none"
        raise ServiceError(what, where=host, fix=f"there are: {names}")
    if found[0].state == "building":
        raise ServiceError(f"release {found[0].id} was never built to its end, so it cannot run", where=host)
    return found[0]


def same(view: View, wanted: Release, host: str) -> str:
    """How a host calls the release that another one calls `wanted`: of the same deployment, or commit.

    Raises ServiceError where it has none.
    """
    there = [one for one in view.releases if one.commit == wanted.commit and one.state != "building"]
    found = [one for one in there if wanted.id == one.id or (wanted.deployment and wanted.deployment == one.deployment)]
    found = found or [one for one in there if one.state in {"ready", *GOOD}]
    if not found:
        what = f"has no good release of commit {wanted.commit[:12]}"
        raise ServiceError(what, where=host, fix="deploy that commit; that builds it there, too")
    return found[-1].id


def behind(views: Mapping[str, View], gateway: str) -> str:
    """Which hosts run another commit than the gateway's, in words: one that was away, and came back, may do so."""
    commit = views[gateway].state.commit
    return "; ".join(
        f"{name} runs another release ({view.state.live} of commit {(view.state.commit or '')[:12]}) than the gateway"
        if view.state.live
        else f"{name} has no release yet, and the gateway has"
        for name, view in views.items()
        if view.state.commit != commit
    )
