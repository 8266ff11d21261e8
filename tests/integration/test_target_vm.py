"""Target vm on real Debian hosts: deploy, roll back, and what must not go wrong on the way there and back."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import threading
import time
from contextlib import contextmanager, suppress

import httpx
import pytest
import yaml
from coast import PYTHON, ROOT, Coast
from desk import GUILD
from offshore import deploying
from terminal import on_a_terminal, resize, until

from botswain.ansible.process import _descendants
from botswain.sandbox.process import running_server
from botswain.targets.engines import Engines

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hosts(lab):
    """Three machines, made ready once: one for the gateway, two for workers."""
    made = [lab.start(name) for name in ("gate", "left", "right")]
    yield made
    for one in made:
        one.stop()


@pytest.fixture(scope="module")
def api():
    """A served double of Discord."""
    with running_server() as url:
        yield url


@pytest.fixture(scope="module")
def ready(hosts, api, tmp_path_factory):
    """The machines, provisioned."""
    Coast(tmp_path_factory.mktemp("ready"), api, hosts[0], hosts[1:]).provision()
    return hosts


def made(folder, api, gateway, workers=(), **service) -> Coast:
    """A project of its own on machines where nothing was deployed yet."""
    found = Coast(folder, api, gateway, workers, **service)
    for one in (gateway, *workers):
        one.run(
            f"systemctl stop botswain-dev.service; systemctl reset-failed 'botswain-dev*' || true;"
            f"systemctl stop 'botswain-dev-*.timer' || true; cd {ROOT} && find . -mindepth 1 -maxdepth 1"
            " ! -name releases ! -name shared ! -name cache ! -name credentials ! -name logs -exec rm -rf {} +;"
            " rm -rf releases/* shared/* credentials/*"
        )
    return found


@pytest.fixture
def ship(tmp_path, api, ready):
    """A project with one host, where nothing was deployed yet."""
    return made(tmp_path, api, ready[0])


@pytest.fixture
def sailing(ship):
    """A project whose first version is deployed and runs."""
    ran = ship.deploy()
    assert ran.code == 0, ran
    return ship


@pytest.fixture
def fleet(tmp_path, api, ready):
    """A project with a gateway and two workers, whose first version runs."""
    found = made(tmp_path, api, ready[0], ready[1:])
    ran = found.deploy()
    assert ran.code == 0, ran
    return found


def test_there_and_back(ship):
    """First deployment, nothing new, another version, back, back again, and then there is nothing to go back to."""
    ran = ship.deploy()
    assert ran.code == 0, ran
    first = ship.current()
    assert (ship.runs(), set(ship.live())) == ("one", {"ping"})
    assert ship.manifest()["service"]["target"] == "vm"
    ship.agree()
    (before,) = ship.processes()
    again = ship.deploy()
    assert again.document["deployment"] is None
    assert ship.processes() == [before]
    ship.version("two")
    assert ship.deploy().code == 0
    assert (ship.runs(), ship.current() == first) == ("two", False)
    assert ship.rollback("--only", "service").code == 0
    assert (ship.runs(), ship.current()) == ("one", first)
    ship.agree()
    assert ship.rollback().code == 0
    assert (ship.runs(), ship.current(), ship.live()) == (None, None, {})
    assert "nothing" in str(ship.rollback()).lower()


def test_few_round_trips(sailing, monkeypatch):
    """Modules and orders by ssh alone: four a deployment, five on a slow day, one a module; two a rollback."""
    from botswain.ansible import run as runner

    modules, sent = [], []
    run, tell = runner.run, Engines.tell

    def counting(*arguments, **options):
        play = run(*arguments, **options)
        modules.append(play.modules)
        return play

    def telling(self, hosts, *arguments, **options):
        sent.extend(hosts)
        return tell(self, hosts, *arguments, **options)

    monkeypatch.setattr(runner, "run", counting)
    monkeypatch.setattr(Engines, "tell", telling)
    sailing.version("two")
    assert sailing.deploy().code == 0
    assert sum(modules) == 1
    assert sum(modules) + len(sent) <= 5
    modules.clear()
    sent.clear()
    assert sailing.rollback("--only", "service").code == 0
    assert sum(modules) + len(sent) <= 2


def by_playbooks(ship):
    """Has a password for sudo in the inventory, so that every order goes through a playbook."""
    hosts = ship.folder / "inventories/dev/hosts.yml"
    known = yaml.safe_load(hosts.read_text())
    known["all"]["vars"] = {"ansible_become_password": "not asked for"}
    hosts.write_text(yaml.safe_dump(known))


def test_where_ssh_alone_does_not_do(sailing):
    """Every order goes through a playbook, and all is as usual."""
    first = sailing.current()
    by_playbooks(sailing)
    sailing.version("two")
    assert sailing.deploy().code == 0
    assert (sailing.runs(), sailing.current() == first) == ("two", False)
    assert sailing.rollback("--only", "service").code == 0
    assert (sailing.runs(), sailing.current()) == ("one", first)


def test_a_rollback_brings_this_engine_to_a_host_that_has_another(sailing):
    """Orders of this checkout go to its own engine."""
    from botswain.hosts.engine import PATH, engine

    first = sailing.current()
    sailing.version("two")
    assert sailing.deploy().code == 0
    sailing.gateway.run(f"printf x >>{PATH}")
    assert sailing.rollback("--only", "service").code == 0
    assert (sailing.runs(), sailing.current()) == ("one", first)
    assert sailing.on(f"sha256sum {PATH}").split()[0] == engine().digest


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"build": [["/bin/sh", "-c", "echo no planks; exit 4"]]}, "failed with exit code 4"),
        ({"test": ["/bin/false"]}, "`/bin/false` failed with exit code 1"),
        ({"build": [["no-such-tool", "x"]]}, "`no-such-tool x` could not be started"),
    ],
)
def test_what_does_not_build_stops_nothing(sailing, fields, why):
    """A failing build or test, or a tool that is missing there: the old one never stops, and the host is named."""
    (before,) = sailing.processes()
    sailing.ship(**fields)
    sailing.version("two")
    ran = sailing.deploy()
    assert ran.code == 1
    assert why in ran.document["error"]
    assert sailing.processes() == [before]


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"refuses": "salt"}, "process ended"),
        ({"never_ready": True}, "was not ready within 6 s"),
        ({"dies_after": 1.5}, "process ended"),
    ],
)
def test_a_bad_version_never_stays(sailing, how, why):
    """It is taken back on the host, and the end of its log is told."""
    first = sailing.current()
    sailing.ship(health={"ready": f"http://127.0.0.1:{sailing.port}/readyz", "deadline": 6, "stable_for": 3})
    sailing.version("two", **how)
    ran = sailing.deploy()
    assert ran.code == 4, ran
    assert why in ran.document["error"]
    assert (sailing.runs(), sailing.current()) == ("one", first)
    sailing.agree()


def test_a_host_that_cannot_be_reached(sailing):
    """It is one line, in a moment, and nothing is begun."""
    sailing.version("two")
    sailing.gateway.cut()
    try:
        began = time.monotonic()
        ran = sailing.deploy()
        assert time.monotonic() - began < 30
        status = sailing.inv("status", "--env", "dev")
    finally:
        sailing.gateway.restore()
    assert (ran.code, ran.document.get("deployment")) == (1, None)
    assert ran.document["error"].startswith("gate: ")
    assert status.code == 1
    assert "by the records; what runs cannot be looked at" in status.out
    assert re.match("botswain: nobody can tell what runs: gate: .*; look whether", status.err)
    assert sailing.runs() == "one"
    assert sailing.deploy().code == 0


def wait_for(condition, seconds=30.0):
    """Waits until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def patient(ship, **health):
    """Makes versions that have to stay ready for some time."""
    url = f"http://127.0.0.1:{ship.port}/readyz"
    health = {"ready": url, "deadline": 6, "stable_for": 4, **health}
    workers = {"workers": {"run": [PYTHON, "bot.py"], "port": ship.port, "health": health}} if ship.workers else {}
    ship.ship(health=health, confirm_within=2, **workers)


