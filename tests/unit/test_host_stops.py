"""Stops by hand, and what is looked for before anything stops."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from hosting import Host, Memory, free_port, until

from botswain.host import halt, launch, moves, releases, running, switch
from botswain.host.errors import HostError, Unhealthy
from botswain.host.gate import Verdict
from botswain.host.ledger import Ledger
from botswain.host.looking import state
from botswain.host.place import Health
from botswain.host.probe import ask


@pytest.fixture
def host(tmp_path):
    """A place with releases a to c, of which a runs."""
    made = Host(tmp_path, health=Health(stable_for=0.0, interval=0.0, deadline=0.0))
    made.found = {one.id: one for one in made.fill(*"abc")}
    made.manager = Memory(made.place)
    made.ship(made.manager, made.found["a"])
    return made


def begin(host: Host, name: str, **options) -> switch.Switched:
    """A deploy that nobody confirms."""
    planned = switch.planned(host.service, host.found[name], by="ann", deployment="d2")
    options = {"guard": lambda _switch: None, "outage": lambda: None, **options}
    return switch.deploy(host.place, host.service, host.manager, host.found[name], planned, **options)


def back(host: Host, name: str, **options) -> switch.Switched:
    """Go back on purpose."""
    found = Ledger(host.place).get(name)
    return switch.back(host.place, host.service, host.manager, found, "bob", lambda: None, **options)


def stopping(host: Host, monkeypatch, call: str) -> None:
    """Have somebody stop the bot by hand while the manager does something."""
    real = getattr(host.manager, call)

    def meanwhile(**options):
        real(**options)
        monkeypatch.setattr(host.manager, call, real)
        running.stop(host.place, host.service, host.manager, "eve")

    monkeypatch.setattr(host.manager, call, meanwhile)


# A stop by hand


@pytest.mark.parametrize("call", ["stop", "start"])
def test_a_stop_by_hand_wins_over_a_deployment(host, monkeypatch, call):
    """Nothing starts the bot again, neither the new release nor the one before; the deployment says who stopped it."""
    stopping(host, monkeypatch, call)
    with pytest.raises(switch.Halted, match=r"eve stopped the bot by hand at .* meanwhile, so it was not started"):
        begin(host, "b")
    assert (host.manager.runs, host.place.live()) == (None, "a")
    assert host.states()["b"] == "ready"
    assert not any(path.exists() for path in (host.place.switch, host.place.reverting))
    assert state(host.place, host.service).halted.startswith("eve stopped the bot by hand")
    running.start(host.place, host.service, host.manager)
    assert host.manager.runs == "a"
    assert state(host.place, host.service).halted == ""


def test_a_stop_by_hand_wins_over_the_guard(host):
    """A switch that nobody confirmed is taken back, and the release before stays stopped."""
    done = begin(host, "b")
    running.stop(host.place, host.service, host.manager, "eve")
    assert switch.revert(host.place, host.service, host.manager, done.token, lambda: None).release == "a"
    assert (host.manager.runs, host.place.live()) == (None, "a")


def test_a_stop_by_hand_wins_over_a_rollback(host, monkeypatch):
    """The release is the live one from then on, and nobody can tell whether it is well."""
    host.ship(host.manager, host.found["b"])
    stopping(host, monkeypatch, "start")
    done = back(host, "a")
    assert (done.verdict.good, done.verdict.certain) == (False, False)
    assert done.verdict.why.startswith("eve stopped the bot by hand")
    assert (host.manager.runs, host.place.live(), host.states()["a"]) == (None, "a", "live")


def test_what_was_stopped_before_is_deployed_on_purpose(host):
    """A stop of yesterday is no stop of this deployment; one since it began is."""
    began = time.time() + 1
    running.stop(host.place, host.service, host.manager, "eve")
    with pytest.raises(switch.Halted):
        begin(host, "b", since=began - 2)
    assert host.manager.runs is None
    begin(host, "b", since=began)
    assert host.manager.runs == "b"


def test_undoing_a_deployment_starts_nothing_that_was_stopped_since(host):
    """A later step failed and the service is taken back: the link, and no process."""
    host.ship(host.manager, host.found["b"])
    running.stop(host.place, host.service, host.manager, "eve")
    back(host, "a", since=time.time() - 60)
    assert (host.manager.runs, host.place.live()) == (None, "a")
    back(host, "b")
    assert host.manager.runs == "b"


def test_a_start_that_is_under_way_is_refused(tmp_path):
    """The launcher looks, too: whoever stopped the bot a moment before its start has stopped it."""
    host = Host(tmp_path, run=("/bin/echo", "started"))
    host.fill("a")
    host.place.link("a")
    halt.halt(host.place, "eve")
    argv = [sys.executable, "-m", "botswain.host.launch", str(host.place.root)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (launch.REFUSED, "")
    assert "a person stopped it by hand" in done.stderr


def test_a_full_disk_hinders_no_stop(host, monkeypatch):
    """The bot is stopped although nobody can note it."""
    monkeypatch.setattr(halt, "store", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "full")))
    running.stop(host.place, host.service, host.manager, "eve")
    assert host.manager.runs is None


# A run that is told to stop


def test_a_deployment_that_is_stopped_while_it_waits(host):
    """The release before is back, and nothing is held against the one that nobody waited for."""
    host.service = replace(host.service, health=Health(stable_for=30.0, deadline=0.0))
    with pytest.raises(switch.Failed, match="stopped by hand before it was known whether the release is well") as told:
        begin(host, "b", stopped=lambda: host.manager.runs == "b")
    assert (told.value.previous, host.manager.runs, host.states()["b"]) == ("a", "a", "ready")


def test_a_rollback_that_is_stopped_while_it_waits(host):
    """A way back is gone to its end: the release stays, and nobody can tell whether it is well."""
    host.ship(host.manager, host.found["b"])
    host.service = replace(host.service, health=Health(stable_for=30.0, deadline=0.0))
    done = back(host, "a", stopped=lambda: True)
    assert (done.verdict.certain, host.manager.runs, host.states()["a"]) == (False, "a", "live")


# What is seen before anything stops


def test_a_rollback_looks_for_who_has_its_port(host):
    """The bot that runs is left alone, and whoever has the port is named."""
    host.ship(host.manager, host.found["b"])
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        host.place.store(replace(host.service, environment={"PORT": str(port)}), "a")
        with pytest.raises(HostError, match=rf"port {port}, which the bot needs, is used by process {os.getpid()} "):
            back(host, "a")
    assert (host.manager.runs, host.place.live()) == ("b", "b")
    back(host, "a")


def test_a_child_of_the_bot_may_have_its_port(host, tmp_path):
    """A process that the bot started, also in a session of its own, is no stranger."""
    script = tmp_path / "listens.py"
    script.write_text(
        "import socket, sys, time\n"
        'one = socket.create_server(("127.0.0.1", int(sys.argv[1])))\nprint(1, flush=True)\ntime.sleep(60)\n'
    )
    port = free_port()
    argv = [sys.executable, "-S", str(script), str(port)]
    parent = subprocess.Popen(
        [sys.executable, "-S", "-c", f"import subprocess; subprocess.Popen({argv!r}, start_new_session=True).wait()"],
        stdout=subprocess.PIPE,
    )
    try:
        assert parent.stdout.readline() == b"1\n"
        service = replace(host.service, environment={"PORT": str(port)})
        (found,) = running.in_the_way(host.place, service, host.manager)
        host.manager.process = lambda: switch.moves.gate.Process(running=True, pid=parent.pid)
        assert running.in_the_way(host.place, service, host.manager) == []
    finally:
        os.kill(found.pid, 9)
        parent.wait()
        parent.stdout.close()


def test_a_release_whose_program_is_gone(host):
    """Told before anything stops, forward and back: a link that leads nowhere, a script without its interpreter."""
    folder = host.place.release("b")
    (folder / "bin").mkdir()
    (folder / "bin/python").symlink_to("/opt/python-that-was/bin/python3")
    (folder / "bin/bot").write_text("#!/opt/python-that-was/bin/python3 -S\n")
    (folder / "bin/bot").chmod(0o755)
    (folder / "notes").write_text("hello")
    for program, told in (
        (
            "bin/python",
            r"bin/python \(a link to /opt/python-that-was/bin/python3\), which the release is started with",
        ),
        ("bin/pythn", "bin/pythn, which the release is started with, is not there"),
        ("bin/bot", "bin/bot is a script of /opt/python-that-was/bin/python3, which is not there"),
        ("./notes", "is no program"),
    ):
        host.place.store(replace(host.service, run=(program, "x")), "b")
        for work in (begin, back):
            with pytest.raises(HostError, match=told):
                work(host, "b")
    assert (host.manager.runs, host.place.live()) == ("a", "a")


def test_a_build_that_does_not_make_its_program(tmp_path):
    """A word in `run` that is spelt wrong is told after the build, not by a bot that is down."""
    host = Host(tmp_path, run=(".venv/bin/pythn", "x"))
    with pytest.raises(HostError, match=r"\.venv/bin/pythn, which the release is started with, is not there"):
        host.prepare(host.bot())
    assert list(host.states().values()) == ["bad"]


# The health that the profile has now


def test_another_path_at_the_same_port_is_no_other_program(host):
    """The live bot answers there, by whatever name of this machine; a process that is not the bot's is named."""
    host.answering(deadline=0.0, stable_for=0.0)
    server = subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(host.port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: ask(f"http://127.0.0.1:{host.port}/", 1.0).reached, "the server to answer")
        for name in ("127.0.0.1", "localhost"):
            url = f"http://{name}:{host.port}/ready"
            changed = replace(host.service, health=replace(host.service.health, alive=None, ready=url))
            host.manager.process = lambda: switch.moves.gate.Process(running=True, pid=server.pid)
            switch.ports_free(host.place, changed, host.manager)
            host.manager.process = lambda: switch.moves.gate.Process(running=False)
            with pytest.raises(HostError, match=rf"is answered by another program: process {server.pid} \(python"):
                switch.ports_free(host.place, changed, host.manager)
    finally:
        server.kill()
        server.wait()


