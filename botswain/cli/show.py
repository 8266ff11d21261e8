"""Plans and results as text for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botswain.cli.style import Paint
from botswain.discord.limits import CREATES_PER_DAY
from botswain.plan import Action, CommandPlan, FieldChange, Plan, ScopePlan, called, label
from botswain.secrets import redaction
from botswain.secrets.visible import one_line
from botswain.wording import many

if TYPE_CHECKING:
    from botswain.deployment.card import Card
    from botswain.deployment.history import Deployment
    from botswain.deployment.result import Result

_WIDTH = 68
"""Longest value that is shown in full."""
_SIGNS = {
    Action.CREATE: ("+", "green"),
    Action.RENAME: ("»", "cyan"),
    Action.UPDATE: ("~", "yellow"),
    Action.DELETE: ("-", "red"),
}
_LISTED_GUILDS = 3
_LISTED_COMMANDS = 5
_LISTED_KEPT = 3


def plan_lines(plan: Plan, paint: Paint) -> Iterator[str]:
    """The plan as it is read before it is agreed to: only what would change, and one line that sums it up."""
    for scopes in alike(plan.scopes):
        yield from _scope(scopes, paint)
    for note in plan.notes:
        yield paint("dim", f"note: {one_line(note)}")
    if plan.service is not None:
        yield f"{paint('bold', 'service')}  {plan.service.text}"
    if plan.service is None or plan.scopes:
        yield _summary(plan, paint)


def alike(scopes: tuple[ScopePlan, ...]) -> list[list[ScopePlan]]:
    """Scopes in which exactly the same happens, together: 500 guilds are one paragraph."""
    groups: list[list[ScopePlan]] = []
    for scope in scopes:
        for group in groups:
            first = group[0]
            if (first.commands, first.unchanged, first.orphan, first.unavailable, first.unrecorded) == (
                scope.commands, scope.unchanged, scope.orphan, scope.unavailable, scope.unrecorded
            ) and (first.wanted is scope.wanted or first.wanted == scope.wanted):  # fmt: skip
                group.append(scope)
                break
        else:
            groups.append([scope])
    return groups


def _scope(scopes: list[ScopePlan], paint: Paint) -> Iterator[str]:
    scope = scopes[0]
    title = paint("bold", title_of(scopes))
    if scope.unavailable:
        yield f"{title}  {paint('red', 'skipped')}: {one_line(scope.unavailable)}"
        return
    if scope.orphan and not scope.changed:
        return
    if scope.orphan:
        ours = many(len(scope.having(Action.DELETE)), "command")
        left = paint("magenta", "left the profile")
        yield f"{title}  {left}, and still has {ours} of ours; only --allow-delete clears it"
        return
    if not scope.changed:
        state = "nothing to write, the record is brought up to date" if scope.unrecorded else "no change"
        yield f"{title}  {paint('dim', ', '.join(part for part in (state, _still(scope)) if part))}"
        return
    yield title
    for command in scope.having(*_SIGNS):
        yield from _command(scope, command, paint)
    if _still(scope):
        yield paint("dim", f"    {_still(scope)}")


def title_of(scopes: list[ScopePlan]) -> str:
    """How scopes in which the same happens are headed."""
    if len(scopes) == 1:
        return label(scopes[0].scope)
    shown = ", ".join(scope.scope for scope in scopes[:_LISTED_GUILDS])
    return f"{len(scopes)} guilds ({shown}{', …' if len(scopes) > _LISTED_GUILDS else ''})"


def _still(scope: ScopePlan) -> str:
    kept = scope.having(Action.KEEP)
    parts = [f"{scope.unchanged} unchanged"] if scope.unchanged else []
    if kept:
        which = f" ({', '.join(shown(one.key) for one in kept)})" if len(kept) <= _LISTED_KEPT else ""
        parts.append(f"{many(len(kept), 'other')} kept as {'it is' if len(kept) == 1 else 'they are'}{which}")
    return ", ".join(parts)


shown = called
"""A command key as users know the command."""


def _command(scope: ScopePlan, command: CommandPlan, paint: Paint) -> Iterator[str]:
    sign, colour = _SIGNS[command.action]
    remarks = loss(command)
    if command.action is Action.CREATE and command.drift:
        remarks.append(paint("magenta", "deleted by other hands"))
    if command.renamed_by_others:
        remarks.append(paint("magenta", "renamed by other hands"))
    tail = f"  ({'; '.join(remarks)})" if remarks else ""
    yield f"  {paint(colour, sign)} {paint('bold', shown(command.key))}{tail}"
    if command.looks_like is not None:
        old = command.looks_like.partition("/")[2]
        hint = f"looks like a rename; renamed_from: {old} in its definition keeps the id of {shown(command.looks_like)}"
        yield paint("dim", f"      {hint}")
    if command.action is Action.CREATE:
        wanted = scope.wanted[command.key]
        for field in ("description", "options"):
            if field in wanted:
                yield f"      {field}: {value_text(wanted[field])}"
    for change in command.fields:
        yield _field(change, paint)


def loss(command: CommandPlan) -> list[str]:
    """What a deletion or a rename costs, and why it is none of the other kind."""
    if command.action not in (Action.DELETE, Action.RENAME):
        return []
    was = [f"was {shown(command.renamed_from)}"] if command.renamed_from is not None else []
    remarks = [*was, "its permission overwrites are lost"]
    if not command.managed:
        remarks.append("not deployed by Botswain")
    if command.name_taken is not None:
        remarks.append(f"not renamed, since another command is called {shown(command.name_taken)}")
    return remarks


def _field(change: FieldChange, paint: Paint) -> str:
    if change.live is None:
        sign, text = paint("green", "+"), value_text(change.wanted)
    elif change.wanted is None:
        sign, text = paint("red", "-"), value_text(change.live)
    else:
        sign, text = paint("yellow", "~"), f"{value_text(change.live)} → {value_text(change.wanted)}"
    drift = paint("magenta", "  (edited by other hands)") if change.drift else ""
    return f"      {sign} {one_line(change.path)}: {text}{drift}"


def value_text(value: Any) -> str:
    """A field's value in one short line, without secrets."""
    if isinstance(value, list) and value and all(isinstance(one, dict) and "name" in one for one in value):
        text = ", ".join(str(one["name"]) for one in value)
    else:
        text = json.dumps(value, ensure_ascii=False)
    if len(text) > _WIDTH:  # covered first, since half a secret is not recognized later
        text = redaction.clean_text(text)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def _summary(plan: Plan, paint: Paint) -> str:
    counts = {action: plan.count(action) for action in _SIGNS}
    if not any(counts.values()):
        if plan.orphans:
            return f"{paint('bold', 'No change')} but {many(len(plan.orphans), 'scope')} that left the profile."
        if plan.service is not None and plan.service.action not in ("none", "record"):
            return f"{paint('bold', 'Plan')}: the service; no change to the commands."
        recorded = " to Discord; the record is brought up to date" if plan.unrecorded else ""
        return f"{paint('bold', 'No change')}{recorded}."
    each = " in one scope" if len(plan.changed) > 1 else ""
    today = f" ({plan.creates} of Discord's {CREATES_PER_DAY} a day{each})"
    counted = Action.CREATE if counts[Action.CREATE] else Action.RENAME
    parts = [
        f"{count} to {action.value}{today if action is counted else ''}" for action, count in counts.items() if count
    ]
    scopes = len(plan.changed)
    where = f" in {scopes} scopes" if scopes > 1 else ""
    drift = f" {many(len(plan.drifted), 'command')} changed by other hands." if plan.drifted else ""
    return f"{paint('bold', 'Plan')}: {', '.join(parts)}{where}.{drift}"