@contextmanager
def switching(ship, machine=None, **health):
    """A deployment of version `two` in the middle of its switch on a machine: its process, and the release before."""
    first = ship.current(machine)
    patient(ship, **health)
    ship.version("two")
    with deploying(ship) as child:
        wait_for(lambda: ship.current(machine) not in {first, None}, 60)
        yield child, first


def test_the_way_to_the_host_is_cut_during_the_switch(sailing):
    """The host goes back by itself while nobody reaches it; the controller says so once it gets through again."""
    heard = []
    with switching(sailing) as (child, first):
        listening = threading.Thread(target=lambda: heard.extend((time.monotonic(), line) for line in child.stderr))
        listening.start()
        sailing.gateway.cut()
        cut = time.monotonic()
        try:
            wait_for(lambda: sailing.current() == first and sailing.runs() == "one", 60)
        finally:
            sailing.gateway.restore()
        out = child.stdout.read()
        listening.join(120)
        assert child.wait(30) == 4, out
    times = [cut, *(at for at, _ in heard if at > cut), time.monotonic()]
    assert max(later - sooner for sooner, later in itertools.pairwise(times)) < 15, heard
    assert out.count(f"release {first} runs again") == 1
    assert (sailing.runs(), sailing.current()) == ("one", first)
    sailing.agree()


