"""The tasks for backups of the database: backup.run, .list, .verify, .accept, .restore, .schedule."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botswain.cli.recorded import _only_told
from botswain.cli.service import _session
from botswain.cli.task import ask, dry, emit, on_terminal, task
from botswain.errors import BotswainError, ExitCode, Refused

if TYPE_CHECKING:
    from botswain.database.base import Document
    from botswain.deployment.session import Session


@task(collection="backup", wait="seconds to wait while another backup is under way")
def run(
    context: Any,
    env: str = "",
    dry_run: bool = False,
    yes: bool = False,
    wait: int = 0,
    json: bool = False,
    debug: bool = False,
) -> ExitCode:
    """Back the database up, and read the backup back.

    Copies it to second places and removes old ones. Asks nobody.
    """
    from botswain.database.choose import backups_of
    from botswain.database.words import would_run

    session = _session(env)
    if dry(context, dry_run=dry_run):
        return _preview(session, "backup.run", lambda: would_run(session.profile), json=json)
    backups = backups_of(session.profile)
    with _audited(session, "backup.run", needed=False) as result:
        document = backups.run(_say(json=json), wait)
        result["result"] = document.get("outcome", "done")
        result["backup"] = (document.get("backup") or {}).get("id")
    return _end(document, json=json)


@task("list", collection="backup")
def list_(_context: Any, env: str = "", json: bool = False, debug: bool = False) -> ExitCode:
    """List the backups of the database, oldest first.

    Whether each is good, when it was verified, where copies are.
    """
    from botswain.database.choose import backups_of

    return _end(backups_of(_session(env).profile).look(), json=json)


@task(
    collection="backup",
    backup="one backup: its id, or `latest`; default: all",
    here="leave the copies in second places alone",
    restore="restore it into a scratch database on the same server, too; default: the latest",
)
def verify(
    _context: Any,
    env: str = "",
    backup: str = "",
    here: bool = False,
    restore: bool = False,
    json: bool = False,
    debug: bool = False,
) -> ExitCode:
    """Read backups back whole, and hash their copies."""
    from botswain.database.choose import backups_of

    backups = backups_of(_session(env).profile)
    document = backups.verify(backup, _say(json=json), copies=not here, accept=False, restore=restore)
    return _end(document, json=json)


@task(collection="backup", backup="the suspicious backup, by its id")
def accept(
    context: Any,
    env: str = "",
    backup: str = "",
    dry_run: bool = False,
    yes: bool = False,
    json: bool = False,
    debug: bool = False,
) -> ExitCode:
    """Take a suspicious backup for good.

    It is much smaller than the one before, and that is right.
    """
    from botswain.database.choose import backups_of

    session = _session(env)
    if dry(context, dry_run=dry_run):
        return _preview(session, "backup.accept", lambda: f"would take {backup or 'a backup'} for good", json=json)
    backups = backups_of(session.profile)
    if not backup:
        raise BotswainError("names no backup", where="--backup", fix=f"./inv backup.list --env {env} shows them")
    _agree(session, f"take {backup} for good in", must=session.profile.production, yes=yes, json=json)
    with _audited(session, "backup.accept", {"backup": backup}) as result:
        document = backups.verify(backup, _say(json=json), copies=False, accept=True)
        result["result"] = document.get("outcome", "done")
    return _end({**document, "task": "backup.accept"}, json=json)


@task(
    collection="backup",
    backup="which backup: its id, or `latest` for the newest good one",
    into="the database: a URL without a password, or the name of a variable that holds one",
    create="create that database first",
    replace="drop what is in the backup from that database first",
    cascade="drop what depends on that and is not in the backup, too",
    over_source="it may be the very database that was backed up",
    in_use="others may be using it meanwhile",
    no_owner="leave owners and grants out",
    without_extension="extensions to leave out, with commas between them",
    without_backup="with --over-source: what is there now need not be backed up first",
)
def restore(
    context: Any,
    env: str = "",
    backup: str = "latest",
    into: str = "",
    create: bool = False,
    replace: bool = False,
    cascade: bool = False,
    over_source: bool = False,
    in_use: bool = False,
    no_owner: bool = False,
    without_extension: str = "",
    without_backup: bool = False,
    dry_run: bool = False,
    yes: bool = False,
    json: bool = False,
    debug: bool = False,
) -> ExitCode:
    """Restore a backup into a database, all of it or nothing.

    Counts afterwards what arrived. What it writes over is backed up first.
    """
    from botswain.database.base import Restore
    from botswain.database.choose import backups_of, target
    from botswain.database.restoring import restored
    from botswain.database.words import without_password

    session = _session(env)
    preview = dry(context, dry_run=dry_run)
    if preview and session.profile.database is None:
        return _preview(session, "backup.restore", str, json=json)
    backups = backups_of(session.profile)
    if not into:
        fix = "say --into URL, or --into with the name of a variable that holds it"
        raise BotswainError("names no database to restore into", where="--into", fix=fix)
    left_out = tuple(filter(None, without_extension.split(",")))
    wanted = Restore(
        backup, target(into), create, replace, cascade, over_source, in_use, no_owner, left_out, without_backup
    )
    if preview:
        would = backups.restore(wanted, _say(json=json), dry=True)
        return _only_told(session, "backup.restore", str(would["would"]), json=json)
    where = without_password(wanted.into)
    must = wanted.destroys or session.profile.production
    if must and not yes:  # what would be refused is, before anybody is asked; and what is asked names the backup
        deed = str(backups.restore(wanted, _say(json=json), dry=True)["would"]).removeprefix("would ")
        _agree(session, f"{deed} ({where}), for", must=must, yes=yes, json=json)
    with _audited(session, "backup.restore", {"backup": backup, "into": where, "replace": wanted.destroys}) as result:
        document = restored(backups, wanted, _say(json=json))
        result["result"] = document.get("outcome", "done")
        result["backup"] = document.get("backupId")
    return _end(document, json=json)


@task(collection="backup")
def schedule(
    context: Any, env: str = "", dry_run: bool = False, yes: bool = False, json: bool = False, debug: bool = False
) -> ExitCode:
    """Have a backup made every day, as database.backup.at of the profile says.

    Here by cron, on a host by a timer. Without `at`, it is ended.
    """
    from botswain.database.schedule import scheduled, would_schedule

    session = _session(env)
    project = Path.cwd()
    if dry(context, dry_run=dry_run):
        return _preview(session, "backup.schedule", lambda: would_schedule(session.profile, project), json=json)
    _agree(session, "change the schedule of backups of", must=session.profile.production, yes=yes, json=json)
    with _audited(session, "backup.schedule"):
        done = scheduled(session.profile, project, _say(json=json))
    if json:
        told = {
            "task": "backup.schedule",
            "environment": session.profile.name,
            "lines": done.lines,
            "notes": done.notes,
        }
        emit({**told, "exitCode": 0})
        return ExitCode.DONE
    print(*(done.lines or ["nothing is scheduled"]), *(f"note: {one}" for one in done.notes), sep="\n")
    return ExitCode.DONE


def _preview(session: Session, name: str, would: Callable[[], str], *, json: bool) -> ExitCode:
    """The end of a dry run; without a database there is nothing to do."""
    profile = session.profile
    text = would() if profile.database else f"nothing to do: {profile.name} has no database"
    return _only_told(session, name, text, json=json)


def _end(document: Document, *, json: bool) -> ExitCode:
    """Print what the runner answered; its exit code is the task's."""
    if json:
        emit(document)
    else:
        from botswain.backup import lines

        print(*lines.of(document), sep="\n")
    return ExitCode(document["exitCode"])


