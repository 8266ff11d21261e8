"""Records in a folder: where they are, what is refused, what a full or read-only disk does."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from botswain.errors import BotswainError, Refused
from botswain.secrets.redaction import Redactor
from botswain.state.folder import FolderStore
from botswain.state.store import Owner, Store

if TYPE_CHECKING:
    from pathlib import Path

OWNER = Owner("20261122-101530-3f9a2c", "anna@ship", "deploy")


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """Give a store that has no folder yet."""
    return FolderStore(tmp_path / "manifests" / "dev.json")


def test_it_is_a_store(store: FolderStore) -> None:
    """Whoever works with a Store works with this one; the type checker reads this line."""
    found: Store = store
    assert found.read("manifest.json") is None


def test_documents_lie_where_people_look(store: FolderStore, tmp_path: Path) -> None:
    """The manifest is at manifest_path itself, and everything else in the folder of the same name."""
    store.write({"snapshots/id/global.json": b"[]", "manifest.json": b"{}"})
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert found == ["manifests/dev.json", "manifests/dev/snapshots/id/global.json"]
    assert store.read("manifest.json") == b"{}"


def test_names_are_listed_without_lock_and_leftovers(store: FolderStore) -> None:
    """A listing shows documents only, sorted, and by any prefix."""
    store.write({"history/b.json": b"", "history/a.json": b"", "manifest.json": b""})
    (store.folder / "history" / ".c.json.12.tmp").write_bytes(b"")
    with store.lock(OWNER):
        (store.folder / ".d.json.12.tmp").write_bytes(b"")
        assert store.names() == ["history/a.json", "history/b.json", "manifest.json"]
    assert store.names("history/b") == ["history/b.json"]
    assert store.names("snapshots/") == []


@pytest.mark.parametrize(
    "name",
    ["../other.json", "/etc/passwd", "a/../../b", "a//b", "", ".", "a/.b", "a\0b", "lock", "a/", "a\n"],
)
def test_names_cannot_leave_the_folder(store: FolderStore, name: str) -> None:
    """A name that came out of a file or an answer never reaches outside, for no operation."""
    for operation in (store.read, lambda it: store.write({it: b""}), lambda it: store.append(it, b"")):
        with pytest.raises(BotswainError, match="cannot name a record"):
            operation(name)
    with pytest.raises(BotswainError, match="cannot name a record"):
        store.delete([name])


def test_a_listing_cannot_leave_the_folder(store: FolderStore) -> None:
    """Nor can a prefix."""
    with pytest.raises(BotswainError, match="cannot name a record"):
        store.names("../other/")


def test_a_failed_read_is_no_absent_document(store: FolderStore) -> None:
    """What cannot be read raises: an absent manifest would make everything look new."""
    store.manifest_path.mkdir(parents=True)
    with pytest.raises(BotswainError, match=r"dev\.json: cannot read it: Is a directory"):
        store.read("manifest.json")


def test_a_folder_that_cannot_be_listed_is_not_empty(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """History that cannot be listed raises, since `rollback` would find nothing to go back to."""

    def denied(_path: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    store.write({"history/a.json": b""})
    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(BotswainError, match="cannot list it: permission denied"):
        store.names("history/")


def test_deleting_removes_empty_folders_and_bears_absence(store: FolderStore) -> None:
    """Pruning leaves no empty folders, and a second pruning of the same names is fine."""
    store.write({"snapshots/id/global.json": b"", "snapshots/id/2.json": b"", "manifest.json": b""})
    store.delete(["snapshots/id/global.json"])
    assert store.names("snapshots/") == ["snapshots/id/2.json"]
    store.delete(["snapshots/id/2.json", "snapshots/id/global.json"])
    assert not (store.folder / "snapshots").exists()
    assert store.folder.is_dir()


def test_a_manifest_path_must_leave_room_for_the_folder(tmp_path: Path) -> None:
    """`manifests/dev` as manifest_path would be both the file and the folder beside it."""
    with pytest.raises(BotswainError, match=r"is not a place for a manifest; end it in \.json"):
        FolderStore(tmp_path / "dev")


def test_lines_are_added_and_the_last_one_is_shown(store: FolderStore) -> None:
    """`chain` sees the last complete line and what a crash tore, however long they are."""
    ends = []

    def build(end: bytes) -> bytes:
        ends.append(end)
        return b"x" * 50000 + b"\n"

    store.chain("audit.jsonl", build)
    store.chain("audit.jsonl", build)
    store.append("audit.jsonl", b"short")
    store.chain("audit.jsonl", build)
    with (store.folder / "audit.jsonl").open("ab") as file:
        file.write(b"torn")
    store.chain("audit.jsonl", build)
    long = b"x" * 50000 + b"\n"
    assert ends == [b"", long, b"short\n", long + b"torn"]


def test_a_line_that_does_not_fit_is_taken_back(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up in the middle of a line leaves the lines before it and no half line."""
    store.append("journal.jsonl", b"first")
    real, calls = os.write, []

    def write(descriptor: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) == 1:
            return real(descriptor, data[:3])
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(BotswainError, match=r"journal\.jsonl: cannot add to it: the disk is full; free some"):
        store.append("journal.jsonl", b"second")
    assert store.read("journal.jsonl") == b"first\n"


