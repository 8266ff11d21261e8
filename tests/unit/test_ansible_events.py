"""What became of each host, by the events of a run."""

from __future__ import annotations

from botswain.ansible.events import Followed
from botswain.ansible.results import Change, Play


def heard(*events):
    """A run with these events, and what was said."""
    said = []
    followed = Followed(said.append)
    for event in events:
        followed.hear(event)
    return followed, said


def task(name, action="ansible.builtin.file", role=None):
    """A task begins."""
    return {"event": "task", "task": name, "action": action, "role": role}


def result(host, status, name="Do", **more):
    """A host is done with it."""
    return {"event": "result", "host": host, "status": status, "task": name, "role": None,
            "action": "ansible.builtin.file", **more}  # fmt: skip


def test_the_worst_that_happened_to_a_host_is_what_became_of_it():
    """A change after ok is changed, a failure stays one."""
    followed, _ = heard(
        result("a", "ok"), result("a", "changed"), result("a", "ok"),
        result("b", "changed"), result("b", "failed", message="no luck"), result("c", "unreachable", message="x"),
        result("d", "skipped"), result("e", "failed", message="never mind", ignored=True),
    )  # fmt: skip
    assert {name: one.status for name, one in followed.hosts().items()} == {
        "a": "changed", "b": "failed", "c": "unreachable", "d": "ok", "e": "ok",
    }  # fmt: skip
    play = Play(followed.hosts())
    assert [one.host for one in play.bad] == ["b", "c"]
    assert play.of("never seen").status == "left out"


def test_the_answer_of_our_own_module_is_kept_also_when_it_failed():
    """The last one."""
    followed, _ = heard(result("a", "ok", answer={"answers": [1]}), result("a", "failed", answer={"answers": [2]}))
    assert followed.hosts()["a"].answer == {"answers": [2]}


def test_changes_are_told_with_what_is_different():
    """By item where a task does several things; only those that it changed."""
    items = [
        {"item": "one", "changed": True, "diff": [{"before": "a\n", "after": "b\n"}]},
        {"item": "two", "changed": False},
    ]
    followed, _ = heard(result("a", "changed", items=items), result("a", "changed", "More", diff=[{"prepared": "+x"}]))
    assert followed.hosts()["a"].changes == (
        Change("Do", None, ("one",), "one:\n@@ -1 +1 @@\n-a\n+b"), Change("More", None, (), "+x"),
    )  # fmt: skip


def test_a_module_run_counts_once_for_all_hosts_and_nothing_else_counts():
    """What only the controller does, and what is skipped, costs no round trip."""
    followed, said = heard(
        task("Do"), result("a", "ok"), result("b", "ok"), task("Do"), result("a", "ok"), task("Skip"),
        result("a", "skipped", "Skip"), task("Check", "ansible.builtin.assert"),
        result("a", "ok", "Check", action="ansible.builtin.assert"),
    )  # fmt: skip
    assert followed.modules == 2
    assert said == ["Do", "Do", "Skip"]


def test_a_run_has_ended_when_it_says_so():
    """An exit code tells nothing."""
    followed, _ = heard({"event": "start"})
    assert (followed.begun, followed.ended) == (True, False)
    followed.hear({"event": "end", "hosts": {}})
    assert followed.ended
