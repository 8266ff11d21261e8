"""A switch of a fleet is made final: on all hosts, or on none."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botswain.host import orders

if TYPE_CHECKING:
    from botswain.host.switch import Switched
    from botswain.targets.crew import Crew
    from botswain.targets.engines import Outcome


def confirmed(
    crew: Crew, switched: Switched, tokens: Mapping[str, str], by: str, patience: float
) -> tuple[dict[str, Outcome], set[str]]:
    """What became of the word that it is final, by host, and the hosts that had gone back before.

    A host that was lost is told again once it can be reached, for so many seconds. Raises ServiceError.
    """
    asked: dict[str, list[orders.Order]] = {
        name: [orders.Confirm(one, by), orders.Prune(crew.specs[name]), orders.Look(crew.specs[name])]
        for name, one in tokens.items()
    }
    done = crew.engines.send("deploy", "confirm", asked, say=crew.say)
    final = {
        name: _again(crew, one, switched, tokens[name], by, patience)
        if one.lost
        else bool((one.answers or one.insist().answers)[0]["confirmed"])
        for name, one in done.items()
    }
    return done, {name for name, one in final.items() if not one}


def unpruned(outcome: Outcome) -> list[Any]:
    """What a host could not remove afterwards."""
    return list(outcome.answers[1]["left"]) if len(outcome.answers) > 1 else []


def _again(crew: Crew, lost: Outcome, switched: Switched, token: str, by: str, patience: float) -> bool:
    """Whether the switch of a host that was lost is final; tells it again where it still waits."""
    (host,) = crew.engines.named([lost.host])
    view = crew.engines.again(host, crew.specs[host.name], time.monotonic() + patience, crew.say)
    if view is None or view.switch is None:  # it may have heard us before it was lost
        return view is not None and view.state.live != switched.previous
    told = crew.engines.send("deploy", "confirm", {host.name: [orders.Confirm(token, by)]})[host.name]
    return told.good and bool(told.answers[0]["confirmed"])
