"""What every store promises, asked of both: a folder, and a ref of a git remote."""

from __future__ import annotations

import threading

import pytest
from remotes import Remote

from botswain.audit.log import AuditLog
from botswain.errors import BotswainError, Refused
from botswain.secrets.redaction import Redactor
from botswain.state.folder import FolderStore
from botswain.state.journal import Journal
from botswain.state.store import LockLost, Owner, Store

ANNA = Owner("20261122-101530-aaaaaa", "anna@ship", "deploy")
BEN = Owner("20261122-101531-bbbbbb", "ben@shore", "rollback")


@pytest.fixture(params=["folder", "git"])
def another(request, tmp_path):
    """Makes one more store for the same records, as another process would."""
    if request.param == "folder":
        return lambda **options: FolderStore(tmp_path / "manifests/dev.json", **options)
    remote = Remote(tmp_path)
    return lambda **options: remote.store("clone", **options)


@pytest.fixture
def store(another) -> Store:
    """A store with nothing in it."""
    return another()


def test_documents_come_back_byte_for_byte(store: Store, another) -> None:
    """What is written is read, here and elsewhere; what was not is None."""
    data = {"history/a.json": b"{}\n", "snapshots/a/global.json": b"[]\xff\0", "manifest.json": b""}
    assert store.read("manifest.json") is None
    store.write(data)
    for one in (store, another()):
        assert {name: one.read(name) for name in data} == data
        assert one.read("history/b.json") is None


def test_names_are_those_that_begin_so(store: Store) -> None:
    """Listing is by prefix, sorted, and without the lock."""
    store.write({"history/b.json": b"", "history/a.json": b"", "manifest.json": b"", "snapshots/a/1.json": b""})
    with store.lock(ANNA):
        assert store.names() == ["history/a.json", "history/b.json", "manifest.json", "snapshots/a/1.json"]
    assert store.names("history/b") == ["history/b.json"]
    assert store.names("snapshots/a/") == ["snapshots/a/1.json"]
    assert store.names("snap") == ["snapshots/a/1.json"]
    assert store.names("nothing/") == []


def test_deleting_bears_absence(store: Store, another) -> None:
    """What is deleted is gone for everybody; again is harmless."""
    store.write({"snapshots/a/1.json": b"", "manifest.json": b""})
    store.delete(["snapshots/a/1.json", "history/none.json"])
    store.delete(["snapshots/a/1.json"])
    assert another().names() == ["manifest.json"]


@pytest.mark.parametrize("name", ["../x.json", "/etc/passwd", "a/../b", "a//b", "", ".", "a/.b", "a\0b", "lock", "a\n"])
def test_names_cannot_leave_the_records(store: Store, name: str) -> None:
    """A name that came out of a file or an answer is a plain relative path, for every operation."""
    for do in (
        lambda: store.read(name),
        lambda: store.write({name: b""}),
        lambda: store.append(name, b""),
        lambda: store.chain(name, lambda end: end),
        lambda: store.delete([name]),
    ):
        with pytest.raises(BotswainError, match="cannot name a record"):
            do()
    with pytest.raises(BotswainError, match="cannot name a record"):
        store.names("../x/")


def test_chain_sees_the_last_line_and_what_was_torn(store: Store) -> None:
    """`build` gets the end of the file, however long its lines are."""
    ends = []

    def build(end: bytes) -> bytes:
        ends.append(end)
        return b"x" * 9000 + b"\n"

    store.chain("audit.jsonl", build)
    store.chain("audit.jsonl", build)
    store.append("audit.jsonl", b"short")
    store.chain("audit.jsonl", build)
    store.write({"audit.jsonl": b"one\ntwo\ntorn"})
    store.chain("audit.jsonl", build)
    long = b"x" * 9000 + b"\n"
    assert ends == [b"", long, b"short\n", b"two\ntorn"]
    assert store.read("audit.jsonl") == b"one\ntwo\ntorn" + long


def test_changes_together_are_seen_at_once(store: Store, another) -> None:
    """Within a batch reads see what was changed; after it everybody does."""
    store.write({"history/old.json": b"", "journal.jsonl": b"old\n"})
    with store.together():
        store.write({"history/a.json": b"1"})
        store.chain("audit.jsonl", lambda _: b"one\n")
        store.chain("audit.jsonl", lambda end: end + b"two\n")
        store.append("journal.jsonl", b"new")
        store.delete(["history/old.json"])
        assert store.read("history/a.json") == b"1"
        assert store.read("journal.jsonl") == b"old\nnew\n"
        assert store.names() == ["audit.jsonl", "history/a.json", "journal.jsonl"]
    assert another().read("audit.jsonl") == b"one\none\ntwo\n"
    assert another().names() == ["audit.jsonl", "history/a.json", "journal.jsonl"]


