"""What was changed by hand on a host since it was provisioned, as findings with the command that mends them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from botswain.deployment.doctor.look import Look, Verdict
from botswain.hosts.forbidden import forbidden, since_start
from botswain.hosts.survey import Surveyed

Told = tuple[Verdict, str, str]


def by_hand(look: str, seen: Surveyed, environment: str) -> Iterator[Look]:
    """A line for each unit, file, folder and package that is not as provisioning left it."""
    provision = f"./inv provision --env {environment}"
    if not seen.recorded:
        what = "provisioned before Botswain kept a record: what was changed by hand is not known"
        yield Look(look, Verdict.UNKNOWN, what, f"{provision} makes the record")
    for one in seen.by_hand:
        make = _KINDS.get(str(one.get("kind")))
        if make is not None:
            verdict, what, fix = make(one, provision)
            yield Look(look, verdict, f"{what}{_since(one.get('since'))}", fix)


def forbidden_by_unit(look: str, seen: Surveyed, environment: str) -> Iterator[Look]:
    """What the bot's unit forbade it, by the last lines of its log."""
    for one in forbidden(since_start(seen.log.splitlines())):
        yield Look(look, Verdict.WARNING, f"its log says `{one.line}`: {one.by}", one.fix(environment))


def _since(seconds: Any) -> str:
    if not isinstance(seconds, int | float) or seconds <= 0:
        return ""
    return f", on {datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def _changed(one: Mapping[str, Any], provision: str) -> Told:
    fix = f"`{provision} --dry-run` shows the difference, and without --dry-run it is put back"
    if str(one["name"]).endswith(".pyz"):
        fix = f"{provision} installs this checkout's"
    return Verdict.WARNING, f"{one['name']} was changed by hand", fix


def _missing(one: Mapping[str, Any], provision: str) -> Told:
    return Verdict.BAD, f"{one['name']} was provisioned and is not there any more", f"{provision} makes it"


def _access(one: Mapping[str, Any], provision: str) -> Told:
    return Verdict.WARNING, f"{one['name']} has other rights: {one.get('detail')}", f"{provision} corrects them"


def _masked(one: Mapping[str, Any], provision: str) -> Told:
    unit = one["name"]
    what, fix = (
        f"{unit} is masked: nothing can start it",
        f"on the host: `sudo systemctl unmask {unit}`; then {provision}",
    )
    return Verdict.BAD, what, fix


def _disabled(one: Mapping[str, Any], provision: str) -> Told:
    return Verdict.BAD, f"{one['name']} is disabled: it does not start at boot", f"{provision} enables it"


def _stale(one: Mapping[str, Any], _provision: str) -> Told:
    what = f"{one['name']} was changed, and systemd still has it as it was"
    return Verdict.WARNING, what, "on the host: `sudo systemctl daemon-reload`"


def _drop_in(one: Mapping[str, Any], _provision: str) -> Told:
    sets = f": {one['detail']}" if one.get("detail") else ""
    what = f"{one['name']} has settings of its own in {one.get('path')}{sets}"
    fix = (
        f"none if that is meant; on the host `sudo rm {one.get('path')}` takes it away, `sudo systemctl daemon-reload`"
        " makes it count, and what the role bot"
        " has a variable for belongs in the inventory (roles/bot/README.md)"
    )
    return Verdict.WARNING, what, fix


def _removed(one: Mapping[str, Any], provision: str) -> Told:
    return Verdict.BAD, f"package {one['name']} was removed", f"{provision} installs it"


def _held(one: Mapping[str, Any], _provision: str) -> Told:
    what = f"package {one['name']} is on hold: it gets no security updates"
    return Verdict.WARNING, what, f"on the host: `sudo apt-mark unhold {one['name']}`"


def _above(one: Mapping[str, Any], _provision: str) -> Told:
    what = f"{one['name']} lies above the releases: tools that look upward for settings take it for the bot's"
    return Verdict.WARNING, what, "move it away on the host; what all releases share belongs in service.shared"


_KINDS: Mapping[str, Callable[[Mapping[str, Any], str], Told]] = {
    "changed": _changed, "missing": _missing, "access": _access, "masked": _masked, "disabled": _disabled,
    "stale": _stale, "drop-in": _drop_in, "removed": _removed, "held": _held,
    "above": _above,
}  # fmt: skip
