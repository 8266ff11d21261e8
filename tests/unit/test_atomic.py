"""Files are written whole or not at all, whatever the disk says."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from botswain.errors import BotswainError
from botswain.state import atomic

if TYPE_CHECKING:
    from pathlib import Path

CALLS = ("open", "write", "fsync", "fchmod", "close", "replace")


class Faults:
    """Counts the calls of os and makes the n-th one fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int, code: int) -> None:
        self.seen = 0
        self.number = number
        self.code = code
        for name in CALLS:
            monkeypatch.setattr(os, name, self.wrap(getattr(os, name), name))

    def wrap(self, real, name):
        """Count a call of os."""

        def call(*args, **kwargs):
            self.seen += 1
            if self.seen == self.number:
                if name == "close":
                    real(*args)
                raise OSError(self.code, os.strerror(self.code))
            return real(*args, **kwargs)

        return call


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
def test_each_call_that_can_fail_leaves_old_or_new_documents(tmp_path: Path, code: int) -> None:
    """Whichever system call fails, every document is the old or the new one, and no temporary file stays."""
    first, second = tmp_path / "a" / "one.json", tmp_path / "two.json"
    first.parent.mkdir()
    failed = 0
    for number in range(1, 100):
        first.write_bytes(b"old one")
        second.write_bytes(b"old two")
        with pytest.MonkeyPatch.context() as patch:
            faults = Faults(patch, number, code)
            try:
                atomic.replace_files([(first, b"new one"), (second, b"new two")])
            except BotswainError as error:
                failed += 1
                told = str(error)
                assert told.count("\n") == 0
                assert told.startswith(str(tmp_path))
            else:
                assert faults.seen < number, "a failing call went unnoticed"
                break
        found = first.read_bytes(), second.read_bytes()
        allowed = {(b"old one", b"old two"), (b"new one", b"old two"), (b"new one", b"new two")}
        assert found in allowed, number
        assert [path.name for path in tmp_path.rglob(".*")] == []
    assert failed >= 10
    assert (first.read_bytes(), second.read_bytes()) == (b"new one", b"new two")


def test_want_of_space_changes_no_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the last of several documents does not fit, the first has not changed either."""
    first, second = tmp_path / "one.json", tmp_path / "two.json"
    first.write_bytes(b"old")
    real = os.write

    def write(descriptor: int, data: bytes) -> int:
        if bytes(data) == b"rge":
            raise OSError(errno.ENOSPC, "full")
        return real(descriptor, data[:2] if bytes(data) == b"large" else data)

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(BotswainError) as caught:
        atomic.replace_files([(first, b"new"), (second, b"large")])
    assert str(caught.value) == (
        f"{second}: cannot store it: the disk is full; free some space, then run the same command again"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["one.json"]
    assert first.read_bytes() == b"old"


def test_a_real_limit_of_the_kernel_is_told(tmp_path: Path) -> None:
    """A write that the kernel itself cuts short is an error that names the file, not a short file."""
    path = tmp_path / "one.json"
    path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(BotswainError, match="size limit of this process"):
            atomic.replace_files([(path, b"x" * 5000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    """A manifest that is a link into another folder is replaced there."""
    real = tmp_path / "elsewhere.json"
    real.write_bytes(b"old")
    link = tmp_path / "dev.json"
    link.symlink_to(real)
    atomic.replace_files([(link, b"new")])
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_permissions_of_an_existing_file_are_kept(tmp_path: Path) -> None:
    """Who made a manifest private, or shared it with a group, is not overruled by the next deployment."""
    path = tmp_path / "dev.json"
    path.write_bytes(b"old")
    path.chmod(0o640)
    atomic.replace_files([(path, b"new")])
    assert path.stat().st_mode & 0o777 == 0o640


def test_sweeping_takes_only_its_own(tmp_path: Path) -> None:
    """Cleaning after dev must not take the file that a run of dev2 is about to rename."""
    for name in (".dev.json.1.tmp", ".dev2.json.2.tmp", "dev.json"):
        (tmp_path / name).write_bytes(b"")
    atomic.sweep(tmp_path, "dev.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".dev2.json.2.tmp", "dev.json"]


WRITER = """
import itertools, json, sys
from pathlib import Path
from botswain.state import atomic
folder = Path(sys.argv[1])
for n in itertools.count():
    text = json.dumps({"n": n, "fill": "x" * 20000}).encode()
    atomic.replace_files([(folder / "a.json", text), (folder / "b.json", text)])
    if n == 0:
        print("go", flush=True)
"""


@pytest.mark.slow
def test_kill_at_any_moment_leaves_whole_documents(tmp_path: Path) -> None:
    """SIGKILL in the midst of writing never leaves a document that does not parse, nor a later one ahead."""
    import json

    for delay in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            assert process.stdout.readline() == "go\n"
            time.sleep(delay * 0.0037)
            process.send_signal(signal.SIGKILL)
            process.wait()
        first, second = (json.loads((tmp_path / name).read_bytes()) for name in ("a.json", "b.json"))
        assert first["n"] - second["n"] in (0, 1)
        atomic.sweep(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.json"]
