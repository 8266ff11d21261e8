"""Releases: made from exact commits with real git and real commands, checked, reused, pruned, found again."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hosting import Host, git

from botswain.host import prune as pruning
from botswain.host import releases
from botswain.host.errors import HostError
from botswain.host.ledger import Ledger
from botswain.host.underway import Switch, write
from botswain.targets import mirror

NOTE = (sys.executable, "-S", "-c", "open('count', 'a').write('x')")
FAIL = (sys.executable, "-S", "-c", "print('no such module'); raise SystemExit(2)")


@pytest.fixture
def host(tmp_path):
    """A place and a repository."""
    return Host(tmp_path)


def test_the_very_files_of_the_commit(host):
    """A release is the commit: all its files, also what an export would leave out, and no other."""
    files = {"a": "1", "sub__b": "2", "_DOT_gitattributes": "sub export-ignore\n"}
    commit = host.send(**files)
    host.send(a="later", c="3")
    found = host.prepare(commit)
    folder = host.place.release(found.id)
    assert sorted(str(one.relative_to(folder)) for one in folder.rglob("*")) == [".gitattributes", "a", "sub", "sub/b"]
    assert (folder / "a").read_text() == "1"
    assert (found.state, found.commit, found.by, found.deployment) == ("ready", commit, "ann", "d1")
    assert [one.name for one in host.place.releases.iterdir()] == [found.id]


def test_a_folder_of_the_commit(host):
    """A bot in a folder of its repository is a release of that folder alone; another folder is another release."""
    commit = host.send(bots__one__main="1", bots__two__main="2", other="x")
    one, two = host.prepare(commit, prefix="bots/one"), host.prepare(commit, prefix="bots/two/")
    assert one.id != two.id
    assert [path.name for path in host.place.release(one.id).iterdir()] == ["main"]
    assert (host.place.release(two.id) / "main").read_text() == "2"
    assert host.prepare(commit, prefix="./bots/two").id == two.id


@pytest.mark.parametrize("prefix", ["bots/three", "other", "ot"])
def test_no_such_folder(host, prefix):
    """A folder that the commit does not have is told by name, before anything is made."""
    commit = host.send(bots__one__main="1", other="x")
    with pytest.raises(HostError, match=f'has no folder "{prefix}"; correct service.folder'):
        host.prepare(commit, prefix=prefix)
    assert not host.states()


@pytest.mark.parametrize("prefix", ["..", "a/../../b", "/etc"])
def test_a_folder_outside(host, prefix):
    """A folder outside of the repository is refused."""
    with pytest.raises(HostError, match="is no folder of the bot's repository"):
        host.prepare(host.send(a="1"), prefix=prefix)


@pytest.mark.parametrize(
    ("commit", "why"),
    [
        ("0" * 40, "commit 000000000000 is not here"),
        ("main", "is no full id"),
        ("--all", "is no full id"),
        ("", "is no full"),
    ],
)
def test_no_such_commit(host, commit, why):
    """A commit that was never sent, and a name of one, are told; nothing is made."""
    host.send(a="1")
    with pytest.raises(HostError, match=why):
        host.prepare(commit)
    assert not host.states()


def test_an_empty_commit_and_submodules(host):
    """A commit without files, and one whose submodules would be missing, are refused."""
    with pytest.raises(HostError, match="holds no files"):
        host.prepare(host.send())
    tip = host.send(a="1")
    git(host.repository.root, "update-index", "--add", "--cacheinfo", f"160000,{tip},vendor")
    git(host.repository.root, "commit", "-qm", "x")
    commit = git(host.repository.root, "rev-parse", "HEAD")
    git(host.repository.root, "push", "-q", str(host.place.mirror), f"{commit}:refs/releases/{commit}")
    with pytest.raises(HostError, match="which are not taken along: vendor;"):
        host.prepare(commit)


def test_built_once(host):
    """The same commit and recipe is one release, built once; another recipe is another."""
    host.service = replace(host.service, build=(NOTE,))
    commit = host.send(a="1")
    one = host.prepare(commit)
    assert host.prepare(commit).id == one.id
    assert (host.place.release(one.id) / "count").read_text() == "x"
    host.service = replace(host.service, run=("other",))
    assert host.prepare(commit).id != one.id


def test_checked_once(host):
    """Lint and test run once a release; a command that is new runs for an old release as well."""
    host.service = replace(host.service, lint=(NOTE,), test=(NOTE,))
    commit = host.send(a="1")
    one = host.prepare(commit)
    count = host.place.release(one.id) / "count"
    host.prepare(commit)
    assert count.read_text() == "xx"
    host.service = replace(host.service, test=((*NOTE, "more"),))
    host.prepare(commit)
    assert count.read_text() == "xxx"
    host.service = replace(host.service, test=(FAIL,))
    with pytest.raises(HostError, match="failed with exit code 2"):
        host.prepare(commit)
    assert host.states()[one.id] == "ready"


@pytest.mark.parametrize("kind", ["build", "lint", "test"])
def test_a_command_fails(host, kind):
    """A failing command makes no release: told with its last lines and its log; the next try starts afresh."""
    host.service = replace(host.service, **{kind: (FAIL,)})
    commit = host.send(a="1")
    with pytest.raises(HostError, match=r"build-.*\.log: `.*` failed with exit code 2") as caught:
        host.prepare(commit)
    assert caught.value.log.splitlines()[-1] == "no such module"
    assert list(host.states().values()) == ["bad"]
    host.service = replace(host.service, **{kind: ()})
    assert host.prepare(commit).state == "ready"


def test_what_went_wrong_first_is_told(host, monkeypatch):
    """A failure that cannot be written down, or cleaned up after, is told all the same and nothing else."""
    host.service = replace(host.service, build=(FAIL,))
    commit, add = host.send(a="1"), Ledger.add

    def refuse(ledger, identity, event, **rest):
        if event == "bad":
            raise HostError("no space left on device")
        add(ledger, identity, event, **rest)

    def give_up(*_arguments):
        raise HostError("Input/output error")

    monkeypatch.setattr(Ledger, "add", refuse)
    monkeypatch.setattr(releases, "discard_failed", give_up)
    with pytest.raises(HostError, match="failed with exit code 2"):
        host.prepare(commit)


def test_what_a_build_needs_is_missing(host):
    """A program that is not installed is told by name, with what to do."""
    host.service = replace(host.service, build=(("no-such-program", "x"),))
    with pytest.raises(HostError, match=r"could not be started: .*; install no-such-program on this machine"):
        host.prepare(host.send(a="1"))


def test_a_build_takes_too_long(host):
    """A command that does not end is ended when its time is up."""
    sleep = (sys.executable, "-S", "-c", "import time; time.sleep(60)")
    host.service = replace(host.service, build=(sleep,), build_timeout=0.2)
    began = time.monotonic()
    with pytest.raises(HostError, match=r"did not end within 0.2 s"):
        host.prepare(host.send(a="1"))
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("session", ["", "os.setsid();"])
def test_a_build_leaves_nothing_behind(host, session):
    """Processes that a build leaves behind end with it, also those that made themselves a session."""
    code = f"import os, time\nif os.fork() == 0:\n {session} open('pid', 'w').write(str(os.getpid())); time.sleep(60)\n"
    code += "while not os.path.exists('pid') or not open('pid').read(): time.sleep(0.01)"
    host.service = replace(host.service, build=((sys.executable, "-S", "-c", code),))
    found = host.prepare(host.send(a="1"))
    pid = int((host.place.release(found.id) / "pid").read_text())
    assert not _works(pid)


def _works(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_a_build_has_no_secrets(host, monkeypatch):
    """A build gets none of our environment but what is known to be harmless, and caches that are kept."""
    monkeypatch.setenv("DISCORD_DEV_TOKEN", "s3cret")
    host.service = replace(host.service, build=(("env",),), environment={"OWN": "1"})
    found = host.prepare(host.send(a="1"))
    text = (host.place.logs / f"build-{found.id}.log").read_text()
    assert "s3cret" not in text
    assert f"npm_config_cache={host.place.cache}/npm" in text
    assert "OWN=1" in text


def test_a_killed_build(host):
    """The processes of a killed build end with it; its folder goes with the next one."""
    commit = host.send(a="1")
    sleep = (sys.executable, "-S", "-c", "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)")
    host.service = replace(host.service, build=(sleep,))
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            host.prepare(commit)
        os._exit(0)
    end = time.monotonic() + 20
    while not [one for one in host.place.root.glob("releases/*/pid") if one.read_text()]:
        assert time.monotonic() < end
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pid = int(next(host.place.root.glob("releases/*/pid")).read_text())
    while _works(pid):
        assert time.monotonic() < end
        time.sleep(0.01)
    assert list(host.states().values()) == ["building"]
    host.service = replace(host.service, build=())
    found = host.prepare(commit)
    assert [one.name for one in host.place.releases.iterdir()] == [found.id]


def test_shared(host):
    """Shared folders are made, shared files that operators write have to be there, and both outlive the release."""
    host.service = replace(host.service, shared=("data/", "conf/local.toml"))
    commit = host.send(data__old="1", main="1")
    with pytest.raises(HostError, match=r"shared/conf/local.toml: is shared by all releases and is not there"):
        host.prepare(commit)
    (host.place.shared / "conf").mkdir()
    (host.place.shared / "conf" / "local.toml").write_text("x = 1")
    one = host.prepare(commit)
    (host.place.release(one.id) / "data" / "kept").write_text("1")
    two = host.prepare(host.send(main="2"))
    folder = host.place.release(two.id)
    assert [path.name for path in (folder / "data").iterdir()] == ["kept"]
    assert (folder / "conf" / "local.toml").read_text() == "x = 1"
    assert not (folder / "data").readlink().is_absolute()


@pytest.mark.parametrize("name", ["bot.db", "state/users.json"])
def test_shared_file_that_does_not_exist_yet_is_made_by_the_bot(host, name):
    """No file is made by hand for a first release: what the bot writes is shared, also by SQLite; a note says so."""
    host.service = replace(host.service, shared=(name,))
    said, shared = [], host.place.shared / name
    order = releases.Order(host.send(main="1"), "ann", "d1")
    one = host.place.release(releases.prepare(host.place, host.service, order, said.append).id)
    assert said == [f"note: {shared} does not exist yet; the bot makes it"]
    with closing(sqlite3.connect(one / name)) as rows:
        rows.executescript("PRAGMA journal_mode=WAL; CREATE TABLE log (line TEXT); INSERT INTO log VALUES ('kept')")
    two = host.place.release(host.prepare(host.send(main="2")).id)
    with closing(sqlite3.connect(two / name)) as rows:
        assert rows.execute("SELECT line FROM log").fetchall() == [("kept",)]
    assert shared.is_file()
    assert (one / name).is_symlink()


def test_files_of_the_commit_that_a_shared_folder_covers_are_named(host):
    """The releases lose them; what the shared folder has too, and what only git needs, is no loss."""
    host.service = replace(host.service, shared=("data/",))
    commit, said = host.send(data__load="1", data__rows="2", data___DOT_gitkeep="", bot="1"), []
    (host.place.shared / "data").mkdir(parents=True)
    (host.place.shared / "data/rows").write_text("live")
    releases.prepare(host.place, host.service, releases.Order(commit, "ann", "d1"), said.append)
    folder = host.place.shared / "data"
    assert said == [f"note: shared: data/ covers files of the commit that {folder} does not have: data/load"]


def test_shared_file_of_the_commit_is_brought_along_by_the_command_that_is_named(host):
    """It would be gone from the release in silence."""
    host.service = replace(host.service, shared=("state/bot.db",))
    commit = host.send(bot__state__bot_DOT_db="rows", bot__main="1")
    with pytest.raises(HostError, match=r"shared/state/bot.db: .* is not there; the commit has one") as refused:
        host.prepare(commit, prefix="bot")
    subprocess.run(["sh", "-ec", refused.value.fix.partition("of the commit: ")[2]], check=True)
    made = host.place.release(host.prepare(commit, prefix="bot").id)
    assert (made / "state/bot.db").read_text() == "rows"


def test_shared_file_of_the_live_release_is_not_left_there(host):
    """Also where it is older than the release, so that it does not count as written by the bot."""
    commit = host.send(main="1")
    live = host.prepare(commit).id
    host.place.link(live)
    Ledger(host.place).add(live, "live", by="ann")
    database = host.place.release(live) / "bot.db"
    database.write_text("rows")
    os.utime(database, (1, 1))
    host.service = replace(host.service, shared=("bot.db",))
    with pytest.raises(HostError, match=r"bot.db is to be shared .* in the live release alone; bring it along: "):
        host.prepare(commit)


def test_shared_file_of_the_work_tree_is_not_passed_over(host):
    """A bot that begins with an empty database beside the one that it has used so far has lost its data."""
    host.service = replace(host.service, shared=("bot.db", "new.db"))
    commit = host.send(main="1")
    (host.repository.root / "bot.db").write_text("rows")
    held = mirror.held(host.repository.root, ".", host.service.shared)
    assert held == {"bot.db": str(host.repository.root / "bot.db")}
    with pytest.raises(HostError, match=r"bot.db may be what the bot has written so far; copy it to .*shared/bot.db"):
        host.prepare(commit, held=held)


@pytest.mark.parametrize("name", ["../x/", "/etc/x/", "out/x/", "."])
def test_shared_stays_inside(host, name):
    """Nothing outside of a release is touched, also where the commit has a link that leads there."""
    outside = host.place.root.parent / "outside"
    outside.mkdir()
    (host.repository.root / "out").symlink_to(outside)
    host.service = replace(host.service, shared=(name,))
    with pytest.raises(HostError, match=r"is no path in a release|leads out of the release"):
        host.prepare(host.send(a="1"))
    assert list(outside.iterdir()) == []


def test_disk_space(host):
    """Without enough space nothing is begun; releases that nobody needs make room first, the last failed one too."""
    host.fill("a", "b", "c", "d", "x")
    for name in "abcd":
        Ledger(host.place).add(name, "live")
    Ledger(host.place).add("x", "bad")
    host.place.link("d")
    host.service = replace(host.service, free_space=1 << 60, keep=1)
    with pytest.raises(HostError, match=r"has \d+ MB free, and a release wants 1152921504606; free some space"):
        host.prepare(host.send(a="1"))
    assert sorted(host.states()) == ["c", "d"]


def prune(host: Host, keep: int) -> set[str]:
    """Prune; what is left, in the ledger as on the disk."""
    assert pruning.prune(host.place, replace(host.service, keep=keep)) == []
    assert {one.name for one in host.place.releases.iterdir()} == set(host.states())
    return set(host.states())


def history(host: Host) -> None:
    """Here a to f were live in turn, e was bad; x, y failed; p, q were never tried."""
    host.fill(*"abcdefxypq")
    ledger = Ledger(host.place)
    for name in "abcdef":
        ledger.add(name, "live")
    for name in "exy":
        ledger.add(name, "bad")
    host.place.link("f")


@pytest.mark.parametrize(("keep", "good"), [(0, "df"), (1, "df"), (2, "def"), (3, "cdef"), (9, "abcdef")])
def test_what_is_kept(host, keep, good):
    """Kept are the live one, the way back, so many that were well once, the last failed and the last untried one.

    e was left by a rollback: that makes it none of the failed builds, of which one is enough.
    """
    history(host)
    assert prune(host, keep) == {*good, "y", "q"}


def test_a_switch_under_way_is_kept(host):
    """Neither side of a switch under way goes."""
    history(host)
    write(host.place.switch, Switch("t", "p", "a", 0.0, "ann", "d1"))
    assert prune(host, 0) == {*"df", "p", "a", "y", "q"}


def test_going_back_after_pruning(host):
    """The release that was live just before is there after any pruning; one that is not says what to do."""
    history(host)
    prune(host, 0)
    assert releases.target(host.place, None).id == "d"
    with pytest.raises(HostError, match="release a is not on this machine any more; deploy its commit, aaaa"):
        releases.target(host.place, "a")
    Ledger(host.place).add("d", "bad")
    with pytest.raises(HostError, match="there is no earlier release to go back to"):
        releases.target(host.place, None)


def test_back_from_a_switch_under_way(host):
    """Of a switch that is not confirmed, the way back leads to what ran before it, wherever the link is by now."""
    history(host)
    write(host.place.switch, Switch("t", "p", "f", 0.0, "ann", "d1"))
    for live in "pf":
        host.place.link(live)
        assert releases.target(host.place, None).id == "f"
    host.place.switch.rename(host.place.reverting)
    assert releases.target(host.place, None).id == "f"
    assert releases.target(host.place, "c").id == "c"


def test_a_release_that_vanished(host):
    """A release whose folder somebody removed is told as one, not tried."""
    history(host)
    host.place.release("d").rmdir()
    with pytest.raises(HostError, match="release d is not on this machine any more"):
        releases.target(host.place, None)


def test_what_cannot_be_removed(host, monkeypatch):
    """A release that cannot be removed is told, fails nothing, and goes the next time."""
    history(host)
    real = pruning.shutil.rmtree

    def refuse(_path):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(pruning.shutil, "rmtree", refuse)
    left = pruning.prune(host.place, replace(host.service, keep=1))
    assert left.count("a: [Errno 5] Input/output error") == 1
    assert len(left) == len({one.removeprefix(".gone-") for one in left}), "each is told once"
    assert "a" not in host.states()
    monkeypatch.setattr(pruning.shutil, "rmtree", real)
    assert prune(host, 1) == {*"df", "y", "q"}


def test_failed_builds_do_not_pile_up(host):
    """Of many failed builds the last is kept for whoever wants to look."""
    host.service = replace(host.service, build=(FAIL,))
    commit = host.send(a="1")
    for _ in range(3):
        with pytest.raises(HostError):
            host.prepare(commit)
    assert len(list(host.place.releases.iterdir())) == 1


def test_commits_go_with_their_releases(host):
    """The mirror forgets a commit when its last release goes."""
    commit = host.send(a="1")
    found = host.prepare(commit)
    later = host.send(a="2")
    host.prepare(later)
    assert pruning.remove(host.place, [found]) == []
    assert git(host.place.mirror, "for-each-ref", "--format=%(objectname)") == later


def test_a_rollback_asks_the_release_for_its_own_checks(host):
    """Going back runs the checks that the release was made with, where it did not pass them; not today's."""
    host.service = replace(host.service, test=(NOTE,))
    one = host.prepare(host.send(a="1"))
    host.service = replace(host.service, test=(FAIL,))
    assert releases.candidate(host.place, host.service, one.id).id == one.id
    count = host.place.release(one.id) / "count"
    assert count.read_text() == "x"
    host.place.ledger.write_text(
        "".join(line + "\n" for line in host.place.ledger.read_text().splitlines() if "passed" not in line)
    )
    releases.candidate(host.place, host.service, one.id)
    assert count.read_text() == "xx"


def test_the_unfinished_cannot_run(host):
    """A release whose build never ended is no target."""
    Ledger(host.place).add("z", "building", commit="z")
    with pytest.raises(HostError, match="was never built to its end"):
        releases.target(host.place, "z")
