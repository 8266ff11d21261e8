"""What the engine found, in words for whoever sits at a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from botswain.host.found import by_hand
from botswain.host.ledger import Release
from botswain.host.looking import View
from botswain.host.place import Place


def named(release: Release | None, identity: str | None) -> str:
    """A release by its id, with what a person knows it by."""
    if release is None:
        return identity or "no release"
    return f"{release.id} ({release.state} since {_moment(release.at)}, by {release.by or 'nobody'})"


def releases(known: Sequence[Release], live: str | None) -> str:
    """A table of releases; an arrow is at the live one."""
    if not known:
        return "there are no releases"
    rows = [
        (
            "->" if one.id == live else "",
            one.id,
            one.state,
            _moment(one.at),
            one.by,
            one.why.splitlines()[0] if one.why else "",
        )
        for one in known
    ]
    return "\n".join(_lines([("", "release", "state", "since", "by", ""), *rows]))


def status(place: Place, view: View) -> str:
    """What runs, how it is, and what one may do about it."""
    name, state = place.root.name, view.state
    known = {one.id: one for one in view.releases}
    runs = f"runs since {_unix(state.since)} (process {state.pid})" if state.running else f"does not run: {state.told}"
    rows = [(name, runs)]
    if state.running and state.told != "running":
        rows.append(("", state.told))
    rows.append(("release", named(known.get(state.live or ""), state.live)))
    if state.halted:
        rows.append(("", f"{state.halted}; it may run again: {by_hand(name, 'start')}"))
    rows.append(("health", view.health or "well"))
    if view.switch is not None:
        until = f", taken back at {_unix(view.switch.until)}" if view.switch.until else ""
        rows.append(("switch", f"to {view.switch.to} is not confirmed{until}; now: {by_hand(name, 'settle')}"))
    rows += [("port", one.refusal().what) for one in view.in_the_way]
    back = f"to {view.back}: {by_hand(name, 'rollback')}" if view.back else "there is no earlier release"
    rows += [("rollback", back), ("log", f"journalctl -u botswain-{name} -e")]
    return "\n".join(_lines(rows))


def _lines(rows: Iterable[tuple[str, ...]]) -> list[str]:
    table = list(rows)
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in table]


def _moment(at: str) -> str:
    """2026-11-27T22:10:01Z for people."""
    return f"{at[:10]} {at[11:19]} UTC" if len(at) == len("2026-11-27T22:10:01Z") else at


def _unix(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
