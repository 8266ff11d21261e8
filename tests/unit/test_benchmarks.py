"""The benchmarks' frame: complete, of the promised shape, and failing when a figure is missed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from desk import ROOT

from benchmarks import __main__ as bench
from benchmarks.bots import planned, unlike
from benchmarks.clones import Records, Run, at_a_time, lost, within
from benchmarks.figures import Figure, at_least, at_most, exactly
from benchmarks.harbour import unready
from benchmarks.traces import ANSIBLE, BOT, INV, MODULES, ORDERS, START, Traced

ROWS = [at_most("time", 1.23456, "x", 1.3), at_least("rate", 47, "requests/s", 45), exactly("writes", 0, "", 0)]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Rows that a faked measurement gives; the test may add to them."""
    rows = [*ROWS]
    monkeypatch.setitem(bench.GROUPS, "commands", {"faked": lambda: rows})
    return rows


def test_every_promised_figure_has_a_measurement() -> None:
    """A figure that nobody measures any more would look as if it were kept."""
    names = ["memory", "traffic", "differences", "bots", "pace", "list", "apply", "state", "clones"]
    assert list(bench.GROUPS["commands"]) == names
    assert list(bench.GROUPS["service"]) == ["switches", "unchanged", "logins"]
    assert list(bench.GROUPS["vm"]) == ["switches", "fleet"]
    assert all(callable(one) for group in bench.GROUPS.values() for one in group.values())


