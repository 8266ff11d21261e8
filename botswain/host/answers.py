"""Carries orders out, one after the other; each is a call of what this engine does anyway."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from botswain.host import cancelled, credentials, looking, mirror, orders, outage, releases, running, switch, systemd
from botswain.host.errors import HostError, Stopped
from botswain.host.guard import guard_of
from botswain.host.ledger import Ledger
from botswain.host.managers import manager_of
from botswain.host.place import Place, Service
from botswain.host.switch import Failed, Outage, Settled, Stuck, pending, unfinished

Answer = dict[str, Any]


def answer(place: Place, document: object) -> dict[str, Any]:
    """Carry out a request, and tell what came of it. Raises nothing that an order can cause."""
    done: list[Answer] = []
    try:
        for one in orders.read(document):
            done.append(_HANDLERS[type(one)](place, one))  # noqa: PERF401 - what was done before a failure counts
    except HostError as error:
        return {"answers": done, "error": _told(error)}
    return {"answers": done, "error": None}


def _told(error: HostError) -> dict[str, Any]:
    kind = "rolled_back" if isinstance(error, Failed) else "stuck" if isinstance(error, Stuck) else "failed"
    previous = error.previous if isinstance(error, Failed) else None
    words = {"what": error.what, "where": error.where, "fix": error.fix, "log": error.log}
    return {"kind": kind, **words, "previous": previous}


def _look(place: Place, order: orders.Look) -> Answer:
    return asdict(looking.look(place, order.service))


def _prepare(place: Place, order: orders.Prepare) -> Answer:
    began = time.monotonic()
    if order.bundle is not None:
        mirror.fetch(place, Path(order.bundle), order.commit, order.shallow)
    before = {one.id for one in Ledger(place).releases()}
    wanted = releases.Order(order.commit, order.by, order.deployment, order.prefix, held=order.held)
    made = releases.prepare(place, order.service, wanted, _say)
    seconds = round(time.monotonic() - began, 3)
    return {"release": made.id, "commit": made.commit, "reused": made.id in before, "seconds": seconds}


def _deploy(place: Place, order: orders.Deploy) -> Answer:
    service, stopped = order.service, cancelled.heard(place, order.run)
    manager = manager_of(service)
    try:
        cancelled.check(stopped)
    except Stopped as error:
        raise Failed(error, place.live()) from error
    running.check_ports(place, service, manager)
    _keep(place, service, order.secrets)
    release = Ledger(place).get(order.release)
    planned = switch.planned(
        service, release, by=order.by, deployment=order.deployment, confirm_within=order.confirm_within
    )
    guard, asked = guard_of(place, service), _outage(order.outage)
    try:
        done = switch.deploy(
            place, service, manager, release, planned, guard=guard.arm, outage=asked, stopped=stopped,
            since=order.since,
        )  # fmt: skip
        return asdict(done)
    except HostError:
        if pending(place) is None:
            guard.disarm(planned.token)
        raise


def _confirm(place: Place, order: orders.Confirm) -> Answer:
    confirmed = switch.confirm(place, order.token, order.by)
    guard_of(place, place.load()).disarm(order.token)
    return {"confirmed": confirmed}


def _revert(place: Place, order: orders.Revert) -> Answer:
    service = place.load()
    settled = switch.revert(place, service, manager_of(service), order.token, _nothing_known)
    guard_of(place, service).disarm(order.token)
    return _settled(settled)


def _settle(place: Place, order: orders.Settle) -> Answer:
    if unfinished(place) is None and not place.confirmed.exists():
        return _settled(None)
    service = _kept(place, order.service, order.secrets)
    waiting = pending(place)
    settled = switch.settle(place, service, manager_of(service), _outage(order.outage))
    if waiting is not None:
        guard_of(place, service).disarm(waiting.token)
    return _settled(settled)


def _candidate(place: Place, order: orders.Candidate) -> Answer:
    return {"release": asdict(releases.candidate(place, place.load(), order.to, _say))}


def _back(place: Place, order: orders.Back) -> Answer:
    service = _kept(place, order.service, order.secrets)
    waiting = pending(place)
    found = releases.candidate(place, service, order.release, _say)
    done = switch.back(
        place, service, manager_of(service), found, order.by, _outage(order.outage), order.why,
        restarts=order.restarts, stopped=cancelled.heard(place, order.run), since=order.since, anew=order.anew,
    )  # fmt: skip
    if waiting is not None:
        guard_of(place, service).disarm(waiting.token)
    return asdict(done)


def _withdraw(place: Place, order: orders.Withdraw) -> Answer:
    service = place.load()
    return {"left": switch.withdraw(place, service, manager_of(service), order.by, order.why)}


def _start(place: Place, order: orders.Start) -> Answer:
    service = _kept(place, order.service, order.secrets)
    running.start(place, service, manager_of(service))
    return _state(place, service)


def _stop(place: Place, order: orders.Stop) -> Answer:
    service = place.load()
    running.stop(place, service, manager_of(service), order.by)
    return _state(place, service)


def _restart(place: Place, order: orders.Restart) -> Answer:
    service = _kept(place, order.service, order.secrets)
    running.restart(place, service, manager_of(service))
    return _state(place, service)


def _prune(place: Place, order: orders.Prune) -> Answer:
    return {"left": releases.prune(place, order.service or place.load())}


def _cancel(place: Place, order: orders.Cancel) -> Answer:
    cancelled.cancel(place, order.run)
    return {"cancelled": order.run}


_HANDLERS: dict[type, Callable[[Place, Any], Answer]] = {
    orders.Look: _look, orders.Prepare: _prepare, orders.Deploy: _deploy, orders.Confirm: _confirm,
    orders.Revert: _revert, orders.Settle: _settle, orders.Candidate: _candidate, orders.Back: _back,
    orders.Withdraw: _withdraw, orders.Start: _start, orders.Stop: _stop, orders.Restart: _restart,
    orders.Prune: _prune, orders.Cancel: _cancel,
}  # fmt: skip


def _kept(place: Place, service: Service | None, secrets: Mapping[str, str]) -> Service:
    """How the bot is run, after what an order brought along was stored."""
    known = service or place.load()
    if service is not None or secrets:
        _keep(place, known, secrets)
    return known


def _keep(place: Place, service: Service, secrets: Mapping[str, str]) -> None:
    if secrets:
        credentials.bring(place, secrets)
    place.store(service)
    if service.manager.get("kind") == "systemd":
        systemd.equip(place, service)


def _state(place: Place, service: Service) -> Answer:
    return {"state": asdict(looking.state(place, service))}


def _settled(settled: Settled | None) -> Answer:
    return {"settled": None if settled is None else asdict(settled)}


def _outage(asked: orders.Asked | None) -> Outage:
    return _nothing_known if asked is None else lambda: outage.look(asked.status, asked.api)


def _nothing_known() -> str | None:
    return None


def _say(message: str) -> None:
    with contextlib.suppress(OSError):  # whoever listened is gone; the work goes on
        sys.stderr.write(f"botswain: {message}\n")
        sys.stderr.flush()
