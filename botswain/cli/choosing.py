"""Lets a person on a terminal choose the deployment to go back to."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from botswain.cli.style import paint_for
from botswain.cli.tables import deployments_table
from botswain.deployment.history import STANDING
from botswain.errors import BotswainError, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botswain.deployment.history import Deployment
    from botswain.deployment.records import Records

_LISTED = 15


def choose_deployment(records: Records, to: str, *, interactive: bool) -> str:
    """The id of the deployment whose state a person chose.

    Raises Refused when nobody can be asked or the answer is none of the listed ones.
    """
    if to:
        raise BotswainError("--choose and --to exclude each other", fix="leave one out")
    if not interactive:
        what = "there is no terminal to choose on"
        raise Refused(what, fix="say --to ID; ./inv history lists the deployments")
    entries = [entry for entry in records.deployments() if entry.outcome in STANDING]
    entries = [entry for entry in entries[:_LISTED] if records.manifest_of(entry.id) is not None]
    if not entries:
        raise BotswainError("no deployment on record has a state to go back to", where=records.where)
    standing = records.manifest()
    lines = deployments_table(entries, paint_for(sys.stderr))
    print(f"    {lines[0]}", file=sys.stderr)
    for number, (entry, line) in enumerate(zip(entries, lines[1:], strict=True), 1):
        mark = "*" if standing and standing.deployment_id == entry.id else " "
        print(f"{number:>2}{mark} {line}", file=sys.stderr)
    chosen = _chosen(entries)
    print(f"restoring the state after {chosen.kind} {chosen.id}", file=sys.stderr)
    return chosen.id


def _chosen(entries: Sequence[Deployment]) -> Deployment:
    """Asks until the answer is a number or an id of the list. Raises Refused for Enter, and at the end of input."""
    known = {str(number): entry for number, entry in enumerate(entries, 1)} | {entry.id: entry for entry in entries}
    question = "\nRestore the state after which one? (* is live now; Enter: none) "
    while True:
        print(question, end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline().strip()
        if answer in known:
            return known[answer]
        if not answer:
            raise Refused("nothing was chosen; nothing was changed")
        question = f"1 to {len(entries)}, please: "
