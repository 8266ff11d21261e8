"""Who has to agree to a plan, and how. Pure: the cli asks the question, this decides which one.

`--yes` covers production, renames and small deletions. Clearing a scope, an empty desired set, or deleting more than
a fifth of a scope needs `--allow-delete N`, because those are what a wrong folder or a half-written file looks like.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from botswain.discord.limits import CREATES_PER_DAY
from botswain.errors import Refused
from botswain.plan import Action, ScopePlan, ServicePlan, called, label
from botswain.plan.service import short
from botswain.secrets import redaction

_SHARE = 5
"""More than one in so many commands of a scope is a large deletion."""
_NAMED_RENAMES = 3


@dataclass(frozen=True)
class Consent:
    """What a plan needs before it may run."""

    question: str | None = None
    """What to ask; None when the plan may simply run."""
    deletions: int = 0
    """How many commands it deletes."""
    large: str | None = None
    """Why the deletions are too many for `--yes` alone."""
    empty: bool = False
    """Whether nothing at all is wanted, which is what a wrong folder looks like."""


def consent(scopes: Sequence[ScopePlan], *, production: bool, environment: str) -> Consent:
    """What writing these scopes needs."""
    if not scopes:
        return Consent()
    deletions = sum(len(scope.having(Action.DELETE)) for scope in scopes)
    large = next((reason for scope in scopes if (reason := _large(scope))), None)
    renames = {pair for scope in scopes for pair in scope.renames.items()}
    if not (production or deletions or renames):
        return Consent()
    empty = not any(scope.wanted for scope in scopes)
    question = _question(scopes, deletions, sorted(renames), environment, production=production)
    return Consent(question, deletions, large, empty)


def _large(scope: ScopePlan) -> str | None:
    deleted = len(scope.having(Action.DELETE))
    if not deleted:
        return None
    where = label(scope.scope)
    if deleted == scope.live_count and not scope.wanted:
        return f"it clears {where} ({deleted} command{'s' if deleted > 1 else ''})"
    if not scope.wanted and not any(command.managed for command in scope.having(Action.KEEP)):
        return f"it leaves nothing of ours in {where} (deletes {deleted} of {scope.live_count} commands)"
    if deleted * _SHARE > scope.live_count:
        return f"it deletes {deleted} of {scope.live_count} commands in {where}, more than a fifth"
    return None


def _question(
    scopes: Sequence[ScopePlan],
    deletions: int,
    renames: Sequence[tuple[str, str]],
    environment: str,
    *,
    production: bool,
) -> str:
    parts = []
    if deletions:
        what = f"{deletions} commands with their" if deletions > 1 else "1 command with its"
        parts.append(f"delete {what} permission overwrites")
    if renames:
        named = [f"{called(old)} to {called(new)}" for new, old in renames]
        what = ", ".join(named) if len(named) <= _NAMED_RENAMES else f"{len(named)} commands"
        parts.append(f"rename {what} ({'their' if len(named) > 1 else 'its'} permission overwrites are lost)")
    edited = sum(any(field.drift for field in command.fields) for scope in scopes for command in scope.commands)
    if edited and production:
        parts.append(f"overwrite {edited} command{'s' if edited > 1 else ''} edited by other hands")
    what = f"{' and '.join(parts)} in" if parts else "change"
    return f"{what} {environment}{' (production)' if production else ''}"


def with_service(need: Consent, service: ServicePlan | None, *, production: bool, environment: str) -> Consent:
    """The need with what happens to the service: asked about in production, and where the bot would be stopped."""
    if service is None or service.action in ("none", "record") or not (production or service.action == "withdraw"):
        return need
    deeds = {
        "deploy": f"restart the bot with commit {short(service.commit)}",
        "start": "restart the bot",
        "back": f"restart the bot with release {service.release}",
        "withdraw": "stop the bot, which has no earlier release",
    }
    deed = f"{deeds[service.action]} in {environment}{' (production)' if production else ''}"
    return replace(need, question=f"{need.question}, and {deed}" if need.question else deed)


def require(need: Consent, *, yes: bool, allow_delete: int | None, interactive: bool) -> bool:
    """Whether the question still has to be asked. Raises Refused when no answer here could be enough."""
    if need.large is not None and (allow_delete or 0) < need.deletions:
        also = "" if yes or interactive else "--yes "
        given = f", not {allow_delete}" if allow_delete is not None else ""
        covers = "; --yes does not cover that" if yes else ""
        check = "check commands.folder and enabled_commands; " if need.empty else ""
        raise Refused(
            f"{need.large}{covers}",
            fix=f"{check}if you mean it, say {also}--allow-delete {need.deletions}{given}",
        )
    if need.question is None or yes:
        return False
    if not interactive:
        raise Refused(
            f"this would {need.question}, and there is no terminal to ask on", fix="if you mean it, say --yes"
        )
    return True


def check_secrets(scopes: Iterable[ScopePlan]) -> None:
    """Raises Refused for a command that holds a secret: everybody in the guild could read it."""
    seen: set[int] = set()  # guilds share their definitions, so each is looked at once
    for scope in scopes:
        for name, command in scope.wanted.items():
            if id(command) not in seen and not redaction.is_clean(json.dumps(command, ensure_ascii=False)):
                raise Refused(
                    "holds a secret, which everybody could read", where=name, fix="take it out of the sources"
                )
            seen.add(id(command))


def check_creates(scopes: Iterable[ScopePlan], today: Mapping[str, int]) -> None:
    """Raises Refused when a scope would get more new commands than Discord allows in a day.

    `today` holds what we created there during the last 24 hours; what others created is not known. Renames count as
    creates, since nobody says that they do not.
    """
    for scope in scopes:
        new, used = len(scope.having(Action.CREATE, Action.RENAME)), today.get(scope.scope, 0)
        if new and used + new > CREATES_PER_DAY:
            verb, was = ("create or rename", "created or renamed") if scope.renames else ("create", "created")
            raise Refused(
                f"would {verb} {new} commands, and {used} were {was} in the last 24 hours;"
                f" Discord allows {CREATES_PER_DAY} a day",
                where=label(scope.scope),
                fix="wait, or edit rather than replace",
            )