def test_secrets_do_not_reach_the_medium(another) -> None:
    """Every way in passes the one hook."""
    redactor = Redactor()
    redactor.register("hunter2-and-more", "DB")
    store = another(clean=redactor.document)
    store.write({"manifest.json": b'{"a": "hunter2-and-more"}'})
    store.append("journal.jsonl", b"hunter2-and-more")
    store.chain("audit.jsonl", lambda _: b"hunter2-and-more\n")
    assert another().read("manifest.json") == b'{"a": "[redacted:DB]"}'
    assert another().read("journal.jsonl") == another().read("audit.jsonl") == b"[redacted:DB]\n"


def test_journal_and_audit_log_work_on_it(store: Store, another) -> None:
    """A journal goes on where it was, and the chain of the log holds over several writers."""
    with store.lock(ANNA):
        journal = Journal(store)
        journal.start({"event": "begins"})
        journal.record({"event": "on"})
        assert [event["event"] for event in journal.read() or ()] == ["begins", "on"]
        intent = AuditLog(store, "dev").intent("deploy", "anna@ship")
    assert [event["seq"] for event in Journal(another()).read() or ()] == [0, 1]
    AuditLog(another(), "dev").outcome(intent, "done", actor="ben@shore")
    with store.lock(BEN):
        Journal(store).close()
    assert Journal(another()).read() is None
    log = another()
    assert AuditLog(log, "dev").verify().findings == log.testimony("audit.jsonl") == []


def test_one_holds_the_lock_and_the_other_hears_all_about_it(store: Store, another) -> None:
    """Refused: who, since when, for what, and what to do."""
    with store.lock(ANNA) as held, pytest.raises(Refused, match=r"dev: is locked by anna@ship since .* `deploy`") as no:
        another().lock(BEN)
    assert './inv lock.break --env dev --why "…"' in str(no.value)
    assert held.left_behind is None
    assert another().holder() is None
    with another().lock(BEN) as second:
        assert second.left_behind is None
        holder = another().holder()
        assert holder is not None
        assert (holder.actor, holder.alive) == ("ben@shore", True)
        held.release()
        second.check()
    with pytest.raises(LockLost, match="the lock was released"):
        held.check()


def test_waiting_gets_the_lock_when_it_is_released(store: Store, another) -> None:
    """`wait` takes over soon after the other run ended, and says once whom it waits for."""
    held = store.lock(ANNA)
    heard = []
    timer = threading.Timer(0.5, held.release)
    timer.start()
    with another().lock(BEN, wait=20, waiting=heard.append) as second:
        second.check()
        assert second.left_behind is None
    timer.join()
    assert [holder.actor for holder in heard] == ["anna@ship"]


def test_waiting_ends(store: Store, another) -> None:
    """After `wait` seconds the refusal comes."""
    with store.lock(ANNA), pytest.raises(Refused, match="is locked by anna@ship"):
        another().lock(BEN, wait=0.3)


def test_breaking_tells_both_sides(store: Store, another) -> None:
    """Who broke it hears whose it was, the next run what it was left, and the old holder who and why, even later."""
    old = store.lock(ANNA)
    done = another().break_lock("laptop asleep", "ben@shore")
    assert done is not None
    assert (done.holder.actor, done.holder.alive) == ("anna@ship", True)
    assert another().break_lock("again", "ben@shore") is None
    with another().lock(BEN) as new:
        left = new.left_behind
        assert left is not None
        assert (left.deployment, left.broken_by, left.broken_why) == (ANNA.deployment, "ben@shore", "laptop asleep")
        old.beat()
        old.release()
        new.check()
    late = store.lock(ANNA)
    another().break_lock("once more", "ben@shore")
    with another().lock(BEN):
        pass
    if not isinstance(store, FolderStore):
        store.head.sure = float("-inf")  # its last look is long ago
    with pytest.raises(LockLost, match=r"dev: the lock was broken by ben@shore at .* UTC: once more; nothing more was"):
        late.check()
    late.release()


def test_breaking_needs_a_reason_and_a_holder(store: Store) -> None:
    """Without a reason nothing is broken; nobody's lock cannot be."""
    with store.lock(ANNA) as held:
        with pytest.raises(BotswainError, match="breaking a lock needs a reason"):
            store.break_lock(" ", "ben@shore")
        held.check()
    assert store.break_lock("just so", "ben@shore") is None


def test_room_is_looked_for(store: Store) -> None:
    """What could not be recorded is refused before anything is done."""
    with store.lock(ANNA):
        store.check_writable(1000)
        with pytest.raises(Refused, match="the disk is full"):
            store.check_writable(10**17)
