"""Second places: copies are read back there, missing ones are made up for, and a place that is away is told."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from backups import Backups

from botswain.backup import places
from botswain.backup.catalogue import Catalogue
from botswain.backup.errors import BackupError
from botswain.backup.folder import Folder

pytestmark = pytest.mark.slow


@pytest.fixture
def second(tmp_path, backups):
    """A second place, in use."""
    folder = tmp_path / "second"
    folder.mkdir()
    backups.configure(copy_to=[str(folder)])
    return folder


def _copy(backups: Backups, identity: str):
    entry = json.loads((backups.folder / identity / "entry.json").read_bytes())
    return entry["copies"]


def test_a_copy_is_whole_and_noted(backups: Backups, second):
    """The same files, hashed in the second place; the runner works there as it does here."""
    identity = backups.run()
    here, there = backups.folder / identity, second / "stage" / identity
    for path in here.iterdir():
        if path.name != "entry.json":
            assert (there / path.name).read_bytes() == path.read_bytes()
    (copy,) = _copy(backups, identity)
    assert (copy["place"], copy["problem"]) == (str(second), None)
    assert copy["verified_at"]
    backups.configure(folder=str(second / "stage"), copy_to=[])
    assert backups.do("verify").code == 0
    assert backups.states() == {identity: "good"}


def test_a_place_that_is_not_there(backups: Backups, tmp_path):
    """The backup is good and the outcome partial; later runs make up for what is missing."""
    away = tmp_path / "away"
    backups.configure(copy_to=[str(away)])
    done = backups.do("run", "--json")
    assert (done.code, done.document["outcome"]) == (1, "partial")
    assert done.document["problems"] == [f"copy to {away}: there is no such folder; make it, or mount its disk"]
    first = done.document["backup"]["id"]
    assert done.document["backup"]["state"] == "good"
    assert backups.last_run()["outcome"] == "partial"
    away.mkdir()
    newest = backups.run()
    assert {path.name for path in (away / "stage").iterdir()} == {first, newest}


def test_a_disk_that_is_not_mounted(backups: Backups, second):
    """Its empty folder takes no copy: the mark of the place is not in it."""
    backups.run()
    shutil.move(second, second.with_name("unmounted"))
    second.mkdir()
    done = backups.do("run", "--json")
    assert done.code == 1
    assert "is not the folder that has the earlier copies; is its disk mounted?" in done.document["problems"][0]
    assert list(second.iterdir()) == []
    second.rmdir()
    shutil.move(second.with_name("unmounted"), second)
    assert backups.do("run").code == 0


def test_a_damaged_copy_is_found_and_made_anew(backups: Backups, second):
    """Copies are hashed too; the next run replaces one that is not as it was."""
    identity = backups.run()
    copy = next((second / "stage" / identity).glob("database.dump*"))
    whole = copy.read_bytes()
    copy.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    done = backups.do("verify", "--json")
    assert done.code == 1
    assert f"{identity}: copy in {second}: {copy.name} of {identity} is not what was copied" in str(done.document)
    assert backups.states() == {identity: "good"}
    assert backups.do("verify", "--here").code == 0
    backups.run()
    assert copy.read_bytes() == whole
    assert backups.do("verify").code == 0


def test_a_copy_that_does_not_arrive_as_it_was(backups: Backups, second, tmp_path, monkeypatch):
    """It is hashed there before it is renamed: a disk that writes something else keeps no copy."""
    identity = backups.run()
    shutil.rmtree(second / "stage")
    real = places._copied

    def copied(source, target):
        real(source, target)
        if target.name.startswith("database"):
            data = target.read_bytes()
            target.write_bytes(data[:100] + b"?" + data[101:])

    monkeypatch.setattr(places, "_copied", copied)
    catalogue = Catalogue(Folder(backups.folder))
    with pytest.raises(BackupError, match=r"is not what was copied \(SHA-256\)"):
        places.Mounted(str(second), "stage").put(catalogue.read(identity), backups.folder / identity, known=True)
    assert list((second / "stage").iterdir()) == []


def test_a_full_second_place(backups: Backups, tmp_path):
    """Nothing half-copied stays there."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12k", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("this root may not mount a disk")
    try:
        backups.configure(copy_to=[str(disk)])
        done = backups.do("run", "--json")
        assert done.code == 1
        assert "cannot write a copy: the disk is full" in done.document["problems"][0]
        assert list((disk / "stage").iterdir()) == []
        assert done.document["backup"]["state"] == "good"
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_copies_go_with_their_backup_but_never_the_last(backups: Backups, second):
    """Retention reaches the second place; where the newest was not copied to, the older copy and its backup stay."""
    backups.configure(keep={"last": 1, "daily": 0, "weekly": 0, "monthly": 0})
    first = backups.run()
    newest = backups.run()
    assert {path.name for path in (second / "stage").iterdir()} == {newest}
    assert first not in backups.states()
    stage = second / "stage"
    shutil.move(second / ".botswain-backups", second / "mark")
    done = backups.do("run", "--json")
    assert done.code == 1
    assert f"{newest} could not be removed: its copy in {second} is the newest good one there" in done.document["notes"]
    shutil.move(second / "mark", second / ".botswain-backups")
    last = backups.run()
    assert {path.name for path in stage.iterdir()} == {last}
    assert backups.states() == {last: "good"}


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    """An SSH server of this machine with keys of its own."""
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or shutil.which("ssh") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("ssh and sshd are missing; install openssh-server")
        pytest.skip("ssh and sshd are missing")
    folder = tmp_path_factory.mktemp("ssh")
    for name in ("host", "user", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    (folder / "authorized_keys").write_text((folder / "user.pub").read_text())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "known").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    settings = {"Port": port, "ListenAddress": "127.0.0.1", "HostKey": folder / "host", "StrictModes": "no",
                "AuthorizedKeysFile": folder / "authorized_keys", "PidFile": "none", "UsePAM": "no"}  # fmt: skip
    options = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
    log = (folder / "log").open("wb")
    process = subprocess.Popen([program, "-D", "-e", "-f", "/dev/null", *options], stderr=log)
    end = time.monotonic() + 10
    while not _listens(port):
        assert time.monotonic() < end, (folder / "log").read_text()
        time.sleep(0.05)
    yield folder, port
    process.terminate()
    process.wait()
    log.close()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def remote(sshd, tmp_path, backups):
    """A second place over SSH, in use: the folder, as it is seen there."""
    keys, port = sshd
    folder = tmp_path / "re mote"
    folder.mkdir()
    place = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{str(folder).replace(' ', '%20')}"
    backups.configure(copy_to=[place], ssh={"identity": str(keys / "user"), "known_hosts": str(keys / "known")})
    return folder


