"""A fleet: its hosts by the inventory, the way to them, and how each of them calls a release."""

from __future__ import annotations

import json
import re
import threading
import time
from types import SimpleNamespace

import pytest

from botswain.ansible.inventory import Inventory
from botswain.ansible.reasons import HostFailed, Told, Unreachable
from botswain.cli.recorded import _service_rows
from botswain.cli.service import _every_host
from botswain.deployment.service import look
from botswain.errors import BotswainError, ExitCode
from botswain.host import forms, orders
from botswain.host.ledger import Release
from botswain.host.looking import State, View
from botswain.host.place import Service
from botswain.hosts import fleet, ssh
from botswain.hosts.fleet import Host
from botswain.hosts.ssh import Done
from botswain.targets import attending, names, recovering
from botswain.targets.base import ServiceError, ServiceRolledBack, ServiceStuck
from botswain.targets.engines import Engines, Outcome, _form, translated
from botswain.targets.vm import Vm


def inventory(monkeypatch, **groups):
    """An inventory of these groups; what Ansible would say of it."""
    hosts = {name: variables for members in groups.values() for name, variables in members.items()}
    known = Inventory(hosts, {group: tuple(members) for group, members in groups.items()})
    monkeypatch.setattr("botswain.ansible.inventory.hosts_of", lambda _path: known)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_one_gateway_and_its_workers(monkeypatch, tmp_path):
    """The gateway comes last, since another host is tried first."""
    inventory(monkeypatch, bot={"gate": {}}, workers={"left": {}, "right": {}})
    found = fleet.fleet_of(tmp_path / "none", workers=True)
    assert [one.name for one in found.hosts] == ["left", "right", "gate"]


@pytest.mark.parametrize(
    ("groups", "workers", "why"),
    [
        ({}, False, "group bot has no host, and exactly one runs the gateway"),
        ({"bot": {"a": {}, "b": {}}}, False, "group bot has 2 hosts"),
        ({"bot": {"a": {}}}, True, "group workers has no host"),
        ({"bot": {"a": {}}, "workers": {"b": {}}}, False, "the profile does not say what they run"),
        ({"bot": {"a": {}}, "workers": {"a": {}}}, True, "host a is in the groups bot and workers"),
    ],
)
def test_what_is_no_fleet(monkeypatch, tmp_path, groups, workers, why):
    """Two gateways would answer every event twice; each mistake is told with what to do."""
    inventory(monkeypatch, **groups)
    with pytest.raises(BotswainError, match=why) as caught:
        fleet.fleet_of(tmp_path / "none", workers=workers)
    assert caught.value.fix


def test_an_inventory_is_asked_once(monkeypatch, tmp_path):
    """While its files stay as they are; a password in it is never written down, and a program is asked each time."""
    folder = tmp_path / "inventories"
    folder.mkdir()
    file = folder / "hosts.yml"
    file.write_text("one")
    asked = []

    def hosts_of(_path):
        asked.append(1)
        return Inventory({"gate": {"ansible_host": "192.0.2.7", "ansible_become_password": "hunter2hunter2"}},
                         {"bot": ("gate",)})  # fmt: skip

    monkeypatch.setattr("botswain.ansible.inventory.hosts_of", hosts_of)
    for _ in range(2):
        found = fleet.fleet_of(folder, workers=False)
    assert (len(asked), found.gateway.direct, ssh.address(found.gateway)) == (1, False, "192.0.2.7")
    assert "hunter2" not in "".join(path.read_text() for path in (tmp_path / ".botswain").rglob("*.json"))
    file.write_text("two")
    fleet.fleet_of(folder, workers=False)
    assert len(asked) == 2
    file.chmod(0o755)
    for _ in range(2):
        fleet.fleet_of(folder, workers=False)
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("variables", "direct"),
    [
        ({}, True),
        ({"ansible_connection": "local"}, False),
        ({"ansible_become_method": "doas"}, False),
        ({"ansible_user": "{{ somebody }}"}, False),
        ({"ansible_password": "x"}, False),
    ],
)
def test_when_ssh_alone_will_do(monkeypatch, tmp_path, variables, direct):
    """Only where nothing but ssh and sudo without a password is needed; else Ansible goes."""
    inventory(monkeypatch, bot={"gate": variables})
    assert fleet.fleet_of(tmp_path / "none", workers=False).gateway.direct is direct


