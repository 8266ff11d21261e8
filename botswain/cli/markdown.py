"""The plan as Markdown, for a pull request or a step summary."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from botswain.cli.show import loss, plan_lines, shown
from botswain.cli.style import Paint
from botswain.plan import Action, CommandPlan, Plan, label
from botswain.secrets.visible import one_line

_WORDS = {
    Action.CREATE: "create",
    Action.RENAME: "**rename**",
    Action.UPDATE: "change",
    Action.DELETE: "**delete**",
}


def plan_markdown(plan: Plan, environment: str) -> str:
    """A heading, the sum, and a table a scope that changes."""
    return "\n".join(_lines(plan, environment))


def _lines(plan: Plan, environment: str) -> Iterator[str]:
    *_, total = plan_lines(plan, Paint(enabled=False))
    yield f"### Commands in `{environment}`"
    yield ""
    yield total
    for scope in plan.scopes:
        if scope.unavailable:
            yield f"\n**{label(scope.scope)}** skipped: {_cell(scope.unavailable)}"
        if not scope.changed:
            continue
        yield ""
        yield f"**{label(scope.scope)}**{' left the profile; cleared only with --allow-delete' if scope.orphan else ''}"
        yield ""
        yield "| command | | what |"
        yield "|---|---|---|"
        for command in scope.having(*_WORDS):
            yield f"| `{_cell(shown(command.key))}` | {_WORDS[command.action]} | {_what(command)} |"
    for note in plan.notes:
        yield f"\n> {_cell(note)}"


def _what(command: CommandPlan) -> str:
    remarks = [_cell("; ".join(loss(command)))] if loss(command) else []
    if command.renamed_by_others:
        remarks.append("*(renamed by other hands)*")
    if command.looks_like is not None:
        remarks.append(
            f"looks like a rename of `{_cell(shown(command.looks_like))}`, whose id `renamed_from` would keep"
        )
    changes = (
        f"`{_cell(change.path)}`: {_code(change.live)} → {_code(change.wanted)}"
        + (" *(edited by other hands)*" if change.drift else "")
        for change in command.fields
    )
    return "<br>".join([*remarks, *changes])


def _code(value: Any) -> str:
    return "–" if value is None else f"`{_cell(json.dumps(value, ensure_ascii=False))}`"


def _cell(text: str) -> str:
    """Text that cannot leave its table cell or its code span."""
    return one_line(text.replace("\n", " ")).replace("|", "\\|").replace("`", "'").replace("<", "&lt;")
