"""The tasks that read the records: status, history, and what mends them: lock.break, manifest.restore, audit.verify."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from botswain.cli.task import ask, dry, emit, environment, on_terminal, task
from botswain.errors import BotswainError, ExitCode, Refused
from botswain.wording import many

if TYPE_CHECKING:
    from botswain.deployment.session import Session
    from botswain.manifest import Manifest
    from botswain.targets.base import ServiceState


@task()
def status(_context: Any, env: str = "", json: bool = False, debug: bool = False) -> ExitCode:
    """Show what is deployed, by the records, and what runs now.

    Nothing is asked of Discord. Exit code 1 where nobody can tell what runs: a host cannot be reached, for example.
    """
    from botswain.cli.show import way_back_rows
    from botswain.cli.style import paint_for
    from botswain.deployment.card import card_json, current_card
    from botswain.deployment.session import Session
    from botswain.state.journal import left_behind

    session = Session.open(environment(env), records_only=True)
    records = session.records
    manifest, holder, cut = records.manifest(), records.store.holder(), left_behind(records.store)
    state, trouble = _service(session) if manifest is not None or json else (None, None)
    trouble = trouble if manifest is not None else None  # nothing was deployed that could run
    code = ExitCode.FAILED if trouble else ExitCode.DONE
    card = current_card(session, None, interactive=on_terminal(json=json), looked=state is not None)
    if json:
        from dataclasses import asdict

        from botswain.manifest import dump

        emit({
            "task": "status",
            "environment": session.profile.name,
            "manifest": dump(manifest) if manifest else None,
            "lock": asdict(holder) if holder else None,
            "interrupted": cut if holder is None else None,
            "rollback": card.undoes if card else None,
            "wayBack": card_json(card) if card else None,
            "service": asdict(state) if state else None,
            "serviceError": str(trouble) if trouble else None,
            "notes": list(records.store.notes),
            "exitCode": int(code),
        })  # fmt: skip
        return code
    rows = [("environment", session.profile.name)]
    if manifest is None:
        rows.append(("deployed", "nothing yet"))
    else:
        entry = records.deployment(manifest.deployment_id)
        commands = {name for record in manifest.scopes.values() for name in record.ids}
        rows += [
            (
                "deployed",
                f"{manifest.deployment_id} at {manifest.deployed_at}" + (f" by {entry.actor}" if entry else ""),
            ),
            ("application", manifest.application_id),
            ("commit", manifest.git_sha or "none"),
            ("commands", f"{len(commands)} in {many(len(manifest.scopes), 'scope')}"),
            *_service_rows(session, manifest, state, trouble),
            *(way_back_rows(card, paint_for(sys.stdout)) if card else ()),
        ]
    if holder is not None:
        rows.append(("lock", f"{holder.actor} ({holder.command}) since {holder.started_at}"))
    elif cut is not None:
        rows.append(("cut off", f"deployment {cut}; the next deploy or rollback settles it"))
    for name, text in rows:
        print(f"{name:<12} {text}")
    for note in records.store.notes:
        print(f"note: {note}", file=sys.stderr)
    if trouble:
        print(f"botswain: nobody can tell what runs: {trouble}", file=sys.stderr)
    return code


def _service(session: Session) -> tuple[ServiceState | None, BotswainError | None]:
    """What runs where the service is, or why nobody can tell; nothing of both for a profile without one."""
    if session.profile.service is None:
        return None, None
    from dataclasses import replace

    from botswain.deployment.commit import shown

    try:
        state = session.target.state()
        return replace(state, commit=shown(session.profile, state.commit)), None
    except BotswainError as error:
        return None, error


def _service_rows(
    session: Session, manifest: Manifest, state: ServiceState | None, trouble: BotswainError | None
) -> list[tuple[str, str]]:
    """The release on record, and what runs where the service is."""
    from botswain.plan.service import short

    record = manifest.service
    known = f"release {record.release} of commit {short(record.commit)}" if record else "no release"
    if trouble is not None:
        others = [("", line) for line in getattr(trouble, "others", ())]
        on = f" on {trouble.where}" if others else ""
        return [("service", f"{known} by the records; what runs cannot be looked at{on}"), *others]
    if state is None:
        return []
    now = state.told or ("running" if state.running else "stopped")
    if state.halted:
        now += f" ({state.halted}; nothing but ./inv service.start, a deploy or a rollback starts it)"
    elif state.release is not None and not state.running:
        now += f" (./inv service.start --env {session.profile.name} starts it)"
    live = f"release {state.release} of commit {short(state.commit)}" if state.release else "no release"
    rows = [("service", f"{live}: {now}")]
    if state.unconfirmed is None and state.release != (record.release if record else None):
        rows.append(("on record", f"{known}, {_elsewhere(session.profile.name, state)}"))
    if state.behind:
        rows.append(("behind", f"{state.behind}; ./inv deploy --env {session.profile.name}"))
    if state.unconfirmed is not None:
        rows.append(("switch", f"to release {state.unconfirmed} is not confirmed{_until(state.until)}"))
    return rows


def _elsewhere(environment: str, state: ServiceState) -> str:
    """What to know of a live release that is not the recorded one."""
    if state.release is None:
        return f"and none is there yet, on {state.target}: ./inv deploy --env {environment}"
    fix = f"./inv rollback --env {environment} --only service records that and has it run, a deploy takes it back"
    return f"not the recorded one is live: somebody went elsewhere where the bot is; {fix}"


def _until(until: float) -> str:
    """When a switch is taken back by itself."""
    from datetime import UTC, datetime

    if not until:
        return "; the next deploy or rollback settles it"
    at, left = datetime.fromtimestamp(until, UTC), until - datetime.now(UTC).timestamp()
    return f"; by itself it is taken back at {at:%H:%M:%S} UTC" + (f", in {left:.0f} s" if left > 0 else "")


@task(limit="how many deployments, newest first; 0 for all")
def history(_context: Any, env: str = "", limit: int = 20, json: bool = False, debug: bool = False) -> None:
    """List the deployments and how they ended.

    Who, when, which commit and build, what changed.
    """
    from botswain.deployment.history import to_json
    from botswain.deployment.session import Session

    session = Session.open(environment(env), records_only=True)
    entries = session.records.deployments()
    shown = session.records.told(entries[:limit] if limit else entries)
    if json:
        documents = [to_json(entry) for entry in shown]
        told = {"task": "history", "environment": session.profile.name, "deployments": documents}
        emit({**told, "notes": list(session.records.store.notes), "exitCode": 0})
        return
    for note in session.records.store.notes:
        print(f"note: {note}", file=sys.stderr)
    if not entries:
        print("no deployment yet")
        return
    from botswain.cli.style import paint_for
    from botswain.cli.tables import deployments_table

    print(*deployments_table(shown, paint_for(sys.stdout)), sep="\n")


@task("break", collection="lock", why="the reason, for whoever held it and for the audit log")
def break_lock(
    context: Any,
    env: str = "",
    why: str = "",
    dry_run: bool = False,
    yes: bool = False,
    json: bool = False,
    debug: bool = False,
) -> ExitCode:
    """Take the lock from a run that hangs.

    That run stops before its next change; what it did is settled by the next run.
    """
    from botswain.audit.log import AuditLog
    from botswain.deployment.session import Session
    from botswain.state.holding import fate
    from botswain.state.ids import actor

    if not why.strip():
        raise BotswainError("a lock is broken for a reason", fix='say it: --why "…"')
    session = Session.open(environment(env), records_only=True)
    store, who = session.records.store, actor()
    if dry(context, dry_run=dry_run):
        holder = store.holder()
        found = f"held by {holder.actor} ({holder.command}) since {holder.started_at}" if holder else "free"
        return _only_told(session, "lock.break", f"the lock is {found}", json=json)
    _agree(session, "break the lock of", yes=yes, json=json)
    audit = AuditLog(store, session.profile.name)
    intent = audit.intent("lock.break", who, {"why": why})
    broken = store.break_lock(why, who)
    audit.outcome(intent, "done" if broken else "nobody held it")
    if json:
        document = {"task": "lock.break", "environment": session.profile.name, "broken": broken is not None}
        emit({**document, "holderAlive": bool(broken and broken.holder.alive), "exitCode": 0})
    elif broken is None:
        print("nobody holds the lock")
    else:
        holder = broken.holder
        told = fate(holder)
        more = f"; {told}" if told else ""
        print(f"broke the lock of {holder.actor} ({holder.command}, since {holder.started_at}){more}")
    return ExitCode.DONE


def _agree(session: Session, deed: str, *, yes: bool, json: bool) -> None:
    """Asks in production. Raises Refused without an answer, or with any but yes."""
    if not session.profile.production or yes:
        return
    question = f"{deed} {session.profile.name} (production)"
    if not on_terminal(json=json):
        what = f"this would {question}, and there is no terminal to ask on"
        raise Refused(what, fix="if you mean it, say --yes")
    if not ask(question):
        raise Refused("not confirmed; nothing was changed")


def _only_told(session: Session, task_name: str, would: str, *, json: bool) -> ExitCode:
    """The end of a dry run."""
    if json:
        told = {"task": task_name, "environment": session.profile.name, "dryRun": True, "would": would}
        emit({**told, "exitCode": 0})
    else:
        print(would)
    return ExitCode.DONE


@task("restore", collection="manifest")
def restore_manifest(
    context: Any,
    env: str = "",
    dry_run: bool = False,
    yes: bool = False,
    json: bool = False,
    debug: bool = False,
) -> ExitCode:
    """Bring a damaged manifest back from the history."""
    from botswain.deployment.repair import newest
    from botswain.deployment.repair import restore_manifest as restore
    from botswain.deployment.session import Session

    session = Session.open(environment(env), records_only=True)
    if dry(context, dry_run=dry_run):
        entry, _ = newest(session.records)
        would = f"{session.records.where} would be the one of deployment {entry.id}"
        return _only_told(session, "manifest.restore", would, json=json)
    _agree(session, "write the manifest again of", yes=yes, json=json)
    restored = restore(session)
    if json:
        emit(
            {
                "task": "manifest.restore",
                "environment": session.profile.name,
                "deploymentId": restored,
                "exitCode": 0,
            }
        )
    else:
        print(f"{session.records.where} is again the one of deployment {restored}")
    return ExitCode.DONE


@task("verify", collection="audit")
def verify_audit(_context: Any, env: str = "", json: bool = False, debug: bool = False) -> ExitCode:
    """Check the audit log's chain of hashes."""
    from dataclasses import replace

    from botswain.audit.log import NAME, AuditLog
    from botswain.audit.verify import summary
    from botswain.deployment.session import Session

    session = Session.open(environment(env), records_only=True)
    store = session.records.store
    verdict = AuditLog(store, session.profile.name).verify()
    verdict = replace(verdict, findings=[*verdict.findings, *store.testimony(NAME)])
    code = ExitCode.FAILED if verdict.broken else ExitCode.DONE
    for note in store.notes:
        print(f"note: {note}", file=sys.stderr)
    if json:
        findings = [str(finding) for finding in verdict.findings]
        emit(
            {
                "task": "audit.verify",
                "environment": session.profile.name,
                "findings": findings,
                "exitCode": int(code),
            }
        )
        return code
    for line in summary(verdict.findings):
        print(line)
    if not verdict.findings:
        print("the audit log is whole")
    return code