def test_ssh_goes_as_ansible_does():
    """User, port, key and options of the inventory, and host keys are never waved through."""
    host = Host("gate", {"ansible_user": "admin", "ansible_port": 2222, "ansible_ssh_private_key_file": "k",
                         "ansible_ssh_common_args": "-o ProxyJump='bastion'"})  # fmt: skip
    found = ssh.options(host)
    for pair in (["-l", "admin"], ["-p", "2222"], ["-i", "k"], ["-o", "ProxyJump=bastion"]):
        assert any(found[at : at + 2] == pair for at in range(len(found))), pair
    assert not any("StrictHostKeyChecking" in one for one in found)
    assert ssh.as_root(host, ["a", "b c"], "x") == ("sudo -n -- a 'b c'", "x")
    assert ssh.as_root(Host("gate", {"ansible_user": "root"}, password="p"), ["a"], "x") == ("a", "x")


def test_the_password_of_sudo_is_on_standard_input_alone():
    """Its first line; the host's list of processes shows arguments, and what a Host prints shows no password."""
    host = Host("gate", {}, password="hunter2 'q'")
    line, given = ssh.as_root(host, ["a", "b c"], "orders")
    assert "hunter2" not in line + repr(host)
    assert given == "hunter2 'q'\norders"
    assert line.endswith("sudo a 'b c'")


def release(name, commit="c1", state="live", deployment="d1"):
    """A release of a ledger."""
    return Release(name, commit, "r", state, "", "ann", deployment)


def view(*releases, back=None, switch=None):
    """What a look at a host shows."""
    return SimpleNamespace(releases=list(releases), back=back, switch=switch)


def test_the_release_that_a_rollback_returns_to():
    """The one that the host says, or the one that is named, by a part that is enough; a pending switch's former one."""
    seen = view(release("r1", "aaa"), release("r2", "abb"), back="r1")
    assert names.wanted(seen, None, "gate").id == "r1"
    assert names.wanted(seen, "ab", "gate").id == "r2"
    assert names.wanted(view(release("r1"), switch=SimpleNamespace(back="r1"), back="r0"), None, "gate").id == "r1"
    with pytest.raises(ServiceError, match="several releases there; there are: r1, r2"):
        names.wanted(seen, "a", "gate")
    with pytest.raises(ServiceError, match='gate: "x" is no release there'):
        names.wanted(seen, "x", "gate")
    with pytest.raises(ServiceError, match="no earlier release"):
        names.wanted(view(), None, "gate")
    with pytest.raises(ServiceError, match="never built to its end"):
        names.wanted(view(release("r1", state="building")), "r1", "gate")


def test_how_another_host_calls_it():
    """Of the same deployment, whatever became of it; else a good one of the commit; else it says what to do."""
    wanted = release("r1", state="bad", deployment="d7")
    seen = view(release("x", deployment="d2"), release("y", state="bad", deployment="d7"))
    assert names.same(seen, wanted, "left") == "y"
    assert (
        names.same(view(release("x", deployment="d2"), release("y", state="bad", deployment="d3")), wanted, "left")
        == "x"
    )
    with pytest.raises(ServiceError, match="left: has no good release of commit c1; deploy that commit"):
        names.same(view(release("x", "c2")), wanted, "left")


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (Told({"kind": "failed", "what": "w"}, "gate"), ServiceError, ExitCode.FAILED),
        (Told({"kind": "rolled_back", "what": "w", "previous": "r1"}, "gate"), ServiceRolledBack, ExitCode.ROLLED_BACK),
        (Told({"kind": "stuck", "what": "w"}, "gate"), ServiceStuck, ExitCode.STUCK),
        (Unreachable("w", where="gate"), ServiceError, ExitCode.FAILED),
        (HostFailed("w", where="gate", log="l"), ServiceError, ExitCode.FAILED),
    ],
)
def test_what_a_host_tells_is_told_on(error, kind, code):
    """With its exit code, the host's name, and what it was caused by."""
    found = translated(error)
    assert (type(found), found.code, found.where) == (kind, code, "gate")
    assert found.__cause__ is error