def test_a_copy_over_ssh(backups: Backups, remote):
    """The same guarantees as in a folder: hashed there, renamed, removed with its backup."""
    backups.configure(keep={"last": 1, "daily": 0, "weekly": 0, "monthly": 0})
    first = backups.run()
    assert {path.name for path in (remote / "stage" / first).iterdir()} == {
        path.name for path in (backups.folder / first).iterdir()
    }
    assert (remote / "stage" / first).stat().st_mode & 0o777 == 0o700
    newest = backups.run()
    assert {path.name for path in (remote / "stage").iterdir()} == {newest}
    assert backups.do("verify").code == 0
    copy = next((remote / "stage" / newest).glob("database.dump*"))
    copy.write_bytes(copy.read_bytes()[:-1])
    done = backups.do("verify", "--json")
    assert done.code == 1
    assert "is not what was copied (SHA-256)" in done.document["problems"][0]
    copy.unlink()
    assert f"{copy.name} of {newest} is not there" in str(backups.do("verify", "--json").document["problems"])
    third = backups.run()
    assert {path.name for path in (remote / "stage").iterdir()} == {third}


CUT = """#!/bin/sh
# The connection breaks while a dump is on its way.
case $* in *'cat >'*database*) head -c 500 | {ssh} "$@"; echo 'Connection closed by remote host' >&2; exit 255 ;; esac
exec {ssh} "$@"
"""


