"""What is said of the bot and of its way back: by the releases that are there, and by what runs."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from botswain.cli.show import result_lines
from botswain.cli.style import Paint
from botswain.deployment.card import _bot, _seconds, bot_back
from botswain.deployment.history import Deployment, Outcome, ScopeResult, ServiceResult
from botswain.deployment.phases import Phase
from botswain.deployment.result import Result
from botswain.host.ledger import Release
from botswain.manifest import ServiceRecord
from botswain.plan import Plan
from botswain.profile.settings import Health
from botswain.targets.base import ServiceState

STATE = ServiceState("local", "c", "cccc", running=True, told="running", pid=7)
DID = ServiceResult("deploy", "live", "local", "c", "cccc", "b", "bbbb")
ENTRY = Deployment("d3", "deploy", "dev", "anna", "2026-11-27T22:00:00Z", None, None, "1", "d2", service=DID)


def releases(**states: str) -> list[Release]:
    """Releases in these states, in the order in which they were live."""
    return [
        Release(name, name * 4, "r", state, "", "anna", f"d{number}", order=number)
        for number, (name, state) in enumerate(states.items(), 1)
    ]


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (releases(a="superseded", b="superseded", c="live"), "restarts the bot with release b of commit bbbb"),
        (releases(a="superseded", b="bad", c="live"),
         "restarts the bot with release a of commit aaaa, since b is gone or bad"),
        (releases(a="superseded", c="live"), "restarts the bot with release a of commit aaaa, since b is gone or bad"),
        (releases(c="live"), "cannot bring the bot back: release b is gone or bad, and no earlier good one is left"),
    ],
)  # fmt: skip
def test_where_a_rollback_leads(known, told):
    """A release that was pruned, or is bad, is not promised: what `rollback` would do is said."""
    assert bot_back(DID, STATE, known) == told


def test_a_rollback_to_what_runs(known=None):
    """Somebody went there already."""
    known = releases(a="superseded", b="live", c="superseded")
    state = replace(STATE, release="b", commit="bbbb")
    assert bot_back(DID, state, known) == "leaves the bot as it is: release b runs already"
    assert bot_back(DID, replace(state, running=False), known) == "restarts the bot with release b of commit bbbb"


def test_what_runs_now():
    """The target's word counts: another release than on record, one that does not run, one that is not well."""
    record = ServiceRecord("local", "c", "cccc", "b")
    assert _bot(ENTRY, record, STATE) == "bot: release c of commit cccc"
    stopped = replace(STATE, running=False, told="stopped", halted="eve stopped the bot by hand at 23:18")
    assert _bot(ENTRY, record, stopped) == (
        "bot: release c of commit cccc, which does not run: eve stopped the bot by hand at 23:18"
    )
    stuck = replace(ENTRY, kind="rollback", service=replace(DID, state="failed"))
    assert _bot(stuck, record, replace(STATE, release="b", commit="bbbb")) == (
        "bot: release b of commit bbbb, which is not well (on record: c)"
    )
    assert _bot(ENTRY, record, None) == "bot: release c of commit cccc"
    assert _bot(ENTRY, None, None) is None


def test_what_failed_does_not_tell_how_long_the_way_back_takes():
    """Only a deployment that went well does; until there is one, nothing is said."""
    session = SimpleNamespace(profile=SimpleNamespace(service=SimpleNamespace(health=Health(stable_for=2))))
    cut = replace(ENTRY, outcome=Outcome.INTERRUPTED, seconds=500.0, service=replace(DID, seconds=300.0))
    back = replace(cut, outcome=Outcome.ROLLED_BACK, service=replace(DID, state="undone", seconds=90.0))
    well = replace(ENTRY, outcome=Outcome.DONE, seconds=9.0, service=replace(DID, seconds=1.5))
    assert _seconds(session, cut, [back, cut]) is None
    assert _seconds(session, cut, [back, cut, well]) == 1.5 + 2 + 1
    alone = replace(ENTRY, service=None, outcome=Outcome.DONE, seconds=0.4, scopes={"1": ScopeResult("written")})
    failed = replace(alone, outcome=Outcome.ROLLED_BACK, seconds=70.0)
    assert _seconds(session, alone, [failed, well, alone]) == 0.4
    assert _seconds(session, failed, [failed, well]) is None


def told(entry: Deployment, **more) -> list[str]:
    """How a result is told."""
    return list(result_lines(Result("dev", entry.kind, Plan(()), entry, **more), Paint(enabled=False)))


def test_after_a_rollback_that_failed_the_command_is_there():
    """Typed at night: what starts the release that was left again, at once."""
    service = replace(DID, action="back", state="failed", release="b", previous="c")
    entry = replace(ENTRY, kind="rollback", outcome=Outcome.STUCK, service=service)
    assert (
        "a person is needed: the bot may be down; ./inv rollback --env dev --only service --to c starts the release"
        " that was left again; ./inv service.logs --env dev tells more"
    ) in told(entry)
    both = replace(ENTRY, outcome=Outcome.STUCK, service=replace(DID, state="failed"))
    (line,) = [one for one in told(both) if one.startswith("a person is needed")]
    assert "./inv rollback --env dev --only service --to RELEASE" in line


def test_the_time_of_a_run_is_that_of_all_its_phases():
    """What is prepared before anything is on record takes time, too."""
    entry = replace(ENTRY, outcome=Outcome.DONE, seconds=2.7)
    phases = (Phase("prepare", 14.2, ok=True), Phase("service", 2.5, ok=True))
    assert told(entry, phases=phases)[0] == "deploy d3: done in 16.7 s"
    assert told(entry)[0] == "deploy d3: done in 2.7 s"