def engines():
    """The engines of a fleet of one."""
    return Engines(fleet.Fleet(SimpleNamespace(), Host("gate", {})), "stage")


@pytest.mark.parametrize(
    ("done", "why"),
    [
        (Done(127, "", "sh: 1: /usr/local/bin/botswain-host: not found"), "nothing of Botswain is installed on it"),
        (Done(1, "", "sudo: /usr/local/bin/botswain-host: command not found"), r"\./inv provision --env stage"),
        (Done(1, "", "botswain: needs root"), "its engine fails: botswain: needs root"),
        (Done(0, "motd", ""), "its engine fails: it says nothing"),
        (Done(0, json.dumps({"answers": [], "error": {"kind": "stuck", "what": "lost"}}), ""), "lost"),
    ],
)
def test_an_engine_that_does_not_answer(done, why):
    """Each way has its line, with what to do."""
    with pytest.raises(ServiceError, match=why):
        engines().ask([Host("gate", {})], {"gate": [orders.Stop()]}, lambda *_arguments: done)


def told(monkeypatch, *, ill=()):
    """The engines of two workers and a gateway, where some are ill; and who is told something by ssh, in turn."""
    hosts = [Host(name, {}) for name in ("left", "right", "gate")]
    rounds = []

    def tell(_self, asked, *_arguments, **_options):
        rounds.append([one.name for one in asked])
        return {
            one.name: Outcome(one.name, error=HostFailed("ill")) if one.name in ill else Outcome(one.name, ({},))
            for one in asked
        }

    monkeypatch.setattr(Engines, "tell", tell)
    return Engines(fleet.Fleet(SimpleNamespace(), hosts[2], tuple(hosts[:2])), "stage"), rounds


ALL = {name: [orders.Stop()] for name in ("gate", "left", "right")}


def test_one_host_is_told_first(monkeypatch):
    """The others follow together; whoever is not to be first is told with all."""
    found, rounds = told(monkeypatch)
    assert all(one.good for one in found.send("deploy", "switch", ALL, one_first=True).values())
    assert rounds == [["left"], ["right", "gate"]]
    rounds.clear()
    assert set(found.send("deploy", "confirm", ALL)) == set(ALL)
    assert rounds == [["left", "right", "gate"]]


def test_where_the_first_fails_the_others_are_left_out(monkeypatch):
    """They are told nothing, and are not good either."""
    found, rounds = told(monkeypatch, ill={"left"})
    done = found.send("deploy", "switch", ALL, one_first=True)
    assert rounds == [["left"]]
    assert [(name, one.good, one.error is None) for name, one in sorted(done.items())] == [
        ("gate", False, True), ("left", False, False), ("right", False, True),
    ]  # fmt: skip


def test_who_calls_it_off_leaves_the_others_out(monkeypatch):
    """Those that were not told yet are not told any more."""
    found, rounds = told(monkeypatch)
    done = found.send("deploy", "switch", ALL, one_first=True, stopped=lambda: True)
    assert rounds == [["left"]]
    assert [one.good for one in done.values()] == [True, False, False]


