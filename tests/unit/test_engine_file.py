"""The engine as one file."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile

from desk import ROOT

from botswain.hosts.engine import engine
from botswain.hosts.zipapp import packed


def test_the_same_sources_make_the_same_file(tmp_path):
    """Neither the clock, nor the order of a folder, nor times and permissions of files are in it."""
    copy = tmp_path / "host"
    copy.mkdir()
    for path in sorted((ROOT / "botswain" / "host").glob("*.py"), reverse=True):
        shutil.copyfile(path, copy / path.name)
        (copy / path.name).chmod(0o700)
    assert packed(copy) == engine().data
    assert engine().digest == hashlib.sha256(engine().data).hexdigest()
    with (copy / "place.py").open("a") as file:
        file.write("\n")
    assert packed(copy) != engine().data


def test_it_holds_the_engine_alone_and_starts(tmp_path):
    """Nothing but botswain.host is in it; it starts by its first line, isolated, and its exit code counts."""
    path = tmp_path / "botswain-host.pyz"
    path.write_bytes(engine().data)
    with zipfile.ZipFile(path) as archive:
        names = {name for name in archive.namelist() if not name.startswith("botswain/host/")}
        assert names == {"__main__.py", "botswain/__init__.py"}
        assert all(name.endswith(".py") for name in archive.namelist())
    assert path.read_bytes().startswith(b"#!/usr/bin/env python3\n")
    argv = [sys.executable, "-I", "-S", str(path), str(tmp_path / "bot"), "status"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"botswain: {tmp_path}/bot: no bot was ever deployed here\n"
