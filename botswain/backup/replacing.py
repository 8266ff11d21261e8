"""What a restore drops from a database that holds something, and what goes with it."""

from __future__ import annotations

from collections.abc import Sequence

from botswain.backup import loading
from botswain.backup.archive import Archive
from botswain.backup.errors import BackupError, Refused
from botswain.backup.remedies import ELSEWHERE
from botswain.backup.session import Session, Survey

_WAIT = "SET LOCAL lock_timeout = '10s';"
_SHOWN = 8


KEPT = ("SUBSCRIPTION",)
"""Kinds of things that are neither dropped nor made again: dropping a subscription reaches out to its publisher."""


def drops(archive: Archive, survey: Survey) -> tuple[str, ...]:
    """The statements that drop what is in the backup. Extensions and schemas that are there stay."""
    contents = archive.contents()
    return tuple(archive.drops(contents.without(survey.extensions, loading.kept(survey), KEPT)))


def dependents(session: Session, statements: Sequence[str], where: str) -> list[str]:
    """What depends on what would be dropped, and is not in the backup, in the server's words.

    It is dropped and brought back, in a transaction that ends in a rollback. Raises Refused for what cannot be dropped.
    """
    if not statements:
        return []
    script = loading.dropping(tuple(statements), cascade=True)
    ask = f"SELECT to_json(current_setting('botswain.dependents'));\n{_END}"
    try:
        (answer,) = session.ask(f"BEGIN;\n{_WAIT}\n{script}\n{ask}")
    except BackupError as error:
        reason = error.what.replace("ERROR:  ", "")
        fix = "stop the bot, and whatever else uses that database" if "lock timeout" in reason else ELSEWHERE
        what = f"what is in the backup cannot be replaced there: {reason}"
        raise Refused(what, where=where, fix=fix, log=error.log) from None
    return _lines(answer)


_END = "ROLLBACK;"


def _lines(answer: str) -> list[str]:
    import json

    return list(dict.fromkeys(line for line in json.loads(answer).splitlines() if line))


def refuse(found: Sequence[str], where: str) -> Refused:
    """Names what depends, and what to do."""
    what = f"what is not in the backup depends on what it replaces: {told(found)}"
    fix = f"pass --cascade to drop that, too; or {ELSEWHERE}"
    return Refused(what, where=where, fix=fix)


def told(found: Sequence[str]) -> str:
    """Dependents in one line."""
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "; ".join(found[:_SHOWN]) + more