def test_a_group_measures_what_is_its_own(measured: list[Figure], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for the service's figures does not wait for the others, and is told of none of them."""
    measured.append(at_most("memory", 2, "MB", 1))
    monkeypatch.setitem(bench.GROUPS, "service", {"faked": lambda: ROWS})
    assert (bench.main(["--group", "service"]), bench.main(["--group", "commands"])) == (0, 1)


def test_the_task_names_every_group() -> None:
    """Its help is where people learn which ones there are."""
    told = subprocess.run(
        [sys.executable, "-m", "botswain.cli", "--help", "dev.bench"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(group in told.stdout for group in bench.GROUPS)


def test_json(measured: list[Figure], capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts get one list of rows on stdout, with the keys that the design names."""
    assert bench.main(["--group", "commands", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0] == {
        "figure": "time",
        "value": 1.235,
        "unit": "x",
        "limit": 1.3,
        "better": "lower",
        "ok": True,
    }
    assert len(rows) == len(measured)
    assert [row["better"] for row in rows] == ["lower", "higher", "lower"]


@pytest.mark.parametrize(
    "missed",
    [at_most("time", 1.31, "x", 1.3), at_least("rate", 44.9, "/s", 45), exactly("reads", 4, "", 5)],
    ids=lambda row: row.figure,
)
def test_a_missed_figure_fails_the_run(
    missed: Figure, measured: list[Figure], capsys: pytest.CaptureFixture[str]
) -> None:
    """CI sees it, and so does the reader of the table."""
    measured.append(missed)
    assert bench.main([]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["ok", "ok", "ok", "MISSED"]


REFUSAL = (
    "botswain: bench: is locked by run-3 since 2026-11-22 14:00:00 UTC for `deploy` (20261122-140000-3f9a2c, process 7"
    ' on ship), last sign of life 2 s ago; wait, or `./inv lock.break --env bench --why "…"` when it hangs'
)
ACTORS = ["run-3", "run-4"]


def audit(*ends: tuple[str, float, float | None]) -> list[dict]:
    """The audit records of deployments: id, second of the begin, and of the end if it has one."""
    records = []
    for name, begin, end in ends:
        at = [f"2026-11-22T14:00:{second:06.3f}Z" for second in (begin, end or 0)]
        data = {"deployment": name}
        records.append({"event": "intent", "action": "deploy", "id": f"i-{name}", "at": at[0], "data": data})
        if end is not None:
            records.append({"event": "outcome", "id": f"i-{name}", "at": at[1], "data": data})
    return records


@pytest.mark.parametrize(
    ("spans", "most"),
    [([(1, 2), (2, 3)], 1), ([(1, 3), (2, 4), (5, 6)], 2), ([(1, 9), (2, 3), (4, 5), (4.5, 6)], 3)],
)
def test_deployments_that_overlap_are_counted(spans: list[tuple[float, float]], most: int) -> None:
    """What begins as another ends does not overlap it; what begins before that does."""
    assert at_a_time(spans) == most


def test_a_deployment_without_an_outcome_overlaps_every_later_one() -> None:
    """A run that was never ended in the records may still have been writing."""
    assert at_a_time(Records(audit(("a", 1, None), ("b", 5, 6)), {}).spans()) == 2


@pytest.mark.parametrize(
    ("run", "clear"),
    [
        (Run("run-4", 0, "a", ""), True),
        (Run("run-4", 0, None, ""), False),
        (Run("run-4", 3, None, f"note\n{REFUSAL}\n"), True),
        (Run("run-4", 1, None, REFUSAL), False),
        (Run("run-3", 3, None, REFUSAL), False),
        (Run("run-4", 3, None, REFUSAL.replace("run-3", "somebody")), False),
        (Run("run-4", 3, None, REFUSAL.replace("run-3", "run-9")), False),
        (Run("run-4", 3, None, REFUSAL.partition(";")[0]), False),
        (Run("run-4", 3, None, "botswain: bench: is locked by a run that is just starting; try again"), False),
        (Run("run-4", 3, None, ""), False),
    ],
)
def test_a_refusal_is_clear_when_it_names_another_run_its_begin_and_the_way_out(run: Run, clear: bool) -> None:
    """A failure, a refusal of itself, by nobody, or without a remedy is not."""
    assert run.clear(ACTORS) == clear


def test_a_record_is_lost_when_the_history_or_the_audit_log_lacks_it() -> None:
    """Each deployment that said it was done has one entry that says so, and one outcome."""
    records = Records(
        audit(("a", 1, 2), ("b", 3, 4), ("b", 5, 6), ("c", 7, 8)), {"a": "done", "b": "done", "c": "failed"}
    )
    assert [lost([one], records) for one in "abcd"] == [0, 1, 1, 1]
    assert lost("abcd", records) == 3


def test_every_deployment_has_one_write_in_its_time() -> None:
    """A write between two deployments, or two in one, are counted as nobody's."""
    records = Records(audit(("a", 1, 2), ("b", 3, 4)), {})
    first, second = (begin for begin, _ in records.spans())
    assert within([first + 0.5, second + 0.5], records) == 2
    assert within([first + 0.5, first + 1.5], records) == 1
    assert within([first + 0.5, first + 0.6, second], records) == 1


def test_what_a_plan_would_change_is_a_false_difference() -> None:
    """Whatever the plan lists counts, in whichever scope."""
    one, other = ([{"command": f"user/{name}", "action": "update"}] for name in "ab")
    assert planned({"plan": {"scopes": [{"commands": []}]}}) == set()
    assert planned({"plan": {"scopes": [{"commands": one}, {"commands": other}]}}) == {
        "user/a: update",
        "user/b: update",
    }


def test_two_registrations_are_compared_in_both_directions() -> None:
    """A command or a field that only one side has is told, whichever side that is."""
    ping = {"name": "ping", "options": [1]}
    assert unlike({"a": ping}, {"a": dict(ping)}) == []
    assert unlike({(1, "ping"): ping}, {(1, "ping"): {**ping, "options": [2], "nsfw": True}}) == [
        "ping.nsfw",
        "ping.options",
    ]
    assert unlike({(1, "ping"): {**ping, "nsfw": True}}, {(1, "ping"): ping}) == ["ping.nsfw"]
    assert unlike({(1, "a"): ping}, {(2, "b"): ping}) == ["a: only on one side", "b: only on one side"]


@pytest.mark.parametrize(
    ("looks", "seconds"),
    [
        ([(0, True), (1, True), (2, True)], 0),
        ([(0, True), (1, False), (2, False), (4, True), (5, True)], 4),
        ([(0, True), (1, False), (2, True), (7, True), (8, False), (9, True)], 4),
    ],
    ids=["never", "once", "twice"],
)
def test_the_time_without_a_ready_bot_is_all_that_it_can_have_been(
    looks: list[tuple[float, bool]], seconds: float
) -> None:
    """It begins with the last good look, not with the first bad one; a second gap counts as well."""
    assert unready(looks) == seconds


@pytest.mark.parametrize("looks", [[], [(0, False), (1, True)], [(0, True), (1, False)]])
def test_no_time_is_told_where_the_bot_was_not_ready_before_and_afterwards(looks: list[tuple[float, bool]]) -> None:
    """A bot that never came back would otherwise look like one that was quick."""
    with pytest.raises(RuntimeError, match="ready before and afterwards"):
        unready(looks)


def result(at: float, status: str = "ok", action: str = "botswain.host.engine", runs: int = 1) -> dict:
    """A host is done with a task."""
    return {"event": "result", "at": at, "status": status, "action": action, "runs": runs}


def traced(*events: dict, bot: float | None = 0.0) -> Traced:
    """A run of ten seconds."""
    return Traced(events, 100.0, 110.0, {"deployment": {"service": {"seconds": bot}}})


def test_modules_and_orders_are_runs_on_a_host() -> None:
    """What Ansible does on the controller is none, nor is the ssh by which it reaches a host; a loop is several."""
    assert traced().runs == 0
    found = traced(
        {"event": "order", "began": 101, "at": 102},
        {"event": "ssh", "began": 103, "at": 104},
        result(104, "changed"),
        result(105, action="ansible.builtin.set_fact"),
        result(106, "failed", action="file", runs=3),
    )
    assert (found.runs, found.changed) == (5, 1)


def test_the_time_of_a_run_is_shared_out_among_its_phases() -> None:
    """All of it, and the bot's own start once: it is part of the module, or of the order, in which it happened."""
    order = {"event": "order", "began": 101, "at": 102}
    ansible = [
        {"event": "start", "began": 102.5, "at": 104},
        {"event": "task", "at": 104.5},
        {"event": "ssh", "began": 105, "at": 106},
        result(107.5),
        {"event": "end", "at": 108},
    ]
    assert traced(order, *ansible, bot=2).phases() == {
        INV: 3.5, ORDERS: 1.0, START: 1.5, MODULES: 1.0, ANSIBLE: 1.0, BOT: 2.0,
    }  # fmt: skip
    assert traced(order, {"event": "order", "began": 103, "at": 105}, bot=1).phases() == {
        INV: 7.0, ORDERS: 2.0, START: 0.0, MODULES: 0.0, ANSIBLE: 0.0, BOT: 1.0,
    }  # fmt: skip
    assert traced(order, bot=None).phases()[BOT] == 0