def test_secrets_do_not_reach_a_file(tmp_path: Path) -> None:
    """Every way into a file passes the one hook; a document without secrets stays byte for byte."""
    redactor = Redactor()
    redactor.register("hunter2-and-more", "DB")
    store = FolderStore(tmp_path / "dev.json", clean=redactor.document)
    store.write({"manifest.json": b'{"a": "hunter2-and-more", "b": "\xff"}'})
    store.append("journal.jsonl", b"hunter2-and-more")
    assert store.read("manifest.json") == b'{"a": "[redacted:DB]", "b": "\xff"}'
    assert store.read("journal.jsonl") == b"[redacted:DB]\n"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.EROFS, "the file system is read-only; mount it writable, or set another manifest_path"),
        (errno.EACCES, "permission denied; let this user write to {folder}"),
    ],
)
def test_a_read_only_folder_refuses_before_anything_is_changed(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, code: int, told: str
) -> None:
    """What cannot be recorded must not be done: the check refuses, and says what to do."""
    real = os.open

    def read_only(path: Path, flags: int, *args: int) -> int:
        if flags & os.O_CREAT:
            raise OSError(code, os.strerror(code))
        return real(path, flags, *args)

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(Refused) as caught:
        store.check_writable()
    folder = store.manifest_path.parent
    assert str(caught.value) == f"{folder}: cannot record anything in it: {told.format(folder=folder)}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_of_somebody_else_refuses(store: FolderStore) -> None:
    """Permissions are found by trying, not by looking at bits."""
    store.manifest_path.parent.mkdir(mode=0o500)
    with pytest.raises(Refused, match="permission denied; let this user write to"):
        store.check_writable()


def test_a_disk_without_room_refuses(store: FolderStore) -> None:
    """A petabyte is not free anywhere; nothing stays of the attempt."""
    with pytest.raises(Refused, match="the disk is full"):
        store.check_writable(10**15)
    store.check_writable(1000)
    assert [path for path in store.manifest_path.parent.rglob("*") if path.is_file()] == []


def test_the_next_holder_cleans_up(store: FolderStore) -> None:
    """Half-written files of a killed run are gone after the next lock; those of another environment stay."""
    store.write({"snapshots/id/global.json": b"", "manifest.json": b""})
    mine = [
        store.manifest_path.with_name(".dev.json.0123.tmp"),
        store.folder / "snapshots" / "id" / ".global.json.0123.tmp",
    ]
    other = store.manifest_path.with_name(".stage.json.0123.tmp")
    for path in (*mine, other):
        path.write_bytes(b"half")
    with store.lock(OWNER):
        assert [path.exists() for path in (*mine, other)] == [False, False, True]


def test_a_new_folder_can_be_shared(store: FolderStore) -> None:
    """A colleague in the same group must be able to roll back: the umask decides, nothing is stricter."""
    before = os.umask(0o002)
    try:
        store.write({"snapshots/id/global.json": b""})
    finally:
        os.umask(before)
    assert (store.folder / "snapshots" / "id" / "global.json").stat().st_mode & 0o777 == 0o664
    assert (store.folder / "snapshots").stat().st_mode & 0o777 == 0o775