def test_the_way_to_the_host_is_cut_for_a_moment(sailing):
    """Whichever release it ends with, it says so, and one bot runs that the records know."""
    with switching(sailing) as (child, _first):
        sailing.gateway.cut()
        time.sleep(8)
        sailing.gateway.restore()
        out, err = child.communicate(timeout=120)
    assert (child.returncode, sailing.runs()) in {(0, "two"), (4, "one")}, out + err
    sailing.agree()


def test_a_laptop_that_is_closed(sailing):
    """Nobody confirms, so the host returns by itself to what it had."""
    with switching(sailing, deadline=1, stable_for=0) as (child, first):
        for pid in (child.pid, *_descendants(child.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: sailing.current() == first, 90)
    wait_for(lambda: sailing.runs() == "one")
    assert len(sailing.processes()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_during_the_gate_brings_the_old_bot_back(sailing, number):
    """The host is told, by ssh or playbook, and is back at once: exit 4, and the release is not blamed."""
    if number == signal.SIGHUP:
        by_playbooks(sailing)
    with switching(sailing, deadline=90, stable_for=90) as (child, first):
        wait_for(lambda: sailing.runs() == "two")
        child.send_signal(number)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 4, out + err
    assert "stopped by hand before it was known whether the release is well" in out + err
    assert f"release {first} runs again" in out + err
    assert (sailing.runs(), sailing.current()) == ("one", first)
    sailing.agree()
    assert sailing.inv("releases", "--env", "dev", "--json").document["releases"][-1]["state"] == "ready"


def test_ctrl_c_takes_a_whole_fleet_back(fleet):
    """Also the host that was tried first, and waits for the others; the second Ctrl-C ends the command at once."""
    everybody = (*fleet.workers, fleet.gateway)
    before = [fleet.current(one) for one in everybody]
    with switching(fleet, deadline=90, stable_for=3) as (child, _first):
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=90)
    assert child.returncode == 4, out + err
    assert "every host has the release that it had" in out + err
    assert [fleet.current(one) for one in everybody] == before
    assert [fleet.runs(one) for one in everybody] == ["one"] * 3
    with switching(fleet, fleet.workers[0], deadline=90, stable_for=90) as (child, _first):
        child.send_signal(signal.SIGINT)
        wait_for(lambda: "telling" in child.stderr.readline())
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=30)
    assert child.returncode == -signal.SIGINT
    wait_for(lambda: [fleet.current(one) for one in everybody] == before, 60)
    wait_for(lambda: [fleet.runs(one) for one in everybody] == ["one"] * 3)


def test_a_stop_by_hand_wins_over_a_deployment_that_began_before(sailing):
    """Typed while it builds: the new release is not started, and the deployment says who stopped the bot."""
    first = sailing.current()
    sailing.ship(build=[["/bin/sh", "-c", "touch /tmp/building; while [ -e /tmp/building ]; do sleep 0.1; done"]])
    sailing.version("two")
    with deploying(sailing) as child:
        wait_for(lambda: sailing.on("ls /tmp/building || true"), 60)
        assert sailing.inv("service.stop", "--env", "dev").code == 0
        sailing.on("rm /tmp/building")
        out, err = child.communicate(timeout=60)
    assert child.returncode == 1, out + err
    assert re.search("stopped the bot by hand at .* meanwhile, so it was not started", out + err)
    assert (sailing.processes(), sailing.current()) == ([], first)
    assert sailing.inv("service.start", "--env", "dev", "--yes").code == 0
    wait_for(lambda: sailing.runs() == "one")
    sailing.agree()


def test_a_fleet_goes_together(fleet):
    """One gateway and its workers have the same commit, go on together, and return together."""
    gate, left, right = fleet.gateway, *fleet.workers
    assert [fleet.runs(one) for one in (gate, left, right)] == ["one"] * 3
    fleet.version("two")
    assert fleet.deploy().code == 0
    assert [fleet.runs(one) for one in (gate, left, right)] == ["two"] * 3
    assert fleet.rollback("--only", "service").code == 0
    assert [fleet.runs(one) for one in (gate, left, right)] == ["one"] * 3
    assert [len(fleet.processes(one)) for one in (gate, left, right)] == [1] * 3


@pytest.mark.parametrize("ill", [0, 1, 2])
def test_one_host_that_fails_takes_all_back(fleet, ill):
    """Whichever it is, the first that is tried or another: every host has the release that it had, and one process."""
    hosts = (*fleet.workers, fleet.gateway)
    before = [fleet.current(one) for one in hosts]
    hosts[ill].run("touch /etc/ill")
    fleet.version("two", ill="/etc/ill")
    try:
        ran = fleet.deploy()
    finally:
        hosts[ill].run("rm /etc/ill")
    assert ran.code == 4, ran
    assert f"{hosts[ill].name}: " in ran.document["error"]
    assert [fleet.runs(one) for one in hosts] == ["one"] * 3
    assert [fleet.current(one) for one in hosts] == before
    assert [len(fleet.processes(one)) for one in hosts] == [1] * 3


