"""The folder of a bot: its link, its specs, its secrets, and what is damaged."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from botswain.host.errors import HostError
from botswain.host.place import Health, Place, Service

SERVICE = Service(
    name="bot", run=("python", "bot.py"), build=(("make",),), shared=("data/",), environment={"A": "1"},
    health=Health(ready="http://127.0.0.1:1/readyz"), manager={"kind": "systemd", "unit": "bot"},
)  # fmt: skip


@pytest.fixture
def place(tmp_path):
    """A place that was used."""
    made = Place(tmp_path)
    made.store(SERVICE)
    return made


def test_the_link_is_replaced_at_once(place, monkeypatch):
    """There is no moment without a live release: the link is replaced, not removed and made."""
    place.link("a")
    seen, real = [], Path.replace

    def watch(this, target):
        seen.append(place.live())
        return real(this, target)

    monkeypatch.setattr(Path, "replace", watch)
    place.link("b")
    assert (seen, place.live()) == (["a"], "b")
    assert place.current.readlink() == Path("releases/b")


def test_a_link_that_was_got_ready_needs_no_room(place, monkeypatch):
    """On a disk that is full by then, a release that was aimed at can still be linked."""
    place.link("a")
    place.aim("b")

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "symlink_to", full)
    place.link("b")
    assert place.live() == "b"
    place.link("b")


def test_no_link(place):
    """Before the first deployment nothing is live; and something else in its place is told, not removed."""
    assert place.live() is None
    place.link(None)
    place.current.mkdir()
    with pytest.raises(HostError, match="current: is no link"):
        place.live()


def test_specs(place):
    """What is stored is what is loaded; a release has its own, run by today's manager."""
    assert place.load() == SERVICE
    place.store(SERVICE, "a")
    place.store(replace(SERVICE, run=("node", "."), manager={"kind": "supervisor"}, keep=9))
    assert place.load("a") == replace(SERVICE, manager={"kind": "supervisor"}, keep=9)
    assert place.load("unknown").run == ("node", ".")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"name": "bot"}', '{"name": "b", "run": []}', '{"run": 5, "name": "b"}']
)
def test_a_damaged_spec(place, text):
    """A damaged service.json is told with what writes it anew; releases with specs of their own still start."""
    place.store(SERVICE, "a")
    place.service.write_text(text)
    with pytest.raises(HostError, match=r"service\.json: is damaged .*; deploy again"):
        place.load()
    assert place.load("a") == SERVICE
    (place.services / "a.json").write_text(text)
    place.store(SERVICE)
    assert place.load("a") == SERVICE


def test_nothing_here(tmp_path):
    """A folder without a bot says so."""
    with pytest.raises(HostError, match="no bot was ever deployed here"):
        Place(tmp_path).load()


def test_secrets_are_for_us_alone(place):
    """No other user can read a secret at any moment, whatever the umask, and an older file's mode does not matter."""
    before = os.umask(0)
    try:
        place.credentials.mkdir(mode=0o777)
        (place.credentials / "token").write_text("old")
        place.secret("token", "new")
    finally:
        os.umask(before)
    path = place.credentials / "token"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)
    assert place.credentials.stat().st_mode & 0o777 == 0o700


def test_a_file_that_cannot_be_written_stays_as_it_was(place, monkeypatch):
    """A disk that fills up while a spec is written leaves the old one, and no draft."""
    before = place.service.read_bytes()

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HostError, match=r"service\.json: cannot write it: No space left on device"):
        place.store(replace(SERVICE, name="other"))
    assert place.service.read_bytes() == before
    assert [one.name for one in place.root.iterdir()] == ["service.json"]
    assert json.loads(before)["name"] == "bot"
