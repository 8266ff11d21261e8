"""The release engine on a real Debian with systemd: the packed engine, its unit, its timers, its orders."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from hosting import until
from serving import Served

from botswain.host import forms, orders
from botswain.hosts.engine import engine


@pytest.fixture
def served(debian):
    """A bot's place on a machine."""
    made = Served(debian)
    yield made
    made.remove()


def test_one_release_after_another_and_back(served):
    """A deploy replaces the process, a rollback brings the release before back, and then there is none."""
    view = served.look()
    assert (view.state.live, view.state.told, view.releases, view.commits) == (None, "never deployed", [], [])
    assert view.engine == engine().digest
    one, two = served.ship("well 1"), served.ship("well 2")
    pid = served.well(two)
    view = served.look()
    assert (view.back, view.state.told, len(view.commits)) == (one, "running", 2)
    assert abs(view.state.since - time.time()) < 60
    done = forms.switched(served.one(orders.Back("ann")))
    assert (done.release, done.previous, done.token) == (one, two, "")
    assert served.well(one) != pid
    assert served.states() == {one: "live", two: "bad"}
    assert "no earlier release" in served.fails(orders.Candidate())["what"]
    assert forms.release(served.one(orders.Candidate(two))["release"]).id == two
    assert served.one(orders.Withdraw("ann"))["left"] == one
    assert (served.processes(), served.look().state.live) == ([], None)


def test_a_commit_that_is_here_needs_no_bundle(served):
    """The same commit again is the same release, without a bundle; one that was never sent is told."""
    release = served.prepare()
    commit = served.look().commits[0]
    again = served.one(served.order(commit, bundle=None))
    assert (again["release"], again["reused"]) == (release, True)
    assert "is not here" in served.fails(served.order("1" * 40, bundle=None))["what"]
    error = served.fails(served.order("1" * 40))
    assert error["what"] == "does not bring commit 111111111111"


def test_a_bundle_that_builds_on_what_is_not_here(served):
    """It is refused with what to send, and leaves nothing."""
    served.send(mode="well")
    served._sent = [served.repository.commit(mode="deaf")]
    commit = served.send(mode="never")
    error = served.fails(served.order(commit))
    assert "cannot be taken in" in error["what"]
    assert error["fix"] == "send the commit with its whole history"
    assert served.look().commits == []


@pytest.mark.parametrize(
    ("mode", "why", "log"),
    [
        ("exits", "ended with exit code 3", "cannot do this"),
        ("never", "answers 503 (not logged in)", "mode never"),
        ("dies 0.5", "ended with exit code 4", "out of ideas"),
    ],
)
def test_a_bad_release_is_taken_back(served, mode, why, log):
    """A release that exits, is never ready, or dies soon gives way to the one before, with the end of its log."""
    good = served.ship()
    served.configure(deadline=1.0, stable_for=1.5)
    bad = served.prepare(mode)
    error = served.fails(served.deploying(bad), "rolled_back")
    assert error["previous"] == good
    assert why in error["what"]
    assert log in error["log"]
    served.well(good)
    assert served.states() == {good: "live", bad: "bad"}
    assert "guard" not in served.machine.run("systemctl list-timers --no-pager").stdout


def test_the_first_one_is_bad(served):
    """Where there was none before, a bad release leaves no bot and no link."""
    error = served.fails(served.deploying(served.prepare("exits")), "rolled_back")
    assert error["previous"] is None
    view = served.look()
    assert (view.state.live, view.state.running, served.processes()) == (None, False, [])


def test_both_are_bad(served):
    """When the one before does not come back either, a person is asked for, and nothing is tried any more."""
    good = served.ship()
    served.machine.run(f"echo exits > {served.root}/releases/{good}/mode")
    error = served.fails(served.deploying(served.prepare("exits")), "stuck")
    assert f"release {good}, which was to run again, is not well" in error["what"]
    assert served.hand("rollback").returncode == 1
    served.machine.run(f"echo well > {served.root}/releases/{good}/mode")
    assert served.one(orders.Start())["state"]["running"]
    served.well(good)


