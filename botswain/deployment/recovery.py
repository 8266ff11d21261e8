"""Settles a deployment that was cut off: finds out how far it got, and makes the records say so.

What reached Discord is decided by looking, never by what the journal hoped for. What was written stays and is recorded,
so that `rollback` can undo it and the deployment that follows does the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botswain import manifest as manifests
from botswain.audit.log import AuditLog
from botswain.deployment.history import Deployment, Outcome, ServiceResult
from botswain.deployment.recording import BESIDE, service_record
from botswain.deployment.session import Session
from botswain.deployment.transaction import holds, restorable
from botswain.discord.errors import ScopeUnavailable
from botswain.errors import BotswainError
from botswain.manifest import Manifest
from botswain.plan import label
from botswain.state.ids import timestamp
from botswain.state.journal import Journal

if TYPE_CHECKING:
    from botswain.discord.client import DiscordClient
    from botswain.state.store import Held

Live = list[dict[str, Any]]
_STANDS = (Outcome.DONE, Outcome.PARTIAL)


def settle(session: Session, client: DiscordClient, held: Held, actor: str) -> Deployment | None:
    """Settles what an earlier run left, if anything; returns its deployment as it is now recorded.

    A scope that cannot be read raises: nothing may be recorded about it, and the journal stays for the next run.
    """
    records = session.records
    journal = Journal(records.store)
    events = journal.read()
    audit = AuditLog(records.store, session.profile.name)
    settled = None
    with records.store.together():
        if events:
            settled = _settle(session, client, events, records.deployment(events[0]["deployment"]))
            held.check()
            settle_beside(session)
        if events or held.left_behind is not None:
            for intent in audit.unfinished():
                if intent["action"] == "lock.break":  # whoever broke it may still be about to say so
                    continue
                result = settled.outcome if settled else Outcome.FAILED
                audit.outcome(intent["id"], result, {"settled": True}, actor=actor)
            journal.close()
    return settled


def settle_beside(session: Session) -> Deployment | None:
    """Settles a way back of the service that was cut off while this deployment was still to be settled."""
    journal = Journal(session.records.store, BESIDE)
    events = journal.read()
    if not events:
        return None
    settled = _settle(session, None, events, session.records.deployment(events[0]["deployment"]))
    journal.close()
    return settled


def _settle(
    session: Session, client: DiscordClient | None, events: list[dict[str, Any]], draft: Deployment | None
) -> Deployment | None:
    if draft is None:
        return None  # cut off before its entry was stored, and so before anything was written
    if draft.outcome is not Outcome.RUNNING:
        return draft  # everything was recorded; only the journal was left
    records = session.records
    begun = {event["scope"] for event in events if event["event"].endswith(" begins")}
    if events[0].get("delayed"):  # what had begun may not have reached this journal
        begun = {*draft.scopes}
    live: dict[str, Live] = {}
    states: dict[str, str] = {}
    for scope in draft.scopes:
        if scope in begun and client is not None:  # a way back of the service alone has no scopes
            try:
                live[scope] = client.commands(scope)
            except ScopeUnavailable:  # until the bot is back there, nothing can be done, and the rest shall go on
                states[scope] = "skipped"
    target = records.manifest_of(draft.id)
    states |= {scope: _state(session, draft, scope, live[scope], target) for scope in live}
    written = [scope for scope, state in states.items() if state == "written"]
    service = service_now(session, draft)
    live_service = service is not None and service.state == "live"
    unclear = "failed" in states.values() or (service is not None and service.state == "failed")
    outcome = Outcome.INTERRUPTED if written or live_service or unclear else Outcome.FAILED
    if len(written) == len(draft.scopes) and (service is None or live_service):
        outcome = Outcome.DONE
    elif (recorded := _recording(events)) is not None:
        outcome = recorded
    settled = replace(
        draft.with_states(states),
        service=service,
        outcome=outcome,
        finished_at=timestamp(),
        detail="cut off; settled by the next run",
    )
    if target is None or not (written or live_service or outcome in _STANDS):
        records.save(settled)
    else:
        records.save(settled, _merged(session, settled, target, live, written), current=True)
    return settled


def service_now(session: Session, draft: Deployment) -> ServiceResult | None:
    """What became of the service: an unconfirmed switch is taken back, and then it is looked at what runs."""
    result = draft.service
    if result is None:
        return None
    if session.profile.service is None:
        return replace(result, state="failed", detail="the profile has no service any more, so nobody looked")
    from botswain.deployment.outage import outage_of

    target = session.target
    target.settle(outage_of(session.profile))
    state = target.state()
    if state.release is not None and not state.running and result.action != "start" and not state.halted:
        state = target.start()  # killed between a stop and a start
    if state.release == result.release and result.release != result.previous:
        return replace(result, state="live")
    if state.release == result.previous:
        return replace(result, state="undone" if result.release != result.previous else "live")
    return replace(result, state="failed", detail=f"release {state.release} is live, which is neither of the two")


def _recording(events: list[dict[str, Any]]) -> Outcome | None:
    """The outcome that it had come to recording, if everything had been written and read back before."""
    last = events[-1]
    stands = last["event"] == "recording" and last["outcome"] in _STANDS
    return Outcome(last["outcome"]) if stands else None


def _state(session: Session, draft: Deployment, scope: str, live: Live, target: Manifest | None) -> str:
    """`written`, `undone`, or `failed` when what is live is neither the deployment's doing nor what was before."""
    result = draft.scopes[scope]
    after = _after(session, draft, scope, target)
    new, gone = (*result.created, *result.renamed), (*result.deleted, *result.renamed.values())
    if holds(scope, {name: after[name] for name in (*new, *result.updated) if name in after}, gone, live):
        return "written"
    try:
        before = restorable(session.records.snapshot(draft.id, scope), scope)
    except BotswainError:  # lost meanwhile: then nobody can tell, and that must not hold up every later run
        return "failed"
    same = {name: before[name] for name in (*result.updated, *gone)}
    return "undone" if holds(scope, same, new, live) else "failed"


