"""The task that makes servers ready: provision."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from botswain.cli.recorded import _agree, _only_told
from botswain.cli.service import _audited, _session
from botswain.cli.task import dry, emit, progress, task
from botswain.errors import ExitCode
from botswain.wording import many

if TYPE_CHECKING:
    from botswain.ansible.results import Change, HostResult, Play


@task()
def provision(
    context: Any, env: str = "", dry_run: bool = False, yes: bool = False, json: bool = False, debug: bool = False
) -> ExitCode:
    """Make the servers of an environment ready for its bot.

    Packages, user, folders, units, and the database where the inventory lists one. Starts and stops no bot.
    """
    from botswain.hosts.provision import provision as carry_out

    session, preview = _session(env), dry(context, dry_run=dry_run)
    if preview and session.profile.service is None:
        return _only_told(session, "provision", f"nothing to do: {session.profile.name} has no service", json=json)
    if preview:
        play = carry_out(session.profile, check=True, say=progress)
    else:
        _agree(session, "change the servers of", yes=yes, json=json)
        with _audited(session, "provision"):
            play = carry_out(session.profile, check=False, say=progress)
    code = ExitCode.FAILED if play.bad else ExitCode.DONE
    if json:
        emit(_document(session.profile.name, play, preview=preview, code=code))
    else:
        for line in _lines(play, preview=preview):
            print(line)
    for one in play.bad:
        print(f"botswain: {one.error or one.message}", file=sys.stderr)
        for line in getattr(one.error, "log", "").splitlines():
            print(f"  | {line}", file=sys.stderr)
    return code


def _lines(play: Play, *, preview: bool) -> list[str]:
    return [line for one in play.hosts.values() for line in _host(one, preview=preview)]


def _host(one: HostResult, *, preview: bool) -> list[str]:
    """What was changed; nothing for a host on which nothing was done, since what is wrong with it is told anyway."""
    if not one.good and not one.changes:
        return []
    told = many(len(one.changes), "change") if one.changes else "nothing to change"
    ended = {"failed": ", then it failed", "unreachable": ", then it could not be reached"}.get(one.status, "")
    first = f"{one.host}: {told}{' to make, and what follows from them' if preview and one.changes else ''}{ended}"
    return [first, *(line for change in one.changes for line in _change(change))]


def _change(change: Change) -> list[str]:
    title = f"  {change.role}: {change.task}" if change.role else f"  {change.task}"
    items = f" ({', '.join(change.items)})" if change.items else ""
    return [f"{title}{items}", *(f"      {line}" for line in change.diff.splitlines())]


def _document(environment: str, play: Play, *, preview: bool, code: ExitCode) -> dict[str, Any]:
    hosts = [
        {
            "host": one.host,
            "status": one.status,
            "error": str(one.error) if one.error else None,
            "changes": [
                {"role": change.role, "task": change.task, "items": list(change.items), "diff": change.diff or None}
                for change in one.changes
            ],
        }
        for one in play.hosts.values()
    ]
    return {"task": "provision", "environment": environment, "dryRun": preview, "hosts": hosts,
            "seconds": play.seconds, "exitCode": int(code)}  # fmt: skip