def test_a_copy_over_ssh_that_is_cut_off(backups: Backups, remote, tmp_path):
    """Told; the backups here and the earlier copy are good, nothing half-copied stays, the next run catches up."""
    first = backups.run()
    (tmp_path / "path").mkdir()
    (tmp_path / "path/ssh").write_text(CUT.format(ssh=shutil.which("ssh")))
    (tmp_path / "path/ssh").chmod(0o755)
    backups.environment["PATH"] = f"{tmp_path}/path:{os.environ['PATH']}"
    done = backups.do("run", "--json")
    second = done.document["backup"]["id"]
    assert (done.code, done.document["outcome"], done.document["backup"]["state"]) == (1, "partial", "good")
    (place,) = backups.settings["copy_to"]
    assert done.document["problems"] == [f"copy to {place}: Connection closed by remote host"]
    assert [path.name for path in (remote / "stage").iterdir()] == [first]
    assert f"{second}  good, latest" in backups.do("list").out
    assert "  0 of 1" in backups.do("list").out.splitlines()[2]
    backups.environment.clear()
    third = backups.run()
    assert {path.name for path in (remote / "stage").iterdir()} == {first, second, third}
    backups.whole(first, second, third)


def test_a_full_disk_over_ssh(backups: Backups, remote):
    """Told; what arrived of it is taken away, so that whoever else uses the disk has room."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12k", "tmpfs", str(remote)], check=False).returncode:
        pytest.skip("this root may not mount a disk")
    try:
        done = backups.do("run", "--json")
        assert (done.code, done.document["backup"]["state"]) == (1, "good")
        assert "No space left on device; free some space there" in done.document["problems"][0]
        assert list((remote / "stage").iterdir()) == []
    finally:
        subprocess.run(["umount", str(remote)], check=True)
    backups.run()
    assert len(list((remote / "stage").iterdir())) == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"known_hosts": "stranger"}, "Host key verification failed.; compare its key with the machine's own"),
        ({"identity": "stranger"}, "Permission denied (publickey"),
    ],
)
def test_ssh_that_does_not_let_us_in(backups: Backups, remote, sshd, change, told):
    """An unknown host key is never accepted, and nothing ever asks for a password."""
    keys, port = sshd
    (keys / "strange hosts").write_text(f"[127.0.0.1]:{port} {(keys / 'stranger.pub').read_text()}")
    ssh = backups.settings["ssh"]
    if "known_hosts" in change:
        backups.configure(ssh={**ssh, "known_hosts": str(keys / "strange hosts")})
    else:
        backups.configure(ssh={**ssh, "identity": str(keys / "stranger")})
    done = backups.do("run", "--json")
    assert (done.code, done.document["backup"]["state"]) == (1, "good")
    assert told in done.document["problems"][0]
    assert list(remote.iterdir()) == []


def test_a_machine_that_is_off(backups: Backups, remote):
    """Told, and the backup is good."""
    backups.configure(copy_to=["ssh://127.0.0.1:1/srv"])
    done = backups.do("run", "--json")
    assert (done.code, done.document["backup"]["state"]) == (1, "good")
    assert "Connection refused" in done.document["problems"][0]


def test_a_remote_disk_that_is_not_mounted(backups: Backups, remote):
    """The mark is missed there, too."""
    backups.run()
    (remote / ".botswain-backups").unlink()
    done = backups.do("run", "--json")
    assert done.code == 1
    assert "is its disk mounted?" in done.document["problems"][0]
    remote.rename(remote.with_name("gone"))
    assert "is its disk mounted?" in backups.do("run", "--json").document["problems"][0]
