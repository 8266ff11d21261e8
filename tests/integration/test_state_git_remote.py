"""Records on a git remote: races, remotes that refuse, cut off, forget or lie, and what stays untouched."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from remotes import REF, Remote, git

from botswain.audit.log import AuditLog
from botswain.errors import BotswainError, Refused
from botswain.state.git import changes, lock, mend, process
from botswain.state.git import store as store_module
from botswain.state.git.head import Disputed
from botswain.state.git.remote import Remote as Ref
from botswain.state.git.remote import RemoteError
from botswain.state.store import LockLost, Owner

ANNA = Owner("20261122-101530-aaaaaa", "anna@ship", "deploy")
BEN = Owner("20261122-101531-bbbbbb", "ben@shore", "rollback")
LOCAL = "refs/botswain-local/dev"


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """A remote without records; pauses are short."""
    monkeypatch.setattr(changes, "_PAUSE", 0.01)
    return Remote(tmp_path)


@pytest.fixture
def commands(monkeypatch):
    """What git was asked to do by this process, in order: the subcommands."""
    asked = []
    real = process.start

    def start(command, *rest, **options):
        words = [word for word in command[1:] if word not in process._ALWAYS and "mirror=" not in word]
        asked.append(words[0])
        return real(command, *rest, **options)

    monkeypatch.setattr(process, "start", start)
    return asked


def everything(clone):
    """What nobody but git's own user may change in a clone: files, index, branches, HEAD, configuration."""
    files = {str(path): path.read_bytes() for path in clone.rglob("*") if path.is_file() and ".git" not in path.parts}
    status = git(clone, "--no-optional-locks", "status", "--porcelain=v2", "--branch")
    inner = {name: (clone / ".git" / name).read_bytes() for name in ("index", "HEAD", "config")}
    refs = git(clone, "for-each-ref", "refs/heads", "refs/remotes", "refs/tags", "refs/stash")
    return files, inner, refs, status


def work(store):
    """A whole run's worth of changes."""
    with store.lock(ANNA):
        with store.together():
            store.write({"snapshots/x/1.json": b"[]", "history/x.json": b"{}"})
            AuditLog(store, "dev").intent("deploy", "anna@ship")
        store.append("journal.jsonl", b"{}")
        with store.together():
            store.write({"manifest.json": b"{}"})
            store.delete(["journal.jsonl"])


def test_a_clone_stays_as_it_is(remote, tmp_path):
    """Work tree, index, branches, HEAD, configuration and `git status` are the user's."""
    clone = remote.clone("clone")
    (clone / "file").write_text("1")
    git(clone, "add", "file")
    git(clone, "commit", "-qm", "one")
    git(clone, "push", "-q", "origin", "HEAD")
    (clone / "file").write_text("2")
    git(clone, "add", "file")
    (clone / "file").write_text("3")
    (clone / "new").write_text("x")
    before = everything(clone)
    work(remote.store("clone"))
    remote.store("clone").names()
    assert everything(clone) == before
    assert not (clone / ".git/FETCH_HEAD").exists()
    assert git(remote.path, "for-each-ref", "--format=%(refname)").splitlines() == [REF, "refs/heads/master"]
    assert git(clone, "fsck", "--strict", "--no-dangling") == ""


def test_commits_tell_what_happened(remote):
    """Each names its task, deployment and documents, and the user's identity where there is one."""
    clone = remote.clone("clone")
    git(clone, "config", "user.name", "Anna <A>")
    git(clone, "config", "user.email", "anna@ship")
    work(remote.store("clone"))
    one = f"deploy {ANNA.deployment}"
    assert remote.subjects() == [
        f"{one}: lock",
        f"{one}: snapshots/x/1.json, history/x.json, audit.jsonl",
        f"{one}: journal.jsonl, manifest.json",
        f"{one}: lock",
    ]
    assert git(remote.path, "log", "-1", "--format=%an <%ae>", REF) == "Anna A <anna@ship>"


def test_nobody_s_identity_is_needed(remote, monkeypatch):
    """A CI job that never told git its name can record all the same."""
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(remote.folder))
    remote.store("clone").write({"manifest.json": b""})
    assert git(remote.path, "log", "-1", "--format=%an <%ae>", REF) == "Botswain <botswain@localhost>"


def test_a_run_costs_one_fetch_and_a_push_a_batch(remote, commands):
    """What a deployment costs: journal lines ride along, and a reading run pushes nothing."""
    store = remote.store("clone")
    store.start()
    work(store)
    assert [one for one in commands if one in ("fetch", "push", "ls-remote")] == ["fetch", *["push"] * 4]
    commands.clear()
    reader = remote.store("clone")
    reader.start()
    assert (reader.read("manifest.json"), reader.names("history/"), reader.holder()) == (
        b"{}",
        ["history/x.json"],
        None,
    )
    assert sorted(commands) == ["cat-file", "config", "fetch", "rev-parse"]


