"""Orders from outside: what is taken, what is refused in one line, and what is answered."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import asdict, replace

import pytest
from hosting import Host, Memory

from botswain.host import answers, forms, looking, machine, orders, systemd
from botswain.host.errors import HostError
from botswain.host.orders import Asked, Back, Confirm, Deploy, Look, Prepare, Settle
from botswain.host.place import Health, Service

SERVICE = Service(
    name="bot", run=("./bot",), build=(("make", "all"),), shared=("data/",), environment={"A": "1"},
    secrets={"T": "token"}, health=Health("http://127.0.0.1:1/", stable_for=0.0), user="somebody",
    manager={"kind": "systemd", "unit": "u"},
)  # fmt: skip


@pytest.mark.parametrize(
    "order",
    [
        Look(), Look(SERVICE), Prepare("c" * 40, "ann", "d1", SERVICE, "bots/a", "/x/b", ("d" * 40,)),
        Deploy("r", "ann", "d1", SERVICE, {"token": "x"}, 12.5, Asked("https://status/", None)),
        Deploy("r", "a", "d", SERVICE),
        Confirm("t", "ann"), orders.Revert("t"), Settle(), Settle(SERVICE, {"a": "b"}, Asked()), orders.Candidate("r"),
        Back("ann", None, "slow", restarts=False), orders.Withdraw("ann"), orders.Start(), orders.Stop(),
        orders.Restart(SERVICE, {"a": "b"}), orders.Prune(), orders.Cancel("r7"),
        Back("ann", run="r7", since=1795831443.761),
    ],
)  # fmt: skip
def test_what_is_ordered_arrives(order):
    """An order that went through JSON is the same order."""
    assert orders.read(json.loads(json.dumps(orders.request([order])))) == [order]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (None, 'stdin: is no request: it has to be {"orders": […]}'),
        ({"orders": [], "more": 1}, "is no request"),
        ({"orders": [{"verb": "explode"}]}, "order 1: 'explode' is no verb; there are: look, prepare, deploy, "),
        ({"orders": ["look"]}, "order 1: None is no verb"),
        ({"orders": [{"verb": "look"}, {"verb": "confirm", "token": "t"}]}, 'order 2 (confirm): field "by" is missing'),
        ({"orders": [{"verb": "stop", "now": True}]}, 'order 1 (stop): unknown field "now"; its fields are: by;'),
        ({"orders": [{"verb": "revert", "token": 7}]}, 'field "token" is not as it has to be: it is no text'),
        ({"orders": [{"verb": "settle", "secrets": {"../x": "y"}}]}, "'../x' cannot be the name of a secret's file"),
        ({"orders": [{"verb": "settle", "secrets": {"x": 1}}]}, "it is no object of texts"),
        ({"orders": [{"verb": "settle", "outage": {"page": "x"}}]}, 'it has to be {"status": URL or null'),
        ({"orders": [{"verb": "look", "service": {"name": "x"}}]}, 'field "service" is not as it has to be'),
        ({"orders": [{"verb": "look", "service": {"name": "x", "run": ["y"], "z": 1}}]}, "keyword argument 'z'"),
        ({"orders": [{"verb": "back", "by": "a", "restarts": 1}]}, "it is neither true nor false"),
        ({"orders": [{"verb": "back", "by": "a", "since": "now"}]}, 'field "since" is not as it has to be: it is no'),
    ],
)  # fmt: skip
def test_what_is_not_as_it_has_to_be(tmp_path, document, told):
    """It is refused in one line that says where, before anything is done."""
    answer = answers.answer(Host(tmp_path).place, document)
    assert answer["answers"] == []
    assert answer["error"]["kind"] == "failed"
    text = str(HostError(answer["error"]["what"], where=answer["error"]["where"], fix=answer["error"]["fix"]))
    assert told in text
    assert "\n" not in text


def test_no_secret_in_what_is_told_of_an_order():
    """Neither the order's text, nor the refusal of a request that holds one, repeats a secret."""
    order = Deploy("r", "ann", "d1", SERVICE, {"token": "s3cret"})
    assert "s3cret" not in repr(order)
    document = orders.request([order])
    for change in ({"secrets": {"token": ["s3cret"]}}, {"secrets": "s3cret"}, {"release": ["s3cret"]}):
        with pytest.raises(HostError) as caught:
            orders.read({"orders": [{**document["orders"][0], **change}]})
        assert "s3cret" not in str(caught.value)


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A place whose process is a line in memory."""
    made = Host(tmp_path, health=Health(stable_for=0.0, interval=0.0, deadline=0.0))
    made.manager = Memory(made.place)
    for module in (answers, looking):
        monkeypatch.setattr(module, "manager_of", lambda _service: made.manager)
    monkeypatch.setattr(answers, "guard_of", lambda *_: Guard())
    return made


class Guard:
    """A guard that never comes."""

    def arm(self, _switch):
        """Watch."""

    def disarm(self, _token):
        """Stop watching."""


def ask(host: Host, *asked: orders.Order):
    """The answer, as it arrives."""
    return json.loads(json.dumps(answers.answer(host.place, orders.request(asked))))


def test_a_deployment_in_orders(host):
    """Deployed, confirmed, seen, gone back from: each answer has what the controller makes its values of."""
    host.fill("a", "b")
    for name in ("a", "b"):
        done = forms.switched(ask(host, Deploy(name, "ann", "d1", host.service))["answers"][0])
        assert (done.release, done.verdict.good) == (name, True)
        confirmed, seen = ask(host, Confirm(done.token, "ann"), Look())["answers"]
        assert confirmed == {"confirmed": True}
    view = forms.view(seen)
    assert (view.state.live, view.state.commit, view.back, view.switch, view.engine) == ("b", "bbbb", "a", None, "")
    assert [(one.id, one.state) for one in view.releases] == [("a", "superseded"), ("b", "live")]
    assert view.health is None
    assert view.free > 0
    assert asdict(view) == asdict(looking.look(host.place, None)) | {"free": view.free, "at": view.at}
    done = forms.switched(ask(host, Back("ann"))["answers"][0])
    assert (done.release, done.previous, done.token) == ("a", "b", "")
    assert ask(host, orders.Withdraw("ann"))["answers"] == [{"left": "a"}]


def test_the_first_failure_ends_a_request(host):
    """What was done before it is told, what comes after is not done."""
    host.fill("a")
    answer = ask(
        host, Deploy("a", "ann", "d1", host.service), Confirm("other", "ann"), orders.Candidate("x"), orders.Stop()
    )
    assert len(answer["answers"]) == 2
    assert answer["error"]["what"] == '"x" is no release here'
    assert host.manager.runs == "a"


def test_rolled_back_and_stuck(host):
    """A bad release names the one that runs again; where that is bad too, a person is asked for."""
    host.fill("a", "b")
    done = ask(host, Deploy("a", "ann", "d1", host.service))["answers"][0]
    ask(host, Confirm(done["token"], "ann"))
    host.manager.sick = {"b"}
    error = ask(host, Deploy("b", "ann", "d1", host.service))["error"]
    assert (error["kind"], error["previous"], error["log"]) == ("rolled_back", "a", "the last 30 lines")
    host.manager.sick = {"a", "b"}
    error = ask(host, Deploy("b", "ann", "d1", host.service))["error"]
    assert (error["kind"], error["previous"]) == ("stuck", None)
    assert ask(host, Settle())["answers"] == [{"settled": None}]


def test_a_run_that_was_called_off(host, monkeypatch):
    """Before it began nothing is stopped; meanwhile the release before comes back; another run's word is not meant."""
    host.fill("a", "b")
    host.place.store(host.service, "a")
    done = ask(host, Deploy("a", "ann", "d1", host.service, run="r1"))["answers"][0]
    ask(host, Confirm(done["token"], "ann"), orders.Cancel("r2"))
    (process,) = host.manager.starts
    error = ask(host, Deploy("b", "ann", "d2", host.service, run="r2"))["error"]
    assert (error["kind"], error["previous"], host.manager.starts) == ("rolled_back", "a", [process])
    real = host.manager.start
    monkeypatch.setattr(host.manager, "start", lambda **options: (real(**options), ask(host, orders.Cancel("r3"))))
    url = "http://127.0.0.1:9/"
    slow = replace(host.service, health=Health(url, url, deadline=60.0, timeout=0.1))
    error = ask(host, Deploy("b", "ann", "d3", slow, run="r3"))["error"]
    assert (error["kind"], error["previous"], host.manager.runs) == ("rolled_back", "a", "a")
    assert error["what"] == "stopped by hand before it was known whether the release is well"
    assert host.states()["b"] == "ready"
    host.place.store(slow, "b")
    monkeypatch.setattr(host.manager, "start", lambda **options: (real(**options), ask(host, orders.Cancel("r4"))))
    verdict = ask(host, Back("ann", "b", run="r4"))["answers"][0]["verdict"]  # gone to its end, and not waited for
    assert (verdict["good"], verdict["certain"], host.place.live(), host.manager.runs) == (False, False, "b", "b")


