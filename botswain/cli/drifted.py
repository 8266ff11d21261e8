"""What other hands changed, told as what they did: from what was deployed to what is live."""

from __future__ import annotations

from collections.abc import Iterator

from botswain.cli.show import alike, shown, title_of, value_text
from botswain.cli.style import Paint
from botswain.plan import Action, CommandPlan, FieldChange, Plan, ScopePlan
from botswain.secrets.visible import one_line
from botswain.wording import many


def drift_lines(plan: Plan, paint: Paint, environment: str) -> Iterator[str]:
    """The drift in `plan`, whose wanted side is what was deployed; and what brings that back."""
    for scopes in alike(plan.scopes):
        scope = scopes[0]
        title = paint("bold", title_of(scopes))
        drifted = [command for command in scope.commands if command.drift]
        added = _added(scope)
        if scope.unavailable:
            yield f"{title}  {paint('red', 'skipped')}: {one_line(scope.unavailable)}"
        elif not drifted and not added:
            yield f"{title}  {paint('dim', 'as it was deployed')}"
        else:
            yield title if drifted else f"{title}  {paint('dim', 'as it was deployed, and more')}"
            for command in drifted:
                yield from _command(command, paint)
            for name in added:
                yield f"  {paint('green', '+')} {paint('bold', shown(name))}  (not deployed by Botswain)"
    count = len(plan.drifted)
    others = len({name for scope in plan.scopes for name in _added(scope)})
    if not count:
        beside = f"; {many(others, 'live command')} that Botswain did not deploy" if others else ""
        yield f"{paint('bold', 'No drift')}{' in what was deployed' if others else ''}{beside}."
        return
    places = len({scope for scope, _ in plan.drifted})
    where = f" in {places} scopes" if places > 1 else ""
    yield (
        f"{paint('bold', 'Drift')}: {many(count, 'command')} changed by other hands{where};"
        f" ./inv diff --env {environment} shows what a deploy would make of it."
    )


def _added(scope: ScopePlan) -> list[str]:
    """The live commands that are on no record of ours; the entry point is Discord's own."""
    kept = [command.key for command in scope.having(Action.KEEP) if not command.managed]
    return [name for name in kept if not name.startswith("primary_entry_point/")]


def _command(command: CommandPlan, paint: Paint) -> Iterator[str]:
    name = paint("bold", shown(command.key))
    if command.action is Action.CREATE:
        yield f"  {paint('red', '-')} {name}  (deleted by other hands)"
    elif command.renamed_from is not None:
        yield f"  {paint('yellow', '»')} {paint('bold', shown(command.renamed_from))}  (was {shown(command.key)})"
    else:
        yield f"  {paint('yellow', '~')} {name}"
    for change in command.fields:
        yield _field(change, paint)


def _field(change: FieldChange, paint: Paint) -> str:
    before, now = change.wanted, change.live
    if before is None:
        return f"      {paint('green', '+')} {one_line(change.path)}: {value_text(now)}"
    if now is None:
        return f"      {paint('red', '-')} {one_line(change.path)}: {value_text(before)}"
    return f"      {paint('yellow', '~')} {one_line(change.path)}: {value_text(before)} → {value_text(now)}"