def test_journal_lines_wait_for_the_next_push(remote):
    """While a run holds the lock its journal is stored with whatever comes next, in order; reads see it at once."""
    store = remote.store("clone")
    assert store.delayed
    with store.lock(ANNA):
        head = remote.head
        store.append("journal.jsonl", b"1")
        store.append("journal.jsonl", b"2")
        assert (remote.head, store.read("journal.jsonl")) == (head, b"1\n2\n")
        store.write({"manifest.json": b""})
        assert remote.show("journal.jsonl") == "1\n2"
        store.append("journal.jsonl", b"3")
    assert remote.show("journal.jsonl") == "1\n2\n3"
    store.append("journal.jsonl", b"4")
    assert remote.show("journal.jsonl").endswith("4")


def test_a_batch_that_fails_leaves_nothing(remote):
    """When the body raises nothing of it is stored, then or later; what came before it is."""
    store = remote.store("clone")
    with store.lock(ANNA):
        store.append("journal.jsonl", b"1")
        with contextlib.suppress(ZeroDivisionError), store.together():
            store.write({"manifest.json": b""})
            store.append("journal.jsonl", b"2")
            raise ZeroDivisionError
        assert store.names() == ["journal.jsonl"]
    assert remote.show("journal.jsonl") == "1"
    assert remote.store("clone").names() == ["journal.jsonl"]