def _say(*, json: bool) -> Callable[[str], None]:
    """Tells a person what goes on. Cron sends what is printed, so nothing is said off a terminal."""

    def say(text: str) -> None:
        if not json and sys.stderr is not None and sys.stderr.isatty():
            print(text, file=sys.stderr, flush=True)

    return say


def _agree(session: Session, deed: str, *, must: bool, yes: bool, json: bool) -> None:
    """Asks where that is a must. Raises Refused without an answer, or with any but yes."""
    if yes or not must:
        return
    question = f"{deed} {session.profile.name}{' (production)' if session.profile.production else ''}"
    if not on_terminal(json=json):
        raise Refused(f"this would {question}, and there is no terminal to ask on", fix="if you mean it, say --yes")
    if not ask(question):
        raise Refused("not confirmed; nothing was changed")


@contextmanager
def _audited(
    session: Session, action: str, data: Mapping[str, Any] | None = None, *, needed: bool = True
) -> Iterator[dict[str, Any]]:
    """Record a deed; what is put into the yielded dict becomes its outcome.

    Unless the record is `needed`, the deed is done also where it cannot be written, and that is told.
    """
    from botswain.audit.log import AuditLog
    from botswain.state.ids import actor

    audit, intent, told = AuditLog(session.records.store, session.profile.name), "", dict[str, Any]()
    with _tolerated(needed=needed):
        intent = audit.intent(action, actor(), data)
    try:
        yield told
        told.setdefault("result", "done")
    finally:
        result = told.pop("result", "failed")
        with _tolerated(needed=False):
            if intent:
                audit.outcome(intent, result, {key: value for key, value in told.items() if value})


@contextmanager
def _tolerated(*, needed: bool) -> Iterator[None]:
    try:
        yield
    except BotswainError as error:
        if needed:
            raise
        print(f"note: not in the audit log: {error}", file=sys.stderr)