def test_a_way_back_that_fails_on_one_host(fleet):
    """One that was lost is told again and follows; where it does not come up, the others stay back, and all is told."""
    left, right = fleet.workers
    hosts = (*fleet.workers, fleet.gateway)
    patient(fleet)
    for name in ("two", "three"):
        fleet.version(name)
        assert fleet.deploy().code == 0
    three = fleet.current(left)
    command = fleet.argv("rollback", "--env", "dev", "--yes", "--only", "service")
    with subprocess.Popen(command, **fleet.where(), stderr=subprocess.PIPE, text=True) as child:
        wait_for(lambda: fleet.current(left) not in {three, None}, 60)
        left.cut()
        try:
            said = next((line for line in child.stderr if "left was lost on the way" in line), "")
        finally:
            left.restore()
        rest = child.stderr.read()
    assert said, rest
    assert child.returncode == 0, rest
    assert [fleet.runs(one) for one in hosts] == ["two"] * 3
    right.run(f"cd {ROOT}/releases && echo 'import sys; sys.exit(3)' | tee */bot.py")
    ran = fleet.rollback("--only", "service")
    assert ran.code == 5, ran
    assert re.match("right: release .*, which was to run again, is not well: .*; left, gate went back",
                    ran.document["error"])  # fmt: skip
    assert [fleet.runs(one) for one in hosts] == ["one", None, "one"]


def test_stopping_is_never_gated(sailing):
    """Stop, start and restart work on the host; stopping asks nobody."""
    stopped = sailing.inv("service.stop", "--env", "dev", "--json")
    assert (stopped.code, stopped.document["running"], sailing.processes()) == (0, False, [])
    started = sailing.inv("service.start", "--env", "dev", "--json", "--yes")
    assert (started.code, started.document["running"], sailing.runs()) == (0, True, "one")
    (before,) = sailing.processes()
    assert sailing.inv("service.restart", "--env", "dev", "--yes").code == 0
    assert sailing.processes() != [before]


def test_what_there_is_to_see(sailing):
    """Releases, logs and status come from the host."""
    assert sailing.current() in sailing.inv("releases", "--env", "dev").out
    assert "bot one starts" in sailing.inv("service.logs", "--env", "dev", "--lines", "20").out
    told = sailing.inv("status", "--env", "dev", "--json").document["service"]
    assert (told["running"], told["release"]) == (True, sailing.current())
    looks = sailing.inv("doctor", "--env", "dev", "--json").document["looks"]
    looks = {one["look"]: (one["verdict"], one["detail"]) for one in looks}
    assert looks["service"] == ("good", f"release {sailing.current()}: running")
    assert looks["host gate"][0] == "good"
    assert looks["host gate"][1].endswith("provisioned, this engine")


def test_a_shell_on_a_terminal(sailing):
    """A prompt, commands, Enter as Enter, the window's size as it changes, Ctrl-C for what runs, Ctrl-D, its code."""
    with on_a_terminal(sailing, "shell", "--env", "dev", size=(31, 97)) as (process, ours):
        until(ours, "$ ", 60)
        os.write(ours, b"stty size; id -un\r")
        assert "31 97\r\n" in until(ours, "admin\r\n")
        os.write(ours, b"stty raw -echo; head -c 1 | od -An -c; stty sane\r")
        until(ours, "sane")
        os.write(ours, b"\r")
        until(ours, "\\r")
        resize(ours, 20, 70)
        os.write(ours, b"stty size; echo $((6 * 7)).\r")
        assert "20 70" in until(ours, "42.")
        os.write(ours, b"echo $((6 * 8)).; sleep 600\r")
        until(ours, "48.")
        os.write(ours, b"\x03")
        until(ours, "^C")
        os.write(ours, b"echo $((6 * 9)).; (exit 7)\r")
        until(ours, "54.")
        os.write(ours, b"\x04")
        rest = until(ours, None, 30)
        assert process.wait(20) == 7, rest
    assert sailing.inv("shell", "--env", "dev", "--command", "exit 9").code == 9


def test_commands_that_fail_take_the_bot_back(sailing):
    """Bot and commands are one deployment on a host, too."""
    fault = {"kind": "status", "method": "PUT", "path": f"/guilds/{GUILD}/commands", "status": 400, "count": 9}
    httpx.post(f"{sailing.api}/sandbox/faults", json=fault, trust_env=False).raise_for_status()
    try:
        sailing.define("pong")
        sailing.version("two")
        ran = sailing.deploy()
    finally:
        httpx.delete(f"{sailing.api}/sandbox/faults", trust_env=False).raise_for_status()
    assert ran.code == 4, ran
    assert (sailing.runs(), set(sailing.live())) == ("one", {"ping"})
    sailing.agree()