def test_lost_races_are_run_again(remote):
    """Whoever was slower does its change again on what the other left: no line of the log is lost or forked."""
    stores = [remote.store(name) for name in ("one", "two", "one", "two")]

    def write(store):
        for _ in range(4):
            AuditLog(store, "dev").outcome(AuditLog(store, "dev").intent("x", "anna"), "done")

    threads = [threading.Thread(target=write, args=[store]) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader = remote.store("three")
    assert len(list(AuditLog(reader, "dev").records())) == 32
    assert AuditLog(reader, "dev").verify().findings == reader.testimony("audit.jsonl") == []


def test_other_hands_documents_stay(remote):
    """A change made on an older commit is made again on the newest one; what others changed meanwhile is there."""
    mine = remote.store("one")
    assert mine.names() == []
    remote.store("two").write({"history/theirs.json": b"", "manifest.json": b"theirs"})
    mine.write({"history/mine.json": b"", "manifest.json": b"mine"})
    assert remote.store("two").names() == ["history/mine.json", "history/theirs.json", "manifest.json"]
    assert mine.read("manifest.json") == b"mine"


def test_two_that_take_the_free_lock_at_once(remote):
    """One gets it; the other finds out from the push, and is refused by name."""
    one, two = remote.store("one"), remote.store("two")
    assert one.names() == two.names() == []
    held = one.lock(ANNA)
    with pytest.raises(Refused, match="is locked by anna@ship"):
        two.lock(BEN)
    held.check()
    assert two.names() == []
    held.release()


def test_a_push_that_loses_its_answer_is_found_out(remote, monkeypatch):
    """The connection is cut after the ref was moved: nothing is done twice."""
    store = remote.store("clone")
    real, cut = Ref.push, []

    def push(this, commit, expected):
        real(this, commit, expected)
        if len(cut) < 3:
            cut.append(commit)
            raise RemoteError("the remote end hung up", where="origin")

    monkeypatch.setattr(Ref, "push", push)
    with store.lock(ANNA):
        store.chain("audit.jsonl", lambda end: end + b"x\n")
    assert remote.show("audit.jsonl") == "x"
    assert len(remote.subjects()) == len(cut) == 3


def test_a_push_that_loses_its_answer_while_others_go_on(remote, monkeypatch):
    """Ours is there, and somebody else's on top of it: it still is not done twice."""
    store, other = remote.store("one"), remote.store("two")
    real, cut = Ref.push, []

    def push(this, commit, expected):
        real(this, commit, expected)
        if this is store.remote and not cut:
            cut.append(commit)
            other.chain("audit.jsonl", lambda _: b"theirs\n")
            raise RemoteError("the remote end hung up", where="origin")

    monkeypatch.setattr(Ref, "push", push)
    store.chain("audit.jsonl", lambda _: b"mine\n")
    assert remote.show("audit.jsonl") == "mine\ntheirs"
    assert store.read("audit.jsonl") == b"mine\ntheirs\n"


def test_a_push_that_never_arrived_is_sent_again(remote, monkeypatch):
    """The connection is cut before anything was done: two failures are borne, then the reason is told."""
    store = remote.store("clone")
    real, cuts = Ref.push, [2]

    def push(this, commit, expected):
        cuts[0] -= 1
        if cuts[0] >= 0:
            raise RemoteError("cannot be reached: Connection reset", where="origin")
        real(this, commit, expected)

    monkeypatch.setattr(Ref, "push", push)
    store.chain("audit.jsonl", lambda _: b"x\n")
    assert remote.show("audit.jsonl") == "x"
    cuts[0] = 99
    with pytest.raises(RemoteError, match="origin: cannot be reached: Connection reset"):
        store.chain("audit.jsonl", lambda _: b"y\n")
    assert cuts[0] == 96
    assert store.read("audit.jsonl") == b"x\n"
    with pytest.raises(RemoteError):  # what failed a moment ago is not waited for again
        store.chain("audit.jsonl", lambda _: b"y\n")
    assert cuts[0] == 95
    cuts[0] = 0
    store.chain("audit.jsonl", lambda _: b"z\n")
    assert remote.show("audit.jsonl") == "x\nz"


@pytest.mark.parametrize("hook", ["pre-receive", "update"])
def test_a_remote_that_refuses_is_quoted(remote, hook):
    """One clear line with git's reason and the remote's; a run is refused before it begins, exit code 3."""
    remote.hook(hook, "echo 'only bots may push here' >&2; exit 1")
    with pytest.raises(Refused) as no:
        remote.store("clone").lock(ANNA)
    declined = "pre-receive hook declined" if hook == "pre-receive" else "hook declined"
    assert str(no.value) == (
        f"origin: does not take {REF}: {declined} (only bots may push here); let this account push to refs/botswain/*"
    )
    assert no.value.code == 3
    assert remote.head == ""


def test_a_remote_that_hides_its_refs(remote):
    """A server that keeps a part of the refs to itself says so."""
    git(remote.path, "config", "receive.hideRefs", "refs/botswain")
    with pytest.raises(Refused, match=rf"origin: does not take {REF}: deny updating a hidden ref"):
        remote.store("clone").lock(ANNA)


@pytest.mark.slow
def test_a_remote_that_lags_is_waited_for_and_then_looked_at(remote, monkeypatch):
    """A push that takes too long is stopped with all it started, and what became of it is looked up."""
    store = remote.store("clone")
    store.names()
    monkeypatch.setattr(process, "PATIENCE", 0.7)
    remote.hook("pre-receive", "sleep 2; touch arrived")
    began = time.monotonic()
    with pytest.raises(Refused, match="origin: cannot be reached: it took too long to answer; try again when"):
        store.lock(ANNA)
    assert time.monotonic() - began < 10
    time.sleep(2.5)
    assert (remote.head, (remote.path / "arrived").exists()) == ("", False)
    monkeypatch.setattr(process, "PATIENCE", 60)
    remote.hook("pre-receive", "sleep 0.3")
    store.lock(ANNA).release()
    assert len(remote.subjects()) == 2


def test_no_remote_at_all(remote):
    """A name that is no remote, and a folder that is no repository, are told with what to do."""
    with pytest.raises(
        Refused,
        match=r"nowhere: cannot be reached: 'nowhere' does not appear .*; see `state: \{ kind: git, remote: … \}`",
    ):
        remote.store("clone", remote="nowhere").lock(ANNA)
    (remote.folder / "plain").mkdir()
    with pytest.raises(BotswainError, match=r"plain: is no git repository; `state: git` keeps records"):
        remote.store("plain").names()
    with pytest.raises(BotswainError, match="there is no such folder"):
        store_module.GitStore(remote.folder / "gone", "origin", REF, "dev").names()


def test_what_failed_early_is_no_empty_record(remote):
    """A look that began early, and met what no look can get over, is told to everybody who asks later."""
    (remote.folder / "plain").mkdir()
    store = remote.store("plain")
    store.start()
    for _ in range(2):
        with pytest.raises(BotswainError, match="is no git repository"):
            store.read("manifest.json")


def test_an_early_look_stays_where_it_began(remote, monkeypatch):
    """The folder of the process may change meanwhile."""
    work(remote.store("clone"))
    monkeypatch.chdir(remote.folder)
    store = store_module.GitStore(Path("clone"), "origin", REF, "dev")
    monkeypatch.chdir("/")
    store.start()
    assert store.read("manifest.json") == b"{}"


def test_out_of_reach_reading_goes_on_and_says_so(remote):
    """The last accepted copy is shown with its age; whatever would change something is refused."""
    work(remote.store("clone"))
    remote.path.rename(remote.folder / "away")
    store = remote.store("clone")
    assert (store.read("manifest.json"), store.holder()) == (b"{}", None)
    (note,) = store.notes
    assert note.startswith("origin cannot be reached: ")
    assert "; these are the records as of 20" in note
    for do in (lambda: store.lock(ANNA), lambda: store.break_lock("why", "me"), lambda: store.write({"a": b""})):
        with pytest.raises(BotswainError, match="origin: cannot be reached"):
            do()
    (remote.folder / "away").rename(remote.path)
    with remote.store("clone").lock(ANNA):
        pass
    assert remote.store("clone").notes == ()


def test_out_of_reach_without_a_copy_is_no_empty_record(remote):
    """A clone that never saw the records must not say that there are none."""
    work(remote.store("one"))
    remote.clone("two")
    remote.path.rename(remote.folder / "away")
    store = remote.store("two")
    for _ in range(2):
        with pytest.raises(RemoteError, match="cannot be reached"):
            store.read("manifest.json")


# Histories that do not fit


def forged(remote, how):
    """The remote's history is changed behind everybody's back; returns what it is at now."""
    head = remote.head
    if how == "rewritten":
        remote.point(remote.forge("audit.jsonl", "{}\n", f"{head}~1"))
    elif how == "merged":  # contains all that was, so that a plain look at ancestors would believe it
        remote.point(remote.forge("audit.jsonl", "{}\n", f"{head}~2", head))
    elif how == "back":
        remote.point(git(remote.path, "rev-parse", f"{head}~1"))
    else:
        remote.delete()
    return remote.head


TOLD = {
    "rewritten": r"was rewritten: {there} does not contain {here}, which this clone knows",
    "merged": r"was rewritten: {there} does not contain {here}, which this clone knows",
    "back": r"went back to {there}; this clone knows it at {here}",
    "deleted": r"is gone; this clone knows it at {here}",
}


@pytest.mark.parametrize("how", TOLD)
def test_a_history_that_does_not_go_on_stops_everybody_who_knew(remote, how):
    """Both commits are named; changes are refused, reads show what this clone knows and say so."""
    work(remote.store("clone"))
    here = remote.head[:12]
    there = forged(remote, how)[:12]
    told = TOLD[how].format(here=here, there=there)
    store = remote.store("clone")
    assert store.read("manifest.json") == b"{}"
    assert told in store.notes[0]
    for do in (lambda: store.lock(ANNA), lambda: store.break_lock("w", "me"), lambda: store.write({"a": b""})):
        with pytest.raises(Disputed, match=f"origin: {REF} {told}; .*; find out who did that; then"):
            do()
    findings = store.testimony("audit.jsonl")
    assert told in findings[0].message
    assert remote.head[:12] == there


def test_a_clone_that_is_behind_just_goes_on(remote):
    """Others' changes are no news to be told."""
    one, two = remote.store("one"), remote.store("two")
    work(one)
    assert two.names() == one.names()
    for _ in range(3):
        work(one)
    behind = remote.store("two")
    assert (behind.read("audit.jsonl"), behind.notes) == (one.read("audit.jsonl"), ())
    assert git(remote.folder / "two", "rev-parse", REF) == remote.head


def test_rewritten_under_a_run(remote):
    """A run that works on a history which goes away under it stops at its next look."""
    store = remote.store("clone")
    work(remote.store("clone"))
    held = store.lock(ANNA)
    forged(remote, "rewritten")
    with pytest.raises(Disputed, match="was rewritten"):
        store.write({"manifest.json": b"mine"})
    store.head.sure = float("-inf")
    with pytest.raises(Disputed, match="was rewritten"):
        held.check()
    held.release()
    assert "the lock could not be given back" in store.notes[-1]


@pytest.mark.parametrize("how", TOLD)
def test_accepting_takes_the_remote_s(remote, how):
    """From then on the remote is right; that is on record there, and what this clone knew is kept."""
    work(remote.store("clone"))
    here, there = remote.head, forged(remote, how) or None
    store = remote.store("clone")
    found = mend.dispute(store)
    assert (found.here, found.there) == (here, there)
    kept = mend.accept(store, found, "we moved servers", "anna@ship")
    assert git(remote.folder / "clone", "rev-parse", kept) == here
    after = remote.store("clone")
    last = list(AuditLog(after, "dev").records())[-2:]
    assert [(one["event"], one.get("action"), one["actor"]) for one in last] == [
        ("intent", "state.accept", "anna@ship"),
        ("outcome", None, "anna@ship"),
    ]
    assert last[0]["data"] == {"why": "we moved servers", "here": here, "there": there}
    assert git(remote.path, "log", "-1", "--format=%P", REF) == (there or "")
    assert after.notes == ()
    assert mend.dispute(after) is None
    after.write({"manifest.json": b"on"})


@pytest.mark.parametrize("how", TOLD)
def test_restoring_puts_this_clone_s_back(remote, how):
    """The remote has again what this clone knew, and says why; what it had is kept, and nobody is locked out."""
    store = remote.store("clone")
    work(store)
    store.lock(BEN)
    here, there = remote.head, forged(remote, how) or None
    other = remote.store("clone")
    kept = mend.restore(other, mend.dispute(other), "somebody slipped", "anna@ship")
    if there:
        assert git(remote.folder / "clone", "rev-parse", kept) == there
    assert git(remote.path, "log", "-1", "--format=%P", REF) == here
    after = remote.store("clone")
    assert AuditLog(after, "dev").verify().broken == after.testimony("audit.jsonl") == []
    assert next(one for one in AuditLog(after, "dev").records() if one.get("action") == "state.restore")
    with after.lock(ANNA) as held:
        assert (held.left_behind.actor, held.left_behind.broken_why) == ("ben@shore", "somebody slipped")
    with pytest.raises(LockLost, match="broken by anna@ship"):
        store.write({"manifest.json": b""})


def test_choosing_needs_a_reason_and_loses_no_race(remote):
    """Without a reason nothing is chosen; and what came to the remote since the look is not overwritten unseen."""
    work(remote.store("clone"))
    forged(remote, "rewritten")
    store = remote.store("clone")
    found = mend.dispute(store)
    for do in (mend.accept, mend.restore):
        with pytest.raises(BotswainError, match="this needs a reason"):
            do(store, found, " ", "me")
    newer = remote.forge("manifest.json", "newer", remote.head)
    remote.point(newer)
    for do in (mend.accept, mend.restore):
        with pytest.raises(BotswainError):
            do(store, found, "why", "me")
        assert remote.head == newer
        assert mend.dispute(remote.store("clone")) is not None


def entry(actor):
    """An entry of the history, as far as its author goes."""
    return json.dumps({"actor": actor}).encode()


def test_a_dispute_tells_what_either_way_out_would_drop(remote):
    """Numbers, dates and authors of both sides, the deployments that only one of them has, and both commands."""
    store = remote.store("one")
    store.write({"history/20261101-1.json": entry("ci"), "history/20261101-1.manifest.json": b"{}"})
    common = remote.head
    store.write({"history/20261102-2.json": entry("laptop"), "history/20261103-3.json": entry("laptop")})
    other = remote.store("two")
    remote.point(common)
    other.write({"history/20261104-4.json": entry("ci")})
    with pytest.raises(Disputed) as caught:
        remote.store("one").lock(ANNA)
    told = str(caught.value)
    assert "the remote has 2 deployments, the last 20261104-4 by ci; " in told
    assert "this clone has 3 deployments, the last 20261103-3 by laptop; " in told
    assert (
        "; state.restore would drop 1: 20261104-4 and bring back 2: 20261102-2, 20261103-3;"
        " state.accept would drop 2: 20261102-2, 20261103-3;" in told
    )
    for way in ("accept", "restore"):
        assert f'`./inv state.{way} --env dev --why "…"`' in told


def test_a_history_that_was_replaced_comes_back(remote):
    """By the ref that kept it, in one step; what it replaces is kept too, and other clones are asked."""
    store = remote.store("one")
    work(store)
    early = remote.head
    store.write({"history/20261102-2.json": entry("laptop")})
    here = remote.head
    remote.point(early)
    wrong = remote.store("one")
    kept = mend.accept(wrong, mend.dispute(wrong), "a slip", "anna@ship")
    accepted = remote.head
    again = remote.store("one")
    found = mend.chosen(again, kept)
    assert (found.here, found.there, found.compared.only_there) == (here, accepted, [])
    assert "; this would bring back 1: 20261102-2" in found.what
    mend.restore(again, found, "it was right", "anna@ship")
    assert git(remote.path, "log", "-1", "--format=%P", REF) == here
    after = remote.store("one")
    assert (after.notes, after.read("history/20261102-2.json")) == ((), entry("laptop"))
    assert git(remote.folder / "one", "rev-parse", f"{LOCAL}/replaced/{accepted[:12]}") == accepted
    assert mend.chosen(after, remote.head) is None


@pytest.mark.parametrize("name", ["HEAD", "nothing", "--all", "a\nb", "refs/botswain/other"])
def test_only_records_of_this_environment_come_back(remote, name):
    """The bot's code, another environment's records or a typing error are no history."""
    store = remote.store("one")
    work(store)
    git(remote.folder / "one", "commit", "-q", "--allow-empty", "-m", "the bot")
    other = store_module.GitStore(remote.folder / "one", "origin", "refs/botswain/other", "other")
    AuditLog(other, "other").intent("deploy", "anna@ship")
    before = remote.head
    with pytest.raises(BotswainError, match=r"is no commit there|holds no records of dev"):
        mend.chosen(store, name)
    assert remote.head == before


def test_choosing_out_of_reach_is_a_refusal(remote):
    """As for a deployment: nothing was changed."""
    work(remote.store("one"))
    remote.path.rename(remote.folder / "away")
    for find in (mend.dispute, lambda store: mend.chosen(store, REF)):
        with pytest.raises(Refused, match="cannot be reached"):
            find(remote.store("one"))


@pytest.mark.parametrize("width", ["sha1", "sha256"])
@pytest.mark.parametrize("extra", ["", " " * 5000 + "\n"], ids=["shorter", "longer"])
def test_a_log_that_was_rewritten_on_top_is_found(tmp_path, width, extra):
    """New commits on the true history, with a log that is whole by itself: the earlier versions testify."""
    remote = Remote(tmp_path, f"--object-format={width}")
    git(tmp_path, "init", "-q", f"--object-format={width}", "clone")
    git(tmp_path / "clone", "remote", "add", "origin", str(remote.path))
    store = remote.store("clone")
    for _ in range(3):
        work(store)
    assert store.testimony("audit.jsonl") == []
    lines = remote.show("audit.jsonl").splitlines()
    made = git(remote.path, "log", "-1", "--format=%H", REF, "--", "audit.jsonl")
    remote.point(remote.forge("audit.jsonl", lines[0] + "\n" + extra, remote.head))
    guilty = remote.head
    remote.store("clone").append("other.jsonl", b"{}")  # what came later is nobody's fault
    after = remote.store("clone")
    assert after.notes == ()  # the history itself goes on
    assert bool(AuditLog(after, "dev").verify().broken) is bool(extra)  # so does what is left of the log
    (finding,) = after.testimony("audit.jsonl")
    assert (finding.seq, finding.kind) == (2, "fork")
    assert finding.message.startswith(f"was rewritten by commit {guilty[:12]} of Other, 20")
    assert finding.message.endswith(f"; `git show {made[:12]}:audit.jsonl` is the log before that")
    assert git(tmp_path / "clone", "show", f"{made[:12]}:audit.jsonl").splitlines() == lines


def test_a_log_that_was_removed_and_begun_anew_is_found(remote):
    """A gap in the history of the log is one, however whole the new one is."""
    store = remote.store("clone")
    work(store)
    store.delete(["audit.jsonl"])
    work(store)
    (found,) = store.testimony("audit.jsonl")
    assert found.kind == "cut"
    assert re.fullmatch(r"the log was removed by commit \w{12} of .+, 20.*, and begun anew", found.message)


# The lock


def test_a_holder_that_died_here_is_taken_over_at_once(remote):
    """As the kernel would let a folder's lock; the next run hears what was left behind."""
    code = (
        "import os, sys; from remotes import Remote; from pathlib import Path\n"
        "from botswain.state.git.store import GitStore; from botswain.state.store import Owner\n"
        "GitStore(Path('one'), 'origin', 'refs/botswain/dev', 'dev').lock(Owner('id', 'ben@shore', 'deploy'))\n"
        "os.kill(os.getpid(), 9)"
    )
    remote.clone("one")
    dead = subprocess.run([sys.executable, "-c", code], cwd=remote.folder, check=False,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})  # fmt: skip
    assert dead.returncode == -9
    store = remote.store("two")
    assert store.holder() is None
    with store.lock(ANNA) as held:
        assert (held.left_behind.actor, held.left_behind.alive) == ("ben@shore", False)