def result_lines(result: Result, paint: Paint) -> Iterator[str]:
    """How a deployment ended, and the way back."""
    deployment = result.deployment
    for note in result.notes:
        yield f"{paint('yellow', 'note')}: {note}"
    if deployment is None:
        return
    colour = {"done": "green", "partial": "yellow"}.get(deployment.outcome, "red")
    outcome = paint(colour, deployment.outcome)
    seconds = max(deployment.seconds or 0, sum(phase.seconds for phase in result.phases))
    yield f"{result.kind} {deployment.id}: {outcome} in {seconds:.1f} s"
    if result.error:
        yield f"{paint('red', 'why')}: {result.error}"
    for line in result.log.splitlines():
        yield paint("dim", f"  | {redaction.clean_text(line)}")
    if deployment.outcome == "stuck" and not _by_itself(result):
        yield f"{paint('red', 'a person is needed')}: {_look(deployment, result.environment)}"
    yield from _phases(result, paint)
    if result.unrecorded:
        yield f"{paint('red', 'not recorded')}: {result.unrecorded}"
    if result.card:
        yield from _card(result.card, paint)


def _by_itself(result: Result) -> bool:
    """Whether the error says already that there is nothing to do but to wait for a host."""
    from botswain.targets.base import BY_ITSELF

    return BY_ITSELF in result.error