def test_who_waits_is_told_so_and_may_call_it_off(monkeypatch):
    """Every few seconds; what is called off is waited for, and what it raises is raised."""
    monkeypatch.setattr(attending, "_BREATH", 0.3)
    heard, over = [], threading.Event()

    def work():
        assert over.wait(20)
        raise ServiceError("off")

    with pytest.raises(ServiceError, match="off"):
        attending.attended(work, heard.append, lambda: len(heard) > 2, over.set)
    assert len(heard) >= 3
    assert heard == sorted(heard)
    assert attending.attended(lambda: 7, heard.append) == 7


LEFT, GATE = Host("left", {}), Host("gate", {})
PAIR = fleet.Fleet(SimpleNamespace(), GATE, (LEFT,))
STUCK = Told({"kind": "stuck", "what": "is not well"}, "left")
FAILED = Told({"kind": "failed", "what": "is gone"}, "left")
LOST = Unreachable("does not answer", where="left")
DONE = ({"release": "r1"}, {})
SPEC = Service(name="bot", run=("bot",))


@pytest.mark.parametrize(
    ("left", "gate", "kind", "told"),
    [
        (STUCK, DONE, ServiceStuck, "left: is not well; gate went back"),
        (FAILED, DONE, ServiceStuck, "left: is gone; gate went back"),
        (LOST, DONE, ServiceStuck, "left: does not answer; gate went back"),
        (LOST, LOST, ServiceStuck, "left: does not answer; gate: does not answer"),
        (STUCK, FAILED, ServiceStuck, "left: is not well; gate: is gone"),
        (FAILED, FAILED, ServiceError, "left: is gone"),
    ],
)
def test_a_way_back_that_fails_on_a_host(monkeypatch, left, gate, kind, told):
    """Who is back stays so; unless nothing was done at all, a person is told how each host is."""
    monkeypatch.setattr(Engines, "again", lambda *_arguments: None)
    asked = {"left": [orders.Stop()], "gate": [orders.Stop()]}
    done = {
        name: Outcome(name, one) if isinstance(one, tuple) else Outcome(name, error=one)
        for name, one in (("left", left), ("gate", gate))
    }
    with pytest.raises(ServiceError) as caught:
        recovering.gone_back(Engines(PAIR, "stage"), {"left": SPEC, "gate": SPEC}, asked, done, 0.0)
    assert (type(caught.value), str(caught.value)) == (kind, told)


def test_a_host_that_was_lost_on_the_way_back_is_told_again(monkeypatch):
    """Once it can be reached, and then all is well."""
    sent = []
    monkeypatch.setattr(Engines, "again", lambda *_arguments: "seen")
    monkeypatch.setattr(
        Engines, "tell", lambda _self, hosts, *_, **__: sent.extend(hosts) or {"left": Outcome("left", DONE)}
    )
    done = {"left": Outcome("left", error=LOST), "gate": Outcome("gate", DONE)}
    asked = {"left": [orders.Stop()], "gate": [orders.Stop()]}
    found = recovering.gone_back(Engines(PAIR, "stage"), {"left": SPEC, "gate": SPEC}, asked, done, 0.0)
    assert sent == [LEFT]
    assert all(one.good for one in found.values())


def seen(commit="c1", release="r1", told="running", switch=None):
    """What a look at a host shows."""
    state = State(release, commit, running=told == "running", told=told)
    return View(state, [], switch, False, None, [], 9, 1, [], None, "", 0.0)


def test_one_host_that_is_dead_hides_nothing_of_the_others(monkeypatch, capsys):
    """What was done or seen on those that answer is told, and the one that does not is the failure."""
    monkeypatch.setattr(forms, "view", lambda answer: answer)
    done = {"left": Outcome("left", error=LOST), "gate": Outcome("gate", (seen(),))}
    monkeypatch.setattr(Engines, "tell", lambda *_, **__: done)
    with pytest.raises(ServiceError, match="left: does not answer") as caught:
        Engines(PAIR, "stage").look({"left": SPEC, "gate": SPEC})
    assert caught.value.others == ("gate: release r1 of commit c1: running",)
    assert isinstance(caught.value.__cause__, Unreachable)
    rows = _service_rows(None, SimpleNamespace(service=None), None, caught.value)
    assert [text for _, text in rows] == [
        "no release by the records; what runs cannot be looked at on left", "gate: release r1 of commit c1: running",
    ]  # fmt: skip
    vm = Vm.__new__(Vm)
    vm._crew = SimpleNamespace(specs=["left", "gate"], ask=lambda _asked: done)
    with pytest.raises(ServiceError, match="left: does not answer"):
        _every_host(vm.stop)
    assert capsys.readouterr().err == "gate: stopped\n"