@pytest.mark.parametrize("place", ["another-boot/pid:[1]", ""])
def test_a_holder_elsewhere_is_never_taken_over(remote, place):
    """Nobody here can tell whether it lives, whatever its host is called and however long it has been silent."""
    store = remote.store("one")
    with store.lock(BEN):
        told = json.loads(remote.show("lock.json"))
        told["holder"] |= {"place": place, "pid": 4194304, "heartbeat": "2026-01-01T00:00:00.000Z"}
        remote.point(remote.forge("lock.json", json.dumps(told), remote.head))
        other = remote.store("two")
        with pytest.raises(
            Refused, match=r"is locked by ben@shore since .*, silent for \d+ min, though .* every 60 s: probably dead"
        ):
            other.lock(ANNA)
        assert other.holder().alive is False
        assert other.break_lock("its laptop sank", "anna@ship").holder.actor == "ben@shore"
        other.lock(ANNA).release()


def test_a_look_is_good_for_some_seconds(remote, commands, monkeypatch):
    """Checks between two writes cost nothing; after a while, or after sleep, the remote is asked again."""
    clock = [1000.0]
    for module in (store_module, changes, sys.modules["botswain.state.git.head"]):
        monkeypatch.setattr(module, "now", lambda: clock[0])
    store = remote.store("clone")
    with store.lock(ANNA) as held:
        commands.clear()
        clock[0] += 4.9
        held.check()
        assert commands == []
        clock[0] += 0.2
        held.check()
        held.check()
        assert commands == ["ls-remote"]
        remote.store("other").break_lock("asleep", "ben@shore")
        clock[0] += 3600
        with pytest.raises(LockLost, match="broken by ben@shore"):
            held.check()
        with pytest.raises(LockLost):
            held.check()


