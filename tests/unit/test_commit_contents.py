"""A release holds the contents of its commit: of Git LFS, of other filters, of every kind of repository."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from debian import wanted
from hosting import Host, Repository, git

from botswain.host import mirror as host_mirror
from botswain.host import releases
from botswain.host.errors import HostError
from botswain.targets import mirror

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n"
GONE = POINTER.format("4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393")


@pytest.fixture
def host(tmp_path):
    """A place and a repository."""
    return Host(tmp_path)


def made(host: Host, commit: str, **order) -> Path:
    """The folder of the release that this target makes of a commit, as on this machine."""
    full, prefix = mirror.push(host.repository.root, order.pop("folder", "."), host.place, commit)
    lfs = order.pop("lfs", mirror.lfs_objects(host.repository.root))
    found = releases.prepare(host.place, host.service, releases.Order(full, "ann", "d1", prefix, lfs))
    return host.place.release(found.id)


# Git LFS


def test_a_pointer_of_git_lfs_is_no_content(host):
    """Refused by name with what to do, here and on a host, where nothing but the commit arrives; nothing is left."""
    commit = host.repository.commit(_DOT_gitattributes="*.png filter=lfs -text\n", a__logo_DOT_png=GONE)
    with pytest.raises(HostError, match=r"a/logo.png: kept by Git LFS, and the contents are not here; git lfs pull"):
        made(host, commit)
    with pytest.raises(HostError, match=r"a host gets commits alone: keep the files in git \(git lfs migrate export"):
        made(host, commit, lfs="")
    assert set(host.states().values()) == {"bad"}
    host.service = replace(host.service, shared=("a/logo.png",))
    (host.place.shared / "a").mkdir(parents=True)
    (host.place.shared / "a/logo.png").write_text("shared")
    assert (made(host, commit, lfs="") / "a/logo.png").read_text() == "shared"


def test_contents_of_git_lfs_are_in_the_release(host, monkeypatch, tmp_path):
    """Of a real git-lfs: the very bytes, also of a program, in a folder alone, and from a store of another name."""
    wanted("git-lfs")
    root = host.repository.root
    for words in (["lfs", "install", "--local"], ["lfs", "track", "*.bin"], ["config", "lfs.storage", "kept"]):
        git(root, *words)
    (root / "bot").mkdir()
    (root / "bot/data.bin").write_bytes(os.urandom(3_000_000))
    (root / "bot/run.bin").write_bytes(b"#!/bin/sh\necho run\n")
    (root / "bot/run.bin").chmod(0o755)
    commit = host.repository.commit(a="1")
    assert git(root, "cat-file", "-s", f"{commit}:bot/data.bin") != "3000000"
    folder = made(host, commit)
    for name in ("data.bin", "run.bin"):
        assert (folder / "bot" / name).read_bytes() == (root / "bot" / name).read_bytes()
    assert subprocess.run([folder / "bot/run.bin"], capture_output=True, check=True).stdout == b"run\n"
    assert (made(host, commit, folder="bot") / "data.bin").read_bytes() == (root / "bot/data.bin").read_bytes()
    damaged = next(path for path in (root / ".git/kept/objects").rglob("*") if path.stat().st_size == 3_000_000)
    damaged.chmod(0o644)
    damaged.write_bytes(b"x" * 3_000_000)
    later = host.repository.commit(a="2")
    with pytest.raises(HostError, match=r"bot/data.bin: kept by Git LFS, and the contents are not here"):
        made(host, later)


def test_objects_that_were_copied_to_a_host_are_taken(host):
    """The way that a refusal there names: the store of Git LFS beside the commits."""
    content = b"x" * 2000
    digest = hashlib.sha256(content).hexdigest()
    commit = host.repository.commit(logo=POINTER.format(digest))
    mirror.push(host.repository.root, ".", host.place, commit)
    kept = host.place.mirror / "lfs/objects" / digest[:2] / digest[2:4] / digest
    kept.parent.mkdir(parents=True)
    kept.write_bytes(content)
    assert (made(host, commit, lfs="") / "logo").read_bytes() == content


# Other filters


def test_what_git_crypt_encrypted_is_refused(host, tmp_path):
    """Also from a clone that is unlocked: a release has no key; a file that is shared is put there in plain."""
    wanted("git-crypt")
    root = host.repository.root
    subprocess.run(["git-crypt", "init"], cwd=root, check=True, capture_output=True)
    commit = host.repository.commit(_DOT_gitattributes="secret* filter=git-crypt\n", secret="plain")
    with pytest.raises(HostError, match=r"secret: encrypted by git-crypt, and a release has no key; list them in"):
        made(host, commit)


def test_a_filter_that_makes_other_files_here_is_refused(host):
    """A smudge filter of this clone is named, whatever the folder; one that touches nothing is fine."""
    root = host.repository.root
    git(root, "config", "filter.nbstripout.smudge", "cat")
    git(root, "config", "filter.nbstripout.clean", "cat")
    git(root, "config", "filter.upper.smudge", "tr a-z A-Z")
    commit = host.repository.commit(_DOT_gitattributes="*.ipynb filter=nbstripout\n", book_DOT_ipynb="{}")
    assert (made(host, commit) / "book.ipynb").read_text() == "{}"
    commit = host.repository.commit(_DOT_gitattributes="*.up filter=upper\n", bot__a_DOT_up="a", other="x")
    for folder in (".", "bot"):
        with pytest.raises(HostError, match=r"bot/a.up: git's filter upper makes other files of them here"):
            made(host, commit, folder=folder)


@pytest.mark.parametrize("setting", ["core.autocrlf=true", "core.eol=crlf", "core.attributesFile=attributes"])
def test_no_setting_of_this_machine_changes_what_a_commit_holds(host, tmp_path, monkeypatch, setting):
    """Line endings and attributes are those of the commit, for whoever deploys."""
    home = tmp_path / "home"
    home.mkdir()
    if setting == "core.attributesFile=attributes":  # git's default for it, without any setting
        (home / ".config/git").mkdir(parents=True)
        (home / ".config/git/attributes").write_text("* text eol=crlf\n")
    name, _, value = setting.partition("=")
    (home / ".gitconfig").write_text(f"[core]\n\t{name.partition('.')[2]} = {value}\n")
    commit = host.repository.commit(a="1\n2\n", _DOT_gitattributes="* text=auto\nb export-subst\n", b="$Format:%H$\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    folder = made(host, commit)
    assert (folder / "a").read_bytes() == b"1\n2\n"
    assert (folder / "b").read_text() == "$Format:%H$\n"


# Kinds of repositories


def test_a_repository_with_sha256_objects(tmp_path, monkeypatch):
    """Its mirror has the same; one of the other kind, from before the bot was converted, is replaced."""
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha1")
    host = Host(tmp_path)
    old = made(host, host.repository.commit(a="1"))
    shutil.rmtree(host.repository.root)
    host.repository.root.mkdir()
    git(host.repository.root, "init", "-q", "-b", "main", "--object-format=sha256")
    commit = host.repository.commit(a="2")
    assert len(commit) == 64
    assert (made(host, commit) / "a").read_text() == "2"
    assert (old / "a").read_text() == "1"


def test_a_git_whose_default_is_sha256(tmp_path, monkeypatch):
    """A repository with SHA-1 objects gets such a mirror all the same, pushed to or fetched into."""
    repository = Repository(tmp_path / "repository")
    commit = repository.commit(a="1")
    real, folder = shutil.which("git"), tmp_path / "bin"
    folder.mkdir()
    (folder / "git").write_text(f'#!/bin/sh\nexport GIT_DEFAULT_HASH=sha256\nexec {real} "$@"\n')
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    git(repository.root, "bundle", "create", "-q", str(tmp_path / "bundle"), "main")
    for name in ("pushed", "fetched"):
        host = Host(tmp_path / name)
        shutil.rmtree(host.place.mirror)
        shutil.rmtree(host.repository.root)
        host.repository = repository
        if name == "fetched":
            host_mirror.fetch(host.place, tmp_path / "bundle", commit)
            assert git(host.place.mirror, "rev-parse", "--show-object-format") == "sha1"
        assert (made(host, commit) / "a").read_text() == "1"


def test_an_object_that_is_replaced_here_goes_as_it_is(host):
    """`git replace` changes what this clone shows, and not what the commit holds."""
    root = host.repository.root
    one = host.repository.commit(a="1")
    two = host.repository.commit(a="2")
    git(root, "replace", one, two)
    assert (made(host, one) / "a").read_text() == "1"


def test_a_worktree_and_a_sparse_checkout_deploy_the_whole_commit(host, tmp_path):
    """A release is made of the commit: what the work tree leaves out is there."""
    commit = host.repository.commit(a="1", b__c="2")
    git(host.repository.root, "worktree", "add", "-q", str(tmp_path / "tree"), "HEAD")
    git(tmp_path / "tree", "sparse-checkout", "set", "b")
    git(tmp_path / "tree", "sparse-checkout", "set", "--no-cone", "/b")
    host.repository.root = tmp_path / "tree"
    assert not (tmp_path / "tree/a").exists()
    assert (made(host, commit) / "a").read_text() == "1"


# What restarts a bot


@pytest.mark.parametrize(
    ("change", "prefix", "definitions", "same"),
    [
        ({"README": "x"}, "", None, False),
        ({"README": "x"}, "bot", "commands", True),
        ({"bot__main": "x"}, "bot", "commands", False),
        ({"commands__a_DOT_yaml": "x"}, "", "commands", True),
        ({"commands__deep__a_DOT_JSON": "x"}, "", "commands", True),
        ({"commands__a_DOT_yaml": "x"}, "", None, False),
        ({"commands__a_DOT_js": "x"}, "", "commands", False),
        ({"commands__a_DOT_yaml": "x"}, "commands", "commands", True),
        ({"bot__commands__a_DOT_yml": "x"}, "bot", "bot/commands", True),
        ({"bot__commands2__a_DOT_yml": "x"}, "bot", "bot/commands", False),
        ({"odd*[x]__a_DOT_yml": "x"}, "", "odd*[x]", True),
        ({"oddly[x]__a_DOT_yml": "x"}, "", "odd*[x]", False),
    ],
)
def test_what_of_a_commit_is_the_bots(host, change, prefix, definitions, same):
    """The service's folder without definitions of commands, wherever both lie, and nothing beside it."""
    one = host.repository.commit(bot__main="1", commands__a_DOT_js="1", bot__commands__b="1")
    other = host.repository.commit(**change)
    root = host.repository.root
    assert mirror.same_files(root, prefix, one, other, definitions) is same
    assert mirror.same_files(root, prefix, one, one, definitions)
    assert not mirror.same_files(root, prefix, "0" * 40, other, definitions)
