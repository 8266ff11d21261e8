"""Two bots of one machine that would have one port: each gets a free one, unless its profile names it."""

from __future__ import annotations

import json

import pytest
from shipyard import Yard, yard

pytestmark = pytest.mark.slow

PATHS = {"alive": "/healthz", "ready": "/readyz", "deadline": 4, "stable_for": 0.2}


def port_of(made: Yard) -> int:
    """The port that a bot got."""
    found: int = json.loads((made.place / "port.json").read_text())["port"]
    made.port = found
    return found


def test_two_clones_with_one_profile_run_beside_each_other(tmp_path, monkeypatch):
    """No port is named, so neither is in the other's way; each keeps its own from deployment to deployment."""
    monkeypatch.setattr("botswain.targets.freeport._COUNT", 4)  # as if all folders began with the same few ports
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with (
        yard(tmp_path / "one", environment={}, health=PATHS) as one,
        yard(tmp_path / "two", environment={}, health=PATHS) as two,
    ):
        two.version("other")
        for made in (one, two):
            ran = made.deploy()
            assert ran.code == 0, ran
        first, second = port_of(one), port_of(two)
        assert first != second
        assert (one.runs(), two.runs()) == ("one", "other")
        one.version("three")
        assert one.deploy().code == 0
        assert (port_of(one), one.runs(), two.runs()) == (first, "three", "other")
        assert "no change: commit" in one.inv("deploy", "--env", "dev", "--dry-run").out
        one.agree()


def test_a_port_that_another_program_took_meanwhile_is_left_to_it(tmp_path):
    """The bot gets another one with its next release."""
    import socket

    with yard(tmp_path, environment={}, health=PATHS) as made:
        assert made.deploy().code == 0
        first = port_of(made)
        made.inv("service.stop", "--env", "dev")
        with socket.create_server(("127.0.0.1", first)):
            ran = made.deploy()
            assert ran.code == 0, ran
            assert port_of(made) != first
            assert made.runs() == "one"