def test_a_remote_out_of_reach_for_a_moment_stops_no_run(remote, monkeypatch):
    """Two minutes are borne, since a person breaks locks; then nobody can tell, and nothing more is begun."""
    clock = [1000.0]
    for module in (store_module, changes, sys.modules["botswain.state.git.head"]):
        monkeypatch.setattr(module, "now", lambda: clock[0])
    held = remote.store("clone").lock(ANNA)
    remote.path.rename(remote.folder / "away")
    clock[0] += 119
    held.check()
    clock[0] += 2
    with pytest.raises(BotswainError, match="nobody can tell whether the lock is still held: origin cannot be reached"):
        held.check()
    held.release()


def test_others_may_audit_while_a_run_holds_the_lock(remote):
    """Whoever breaks a lock writes to the log of a run under way; that is no loss of the lock."""
    store = remote.store("one")
    with store.lock(ANNA) as held:
        AuditLog(remote.store("two"), "dev").intent("lock.break", "ben@shore")
        store.head.sure = float("-inf")
        held.check()
        store.append("journal.jsonl", b"{}")
        AuditLog(store, "dev").intent("deploy", "anna@ship")
        assert [one["action"] for one in AuditLog(store, "dev").records()] == ["lock.break", "deploy"]


def test_a_run_whose_lock_was_broken_stores_nothing_more(remote):
    """Every push proves the lock, even one that no check preceded."""
    store = remote.store("one")
    held = store.lock(ANNA)
    remote.store("two").break_lock("hangs", "ben@shore")
    head = remote.head
    for _ in range(2):
        with pytest.raises(LockLost, match="broken by ben@shore"):
            store.write({"manifest.json": b"mine"})
    held.release()
    held.beat()
    assert remote.head == head
    assert store.notes == ()