def test_sigterm_ignored(served):
    """A bot that ignores SIGTERM is killed after the time that its profile gives it, and never runs beside the next."""
    served.ship("deaf")
    (deaf,) = served.processes()
    began = time.monotonic()
    done = served.deploy(served.prepare("well"))
    assert 2.5 < time.monotonic() - began < 15
    assert served.one(orders.Confirm(done.token, "ann"))["confirmed"]
    served.well(done.release)
    assert (done.killed, served.deploy(served.prepare("well", again="yes")).killed) == (True, False)
    assert served.machine.run(f"test -e /proc/{deaf}", check=False).returncode == 1


def test_what_a_bot_leaves_behind_goes_too(served):
    """A child in a session of its own ends before the next release starts."""
    served.ship("parent")
    assert len(served.processes()) == 2
    served.well(served.ship("well"))


def test_what_was_started_by_hand_goes_too(served):
    """A bot that somebody started beside systemd is ended before the next release starts; root starts none at all."""
    served.ship()
    served.machine.run("systemctl stop " + served.unit)
    served.machine.run(f"systemd-run -q --unit=by-hand -p User={served.user} {engine_of(served)} launch")
    until(lambda: len(served.processes()) == 1, "the bot that was started by hand")
    done = forms.switched(served.one(served.deploying(served.prepare("well 2"))))
    assert served.one(orders.Confirm(done.token, "ann")) == {"confirmed": True}
    served.well(done.release)
    refused = served.machine.run(f"{engine_of(served)} launch", check=False)
    assert refused.returncode == 75
    assert "root does not run what botswain-stage is to run" in refused.stderr


def engine_of(served: Served) -> str:
    """The engine's command for a place."""
    return f"/usr/local/bin/botswain-host {served.root}"


def test_the_guard(served):
    """Nobody confirms, whoever deployed is gone: the timer brings the release before back, and confirming is late."""
    good = served.ship()
    new = served.prepare("well 2")
    planned = served.deploying(new, confirm_within=0.0)
    served.service = replace(served.service, stop_timeout=0.5)
    served.configure(deadline=0.3, stable_for=0.1, timeout=0.1)
    done = forms.switched(served.one(replace(planned, service=served.service)))
    assert served.look().state.unconfirmed == new
    assert f"botswain-{served.name}-guard-{done.token}.timer" in served.machine.run("systemctl list-timers").stdout
    until(lambda: served.look().switch is None, "the guard", 30)
    served.well(good)
    assert served.states() == {good: "live", new: "bad"}
    assert served.one(orders.Confirm(done.token, "ann")) == {"confirmed": False}


def test_a_confirmed_switch_leaves_no_timer(served):
    """Confirming removes the guard; taking back at once does too, and a second time finds nothing."""
    good = served.ship()
    assert "guard" not in served.machine.run("systemctl list-timers --no-pager").stdout
    done = served.deploy(served.prepare("well 2"))
    settled = forms.settled(served.one(orders.Revert(done.token)))
    assert (settled.release, settled.left) == (good, done.release)
    assert forms.settled(served.one(orders.Revert(done.token))) is None
    assert forms.settled(served.one(orders.Settle())) is None
    assert "guard" not in served.machine.run("systemctl list-timers --no-pager").stdout
    served.well(good)


@pytest.mark.parametrize("power", ["reboot", "cut"])
def test_a_reboot_in_the_middle(served, power):
    """A switch that nobody confirmed before the machine went down is taken back when it is up again."""
    good = served.ship()
    new = served.deploy(served.prepare("well 2"))
    if power == "reboot":
        served.machine.reboot()
    else:
        served.machine.run("sync")
        served.machine.kill()
        served.machine.start()
    until(lambda: served.look().switch is None, "the machine to settle", 30)
    served.well(good)
    assert served.states()[new.release] == "bad"
    assert served.machine.state() == "running"


