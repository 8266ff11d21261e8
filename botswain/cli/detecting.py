"""The task that says what changed in the sources: detect."""

from __future__ import annotations

import json as jsonlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botswain.cli.task import dry, emit, environment, task
from botswain.errors import ExitCode
from botswain.wording import many

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botswain.cli.style import Paint
    from botswain.deployment.detect import Detected

_FIELDS = 6


@task(
    since="compare with this commit or branch of the bot's repository instead of the last deployment",
    check="exit 2 when something changed",
    report="write the report to this file too: JSON, or Markdown if it ends in .md",
)
def detect(
    context: Any,
    env: str = "",
    since: str = "",
    check: bool = False,
    report: str = "",
    json: bool = False,
    debug: bool = False,
) -> ExitCode:
    """Show which commands changed in the sources.

    Since the last deployment, or since a commit (for a pull request). Nothing is asked of Discord.
    """
    from botswain.deployment.detect import detect as find
    from botswain.deployment.session import Session

    session = Session.open(environment(env), complete=False)
    found = find(session, since or None)
    found = replace(found, notes=(*found.notes, *session.records.store.notes))
    code = ExitCode.DIFFERENT if check and found.different else ExitCode.DONE
    if report and not dry(context, dry_run=False):
        _write(Path(report), found)
    if json:
        emit({**found.to_json(), "exitCode": int(code)})
        return code
    from botswain.cli.style import paint_for

    print(*_lines(found, paint_for(sys.stdout)), sep="\n")
    return code


def _lines(found: Detected, paint: Paint) -> Iterator[str]:
    from botswain.cli.show import shown

    for key in found.new:
        hint = ""
        if key in found.alike:
            hint = f"  (like {shown(found.alike[key])} but for its name: `renamed_from` keeps its id)"
        yield f"  {paint('green', '+')} {paint('bold', shown(key))}{hint}"
    for key, old in found.renamed.items():
        yield f"  {paint('yellow', '»')} {paint('bold', shown(key))}  (was {shown(old)})"
    for key, changes in found.modified.items():
        paths = [change.path for change in changes]
        more = f" and {len(paths) - _FIELDS} more" if len(paths) > _FIELDS else ""
        yield f"  {paint('yellow', '~')} {paint('bold', shown(key))}  {', '.join(paths[:_FIELDS])}{more}"
    for key in found.deleted:
        yield f"  {paint('red', '-')} {paint('bold', shown(key))}"
    for scope in found.added_scopes:
        yield f"  {paint('green', '+')} {scope}"
    for scope in found.removed_scopes:
        yield f"  {paint('red', '-')} {scope}"
    for note in found.notes:
        yield paint("dim", f"note: {note}")
    yield f"{paint('bold', _summary(found))} since {found.since}."


def _summary(found: Detected) -> str:
    counts = {
        "new": found.new,
        "renamed": found.renamed,
        "modified": [key for key in found.modified if key not in found.renamed],
        "deleted": found.deleted,
    }
    parts = [f"{len(names)} {word}" for word, names in counts.items() if names]
    scopes = len(found.added_scopes) + len(found.removed_scopes)
    if scopes:
        parts.append(f"{many(scopes, 'scope')} more or less")
    return ", ".join(parts) or "No change"


def _write(path: Path, found: Detected) -> None:
    """Writes the report, whole or not at all. Raises BotswainError."""
    from botswain.secrets import redaction
    from botswain.state import atomic

    if path.suffix == ".md":
        from botswain.cli.style import Paint

        lines = "\n".join(_lines(found, Paint(enabled=False)))
        text = redaction.clean_text(f"### Commands of {found.environment}\n\n```\n{lines}\n```\n")
    else:
        text = jsonlib.dumps(redaction.clean_structure(found.to_json()), indent=2, ensure_ascii=False) + "\n"
    atomic.replace_files([(path, text.encode())])
