"""What to do when a switch failed on some hosts of a fleet: the others return too, and who was lost is looked for."""

from __future__ import annotations

import time
from collections.abc import Mapping

from botswain.errors import BotswainError
from botswain.host import forms, orders
from botswain.host.looking import View
from botswain.host.place import Service
from botswain.targets.base import ServiceError, ServiceRolledBack, ServiceStuck
from botswain.targets.engines import Engines, Outcome, Say, silent, translated


def taken_back(
    engines: Engines,
    specs: Mapping[str, Service],
    before: Mapping[str, View],
    done: Mapping[str, Outcome],
    until: float,
    say: Say = silent,
) -> ServiceError:
    """Bring every host back to the release that it had before; returns what the deployment is to be told.

    Hosts that failed went back by themselves; those that are well are told to. One that was lost is waited for until
    its own guard must have acted (`until`, monotonic).
    """
    first = next(one for one in done.values() if one.error is not None)
    error = translated(first.error) if first.error else ServiceError("failed", where=first.host)
    trouble: dict[str, str] = {}
    tokens = {name: forms.switched(one.answers[-1]).token for name, one in done.items() if one.good}
    if tokens:
        back = engines.play("deploy", "ask", {name: [orders.Revert(one)] for name, one in tokens.items()})
        trouble |= {name: str(one.error or "was not reached") for name, one in back.items() if not one.good}
    for name, one in done.items():
        if one.lost:
            told = _lost(engines, name, specs[name], before[name], until, say)
            trouble |= {name: told} if told else {}
        elif one.error is not None and one.kind == "stuck":
            trouble[name] = str(one.error)
    if trouble:
        name, told = next(iter(trouble.items()))
        told = told.removeprefix(f"{name}: ")
        what = error.what if told == error.what else f"{error.what}; and {name} did not come back: {told}"
        fix = (
            error.fix
            if isinstance(error, ServiceStuck)
            else f"log in there: sudo botswain-host {_name(engines)} status"
        )
        return ServiceStuck(what, where=error.where, fix=fix, log=error.log)
    if isinstance(error, ServiceRolledBack) or (not tokens and first.kind == "failed" and not first.lost):
        return error
    previous = before[engines.fleet.gateway.name].state.live
    return ServiceRolledBack(error.what, where=error.where, fix=error.fix, log=error.log, previous=previous)


def undone(engines: Engines, specs: Mapping[str, Service], before: Mapping[str, str | None], by: str) -> None:
    """Take hosts back whose switch is final while another host's is not. Raises ServiceStuck."""
    asked: dict[str, list[orders.Order]] = {}
    for name in specs:
        if before[name] is None:
            asked[name] = [orders.Withdraw(by, "another host went back")]
        else:
            asked[name] = [orders.Back(by, None, "another host went back")]
    for one in engines.play("deploy", "ask", asked).values() if asked else ():
        try:
            one.insist()
        except BotswainError as error:
            what = f"another host went back, and this one did not follow: {error.what}"
            raise ServiceStuck(what, where=one.host, fix=error.fix) from None


def _lost(engines: Engines, name: str, spec: Service, before: View, until: float, say: Say) -> str:
    """Wait for a host that was lost in a switch, and take that back there; what is wrong, or nothing."""
    (host,) = engines.named([name])
    view = engines.again(host, spec, until, say)
    if view is None:
        left = "nothing" if before.state.live is None else f"release {before.state.live}"
        return f"it cannot be reached; its own timer returns it to {left}, whether or not anybody gets through"
    if view.switch is not None:
        outcome = engines.play("deploy", "ask", {name: [orders.Settle()]})[name]
        if not outcome.good:
            return str(outcome.error or "it was not reached")
        view = engines.again(host, spec, max(until, time.monotonic()))
    if view is None or view.state.live != before.state.live:
        return f"it runs {view.state.live if view else 'nobody knows what'}"
    return ""


def _name(engines: Engines) -> str:
    return engines.root.rpartition("/")[2]
