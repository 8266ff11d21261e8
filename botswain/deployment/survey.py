"""Looks at Discord and makes the plan: one GET a scope, several scopes at a time, nothing written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botswain.commands.canonical import Command, key
from botswain.commands.selection import left_alone
from botswain.deployment import credentials
from botswain.deployment.session import Session, workers
from botswain.deployment.wanted import Wanted
from botswain.discord.enums import GLOBAL
from botswain.discord.errors import ScopeUnavailable
from botswain.errors import Refused
from botswain.manifest import Manifest, ScopeRecord
from botswain.plan import Action, Plan, ScopePlan, called, plan_scope, unavailable
from botswain.wording import nearest

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from botswain.discord.client import DiscordClient

_SHOWN = 5
"""Commands that a note names."""


def survey(
    session: Session, client: DiscordClient, wanted: Wanted, manifest: Manifest | None, *, keep: bool = False
) -> Plan:
    """The plan for what is wanted; `keep` keeps unmanaged commands whatever the profile says.

    Any read that fails ends the survey: an unreadable scope is never an empty one. A guild that answers 403 or 404 is
    planned as unavailable.
    """
    records: Mapping[str, ScopeRecord] = manifest.scopes if manifest else {}
    if session.profile.leave:
        wanted, records = _without_left(session.profile.leave, wanted, records)
    orphans = [scope for scope, record in records.items() if scope not in wanted.scopes and record.commands]
    scopes: list[tuple[str, Mapping[str, Command], bool]] = [
        *((scope, commands, False) for scope, commands in wanted.scopes.items()),
        *((scope, {}, True) for scope in orphans),
    ]
    with workers(len(scopes) + 1) as pool:
        application = identify(session, client, manifest, pool)
        futures = [
            pool.submit(
                _look,
                session,
                client,
                wanted,
                scope,
                commands,
                records.get(scope),
                application,
                orphan=orphan,
                keep=keep,
            )
            for scope, commands, orphan in scopes
        ]
        try:
            application.result()
            plans = [future.result() for future in futures]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if session.profile.leave:
        plans = [_leaving(session.profile.leave, plan) for plan in plans]
    told = (*wanted.notes, *(_untold(plans) if client.commands_only else ()), *_lost_renames(plans, wanted))
    creating = any(plan.having(Action.CREATE, Action.RENAME) for plan in plans)
    return Plan(tuple(plans), told, session.records.creates(datetime.now(UTC)) if creating else {})


def _without_left(
    leave: Sequence[str], wanted: Wanted, records: Mapping[str, ScopeRecord]
) -> tuple[Wanted, Mapping[str, ScopeRecord]]:
    """What is wanted and recorded without the commands that the profile leaves to somebody else."""

    def others(commands: Mapping[str, Command]) -> dict[str, Command]:
        return {name: command for name, command in commands.items() if not left_alone(leave, name)}

    same = {id(commands): others(commands) for commands in wanted.scopes.values()}  # guilds share theirs
    scopes = {scope: same[id(commands)] for scope, commands in wanted.scopes.items()}
    return replace(wanted, scopes=scopes), {
        scope: replace(record, commands=others(record.commands)) for scope, record in records.items()
    }


def _leaving(leave: Sequence[str], plan: ScopePlan) -> ScopePlan:
    """The plan with the commands kept that the profile leaves to somebody else."""
    commands = tuple(
        replace(one, action=Action.KEEP, managed=False, drift=False, name_taken=None)
        if one.action is Action.DELETE and left_alone(leave, one.key)
        else one
        for one in plan.commands
    )
    return replace(plan, commands=commands)


def _lost_renames(plans: Sequence[ScopePlan], wanted: Wanted) -> Iterator[str]:
    """What to say of a `renamed_from` that names nothing: mostly it is misspelt, and an id would be lost."""
    for name, old in (wanted.renames or {}).items():
        creating = [plan for plan in plans if any(one.key == name for one in plan.having(Action.CREATE))]
        if not creating or any(plan.record and old in plan.record.commands for plan in creating):
            continue
        kind, _, former = old.partition("/")
        others = [one.key for plan in creating for one in plan.having(Action.DELETE, Action.KEEP)]
        known = dict.fromkeys(key.partition("/")[2] for key in others if key.startswith(f"{kind}/"))
        yield (
            f"{called(name)} says renamed_from: {former}, and no such command is live or on record; it is created"
            f" anew{nearest(former, known)}"
        )


def identify(
    session: Session, client: DiscordClient, manifest: Manifest | None, pool: ThreadPoolExecutor
) -> Future[dict[str, Any]]:
    """Asks Discord whose credentials these are. Scopes may be read meanwhile if the application's id is known."""

    def ask() -> dict[str, Any]:
        application = client.application()
        credentials.belongs(session.profile, application["id"])
        if manifest is not None and manifest.application_id != application["id"]:
            kind = "client secret" if client.commands_only else "token"
            raise Refused(
                f"was deployed to application {manifest.application_id}, and the {kind} belongs to {application['id']}",
                where=session.records.where,
                fix=f"use that application's {kind}, or {credentials.anew(session.profile)}",
            )
        client.application_id = application["id"]
        return application

    future = pool.submit(ask)
    if client.application_id is None:
        future.result()
    return future


def _look(
    session: Session,
    client: DiscordClient,
    wanted: Wanted,
    scope: str,
    commands: Mapping[str, Command],
    record: ScopeRecord | None,
    application: Future[dict[str, Any]],
    *,
    orphan: bool,
    keep: bool,
) -> ScopePlan:
    """Reads and plans one scope in its thread, so that only the plan is kept of what was read."""
    try:
        live = client.commands(scope)
    except ScopeUnavailable as error:
        return unavailable(scope, error.what, record, orphan=orphan)
    keep = keep or orphan or (scope == GLOBAL and not session.profile.global_)  # there, only the entry point is ours
    return plan_scope(
        scope,
        commands,
        live,
        record,
        renames=wanted.renames,
        ids=wanted.ids.get(scope),
        delete_unmanaged=session.profile.unmanaged == "delete" and not keep,
        install_types=install_types(client, application.result()) if scope == GLOBAL else None,
        orphan=orphan,
    )


def install_types(client: DiscordClient, application: Mapping[str, Any]) -> list[int] | None:
    """What Discord fills in for a global command that names no integration types; None where it does not tell."""
    if client.commands_only:
        return None
    configured = application.get("integration_types_config") or {"0": {}}
    return sorted(int(kind) for kind in configured)


def _untold(plans: Iterable[ScopePlan]) -> tuple[str, ...]:
    """What cannot be known of global commands that are live without a record, since the install types are not told."""
    for plan in plans:
        if plan.scope != GLOBAL or plan.orphan or plan.unavailable:
            continue
        recorded = plan.record.commands if plan.record else {}
        live = {key(raw) for raw in plan.live_commands()}
        names = [
            name
            for name, command in plan.wanted.items()
            if name in live and name not in recorded and not {"integration_types", "contexts"} <= command.keys()
        ]
        if names:
            shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
            note = (
                f"{shown} leaves integration_types or contexts to Discord; client credentials are not told what it"
                " would choose, so what is live now is taken to be its choice (name both, or use a bot token)"
            )
            return (note,)
    return ()