def judged(monkeypatch, *, good: bool) -> list[Health]:
    """Have the gate say so; what it is asked with."""
    seen: list[Health] = []

    def wait(_manager, health, *_more):
        seen.append(health)
        if not good:
            raise Unhealthy("was not ready within 0 s")
        return Verdict(good=True)

    monkeypatch.setattr(moves.gate, "wait", wait)
    return seen


def test_a_changed_health_is_what_judges_the_live_release(host, monkeypatch):
    """It is kept with the release once that is well by it, and nothing is stopped."""
    host.place.store(host.service, "a")
    changed = replace(host.service, health=replace(host.service.health, timeout=9.0))
    assert state(host.place, changed, brought=True).outdated
    host.service, starts = changed, host.manager.starts.copy()
    seen = judged(monkeypatch, good=True)
    back(host, "a", anew=True)
    assert ([one.timeout for one in seen], host.manager.starts) == ([9.0], starts)
    assert host.place.spec("a", host.service).health.timeout == 9.0
    assert not state(host.place, changed, brought=True).outdated


def test_a_health_that_is_wrong_is_told_and_not_kept(host, monkeypatch):
    """A typing error in the profile fails the deployment; the bot runs on, and is good by what it was made with."""
    host.place.store(host.service, "a")
    host.service = replace(host.service, health=replace(host.service.health, timeout=9.0))
    judged(monkeypatch, good=False)
    with pytest.raises(Unhealthy, match=r"was not ready within 0 s; it runs on; correct service\.health") as caught:
        back(host, "a", anew=True)
    assert not isinstance(caught.value, (switch.Stuck, switch.Failed))
    assert (host.manager.runs, host.states()["a"]) == ("a", "live")
    assert host.place.spec("a", host.service).health.timeout == 3.0