def test_a_reboot_otherwise(served):
    """After a reboot the live release runs, and nothing had to be settled."""
    release = served.ship()
    served.machine.reboot()
    until(lambda: served.look().health is None, "the bot", 30)
    served.well(release)
    told = served.machine.run(f"systemctl show -P ConditionResult botswain-{served.name}-settle").stdout
    assert told.strip() == "no"


def test_no_restarts(served):
    """With Discord's logins spent, the old release starts once and not again; the next ordinary start lifts that."""
    one, two = served.ship("well 1"), served.ship("well 2")
    served.one(orders.Back("ann", restarts=False))
    pid = served.well(one)
    served.machine.run(f"kill -9 {pid}")
    time.sleep(2.5)
    view = served.look()
    assert (served.processes(), view.state.told) == ([], "ended by signal 9")
    assert view.health == "the bot does not run (ended by signal 9)"
    assert served.one(orders.Start())["state"]["running"]
    pid = served.well(one)
    served.machine.run(f"kill -9 {pid}")
    until(lambda: served.processes() not in ([], [pid]), "systemd to start it again")
    assert served.look().state.told == "running, after 1 unexpected ends"
    assert two in served.states()


def test_a_restart_loop_ends(served):
    """A bot that crashes again and again is started six times and no more; a start on purpose begins anew."""
    release = served.ship()
    served.machine.run(f"echo exits > {served.root}/releases/{release}/mode; kill -9 {served.processes()[0]}")
    told = "ended with exit code 3, also when it was started again"
    until(lambda: served.look().state.told == told, "systemd to give up", 30)
    assert served.prints().count("mode exits") == 5
    served.machine.run(f"echo well > {served.root}/releases/{release}/mode")
    assert served.hand("start").returncode == 0
    served.well(release)


@pytest.mark.parametrize("code", [0, 75, 77, 78])
def test_ends_that_nobody_mends_by_starting_again(served, code):
    """After these exit codes the bot stays down, and what they mean is told."""
    release = served.ship()
    script = f"import sys; print('gone', flush=True); sys.exit({code})"
    served.machine.write(f"{served.root}/releases/{release}/bot.py", script)
    served.machine.run(f"systemctl restart {served.unit}", check=False)
    time.sleep(2.5)
    assert served.prints().count("gone") == 1
    assert f"ended with exit code {code}" in served.look().state.told


def test_a_bot_that_came_back_before_anybody_looked(served):
    """A release that dies once and then runs has died once: it is bad."""
    good = served.ship()
    once = "import os\nif not os.path.exists('/tmp/once'): open('/tmp/once', 'w'); raise SystemExit(9)\n"
    commit = served.send(bot_DOT_py=once, mode="well")
    error = served.fails(served.deploying(served.one(served.order(commit))["release"]), "rolled_back")
    assert "ended with exit code 9" in error["what"]
    served.well(good)


def test_stop_and_start(served):
    """Stopping waits for nobody, not for a switch under way either; starting what runs changes nothing."""
    release = served.ship()
    pid = served.well(release)
    assert served.one(orders.Start())["state"]["pid"] == pid
    with_lock = f"flock {served.root}/.lock sleep 5 >/dev/null 2>&1 & sleep 0.2; {engine_of(served)} do"
    began = time.monotonic()
    answer = served.machine.run(with_lock, text=json.dumps(orders.request([orders.Stop()])))
    assert time.monotonic() - began < 4
    state = forms.state(json.loads(answer.stdout)["answers"][0]["state"])
    assert (state.running, state.pid, state.live, served.processes()) == (False, 0, release, [])
    assert served.one(orders.Restart())["state"]["running"]
    served.well(release)


