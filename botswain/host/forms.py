"""Makes of an answer's JSON what the engine had when it wrote it: the controller's half of orders.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botswain.host.gate import Verdict
from botswain.host.ledger import Release
from botswain.host.looking import State, View
from botswain.host.moves import Switched
from botswain.host.ports import Listener
from botswain.host.switch import Settled
from botswain.host.underway import Switch

Form = Mapping[str, Any]


def release(form: Form) -> Release:
    """Of an answer's RELEASE."""
    return Release(**{**form, "passed": tuple(form["passed"])})


def switched(form: Form) -> Switched:
    """Of the answer to `deploy` and `back`."""
    return Switched(**{**form, "verdict": Verdict(**form["verdict"])})


def settled(form: Form) -> Settled | None:
    """Of the answer to `revert` and `settle`."""
    return None if form["settled"] is None else Settled(**form["settled"])


def state(form: Form) -> State:
    """Of an answer's STATE."""
    return State(**form)


def view(form: Form) -> View:
    """Of the answer to `look`."""
    return View(
        **{
            **form,
            "state": state(form["state"]),
            "releases": [release(one) for one in form["releases"]],
            "switch": None if form["switch"] is None else Switch(**form["switch"]),
            "in_the_way": [Listener(**one) for one in form["in_the_way"]],
        }
    )
