"""What to do when something failed on some hosts of a fleet.

A switch is taken back: the others return too, and who was lost is looked for. A way back goes on: who is back stays so,
who was lost is told once more, and where one does not follow a person is told how each of them is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from botswain.errors import BotswainError
from botswain.host import forms, orders
from botswain.host.looking import View
from botswain.host.place import Service
from botswain.targets.base import BY_ITSELF, ServiceError, ServiceRolledBack, ServiceStuck
from botswain.targets.engines import Engines, Outcome, Say, longest, silent, translated

_CALLED_OFF = "stopped by hand before it was known whether the release is well"


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
    its own guard must have acted (`until`, monotonic). Where none failed, somebody called the rest off.
    """
    first = next((one for one in done.values() if one.error is not None), None)
    error = translated(first.error) if first and first.error else ServiceError(_CALLED_OFF)
    trouble: dict[str, str] = {}
    away: set[str] = set()
    tokens = {name: forms.switched(one.answers[-1]).token for name, one in done.items() if one.good}
    if tokens:
        say(f"back to the release before: {', '.join(tokens)}")
        asked = {name: [orders.Revert(one)] for name, one in tokens.items()}
        back = engines.send("deploy", "ask", asked, seconds=longest(specs.values()))
        trouble |= {name: str(one.error or "was not reached") for name, one in back.items() if not one.good}
    for name, one in done.items():
        if one.lost:
            told, there = _lost(engines, name, specs[name], before[name], until, say)
            trouble |= {name: told} if told else {}
            away |= set() if there else {name}
        elif one.error is not None and one.kind == "stuck":
            trouble[name] = str(one.error)
    if trouble:
        name, told = next(iter(trouble.items()))
        told = told.removeprefix(f"{name}: ")
        what = error.what if told == error.what else f"{error.what}; and {name} did not come back: {told}"
        fix = error.fix if isinstance(error, ServiceStuck) else _look_there(engines)
        if name in away:
            fix = f"wait until it is up: {BY_ITSELF}; then ./inv status --env {_environment(engines)}"
        return ServiceStuck(what, where=error.where, fix=fix, log=error.log)
    lone = first is not None and not tokens and first.kind == "failed" and not first.lost
    if lone and not any(one.kind == "rolled_back" for one in done.values()):
        return error
    all_are = "; every host has the release that it had" if len(done) > 1 else ""
    previous = before[engines.fleet.gateway.name].state.live
    return ServiceRolledBack(
        f"{error.what}{all_are}", where=error.where, fix=error.fix, log=error.log, previous=previous
    )


def undone(
    engines: Engines,
    specs: Mapping[str, Service],
    before: Mapping[str, str | None],
    by: str,
    since: Callable[[str], float | None],
) -> None:
    """Take hosts back whose switch is final while another host's is not. Raises ServiceStuck."""
    asked: dict[str, list[orders.Order]] = {}
    for name in specs:
        if before[name] is None:
            asked[name] = [orders.Withdraw(by, "another host went back")]
        else:
            asked[name] = [orders.Back(by, None, "another host went back", since=since(name))]
    done = engines.send("deploy", "ask", asked, seconds=longest(specs.values())) if asked else {}
    for one in done.values():
        try:
            one.insist()
        except BotswainError as error:
            what = f"another host went back, and this one did not follow: {error.what}"
            raise ServiceStuck(what, where=one.host, fix=error.fix) from None


def gone_back(
    engines: Engines,
    specs: Mapping[str, Service],
    asked: Mapping[str, Sequence[orders.Order]],
    done: Mapping[str, Outcome],
    until: float,
    say: Say = silent,
) -> dict[str, Outcome]:
    """What became of a way back on every host, after those that were lost were told once more.

    Each of `asked` is the way back, and whatever else. Raises ServiceError where nothing was done on any host, and
    ServiceStuck, which tells how each host is, where it was done on some, or nobody knows: nobody wants to return to
    what they left.
    """
    found = dict(done)
    for name, one in done.items():
        if one.lost and not one.answers:
            (host,) = engines.named([name])
            say(f"{name} was lost on the way; looking for it")
            if engines.again(host, specs[name], until, say) is not None:
                seconds = longest([specs[name]])
                found |= engines.send("rollback", "", {name: asked[name]}, seconds=seconds, say=say)
    all_did(found, "went back", unknown=any(one.lost for one in found.values()))
    return found


def all_did(done: Mapping[str, Outcome], told: str, *, unknown: bool = False) -> None:
    """Raise what the first host failed with; ServiceStuck, and how each of them is, where others carried it out.

    `told` says that of those: they "went back". With `unknown`, nobody knows what the others did.
    """
    failed = {name: one for name, one in done.items() if not one.good and not one.answers}
    if not failed:
        return
    first = next(iter(failed.values()))
    error = translated(first.error) if first.error else ServiceError("was not reached", where=first.host)
    if len(failed) == len(done) == 1 and not unknown:
        raise error
    if len(failed) == len(done) and not unknown and all(one.kind == "failed" for one in failed.values()):
        raise error
    others = [f"{name}: {one.error.what if one.error else 'was not reached'}" for name, one in failed.items()][1:]
    well = [name for name in done if name not in failed]
    rest = [*others, f"{', '.join(well)} {told}"] if well else others
    raise ServiceStuck("; ".join([error.what, *rest]), where=error.where, fix=error.fix, log=error.log)


def _lost(engines: Engines, name: str, spec: Service, before: View, until: float, say: Say) -> tuple[str, bool]:
    """Wait for a host that was lost in a switch, and take that back there; what is wrong or nothing, and if it came."""
    (host,) = engines.named([name])
    view = engines.again(host, spec, until, say)
    if view is None:
        left = "nothing" if before.state.live is None else f"release {before.state.live}"
        return f"it cannot be reached; its own timer returns it to {left}, whether or not anybody gets through", False
    if view.switch is not None:
        outcome = engines.send("deploy", "ask", {name: [orders.Settle()]}, seconds=longest([spec]))[name]
        if not outcome.good:
            return str(outcome.error or "it was not reached"), not outcome.lost
        view = engines.again(host, spec, max(until, time.monotonic()), say)
    if view is None or view.state.live != before.state.live:
        return f"it runs {view.state.live if view else 'nobody knows what'}", view is not None
    return "", True


def _look_there(engines: Engines) -> str:
    return f"log in there: sudo botswain-host {_environment(engines)} status"


def _environment(engines: Engines) -> str:
    return engines.root.rpartition("/")[2]