@pytest.mark.parametrize(("since", "runs"), [(-60, None), (60, "b")])
def test_a_stop_by_hand_since_a_run_began(host, since, runs):
    """It wins over the run's deployment, and over its way back; one from before does not."""
    host.fill("a", "b")
    for name in ("a", "b"):
        done = ask(host, Deploy(name, "ann", "d1", host.service))["answers"][0]
        ask(host, Confirm(done["token"], "ann"))
    seen = ask(host, orders.Stop("eve"), Look())["answers"][1]
    done = ask(host, Deploy("b", "ann", "d2", host.service, since=seen["at"] + since))
    assert host.manager.runs == runs
    assert ("eve stopped the bot by hand" in str(done["error"])) == (runs is None)
    ask(host, orders.Stop("eve"))
    ask(host, Back("ann", "a", since=seen["at"] + since))
    assert (host.place.live(), host.manager.runs) == ("a", runs and "a")


def test_what_an_order_brings_is_stored_first(host):
    """Spec and secrets of a deployment are there before anything can fail; looking stores nothing."""
    host.fill("a")
    changed = replace(host.service, stop_timeout=7.0)
    ask(host, Look(changed))
    assert host.place.load().stop_timeout == 15.0
    assert ask(host, Deploy("nothing", "ann", "d1", changed, {"token": "x"}))["error"]["kind"] == "failed"
    assert host.place.load().stop_timeout == 7.0
    assert (host.place.credentials / "token").read_text() == "x"