def test_a_start_that_never_gets_well_needs_a_person_and_blames_no_release(host, monkeypatch):
    """It did not run, so nothing runs that is known to be well; what is wrong may be the profile."""
    host.place.store(host.service, "a")
    host.manager.stop()
    judged(monkeypatch, good=False)
    with pytest.raises(switch.Stuck, match="release a, which was to run again, is not well"):
        back(host, "a", anew=True)
    assert host.states()["a"] == "live"


# What was well once


def test_who_was_wrong_is_not_told_of_what_is_live(host):
    """A release that somebody returned to is live, and nothing is said against it any more."""
    host.ship(host.manager, host.found["b"])
    back(host, "a", why="rolled back by bob")
    assert Ledger(host.place).get("b").why == "rolled back by bob"
    back(host, "b")
    assert (Ledger(host.place).get("b").state, Ledger(host.place).get("b").why) == ("live", "")


def test_a_commit_that_was_bad_is_built_anew_with_a_word_about_it(tmp_path):
    """Whoever deploys what failed before is told so, while there is time to think."""
    host = Host(tmp_path)
    commit = host.bot()
    made = host.prepare(commit)
    Ledger(host.place).add(made.id, "bad", why="was not ready within 60 s")
    said: list[str] = []
    releases.prepare(host.place, host.service, releases.Order(commit, "ann", "d2"), said.append)
    assert said[0] == "this commit was bad before (was not ready within 60 s); it is built anew"