def test_signs_of_life_are_commits(remote, monkeypatch):
    """The heartbeat moves while the run works, and ends with the lock; a journal line may ride along."""
    monkeypatch.setattr(lock, "HEARTBEAT", 0.05)
    before = threading.active_count()
    store = remote.store("one")
    with store.lock(ANNA) as held:
        store.append("journal.jsonl", b"{}")
        first = json.loads(remote.show("lock.json"))["holder"]["heartbeat"]
        deadline = time.monotonic() + 10
        while json.loads(remote.show("lock.json"))["holder"]["heartbeat"] == first:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert remote.show("journal.jsonl") == "{}"
        with store.together():
            time.sleep(0.2)
            store.write({"manifest.json": b""})
        held.check()
    assert threading.active_count() == before
    assert remote.store("one").holder() is None


def test_a_lock_that_could_not_be_given_back_is_told(remote):
    """The run is not failed for it; the next one on this machine is not in its way either."""
    store = remote.store("clone")
    held = store.lock(ANNA)
    remote.path.rename(remote.folder / "away")
    held.release()
    assert 'elsewhere it takes `./inv lock.break --env dev --why "…"`' in store.notes[-1]


# Repositories of all kinds


def test_shallow_clones_worktrees_and_mirrors(remote):
    """What CI checks out is enough; a work tree shares its clone's records; a mirror does not overwrite them."""
    seed = remote.clone("seed")
    for number in range(3):
        git(seed, "commit", "-q", "--allow-empty", "-m", str(number))
    git(seed, "push", "-q", "origin", "HEAD")
    for _ in range(3):
        work(remote.store("seed"))
    url = f"file://{remote.path}"
    shallow = remote.clone("shallow", "--depth=1", url=url)
    git(remote.path, "config", "uploadpack.allowFilter", "true")
    remote.clone("partial", "--filter=blob:none", "--no-checkout", url=url)
    remote.clone("mirror", "--mirror", url=url)
    git(seed, "worktree", "add", "-q", "../tree")
    for name in ("shallow", "partial", "mirror", "tree"):
        store = remote.store(name)
        assert store.read("manifest.json") == b"{}", name
        work(store)
        assert store.testimony("audit.jsonl") == []
    assert git(shallow, "rev-list", "--count", "HEAD") == "1"
    assert git(seed, "rev-parse", REF) == git(remote.folder / "tree", "rev-parse", REF)


