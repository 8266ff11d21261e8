"""A bundle holds what a host lacks of a commit, and making it changes nothing."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[2] / (
    "playbooks/collections/ansible_collections/botswain/host/plugins/plugin_utils/bundle.py"
)


@pytest.fixture(scope="module")
def bundle():
    """The module, as it lies beside the playbooks."""
    spec = importlib.util.spec_from_file_location("bundle_of_collection", FILE)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def git(folder, *arguments):
    """What git prints."""
    who = ["-c", "user.name=a", "-c", "user.email=a@localhost"]
    done = subprocess.run(["git", "-C", str(folder), *who, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(repo, text):
    """Another commit, and its id."""
    (repo / "file").write_text(text)
    (repo / "large").write_text("\n".join(str(number) for number in range(20_000)))
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", text)
    return git(repo, "rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path):
    """A repository, empty."""
    git(tmp_path, "init", "-q", "repo")
    return tmp_path / "repo"


@pytest.fixture
def host(tmp_path):
    """What a host keeps commits in."""
    git(tmp_path, "init", "-q", "--bare", "host.git")
    return tmp_path / "host.git"


def taken_in(host, path, one):
    """The host takes a commit from a bundle, and has it with all its files."""
    git(host, "fetch", "-q", str(path), f"refs/releases/{one}:refs/releases/{one}")
    git(host, "fsck", "--strict")
    return git(host, "ls-tree", "-r", "--name-only", one).splitlines()


def test_a_host_gets_a_commit_and_then_only_what_is_new(bundle, repo, host, tmp_path):
    """The second bundle names the first commit as one that is there, and is small."""
    first = commit(repo, "one")
    before = git(repo, "for-each-ref"), sorted(path.name for path in (repo / ".git").iterdir())
    made = bundle.write(repo, first, [], tmp_path / "a")
    assert taken_in(host, tmp_path / "a", first) == ["file", "large"]
    assert before == (git(repo, "for-each-ref"), sorted(path.name for path in (repo / ".git").iterdir()))
    second = commit(repo, "two")
    thin = bundle.write(repo, second, [first, "0" * 40], tmp_path / "b")
    assert taken_in(host, tmp_path / "b", second) == ["file", "large"]
    assert thin.size < 1000 < made.size
    assert (tmp_path / "b").read_bytes().startswith(f"# v2 git bundle\n-{first}\n{second} refs/".encode())
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600


def test_an_older_commit_than_the_host_has_is_a_name_alone(bundle, repo, host, tmp_path):
    """A rollback to a commit whose release was pruned."""
    first, second = commit(repo, "one"), commit(repo, "two")
    bundle.write(repo, second, [], tmp_path / "a")
    taken_in(host, tmp_path / "a", second)
    bundle.write(repo, first, [second], tmp_path / "b")
    assert taken_in(host, tmp_path / "b", first) == ["file", "large"]


def test_a_commit_of_another_history_is_sent_whole(bundle, repo, host, tmp_path):
    """After a forced push."""
    first = commit(repo, "one")
    bundle.write(repo, first, [], tmp_path / "a")
    taken_in(host, tmp_path / "a", first)
    git(repo, "checkout", "-q", "--orphan", "other")
    other = commit(repo, "other")
    bundle.write(repo, other, [first], tmp_path / "b")
    assert taken_in(host, tmp_path / "b", other) == ["file", "large"]


def test_a_shallow_clone_says_which_commits_have_no_parents_there(bundle, repo, tmp_path):
    """As CI jobs make them; what the host has already is not named."""
    commit(repo, "one")
    second = commit(repo, "two")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repo}", "shallow")
    shallow = tmp_path / "shallow"
    assert bundle.write(shallow, second, [], tmp_path / "a").shallow == (second,)
    third = commit(shallow, "three")
    assert bundle.write(shallow, third, [second], tmp_path / "b").shallow == ()


def test_what_cannot_be_packed_is_told_in_one_line(bundle, repo, tmp_path):
    """With the repository."""
    with pytest.raises(bundle.BundleError, match=f"{repo}: git pack-objects: "):
        bundle.write(repo, "1" * 40, [], tmp_path / "a")
