"""Commits that come as bundles: whole, thin, from a shallow clone; and what is not trusted loses root's rights."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hosting import Host, git

from botswain.host import mirror, releases, users
from botswain.host.errors import HostError
from botswain.host.place import Service

root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def host(tmp_path):
    """A place without a mirror yet."""
    made = Host(tmp_path)
    (made.place.mirror).rename(tmp_path / "unused.git")
    return made


def bundle(folder: Path, *words: str) -> Path:
    """A bundle of a repository."""
    path = folder.parent / "bundle"
    git(folder, "bundle", "create", "-q", str(path), *words)
    return path


def test_bundles(host):
    """The first makes the mirror, the next brings what is new alone; a commit stays known by its release's name."""
    repository = host.repository
    assert mirror.commits(host.place) == []
    one = repository.commit(a="1", big="x" * 10_000)
    mirror.fetch(host.place, bundle(repository.root, "main"), one)
    two = repository.commit(a="2")
    thin = bundle(repository.root, "main", "--not", *mirror.commits(host.place))
    assert thin.stat().st_size < 1000
    mirror.fetch(host.place, thin, two)
    mirror.fetch(host.place, thin, two)
    assert set(mirror.commits(host.place)) == {one, two}
    release = host.prepare(two)
    assert (host.place.release(release.id) / "a").read_text() == "2"


def test_a_bundle_that_is_none(host, tmp_path):
    """No file, no bundle, another commit: told in one line, and the place can still be used."""
    path = tmp_path / "no"
    for text in (None, "", "nothing of the kind"):
        if text is not None:
            path.write_text(text)
        with pytest.raises(HostError) as caught:
            mirror.fetch(host.place, path, "1" * 40)
        assert "\n" not in str(caught.value)
    one = host.repository.commit(a="1")
    with pytest.raises(HostError, match="does not bring commit 111111111111"):
        mirror.fetch(host.place, bundle(host.repository.root, "main"), "1" * 40)
    mirror.fetch(host.place, bundle(host.repository.root, "main"), one)


def test_a_cut_bundle(host):
    """A bundle that was cut off brings nothing, and a whole one helps."""
    one = host.repository.commit(a="1" * 5000)
    path = bundle(host.repository.root, "main")
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    with pytest.raises(HostError, match="cannot be taken in"):
        mirror.fetch(host.place, path, one)
    assert mirror.commits(host.place) == []
    path.write_bytes(whole)
    mirror.fetch(host.place, path, one)


def test_a_shallow_clone(host, tmp_path):
    """A CI job has the last commit alone: its bundle is taken with the list of what it lacks; later ones as ever."""
    for number in range(3):
        last = host.repository.commit(a=str(number))
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{host.repository.root}", str(clone))
    path = bundle(clone, "HEAD")
    with pytest.raises(HostError, match="cannot be taken in"):
        mirror.fetch(host.place, path, last)
    shallow = tuple((clone / ".git/shallow").read_text().split())
    mirror.fetch(host.place, path, last, shallow)
    assert host.prepare(last).commit == last
    new = host.repository.commit(a="new")
    mirror.fetch(host.place, bundle(host.repository.root, "main", "--not", last), new)
    assert host.prepare(new).commit == new
    with pytest.raises(HostError, match="not all of them are ids"):
        mirror.fetch(host.place, bundle(clone, "HEAD"), last, ("../x",))


@pytest.fixture
def shown():
    """A folder that others may look into, unlike pytest's own."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@root
def test_work_as_somebody_else(shown):
    """What root does as a user has that user's rights alone, and its failure arrives; root itself stays root."""
    user = users.user_of(Service("bot", ("x",), user="nobody"))
    assert user is not None
    told = shown / "told"
    told.write_text("")
    told.chmod(0o666)
    users.as_user(user, lambda: told.write_text(f"{os.getuid()} {os.getgid()} {os.getgroups()}"))
    assert told.read_text() == f"{user.uid} {user.gid} {list(user.groups)}"
    with pytest.raises(HostError, match="Permission denied"):
        users.as_user(user, (shown / "x").mkdir)
    with pytest.raises(HostError, match="what; fix"):
        users.as_user(user, lambda: (_ for _ in ()).throw(HostError("what", fix="fix")))
    with pytest.raises(HostError, match="ended early"):
        users.as_user(user, lambda: {}["x"])
    with pytest.raises(HostError, match="Operation not permitted"):
        users.as_user(user, lambda: os.setuid(0))
    assert os.geteuid() == 0


@root
def test_a_build_as_somebody_else(shown):
    """Files, links and commands of a release are the user's; the cache is its home; an index is no file of it."""
    host = Host(shown / "host")
    host.service = replace(
        host.service, user="nobody", build=(("sh", "-c", "id -un; echo $HOME; touch x"),), shared=("d/",)
    )
    commit = host.repository.commit(a="1", b__c="2")
    mirror.fetch(host.place, bundle(host.repository.root, "main"), commit)
    release = host.prepare(commit)
    folder = host.place.release(release.id)
    assert {path.lstat().st_uid for path in (folder, *folder.rglob("*"))} == {pwd.getpwnam("nobody").pw_uid}
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b", "d", "x"]
    log = (host.place.logs / f"build-{release.id}.log").read_text()
    assert f"nobody\n{host.place.cache}\n" in log
    assert {path.lstat().st_uid for path in (host.place.ledger, host.place.mirror, host.place.releases)} == {0}


def test_who_builds():
    """No name means whoever we are; a name that is not there, or root, builds nothing."""
    assert users.user_of(Service("bot", ("x",))) is None
    with pytest.raises(HostError, match='there is no user "nobody-at-all"'):
        users.user_of(Service("bot", ("x",), user="nobody-at-all"))
    with pytest.raises(HostError, match='"root" is root'):
        users.user_of(Service("bot", ("x",), user="root"))


def test_where_root_stands_decides_nothing(host, tmp_path, monkeypatch):
    """A repository in the current folder, and git's own variables, are not looked at."""
    trap = tmp_path / "trap"
    git(tmp_path, "init", "-q", str(trap))
    git(trap, "config", "core.fsmonitor", f"touch {tmp_path}/tricked")
    monkeypatch.chdir(trap)
    monkeypatch.setenv("GIT_DIR", str(trap / ".git"))
    commit = host.repository.commit(a="1")
    mirror.fetch(host.place, bundle(host.repository.root, "main"), commit)
    assert releases.prepare(host.place, host.service, releases.Order(commit, "ann", "d")).commit == commit
    assert not (tmp_path / "tricked").exists()
    assert subprocess.run(["git", "rev-list", "--all"], cwd=trap, capture_output=True, check=True).stdout == b""