def test_a_request_comes_through_the_door(host, monkeypatch, capsys):
    """One document in, one out, exit 0 also for a failure: the answer says what failed."""
    for text, kind in (('{"orders": [{"verb": "look"}]}', None), ("{", "failed"), ("", "failed")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert machine.main([str(host.place.root), "do"]) == 0
        error = json.loads(capsys.readouterr().out)["error"]
        assert (error and error["kind"]) == kind


@pytest.mark.parametrize(
    ("found", "running", "told"),
    [
        ({"LoadState": "not-found"}, False, "its unit is not there: the host was never provisioned"),
        ({"NRestarts": "0"}, True, "running"),
        ({"NRestarts": "2"}, True, "running, after 2 unexpected ends"),
        ({"SubState": "stop-sigterm"}, False, "stopping"),
        ({"ExecMainStartTimestampMonotonic": "0"}, False, "stopped"),
        ({"Result": "success", "ExecMainCode": "2", "ExecMainStatus": "15"}, False, "stopped"),
        ({"Result": "exit-code", "ExecMainCode": "1", "ExecMainStatus": "77"}, False,
         "ended with exit code 77: Discord refuses it"),
        ({"Result": "signal", "ExecMainCode": "2", "ExecMainStatus": "9"}, False, "ended by signal 9"),
        ({"Result": "oom-kill", "ExecMainCode": "2", "ExecMainStatus": "9"}, False, "was killed for want of memory"),
        ({"Result": "exit-code", "ExecMainCode": "1", "ExecMainStatus": "243"}, False,
         "could not be set up by systemd (243/CREDENTIALS); see the journal, or provision the host again"),
        ({"Result": "exit-code", "ExecMainCode": "1", "ExecMainStatus": "1", "SubState": "auto-restart"}, False,
         "ended with exit code 1, and is about to be started again"),
        ({"Result": "exit-code", "ExecMainCode": "1", "ExecMainStatus": "1", "NRestarts": "6"}, False,
         "ended with exit code 1, also when it was started again"),
    ],
)  # fmt: skip
def test_how_a_unit_is_told(found, running, told):
    """In words that a person understands at night."""
    assert systemd._told(found, running) == told
