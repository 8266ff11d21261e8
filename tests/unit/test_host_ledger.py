"""The ledger of releases."""

from __future__ import annotations

import errno
import os

import pytest

from botswain.host import ledger as module
from botswain.host.errors import HostError
from botswain.host.ledger import Ledger
from botswain.host.place import Place


@pytest.fixture
def ledger(tmp_path):
    """A ledger in which a, b and c were live, one after another."""
    made = Ledger(Place(tmp_path))
    for name in "abc":
        made.add(name, "building", commit=name * 40, recipe="r", by="ann", deployment=f"d-{name}")
        made.add(name, "ready", seconds=1.5)
        made.add(name, "live", by="ann", deployment=f"d-{name}")
    return made


def states(ledger: Ledger) -> dict[str, str]:
    """The state of every release."""
    return {one.id: one.state for one in ledger.releases()}


def test_one_is_live(ledger):
    """Who becomes live supersedes the one before, and what was known of it stays known."""
    assert states(ledger) == {"a": "superseded", "b": "superseded", "c": "live"}
    found = ledger.get("b")
    assert (found.commit, found.recipe, found.by, found.seconds) == ("b" * 40, "r", "ann", 1.5)
    assert ledger.live().id == "c"


def test_walking_back(ledger):
    """Each rollback leads one further back from what is live, never to what it left, and ends."""
    assert ledger.before("c").id == "b"
    ledger.add("c", "bad")
    ledger.add("b", "live", back=True)
    assert ledger.before("b").id == "a"
    ledger.add("b", "bad")
    ledger.add("a", "live", back=True)
    assert ledger.before("a") is None


def test_bad_ones_are_passed_over(ledger):
    """A release that was marked bad is nothing to go back to."""
    ledger.add("b", "bad")
    assert ledger.before("c").id == "a"


def test_before_one_that_never_was(ledger):
    """From a release that is tried and was never confirmed, the way leads to the last that was."""
    ledger.add("d", "building", commit="d" * 40)
    ledger.add("d", "ready")
    assert ledger.before("d").id == "c"
    ledger.add("d", "bad")
    assert ledger.before("d").id == "c"
    assert ledger.before(None).id == "c"


def test_a_deploy_of_an_old_release_is_a_new_turn(ledger):
    """Deployed again, an old release comes after the others: the way back leads to what was live just before."""
    ledger.add("a", "live")
    assert ledger.before("a").id == "c"


def test_names(ledger):
    """A release is named by its id, its commit, or the beginning of either if only one begins so."""
    assert ledger.get("aaaa").id == "a"
    ledger.add("ab", "building", commit="0" * 40)
    assert ledger.get("a").id == "a"
    ledger.add("bx", "building", commit="b" * 39 + "x")
    with pytest.raises(HostError, match=r'"bb" is several releases here; there are: b, bx'):
        ledger.get("bb")
    with pytest.raises(HostError, match='"z" is no release here'):
        ledger.get("z")
    ledger.add("c", "removed")
    with pytest.raises(HostError, match="release c is not on this machine any more; deploy its commit, cccc"):
        ledger.get("c")


@pytest.mark.parametrize(
    "tail", [b'{"at": "x", "release": "c", "ev', b"\xff\xfe", b'{"release": ["c"], "event": "bad"}', b"[]"]
)
def test_a_torn_line(ledger, tmp_path, tail):
    """A line that a crash tore says nothing, and spoils neither those before nor the next."""
    with (tmp_path / "ledger.jsonl").open("ab") as file:
        file.write(tail)
    assert states(ledger)["c"] == "live"
    ledger.add("c", "bad")
    assert states(ledger)["c"] == "bad"


def test_unknown_events_change_nothing(ledger):
    """What a later version may write is no state."""
    ledger.add("c", "admired")
    assert states(ledger)["c"] == "live"


def test_a_full_disk(ledger, monkeypatch, tmp_path):
    """A line that did not fit is taken out again, and told in one sentence."""
    before, write = (tmp_path / "ledger.jsonl").read_bytes(), os.write
    monkeypatch.setattr(module.os, "write", lambda descriptor, data: write(descriptor, data[:10]))
    with pytest.raises(HostError, match=r"ledger\.jsonl: cannot add to it: the disk is full") as caught:
        ledger.add("c", "bad")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "ledger.jsonl").read_bytes() == before


def test_a_folder_that_cannot_be_written(ledger, monkeypatch):
    """A disk that became read-only is told in one sentence, too."""

    def refuse(*_arguments):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(module.os, "open", refuse)
    with pytest.raises(HostError, match="cannot add to it: Read-only file system; look at the disk"):
        ledger.add("c", "bad")