def _after(session: Session, draft: Deployment, scope: str, target: Manifest | None) -> Mapping[str, Any]:
    """What the deployment was to leave in a scope: what it recorded, and for a rollback what it gave back to others."""
    recorded = target.scopes[scope].commands if target and scope in target.scopes else {}
    if draft.undoes:
        return {**restorable(session.records.snapshot(draft.undoes[-1], scope), scope), **recorded}
    return recorded


def _merged(
    session: Session, settled: Deployment, target: Manifest, live: Mapping[str, Live], written: list[str]
) -> Manifest:
    """The manifest before, with the records of the scopes that were written, as they are live."""
    before = session.records.manifest()
    scopes = dict(before.scopes) if before else {}
    unwritten = [scope for scope in settled.scopes if scope not in written]
    for scope in target.scopes.keys() | scopes.keys():
        if scope in unwritten:
            continue
        if scope not in target.scopes:
            scopes.pop(scope, None)
        elif scope in live:
            read = manifests.read_back(live[scope], scope)
            scopes[scope] = manifests.record(target.scopes[scope].commands, read)
        else:
            scopes[scope] = target.scopes[scope]
    return replace(target, scopes=scopes, service=service_record(before, settled.service))


def describe(settled: Deployment) -> str:
    """What was found, for people."""
    written = [scope for scope, one in settled.scopes.items() if one.state == "written"]
    unclear = [label(scope) for scope, one in settled.scopes.items() if one.state == "failed"]
    service = settled.service
    if service is not None and settled.outcome is not Outcome.DONE:
        return f"{settled.kind} {settled.id} by {settled.actor} was cut off: {_described(service, written, unclear)}"
    if settled.outcome is Outcome.DONE:
        found = "had written everything; its record is complete now"
    elif written:
        does = "finishes" if settled.kind == "rollback" else "undoes"
        found = f"had written {len(written)} of {len(settled.scopes)} scopes; that is recorded now, rollback {does} it"
    elif unclear:
        found = "had written no scope wholly"
    elif settled.outcome is Outcome.ROLLED_BACK:
        found = "had failed and undone what it wrote"
    else:
        found = "had written nothing"
    if unclear:
        found += f"; {', '.join(unclear)} holds neither what was there before nor what was to come: look at the diff"
    return f"{settled.kind} {settled.id} by {settled.actor} was cut off: it {found}"


def _described(service: ServiceResult, written: list[str], unclear: list[str]) -> str:
    release = service.release or "none"
    if service.state == "live":
        bot = f"release {release} runs, and is recorded now"
    elif service.state == "undone":
        bot = f"release {release} was not confirmed, and {service.previous or 'none'} is live as before"
    else:
        bot = f"nobody can tell which release is live: {service.detail or 'look at ./inv status'}"
    scopes = f"{len(written)} scopes were written" if written else "no scope was written wholly"
    return f"{bot}; {scopes}" + (f"; look at {', '.join(unclear)} with ./inv diff" if unclear else "")
