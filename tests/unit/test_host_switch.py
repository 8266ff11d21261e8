"""Switching releases, with a manager whose process is a line in memory and never starts twice."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hosting import Host, Memory

from botswain.host import launch, moves, switch, underway
from botswain.host.errors import HostError
from botswain.host.ledger import Ledger
from botswain.host.place import Health


@pytest.fixture
def host(tmp_path):
    """A place with releases a to d, of which a runs."""
    made = Host(tmp_path, health=Health(stable_for=0.0, interval=0.0, deadline=0.0))
    made.found = {one.id: one for one in made.fill(*"abcd")}
    made.manager = Memory(made.place)
    ship(made, "a")
    return made


def ship(host: Host, name: str, **options) -> switch.Switched:
    """Deploy and confirm."""
    return host.ship(host.manager, Ledger(host.place).get(name), **options)


def begin(host: Host, name: str, **options) -> switch.Switched:
    """A deploy that nobody confirms."""
    planned = switch.planned(host.service, host.found[name], by="ann", deployment="d2")
    options = {"guard": lambda _switch: None, "outage": lambda: None, **options}
    return switch.deploy(host.place, host.service, host.manager, host.found[name], planned, **options)


def back(host: Host, name: str, **options) -> switch.Switched:
    """Go back on purpose."""
    found = Ledger(host.place).get(name)
    return switch.back(host.place, host.service, host.manager, found, "bob", lambda: None, **options)


def settle(host: Host):
    """What the next run does first."""
    return switch.settle(host.place, host.service, host.manager, lambda: None)


def clean(host: Host) -> bool:
    """Whether nothing is under way, and no draft was left."""
    names = {one.name for one in host.place.root.iterdir()}
    return not names & {"switch.json", "reverting.json", "confirmed.json"} and not [n for n in names if n[:4] == ".to-"]


def test_what_a_bad_release_spent_is_not_held_against_the_next(host, monkeypatch):
    """Starts that the old one used up while it was being stopped are none of the one that is started then."""
    stop = host.manager.stop

    def slow_stop() -> None:
        for _ in range(launch.STARTS):
            launch.allow(host.place.starts)
        stop()

    monkeypatch.setattr(host.manager, "stop", slow_stop)
    ship(host, "b")
    launch.allow(host.place.starts)


def test_confirmed(host):
    """A confirmed release runs, is live in the ledger by whoever confirmed it, and leaves nothing under way."""
    done = begin(host, "b")
    assert (done.release, done.previous, host.manager.runs) == ("b", "a", "b")
    assert host.states()["b"] == "ready"
    assert switch.pending(host.place).to == "b"
    assert switch.confirm(host.place, done.token, "bob")
    assert (host.states()["a"], host.states()["b"], Ledger(host.place).get("b").by) == ("superseded", "live", "bob")
    assert clean(host)


def test_one_decision(host):
    """Of confirming and taking back the first counts; whoever is second, or has another token, changes nothing."""
    done = begin(host, "b")
    assert not switch.confirm(host.place, "other", "ann")
    assert switch.revert(host.place, host.service, host.manager, "other", lambda: None) is None
    assert switch.confirm(host.place, done.token, "ann")
    assert switch.revert(host.place, host.service, host.manager, done.token, lambda: None) is None
    assert host.manager.runs == "b"
    done = begin(host, "c")
    assert switch.revert(host.place, host.service, host.manager, done.token, lambda: None).release == "b"
    assert not switch.confirm(host.place, done.token, "ann")
    assert (host.manager.runs, host.place.live(), host.states()["c"]) == ("b", "b", "bad")
    assert clean(host)


def test_the_guard_is_armed_before_anything_stops(host):
    """When the guard starts, the old release still runs and is linked; without a guard nothing happens at all."""
    seen = []

    def guard(planned):
        seen.append((host.manager.runs, host.place.live(), switch.pending(host.place), planned.back))

    begin(host, "b", guard=guard)
    assert seen[0][:2] == ("a", "a")
    assert seen[0][2].to == "b"
    assert seen[0][3] == "a"

    def none(_planned):
        raise HostError("no guard today")

    settle(host)
    with pytest.raises(HostError, match="no guard today"):
        begin(host, "c", guard=none)
    assert (host.manager.runs, host.place.live()) == ("a", "a")
    assert clean(host)
    assert host.states()["c"] == "ready"


def test_bad(host):
    """A release that does not start gives way to the one before; the ledger says what was wrong."""
    host.manager.sick = {"b"}
    with pytest.raises(switch.Failed, match=r"its process did not start \(exited with 3\)") as caught:
        begin(host, "b")
    assert (caught.value.previous, caught.value.log) == ("a", "the last 30 lines")
    assert (host.manager.runs, host.place.live()) == ("a", "a")
    assert (host.states()["a"], host.states()["b"]) == ("live", "bad")
    assert "did not start" in Ledger(host.place).get("b").why
    assert clean(host)


def test_both_are_bad(host):
    """When the one before does not come back either, both reasons are told, and nothing else is tried."""
    host.manager.sick = {"a", "b"}
    with pytest.raises(switch.Stuck, match=r"its process did not start .* and release a, which was to run again"):
        begin(host, "b")
    assert host.manager.starts == ["a", "b", "a"]
    assert host.place.live() == "a"
    assert clean(host)
    host.manager.sick = set()
    ship(host, "c")
    assert host.manager.runs == "c"


def test_the_first_one_is_bad(tmp_path):
    """Where there was none before, a bad release leaves no bot and no link."""
    host = Host(tmp_path, health=Health(stable_for=0.0))
    host.manager, host.found = Memory(host.place), {one.id: one for one in host.fill("a")}
    host.manager.sick = {"a"}
    with pytest.raises(switch.Failed) as caught:
        begin(host, "a")
    assert (caught.value.previous, host.manager.runs, host.place.live()) == (None, None, None)
    assert clean(host)


def test_again_the_same(host):
    """The live release deployed again restarts; bad, it is told so, and not marked: there is nothing better."""
    ship(host, "a")
    assert host.manager.starts == ["a", "a"]
    host.manager.sick = {"a"}
    with pytest.raises(switch.Stuck, match="release a, which ran before too, is not well"):
        begin(host, "a")
    assert host.manager.starts == ["a", "a", "a"]
    assert host.states()["a"] == "live"
    assert clean(host)


def test_back_and_further_back(host):
    """Each rollback leaves a release that is bad from then on; the one returned to is live."""
    ship(host, "b")
    ship(host, "c")
    done = back(host, "b")
    assert (done.release, done.previous, host.manager.runs) == ("b", "c", "b")
    assert {name: host.states()[name] for name in "abc"} == {"a": "superseded", "b": "live", "c": "bad"}
    assert Ledger(host.place).get("c").why == "rolled back"
    back(host, "a", why="too many errors")
    assert (host.manager.runs, Ledger(host.place).get("b").why) == ("a", "too many errors")
    assert clean(host)


def test_a_rollback_is_undone(host):
    """Returning to the newer release says nothing against the older one, which stays the way back."""
    ship(host, "b")
    back(host, "a")
    back(host, "b")
    assert (host.states()["a"], host.states()["b"]) == ("superseded", "live")
    assert Ledger(host.place).before("b").id == "a"


def test_back_is_bad(host):
    """A rollback to a release that is not well stops there, and says so."""
    ship(host, "b")
    host.manager.sick = {"a"}
    with pytest.raises(switch.Stuck, match="release a, which was to run again, is not well: its process did not start"):
        back(host, "a")
    assert (host.manager.starts, host.place.live()) == (["a", "b", "a"], "a")
    assert (host.states()["a"], host.states()["b"]) == ("bad", "bad")
    assert clean(host)


def test_back_from_what_was_never_confirmed(host):
    """A rollback while a switch waits settles it: the new one is bad, and no guard comes later."""
    done = begin(host, "b")
    assert switch.unfinished(host.place).back == "a"
    back(host, "a")
    assert (host.manager.runs, host.states()["b"], host.states()["a"]) == ("a", "bad", "live")
    assert switch.revert(host.place, host.service, host.manager, done.token, lambda: None) is None
    assert clean(host)


def test_withdraw(host):
    """Undoing a first deployment stops the bot and leaves no release live, in the ledger either."""
    assert switch.withdraw(host.place, host.service, host.manager, "bob") == "a"
    assert (host.manager.runs, host.place.live(), host.states()["a"]) == (None, None, "bad")
    assert clean(host)


def test_settle_does_nothing_when_nothing_is_left(host):
    """Nothing is touched, and no process looked at, when all is done."""
    host.manager.broken = True
    assert settle(host) is None
    assert host.manager.starts == ["a"]


def test_settle_never_blames_what_was_never_tried(host):
    """A run that was killed before it stopped anything leaves the bot running, and the new release ready."""

    class Killed(BaseException):
        pass

    def die():
        raise Killed

    host.manager.stop = die
    with pytest.raises(Killed):
        begin(host, "b")
    del host.manager.stop
    done = settle(host)
    assert (done.release, done.left) == ("a", "b")
    assert (host.manager.starts, host.manager.runs, host.states()["b"]) == (["a"], "a", "ready")
    assert clean(host)


def test_the_manager_is_away(host):
    """What could not even be begun stays written down, and is finished when the manager is back."""
    begin(host, "b")
    host.manager.broken = True
    with pytest.raises(switch.Stuck, match="the manager does not answer"):
        settle(host)
    assert host.place.reverting.exists()
    host.manager.broken = False
    assert settle(host).release == "a"
    assert (host.manager.runs, host.place.live(), host.states()["b"]) == ("a", "a", "bad")
    assert clean(host)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"token": "t"}'])
@pytest.mark.parametrize("name", ["switch.json", "reverting.json"])
def test_a_damaged_switch(host, text, name):
    """A switch that cannot be read is taken back by what the ledger says was live."""
    begin(host, "b")
    host.place.switch.rename(host.place.root / name)
    (host.place.root / name).write_text(text)
    assert not switch.confirm(host.place, "t", "ann")
    assert settle(host).release == "a"
    assert (host.manager.runs, host.place.live()) == ("a", "a")
    assert clean(host)


def full(*_arguments, **_options):
    """What a full disk says."""
    raise OSError(28, "No space left on device")


def test_a_full_disk_before_the_stop(host, monkeypatch):
    """Whatever has to be written is written before the bot stops: a full disk is told, and nothing happens."""
    starts = host.manager.starts.copy()
    for owner, name in ((underway, "store"), (Path, "symlink_to"), (os, "pwrite")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, full)
            with pytest.raises(HostError, match="No space left on device"):
                begin(host, "b")
        assert (host.manager.runs, host.place.live(), host.manager.starts) == ("a", "a", starts), name
        assert clean(host)
    begin(host, "b")
    with monkeypatch.context() as patch:
        for owner, name in ((underway, "store"), (Path, "symlink_to"), (os, "pwrite")):
            patch.setattr(owner, name, full)
        settle(host)
    assert host.manager.runs == "a"


def test_a_full_disk_after_the_stop(host, monkeypatch):
    """When the disk is full by then, the way back needs no room, and the ledger is written when there is some."""
    host.manager.sick = {"b"}

    def fill(_switch):
        for owner, name in ((underway, "store"), (Path, "symlink_to"), (os, "pwrite")):
            monkeypatch.setattr(owner, name, full)
        monkeypatch.setattr(Ledger, "add", lambda *_, **__: (_ for _ in ()).throw(HostError("full")))

    with pytest.raises(switch.Failed):
        begin(host, "b", guard=fill)
    assert (host.manager.runs, host.place.live(), host.states()["b"]) == ("a", "a", "ready")
    monkeypatch.undo()
    settle(host)
    assert (host.manager.runs, host.states()["b"]) == ("a", "bad")
    assert clean(host)


def test_confirmed_on_a_full_disk(host, monkeypatch):
    """A switch is final although the ledger cannot be written; the next run writes it."""
    done = begin(host, "b")
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "add", lambda *_, **__: (_ for _ in ()).throw(HostError("full")))
        assert switch.confirm(host.place, done.token, "bob")
    assert settle(host) is None
    assert (host.manager.runs, host.states()["b"], Ledger(host.place).get("b").by) == ("b", "live", "ann")
    assert clean(host)


def test_a_deploy_settles_first(host):
    """What was never confirmed is not what the next deploy returns to."""
    begin(host, "b")
    host.manager.sick = {"c"}
    with pytest.raises(switch.Failed) as caught:
        begin(host, "c")
    assert (caught.value.previous, host.manager.runs, host.states()["b"]) == ("a", "a", "bad")
    assert clean(host)


def test_a_missing_release(host):
    """A release whose folder is gone is told before anything stops, forward and back."""
    host.place.release("b").rmdir()
    for work in (begin, back):
        with pytest.raises(HostError, match="release b is not on this machine any more"):
            work(host, "b")
    assert host.manager.runs == "a"


def test_alone(host):
    """The lock keeps other processes out, says so in time, and may be entered again inside."""
    with switch.alone(host.place), switch.alone(host.place):
        child = os.fork()
        if child == 0:
            underway._HELD.places.clear()
            try:
                with switch.alone(host.place, wait=0.05):
                    os._exit(0)
            except HostError as error:
                os._exit(7 if "another switch is under way here" in str(error) else 1)
            os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    with switch.alone(host.place, wait=0.0):
        pass


def test_time_to_confirm(host):
    """The guard waits for all that the gate may take, and then as long as was asked."""
    health = Health(deadline=100.0, stable_for=30.0, timeout=3.0)
    service = replace(host.service, stop_timeout=20.0, health=health)
    early = switch.planned(service, host.found["b"], by="ann", deployment="d", confirm_within=0.0)
    late = switch.planned(service, host.found["b"], by="ann", deployment="d", confirm_within=50.0)
    assert 49.0 < late.until - early.until < 51.0
    assert early.until - time.time() > 153.0
    assert early.token != late.token


def test_the_old_release_comes_back_with_its_own_settings(host, monkeypatch):
    """Each release is judged by the health that it was made with, whatever the profile says now."""
    seen = []
    real = moves.gate.wait

    def wait(manager, health, *more):
        seen.append(health.deadline)
        return real(manager, health, *more)

    monkeypatch.setattr(moves.gate, "wait", wait)
    host.place.store(replace(host.service, health=replace(host.service.health, deadline=1.0)), "a")
    host.place.store(replace(host.service, health=replace(host.service.health, deadline=2.0)), "b")
    ship(host, "b")
    back(host, "a")
    assert seen == [2.0, 1.0]