def _look(deployment: Deployment, environment: str) -> str:
    """What somebody is to look at, or to type, after the way back failed."""
    look, service = f"look with ./inv diff --env {environment}, then deploy again", deployment.service
    if service is None or service.state != "failed":
        return look
    start = f"./inv rollback --env {environment} --only service --to"
    if deployment.kind == "rollback" and service.previous not in (None, service.release):
        return (
            f"the bot may be down; {start} {service.previous} starts the release that was left again;"
            f" ./inv service.logs --env {environment} tells more"
        )
    return (
        f"the bot may be down: ./inv service.logs --env {environment}; {start} RELEASE starts another one of those that"
        f" ./inv releases --env {environment} lists, or deploy a commit that works"
    )


def _phases(result: Result, paint: Paint) -> Iterator[str]:
    """What took how long, and how long nobody was there to answer."""
    for phase in result.phases:
        failed = "" if phase.ok else paint("red", "  failed")
        yield f"  {paint('dim', f'{phase.name:<14}')} {phase.seconds:7.1f} s{failed}"
    service = result.deployment.service if result.deployment else None
    if service is not None and service.seconds is not None:
        yield f"  {paint('dim', 'without a bot'.ljust(14))} {service.seconds:7.1f} s"


def _card(card: Card, paint: Paint) -> Iterator[str]:
    rows = [("now", card.runs), *([("", card.bot)] if card.bot else [])]
    for name, text in (*rows, *way_back_rows(card, paint)):
        yield f"  {paint('dim', f'{name:<9}')} {text}"


def way_back_rows(card: Card, paint: Paint) -> Iterator[tuple[str, str]]:
    """Where `rollback` leads, what it costs, and its command."""
    if card.back is None:
        yield "rollback", "nothing to go back to yet"
        return
    undoes = f" (undoes {card.undoes})" if card.undoes else ""
    yield "rollback", f"returns to {card.back or 'the state before the first deployment'}{undoes}"
    if card.bot_back:
        yield "", card.bot_back
    if card.edited:
        theirs = f"{_names(card.edited)}, which other hands had changed"
        yield "", f"returns to what was deployed of {theirs}; --with-edits returns to theirs"
    if card.deletes:
        whose = "its" if len(card.deletes) == 1 else "their"
        yield "", f"deletes {_names(card.deletes)} with {whose} permission overwrites"
    if card.renames:
        renames = ", ".join(f"{shown(new)} back to {shown(old)}" for new, old in card.renames[:_LISTED_COMMANDS])
        more = f" and {left} more" if (left := len(card.renames) - _LISTED_COMMANDS) > 0 else ""
        whose = "its" if len(card.renames) == 1 else "their"
        yield "", f"renames {renames}{more}; {whose} permission overwrites are lost"
    if card.recreates:
        yield "", f"creates {_names(card.recreates)} anew; earlier permission overwrites do not come back"
    about = "" if card.seconds is None else f"takes about {max(card.seconds, 0.1):.1f} s: "
    yield "", f"{about}{paint('bold', card.command)}"


def _names(keys: tuple[str, ...]) -> str:
    names = ", ".join(shown(key) for key in keys[:_LISTED_COMMANDS])
    return names if len(keys) <= _LISTED_COMMANDS else f"{names} and {len(keys) - _LISTED_COMMANDS} more"
