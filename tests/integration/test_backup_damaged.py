"""A backup that is not as it was stored: found, said, never called good again, and no good one goes for it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from backups import Backups

pytestmark = pytest.mark.slow


def _flip(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 4]))


def _unseen(path: Path, change) -> None:
    """Change a file as a failing disk does: its time stays."""
    times = path.stat()
    change(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


DAMAGE = {
    "a bit": lambda path: _flip(path, path.stat().st_size // 2),
    "the first byte": lambda path: _flip(path, 0),
    "the last byte": lambda path: _flip(path, path.stat().st_size - 1),
    "cut by one": lambda path: os.truncate(path, path.stat().st_size - 1),
    "cut to half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "emptied": lambda path: os.truncate(path, 0),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("packed", ["zstd", "plain"])
@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_dump(backups: Backups, kind, packed, tmp_path):
    """Found, said, never listed as good again, not restored, not counted; and nothing good is removed for it."""
    keep = {"last": 1, "daily": 0, "weekly": 0, "monthly": 0}
    if packed == "plain":
        (tmp_path / "path").mkdir()
        backups.environment["PATH"] = str(tmp_path / "path")
    older, newest = backups.run(), backups.run()
    path = backups.dump(newest)
    if kind == "gone":
        DAMAGE[kind](path)
    else:
        _unseen(path, DAMAGE[kind])
    if "byte" not in kind and kind != "a bit":  # what shows without reading
        assert backups.states() == {older: "good", newest: "damaged"}
    done = backups.do("verify", "--json")
    assert done.code == 1
    assert [one.split(":")[0] for one in done.document["problems"]] == [newest]
    assert backups.states() == {older: "good", newest: "damaged"}
    refused = backups.do("restore", newest, "--into", "postgresql:///nowhere")
    assert refused.code == 3
    assert f"{newest} is damaged: " in refused.line
    backups.configure(keep=keep)
    assert backups.do("prune").code == 0
    assert set(backups.states()) == {older, newest}
    again = backups.do("verify", newest)
    assert (again.code, again.out.splitlines()[-1]) == (1, "0 of 1 good, 1 damaged")


def test_what_was_touched_is_not_good_until_it_is_verified(backups: Backups, before):
    """Listing hashes nothing, yet a file with another time is not called good."""
    os.utime(backups.dump(before))
    assert backups.states() == {before: "changed"}
    assert backups.do("verify").code == 0
    assert backups.states() == {before: "good"}


def test_a_dump_that_was_mended_is_good_again(backups: Backups, before):
    """The file of a copy brought back, and verified."""
    path = backups.dump(before)
    whole = path.read_bytes()
    _flip(path, 50)
    assert backups.do("verify").code == 1
    path.write_bytes(whole)
    assert backups.states() == {before: "damaged"}
    assert backups.do("verify").code == 0
    backups.whole(before)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text.replace('"rows": {', '"rows": {"harbour.extra": 1, '), "was changed after it was written"),
        (lambda text: text.replace("harbour.ships", "harbour.shops"), "was changed after it was written"),
        (lambda text: text[: len(text) // 2], "cannot be read: it is no JSON document"),
        (lambda _text: "", "cannot be read: it is no JSON document"),
        (lambda _text: "[]", "was changed after it was written"),
        (lambda _text: None, "has no catalogue entry"),
    ],
)
def test_a_changed_entry(backups: Backups, before, change, why):
    """An entry that somebody changed, cut or removed vouches for nothing."""
    newest = backups.run()
    path = backups.folder / newest / "entry.json"
    text = change(path.read_text())
    path.unlink() if text is None else path.write_text(text)
    assert backups.states() == {before: "good", newest: "damaged"}
    done = backups.do("verify", "--json")
    assert done.code == 1
    assert why in done.document["problems"][0]
    assert backups.states() == {before: "good", newest: "damaged"}


def test_an_entry_of_a_newer_version_is_left_alone(backups: Backups, before):
    """It is not called damaged, and never removed."""
    newest = backups.run()
    path = backups.folder / newest / "entry.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 3}))
    assert backups.states() == {before: "good", newest: "unknown"}
    backups.configure(keep={"last": 1, "daily": 0, "weekly": 0, "monthly": 0})
    backups.run()
    backups.run()
    assert newest in backups.states()


def test_a_changed_roles_file_is_found(backups: Backups, before):
    """The roles are part of the backup."""
    _unseen(backups.folder / before / "globals.sql", lambda path: _flip(path, 5))
    done = backups.do("verify", "--json")
    assert done.code == 1
    assert "the bytes of globals.sql are not those that were stored" in done.document["problems"][0]