def test_a_host_that_came_back_with_another_release_is_told(monkeypatch):
    """By status and as the reason to deploy, with what to do; not while a switch goes from one to the other."""
    vm, views = Vm.__new__(Vm), {"left": seen("c0" * 20, "r0"), "gate": seen()}
    vm._crew = SimpleNamespace(gateway="gate", look=lambda: views)
    state, behind = vm.state(), "left runs another release (r0 of commit c0c0c0c0c0c0) than the gateway"
    assert state.behind == behind
    record = SimpleNamespace(release="r1", commit="c1")
    session = SimpleNamespace(profile=SimpleNamespace(name="stage"))
    rows = dict(_service_rows(session, SimpleNamespace(service=record), state, None))
    assert rows["behind"] == f"{behind}; ./inv deploy --env stage"
    monkeypatch.setattr(Vm, "wanted", lambda *_: None)
    assert look(vm, SimpleNamespace(sha="c1", stored=True), lambda: None).why == behind
    views["left"] = seen(None, None, "never deployed")
    assert vm.state().behind == "left has no release yet, and the gateway has"
    views["left"] = seen("c0", "r0", switch=SimpleNamespace(to="r1", until=9.0, back=None))
    assert vm.state().behind == ""
    views["left"] = seen("c1", "r7")
    assert vm.state().behind == ""


def test_a_host_that_stays_away_in_a_switch_is_waited_for(monkeypatch):
    """How long is said at once; then, that it goes back by itself, since nobody can log in there."""
    heard, away = [], translated(LOST)
    monkeypatch.setattr("botswain.targets.engines._LATER", 0.05)
    monkeypatch.setattr("botswain.hosts.ssh.hang_up", lambda _host: None)

    def dead(_self, _services):
        raise away

    monkeypatch.setattr(Engines, "look", dead)
    done, before = {"left": Outcome("left", error=LOST), "gate": Outcome("gate")}, {"left": seen(), "gate": seen()}
    until = time.monotonic() + 0.3
    found = recovering.taken_back(
        Engines(PAIR, "stage"), {"left": SPEC, "gate": SPEC}, before, done, until, heard.append
    )
    assert re.fullmatch(r"left cannot be reached; it is tried until \d\d:\d\d:\d\d UTC, for \d s at most", heard[0])
    assert heard[1].startswith("left cannot be reached; trying again (")
    assert (type(found), found.fix) == (
        ServiceStuck, "wait until it is up: it goes back by itself; then ./inv status --env stage",
    )  # fmt: skip


def test_a_playbook_goes_where_ssh_alone_does_not_do(monkeypatch):
    """For all of them, if only one has a password for sudo."""
    hosts = [Host("left", {}), Host("gate", {}, direct=False)]
    found, played = Engines(fleet.Fleet(SimpleNamespace(), hosts[1], (hosts[0],)), "stage"), []
    monkeypatch.setattr(Engines, "play", lambda _self, *arguments, **_options: played.append(arguments[:2]) or {})
    found.send("deploy", "switch", {one.name: [orders.Stop()] for one in hosts}, one_first=True)
    assert played == [("deploy", "switch")]


def test_an_order_carries_its_secrets_by_name_alone():
    """What Ansible logs and shows is the order; the values travel apart."""
    form = _form(orders.Start(secrets={"discord_token": "hunter2"}))
    assert form["secrets"] == ["discord_token"]
    assert "hunter2" not in json.dumps(form)
