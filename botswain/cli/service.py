"""The tasks for the bot that runs: service.start, service.stop, service.restart, service.logs, releases, dev.down."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botswain.cli.recorded import _agree, _only_told
from botswain.cli.style import paint_for
from botswain.cli.task import dry, emit, environment, progress, task
from botswain.errors import BotswainError, ExitCode
from botswain.secrets.visible import log_line

if TYPE_CHECKING:
    from botswain.deployment.session import Session
    from botswain.deployment.starting import Seen
    from botswain.profile.settings import Profile
    from botswain.targets.base import Release, ServiceState, Target

_REMEMBERED = 200
"""Lines of a log that are looked through for what the unit forbade."""


@task(collection="service")
def start(
    context: Any, env: str = "", dry_run: bool = False, yes: bool = False, json: bool = False, debug: bool = False
) -> ExitCode:
    """Start the live release, unless it runs, and look how it is.

    For ten seconds at most; one that ends meanwhile is a failure.
    """
    return _change(context, env, "start", dry_run=dry_run, yes=yes, json=json)


@task(collection="service")
def stop(
    context: Any, env: str = "", dry_run: bool = False, yes: bool = False, json: bool = False, debug: bool = False
) -> ExitCode:
    """Stop the bot. Asks nobody.

    Its sandbox and supervisord go on; dev.down stops them too.
    """
    return _change(context, env, "stop", dry_run=dry_run, yes=True, json=json)


@task(collection="service")
def restart(
    context: Any, env: str = "", dry_run: bool = False, yes: bool = False, json: bool = False, debug: bool = False
) -> ExitCode:
    """Stop the bot, start the live release, and look how it is.

    For ten seconds at most; one that ends meanwhile is a failure.
    """
    return _change(context, env, "restart", dry_run=dry_run, yes=yes, json=json)


def _logs(
    _context: Any,
    env: str = "",
    lines: int = 50,
    follow: bool = False,
    host: str = "",
    json: bool = False,
    debug: bool = False,
) -> None:
    """Print what the bot printed."""
    if lines < 0:
        raise BotswainError(f"{lines} is no number of lines", where="--lines", fix="say 0 or more")
    if follow and json:
        raise BotswainError("one JSON document has an end, and --follow has none", fix="say one of --json, --follow")
    session = _session(env)
    found = _target(session).logs(lines, follow=follow, host=host)
    if json:
        emit({**_told(session, "service.logs"), "lines": list(found), "exitCode": 0})
        return
    said: list[str] = []
    try:
        colours = paint_for(sys.stdout).enabled
        for line in found:
            print(log_line(line, colours=colours), flush=follow)
            said = [*said[-_REMEMBERED:], line]
    except KeyboardInterrupt:
        if not follow:
            raise
    _explain(session.profile, said)


def _explain(profile: Profile, lines: Iterable[str]) -> None:
    """Say on stderr what a host's unit forbade the bot, by the words of its log."""
    from botswain.hosts.forbidden import forbidden, since_start

    if profile.service is not None and profile.service.target == "vm":
        for one in forbidden(since_start(lines)):
            print(f"note: `{one.line}`: {one.by}; {one.fix(profile.name)}", file=sys.stderr)


def _logs_task(collection: str) -> Any:
    return task(
        "logs",
        collection=collection,
        lines="how many lines, the newest last",
        follow="go on with what it prints, until Ctrl-C",
        host="of several hosts, this one, as the inventory names it; by default that with the gateway",
    )(_logs)


logs, service_logs = _logs_task(""), _logs_task("service")
"""Twice, since Invoke forgets the help of a task that it has told once."""


@task(
    command="run this instead of a shell, and end with its exit code",
    host="of several hosts, this one, as the inventory names it; by default that with the gateway",
)
def shell(_context: Any, env: str = "", command: str = "", host: str = "", debug: bool = False) -> int:
    """Open a shell where the bot runs.

    On a host as who logs in there; on this machine in the folder of the live release.
    """
    if not command and not sys.stdin.isatty():
        raise BotswainError("a shell needs a terminal", fix="say --command, or log in with ssh")
    return _target(_session(env)).shell(command, host=host)


@task()
def releases(_context: Any, env: str = "", json: bool = False, debug: bool = False) -> None:
    """List the releases of the bot, oldest first.

    What each is made of, and what became of it.
    """
    session = _session(env)
    target = _target(session)
    found, state = [_shown(session, one) for one in target.releases()], target.state()
    if json:
        rows = [
            {"release": one.id, "commit": one.commit, "state": one.state, "at": one.at, "by": one.by,
             "deploymentId": one.deployment, "seconds": one.seconds, "why": one.why or None}
            for one in found
        ]  # fmt: skip
        emit({**_told(session, "releases"), "live": state.release, "running": state.running, "releases": rows,
              "exitCode": 0})  # fmt: skip
        return
    if not found:
        print("no release yet")
        return
    from botswain.cli.style import paint_for
    from botswain.cli.tables import releases_table

    print(*releases_table(found, state, paint_for(sys.stdout)), sep="\n")