def test_discord_down_holds(served):
    """A bot that runs and cannot log in while Discord is down stays, and is not called bad: the host asks."""
    served.ship()
    served.configure(deadline=0.5)
    asked = orders.Asked(api="http://127.0.0.1:9")
    done = served.deploy(served.prepare("never"), outage=asked)
    assert (done.verdict.good, done.verdict.certain) == (False, False)
    assert "Discord: its API does not answer" in done.verdict.why
    assert len(served.processes()) == 1


def test_by_hand(served):
    """At night, over plain ssh: what runs, what there is, back, and what it was; the name may be left out."""
    one, two = served.ship("well 1"), served.ship("well 2")
    told = served.machine.ssh("sudo botswain-host status").stdout
    assert "stage     runs since 20" in told
    assert f"rollback  to {one}: sudo botswain-host stage rollback" in told
    assert f"->  {two}  live" in served.machine.ssh("sudo botswain-host stage releases").stdout
    denied = served.machine.ssh("botswain-host stage rollback", check=False)
    assert (denied.returncode, denied.stdout) == (3, "")
    assert denied.stderr == "botswain: /srv/botswain/stage: only root may do this; put sudo before it\n"
    back = served.machine.ssh("sudo botswain-host stage rollback").stdout.splitlines()
    assert back[0].startswith(f"stage: back from {two} (live since ")
    assert f" to {one} (superseded since " in back[0]
    assert back[2].startswith(f"stage: {one} runs and is well; the bot was away for ")
    assert back[3].endswith(f"to undo this: sudo botswain-host stage rollback {two}")
    served.well(one)
    assert served.releases()[-1].why == "rolled back"
    document = json.loads(served.machine.ssh(f"sudo botswain-host rollback {two} --json").stdout)
    assert (document["live"], document["left"]) == (two, one)
    assert served.releases()[-1].by == "admin"
    served.well(two)
    assert served.machine.ssh("sudo botswain-host nope status", check=False).returncode == 1


def test_a_session_that_is_cut_off(served):
    """A rollback by hand goes to its end although the terminal that it was called from is gone."""
    one, two = served.ship("well 1"), served.ship("deaf")
    served.machine.run(
        "setsid script -qec 'botswain-host stage rollback' /dev/null >/dev/null 2>&1 & "
        "sleep 1; pkill -HUP -f 'botswain-host stage rollback'; pkill -9 -x script",
        check=False,
    )
    until(lambda: served.look().state.live == one and served.look().health is None, "the rollback", 15)
    until(lambda: served.look().switch is None, "its end")
    served.well(one)
    assert served.states()[two] == "bad"


def test_a_secret_goes_with_the_last_release_that_used_it(served):
    """Until then a way back needs it; what the last deployment brought stays, and what somebody else put there."""
    held = f"ls -A {served.root}/credentials"
    served.machine.run(f"echo mine >{served.root}/credentials/own")
    served.service = replace(served.service, secrets={"A": "a", "B": "b"}, keep=0)
    one = served.prepare("well 1")
    token = served.deploy(one, secrets={"a": "x", "b": "y", "silent": "z"}).token
    served.do(orders.Confirm(token, "ann"))
    served.service = replace(served.service, secrets={"A": "a"})
    for number in (2, 3):
        token = served.deploy(served.prepare(f"well {number}"), secrets={"a": "x", "silent": "z"}).token
        _, pruned = served.do(orders.Confirm(token, "ann"), orders.Prune(served.service))["answers"]
        assert pruned["left"] == []
        assert served.machine.run(held).stdout.split() == ["a", *(["b"] if number == 2 else []), "own", "silent"]
    assert one not in served.states()
    loaded = served.machine.run(f"cat /etc/systemd/system/{served.unit}.d/50-botswain.conf").stdout
    assert (f"{served.root}/credentials/a" in loaded, f"{served.root}/credentials/b" in loaded) == (True, False)
    assert served.hand("restart").returncode == 0
    served.well(served.look().state.live)
