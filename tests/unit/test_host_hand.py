"""The engine by hand: which bot is meant, what is shown, and how it ends."""

from __future__ import annotations

import json
import os

import pytest
from hosting import Host, Memory

from botswain.host import found, hand, looking
from botswain.host.__main__ import main
from botswain.host.place import Health
from botswain.host.underway import Switch, alone, write


@pytest.fixture
def host(tmp_path, monkeypatch):
    """Two releases, of which b runs, in a folder below the one where bots are looked for."""
    monkeypatch.delenv("SUDO_USER", raising=False)
    made = Host(tmp_path, health=Health(stable_for=0.0, interval=0.0, deadline=0.0))
    made.manager = Memory(made.place)
    for module in (hand, looking):
        monkeypatch.setattr(module, "manager_of", lambda _service: made.manager)
    for one in made.fill("a", "b"):
        made.ship(made.manager, one)
    (tmp_path / "repository").rename(tmp_path / ".repository")
    monkeypatch.setattr(found, "HOME", tmp_path)
    return made


def test_which_bot(host, tmp_path, capsys):
    """By name, by folder, or the only one; several have to be told apart."""
    for words in (["status"], ["bot", "status"], [str(host.place.root), "status"]):
        assert main(words) == 0
        assert capsys.readouterr().out.startswith("bot       runs since ")
    assert main(["nobody", "status"]) == 1
    assert capsys.readouterr().err == f'botswain: {tmp_path}: there is no bot "nobody" here; there are: bot\n'
    (tmp_path / "stage").mkdir()
    assert main(["rollback"]) == 1
    assert capsys.readouterr().err == f"botswain: {tmp_path}: several bots are here; say which one: bot, stage\n"


@pytest.mark.parametrize("words", [[], ["bot"], ["bot", "explode"], ["status", "more"], ["bot", "rollback", "a", "b"]])
def test_how_to_use_it(host, capsys, words):
    """What cannot be meant shows what there is."""
    assert main(words) == 1
    assert "botswain-host [BOT] rollback [RELEASE]" in capsys.readouterr().err
    assert main(["--help"]) == 0


def test_a_rollback_by_hand(host, capsys):
    """It says where it goes before it goes, what runs then, and how to undo it; exit 1 when there is nothing left."""
    assert main(["bot", "rollback"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("bot: back from b (live since 20")
    assert " to a (superseded since 20" in told[0]
    assert told[2] == "bot: a runs and is well; the bot was away for 0.0 s"
    assert told[3] == "     to undo this: botswain-host bot rollback b"
    assert host.manager.runs == "a"
    assert main(["bot", "rollback"]) == 1
    assert capsys.readouterr().err.endswith("there is no earlier release to go back to\n")
    assert main(["bot", "rollback", "b", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["live"] == "b"


def test_stuck(host, capsys):
    """A release that does not come back is exit 5, with the end of its log."""
    host.manager.sick = {"a"}
    assert main(["bot", "rollback"]) == 5
    assert "--- the last that it printed\nthe last 30 lines" in capsys.readouterr().err


def test_refused(host, capsys, monkeypatch):
    """A caller who is not root where the folder is root's is exit 3, and changes nothing."""
    real = type(host.place.root).stat

    def roots(path, **options):
        fields = list(real(path, **options))
        fields[4] = 0
        return os.stat_result(fields)

    monkeypatch.setattr(type(host.place.root), "stat", roots)
    monkeypatch.setattr(found.os, "geteuid", lambda: 1000)
    for verb in ("rollback", "status", "stop"):
        assert main(["bot", verb]) == 3
        assert capsys.readouterr().err.endswith("only root may do this; put sudo before it\n")
    assert host.manager.runs == "b"


def test_a_switch_that_waits(host, capsys):
    """Status says that a switch is not confirmed and until when; settling takes it back and says so."""
    host.place.link("a")
    host.manager.runs = "a"
    write(host.place.switch, Switch("t", "a", "b", 2e9, "ann", "d"))
    assert main(["bot", "status"]) == 0
    assert "switch    to a is not confirmed, taken back at 2033-05-18 03:33:20 UTC" in capsys.readouterr().out
    assert main(["bot", "settle"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == ["bot: the switch to a was never finished; b is to run again", "bot: b is live; that is done"]
    assert main(["bot", "settle"]) == 0
    assert capsys.readouterr().out == "bot: b is live; nothing was left to finish\n"


def test_nothing_waits_for_a_stop(host, capsys):
    """The process is stopped, started and restarted, also while another run holds the lock in the case of a stop."""
    with alone(host.place):
        assert main(["bot", "stop"]) == 0
    assert capsys.readouterr().out.endswith(
        "bot: does not run (exited with 3); nothing starts it but a person: botswain-host bot start\n"
    )
    assert host.manager.runs is None
    assert main(["bot", "start"]) == 0
    assert main(["bot", "restart"]) == 0
    assert host.manager.runs == "b"
    assert main(["bot", "releases"]) == 0
    assert "->  b        live" in capsys.readouterr().out