@task(collection="dev")
def down(
    context: Any, env: str = "", dry_run: bool = False, yes: bool = False, json: bool = False, debug: bool = False
) -> ExitCode:
    """Stop the bot, its sandbox and their supervisord on this machine. Asks nobody.

    Without --env those of every environment. Releases stay.
    """
    from botswain.state import places
    from botswain.targets.choose import running

    names = [env] if env else places.services()
    if dry(context, dry_run=dry_run):
        found = [f"{name}: process {pid}" for name in names for pid in running(name)]
        would = f"would stop {', '.join(found)}" if found else "nothing runs here"
        if json:
            told = {"task": "dev.down", "environment": env or None, "dryRun": True, "would": would, "exitCode": 0}
            emit(told)
        else:
            print(would)
        return ExitCode.DONE
    stopped = {name: _down(name) for name in names}
    if json:
        emit({"task": "dev.down", "environment": env or None, "stopped": stopped, "exitCode": 0})
        return ExitCode.DONE
    for name, ended in stopped.items():
        print(f"{name}: stopped {', '.join(ended)}" if ended else f"{name}: nothing ran")
    if not stopped:
        print("nothing runs here")
    return ExitCode.DONE


def _down(name: str) -> list[str]:
    """Stop everything of an environment, whether or not it still has a profile that can be read."""
    from botswain.targets.choose import everything_down

    session: Session | None = None
    try:
        session = _session(name)
    except BotswainError as error:
        from botswain.targets.moving import place_of

        if not place_of(name).root.is_dir():
            raise
        print(f"note: not in the audit log: {error}", file=sys.stderr)
    with _audited(session, "dev.down"):
        return everything_down(session.profile if session else None, name)


def _change(context: Any, env: str, deed: str, *, dry_run: bool, yes: bool, json: bool) -> ExitCode:
    session, name = _session(env), f"service.{deed}"
    preview = dry(context, dry_run=dry_run)
    if preview and session.profile.service is None:
        return _only_told(session, name, f"nothing to do: {session.profile.name} has no service", json=json)
    target = _target(session)
    if preview:
        state = target.state()
        return _only_told(session, name, f"would {deed} the bot ({_words(state)})", json=json)
    _agree(session, f"{deed} the bot of", yes=yes, json=json)
    do = {"start": target.start, "stop": target.stop, "restart": target.restart}[deed]
    seen: Seen | None = None
    if deed != "stop" and (cut := _cut(target)) is not None:
        told = f"the switch to or from release {cut} was cut off; it is settled first"
        print(f"note: {told}", file=sys.stderr)
    with _audited(session, name):
        state = _every_host(do)
        if deed != "stop" and session.profile.service is not None:
            from botswain.deployment.starting import first_look

            seen = first_look(target, state, session.profile.service.health)
            state = seen.state
    if json:
        trouble = {} if seen is None else {"trouble": seen.trouble or None}
        emit({**_told(session, name), **_state(state), **trouble, "exitCode": 0})
    else:
        print(_words(state) + (f", {seen.text}" if seen else ""))
    return ExitCode.DONE


def _cut(target: Target) -> str | None:
    """The release of a switch that nobody settles by himself; a host that cannot be looked at says so to the deed."""
    from botswain.targets.base import ServiceError

    try:
        state = target.state()
    except ServiceError:
        return None
    return None if state.until else state.unconfirmed


def _every_host(do: Callable[[], ServiceState]) -> ServiceState:
    """Do it; where it fails on one of several hosts, say how the others are before that is told."""
    from botswain.targets.base import ServiceError

    try:
        return do()
    except ServiceError as error:
        for line in error.others:
            progress(line)
        raise


def _shown(session: Session, release: Release) -> Release:
    """A release with its commit as records call it."""
    from dataclasses import replace

    from botswain.deployment.commit import shown

    return replace(release, commit=shown(session.profile, release.commit) or "")


def _words(state: ServiceState) -> str:
    process = f", process {state.pid}" if state.pid else ""
    return f"{state.release or 'no release'}: {state.told}{process}"


def _state(state: ServiceState) -> dict[str, Any]:
    return {"target": state.target, "release": state.release, "commit": state.commit, "running": state.running,
            "told": state.told, "pid": state.pid or None}  # fmt: skip


@contextmanager
def _audited(session: Session | None, action: str) -> Iterator[None]:
    """Record a deed. What stops a bot is done also when it cannot be recorded, and then says so."""
    from botswain.audit.log import AuditLog
    from botswain.state.ids import actor

    if session is None:
        yield
        return
    stopping = action in {"service.stop", "dev.down"}
    audit, intent = AuditLog(session.records.store, session.profile.name), ""
    try:
        intent = audit.intent(action, actor())
    except BotswainError as error:
        if not stopping:
            raise
        print(f"note: not in the audit log: {error}", file=sys.stderr)
    result = "failed"
    try:
        yield
        result = "done"
    finally:
        try:
            if intent:
                audit.outcome(intent, result)
        except BotswainError as error:
            print(f"note: not in the audit log: {error}", file=sys.stderr)


def _session(env: str) -> Session:
    from botswain.deployment.session import Session

    return Session.open(environment(env), records_only=True)


def _target(session: Session) -> Target:
    from botswain.deployment.credentials import token
    from botswain.targets.choose import target_of

    return target_of(session.profile, lambda: token(session.profile))


def _told(session: Session, name: str) -> dict[str, Any]:
    return {"task": name, "environment": session.profile.name}