def test_a_mirror_s_own_rules_move_no_ref(remote):
    """In a clone that maps every ref onto itself, a rewritten remote must not become the truth unseen."""
    work(remote.store("seed"))
    remote.clone("mirror", "--mirror")
    assert remote.store("mirror").names() != []
    forged(remote, "rewritten")
    for _ in range(2):
        store = remote.store("mirror")
        assert store.names() != []
        assert "was rewritten" in store.notes[0]


def test_a_partial_clone_has_all_of_the_records(remote):
    """What was left out of the clone's own history is there of the records, for the day when the remote is not."""
    seed = remote.clone("seed")
    git(seed, "commit", "-q", "--allow-empty", "-m", "1")
    git(seed, "push", "-q", "origin", "HEAD")
    git(remote.path, "config", "uploadpack.allowFilter", "true")
    remote.clone("partial", "--filter=blob:none", "--no-checkout", url=f"file://{remote.path}")
    work(remote.store("seed"))
    remote.store("partial").names()
    remote.path.rename(remote.folder / "away")
    assert remote.store("partial").read("snapshots/x/1.json") == b"[]"


def test_variables_of_another_repository_lead_nowhere(remote, monkeypatch):
    """Started from a hook or with an index of somebody's own, the records still go where the profile says."""
    other = remote.clone("other")
    for name, value in {"GIT_DIR": other / ".git", "GIT_WORK_TREE": other, "GIT_INDEX_FILE": other / "x",
                        "GIT_OBJECT_DIRECTORY": other / "y", "GIT_TRACE": "1"}.items():  # fmt: skip
        remote.clone("clone") if name == "GIT_DIR" else None
        monkeypatch.setenv(name, str(value))
    store = remote.store("clone")
    store.write({"manifest.json": b"{}"})
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_TRACE"):
        monkeypatch.delenv(name)
    assert git(remote.folder / "clone", "rev-parse", REF) == remote.head
    assert not (other / "x").exists()


def test_nobody_s_hooks_run(remote):
    """A pre-push hook of the bot's repository runs its tests, and is no business of records."""
    clone = remote.clone("clone")
    for name in ("pre-push", "reference-transaction", "post-update"):
        hook = clone / ".git/hooks" / name
        hook.write_text("#!/bin/sh\ntouch ran; exit 1\n")
        hook.chmod(0o755)
    work(remote.store("clone"))
    assert not (clone / "ran").exists()


def test_what_others_put_on_the_ref_is_no_document(remote):
    """A symbolic link, a submodule or a strange name is not read as one."""
    store = remote.store("clone")
    store.write({"manifest.json": b"{}"})
    blob = git(remote.path, "rev-parse", f"{REF}:manifest.json")
    lines = [f"160000 commit {remote.head}\tsub", f"120000 blob {blob}\tlink.json"]
    lines += [f"100644 blob {blob}\t{name}" for name in ("manifest.json", ".hidden", "a b")]
    tree = git(remote.path, "mktree", "--missing", data="\n".join(lines) + "\n")
    remote.point(git(remote.path, "commit-tree", tree, "-p", remote.head, "-m", "x"))
    after = remote.store("clone")
    assert after.names() == ["manifest.json"]
    assert after.read("link.json") is after.read("sub") is None


def test_a_password_in_the_remote_is_never_shown(remote):
    """Neither in errors nor in notes nor as the place of the records."""
    clone = remote.clone("clone")
    secret = "http://bot:hunter2@127.0.0.1:9/x.git"
    git(clone, "remote", "set-url", "origin", secret)
    for remote_name in ("origin", secret):
        store = remote.store("clone", remote=remote_name)
        with pytest.raises(Refused) as no:
            store.lock(ANNA)
        assert "127.0.0.1" in str(no.value)
        assert "hunter2" not in f"{no.value} {store.where} {store.notes}"
