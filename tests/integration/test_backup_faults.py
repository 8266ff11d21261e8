"""Whatever goes wrong: it is said, nothing half-made is called a backup, and no good one is lost."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from backups import Backups, copied_programs
from desk import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture
def before(backups):
    """The id of a good backup that was there before."""
    return backups.run()


def test_server_down(backups: Backups, before, cluster):
    """No empty file passes for a backup; the one line asks the right question, and list says that the run failed."""
    cluster.stop()
    try:
        done = backups.do("run")
    finally:
        cluster.start()
    assert done.code == 1
    assert "failed: No such file or directory; is the server running on this machine" in done.line.replace("\n", " ")
    assert backups.last_run()["outcome"] == "failed"
    assert "the last run" in backups.do("list").out
    backups.whole(before)


def test_server_down_for_the_first_time(backups: Backups, cluster):
    """The very first run leaves nothing either, and list does not invent a backup."""
    backups.configure(host="127.0.0.1", port=1)
    done = backups.do("run", "--json")
    assert (done.code, done.document["outcome"], backups.names()) == (1, "failed", set())
    assert "Connection refused; is the server running, and is this its address?" in done.document["error"]
    assert backups.states() == {}


def test_server_that_stops_half_way(backups: Backups, before, cluster):
    """What was written until then is taken away."""
    cluster.sql(
        "INSERT INTO harbour.ships SELECT i, repeat('x', 900), 1 FROM generate_series(1000, 60000) i", "harbour"
    )
    process = subprocess.Popen(
        backups.argv("run"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **backups.where()
    )
    _until(lambda: list(backups.folder.glob(".partial-*/database.dump*")))
    cluster.stop()
    try:
        said = process.communicate(timeout=60)[1]
    finally:
        cluster.start()
    assert process.returncode == 1, said
    assert said.startswith("botswain: ")
    assert cluster.sql("DELETE FROM harbour.ships WHERE id >= 1000", "harbour") == []
    backups.whole(before)


def test_a_dump_that_is_cut_off(backups: Backups, before, cluster):
    """pg_dump's connection alone is lost: its exit code counts, wherever it stands in the pipe."""
    cluster.sql(
        "INSERT INTO harbour.ships SELECT i, repeat('y', 900), 1 FROM generate_series(1000, 90000) i", "harbour"
    )
    stop = threading.Event()

    def cut():
        while not stop.is_set():
            cluster.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE query LIKE 'COPY harbour.ships%' AND datname = 'harbour'"
            )

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        done = backups.do("run")
    finally:
        stop.set()
        thread.join()
    assert done.code == 1
    assert done.line.startswith("pg_dump failed with exit code 1")
    backups.whole(before)


def test_a_dump_that_pg_restore_cannot_read(backups: Backups, before, cluster, tmp_path):
    """Exit code 0 and a hash that fits are no proof: what a pg_dump wrote that lost half of it is read, and refused."""
    programs = copied_programs(cluster.programs, tmp_path / "programs")
    real = cluster.programs / "pg_dump"
    half = f'[ "$1" = --version ] && exec {real} "$@"\n{real} "$@" | head -c 3000\nexit 0\n'
    (programs / "pg_dump").unlink()
    (programs / "pg_dump").write_text(f"#!/bin/sh\n{half}")
    (programs / "pg_dump").chmod(0o755)
    backups.configure(bin=str(programs))
    done = backups.do("run")
    assert done.code == 1
    assert "cannot be read: pg_restore failed with exit code 1" in done.line
    backups.configure(bin=str(cluster.programs))
    backups.whole(before)


def test_pg_dump_older_than_the_server(tmp_path, programs, newer_cluster):
    """Refused before anything is written, with what to install."""
    older = Backups(tmp_path, newer_cluster, newer_cluster.database("harbour"))
    before = older.run()
    older.configure(bin=str(next(iter(programs.values()))))
    done = older.do("run")
    assert (done.code, older.states()) == (3, {before: "good"})
    oldest = min(programs)
    assert f"pg_dump {oldest}." in done.line
    assert "is older than the server (18." in done.line
    assert "install postgresql-client-18" in done.line
    assert older.last_run()["outcome"] == "refused"
    older.configure(bin=str(newer_cluster.programs))
    older.whole(before)


def test_disk_full_by_a_limit(backups: Backups, before, cluster):
    """A file that may not grow any more: told, and nothing of it stays."""
    cluster.sql("INSERT INTO harbour.ships SELECT i, md5(i::text) || md5((i*3)::text), 1"
                " FROM generate_series(1000, 60000) i", "harbour")  # fmt: skip
    done = backups.do("run", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)))
    assert done.code == 1
    assert "cannot write it: the file would pass the size limit of this process" in done.line
    backups.whole(before)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_disk_full(tmp_path, cluster):
    """A real disk that is full in the middle: told, the older backup is whole, and once there is room all is well."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("this root may not mount a disk")
    try:
        backups = Backups(disk, cluster, cluster.database("harbour"))
        before = backups.run()
        cluster.sql("INSERT INTO harbour.ships SELECT i, md5(i::text) || md5((i*3)::text), 1"
                    " FROM generate_series(1000, 90000) i", "harbour")  # fmt: skip
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * 30_000_000)
        with (disk / "more").open("wb") as more:
            done = _filled(backups, more)
        assert done.code == 1
        assert "cannot write it: the disk is full; free some space" in done.line
        assert "the disk is full" in backups.last_run()["told"]
        (disk / "more").unlink()
        backups.whole(before)
        ballast.write_bytes(b"x" * 50_000_000)
        done = backups.do("run")
        assert done.code == 3
        assert "are free, and a dump may need 32.0 MB; free some space" in done.line
        ballast.unlink()
        backups.whole(before, backups.run())
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def _filled(backups: Backups, more) -> object:
    """A run during which somebody else fills the disk."""
    stop = threading.Event()

    def fill():
        _until(lambda: list(backups.folder.glob(".partial-*/database.dump*")) or stop.is_set())
        try:
            while not stop.is_set():
                more.write(b"x" * 500_000)
                more.flush()
        except OSError:
            _until(stop.is_set)

    thread = threading.Thread(target=fill)
    thread.start()
    try:
        return backups.do("run")
    finally:
        stop.set()
        thread.join()


def test_two_at_once(backups: Backups, before, cluster):
    """One wins, the other says who is at it and since when; waiting for it is possible."""
    with _locked_table(cluster):
        first = subprocess.Popen(
            backups.argv("run", "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **backups.where()
        )
        _until(lambda: list(backups.folder.glob(".partial-*")))
        second = backups.do("run")
        assert second.code == 3
        assert f"is in use: a backup by process {first.pid} since 20" in second.line
        assert backups.do("list", "--json").document["lastRun"]["outcome"] == "running"
        waiting = subprocess.Popen(
            backups.argv("run", "--json", "--wait", "60"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            **backups.where(),
        )  # fmt: skip
    made = [json.loads(one.communicate(timeout=60)[0])["backup"]["id"] for one in (first, waiting)]
    assert [first.returncode, waiting.returncode] == [0, 0]
    backups.whole(before, *made)


class _locked_table:  # noqa: N801 - reads like one
    """Somebody changes a table for a while, so that a dump has to wait."""

    def __init__(self, cluster) -> None:
        self._cluster = cluster

    def __enter__(self):
        argv = [str(self._cluster.programs / "psql"), "-Xq", "-h", str(self._cluster.folder),
                "-p", str(self._cluster.port), "-U", "postgres", "-d", "harbour"]  # fmt: skip
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._process.stdin.write("BEGIN; LOCK TABLE harbour.ships; \\echo locked\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "locked\n"

    def __exit__(self, *_):
        self._process.communicate("ROLLBACK;\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stopped_by_hand(backups: Backups, before, cluster, number):
    """Ctrl-C and SIGTERM leave nothing, also no pg_dump that goes on."""
    with _locked_table(cluster):
        # A shell that starts tests with & has them ignore SIGINT.
        heeding = {**backups.where(), "preexec_fn": lambda: signal.signal(number, signal.SIG_DFL)}
        process = subprocess.Popen(
            backups.argv("run"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **heeding
        )
        _until(lambda: list(backups.folder.glob(".partial-*/database.dump*")))
        process.send_signal(number)
        said = process.communicate(timeout=20)[1]
        assert (process.returncode, said) == (1, "botswain: stopped; nothing half-made was kept\n")
        assert not _clients(cluster)
    backups.whole(before)


@pytest.mark.parametrize("begin", [1, 2, 3])
def test_killed_anywhere(backups: Backups, cluster, tmp_path, begin):
    """SIGKILL at every point: the old backup is whole, what is listed as good is, and the next run is as any other."""
    second = tmp_path / "second"
    second.mkdir()
    keep = {"last": 1, "daily": 0, "weekly": 0, "monthly": 0}
    backups.configure(copy_to=[str(second)], keep=keep)
    old = backups.run()
    points, number = [], begin
    while True:
        assert number < 200
        argv = [sys.executable, str(ROOT / "tests/killing_backup.py"), str(number), *backups.argv("run")[3:]]
        where = backups.where()
        where["env"] = {**where["env"], "PYTHONPATH": str(ROOT)}
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, **where)
        listed = backups.do("list", "--json").document
        states = {one["id"]: one["state"] for one in listed["backups"]}
        assert set(states.values()) == {"good"}, (done.stdout, states)
        assert max(states) >= old
        checked = backups.do("verify", "--json")
        assert (checked.code, checked.document["problems"]) == (0, []), (done.stdout, checked)
        if done.returncode != -signal.SIGKILL:
            break
        points.append(done.stdout)
        assert listed["lastRun"]["outcome"] in ("cut off", "done"), done
        old = max(states)
        number += 3
    assert done.returncode == 0, done
    assert len(points) > 15
    final = backups.run()
    backups.whole(final)
    copies = {path.name for path in (second / "stage").iterdir()}
    assert copies >= {final}
    assert not any(name.startswith(".") for name in copies), copies


def test_a_run_that_was_killed_is_told(backups: Backups, before, cluster):
    """Listed as such, and the next run says what it removed."""
    with _locked_table(cluster):
        process = subprocess.Popen(backups.argv("run"), **backups.where())
        _until(lambda: list(backups.folder.glob(".partial-*/database.dump*")))
        process.kill()
        process.wait()
    left = next(backups.folder.glob(".partial-*")).name.removeprefix(".partial-")
    assert "cut off: it was killed, or the machine went down" in backups.do("list").out
    assert backups.states() == {before: "good"}
    done = backups.do("run", "--json")
    assert done.document["notes"] == [f"an earlier run was cut off; what it left ({left}) was removed"]


def _flip(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 4]))


def _unseen(path: Path, change) -> None:
    """Change a file as a failing disk does: its time stays."""
    times = path.stat()
    change(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


DAMAGE = {
    "a bit": lambda path: _flip(path, path.stat().st_size // 2),
    "the first byte": lambda path: _flip(path, 0),
    "the last byte": lambda path: _flip(path, path.stat().st_size - 1),
    "cut by one": lambda path: os.truncate(path, path.stat().st_size - 1),
    "cut to half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "emptied": lambda path: os.truncate(path, 0),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("packed", ["zstd", "plain"])
@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_dump(backups: Backups, kind, packed, tmp_path):
    """Found, said, never listed as good again, not restored, not counted; and nothing good is removed for it."""
    keep = {"last": 1, "daily": 0, "weekly": 0, "monthly": 0}
    if packed == "plain":
        (tmp_path / "path").mkdir()
        backups.environment["PATH"] = str(tmp_path / "path")
    older, newest = backups.run(), backups.run()
    path = backups.dump(newest)
    if kind == "gone":
        DAMAGE[kind](path)
    else:
        _unseen(path, DAMAGE[kind])
    if "byte" not in kind and kind != "a bit":  # what shows without reading
        assert backups.states() == {older: "good", newest: "damaged"}
    done = backups.do("verify", "--json")
    assert done.code == 1
    assert [one.split(":")[0] for one in done.document["problems"]] == [newest]
    assert backups.states() == {older: "good", newest: "damaged"}
    refused = backups.do("restore", newest, "--into", "postgresql:///nowhere")
    assert refused.code == 3
    assert f"{newest} is damaged: " in refused.line
    backups.configure(keep=keep)
    assert backups.do("prune").code == 0
    assert set(backups.states()) == {older, newest}
    again = backups.do("verify", newest)
    assert (again.code, again.out.splitlines()[-1]) == (1, "0 of 1 good, 1 damaged")


def test_what_was_touched_is_not_good_until_it_is_verified(backups: Backups, before):
    """Listing hashes nothing, yet a file with another time is not called good."""
    os.utime(backups.dump(before))
    assert backups.states() == {before: "changed"}
    assert backups.do("verify").code == 0
    assert backups.states() == {before: "good"}


def test_a_dump_that_was_mended_is_good_again(backups: Backups, before):
    """The file of a copy brought back, and verified."""
    path = backups.dump(before)
    whole = path.read_bytes()
    _flip(path, 50)
    assert backups.do("verify").code == 1
    path.write_bytes(whole)
    assert backups.states() == {before: "damaged"}
    assert backups.do("verify").code == 0
    backups.whole(before)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text.replace('"rows": {', '"rows": {"harbour.extra": 1, '), "was changed after it was written"),
        (lambda text: text.replace("harbour.ships", "harbour.shops"), "was changed after it was written"),
        (lambda text: text[: len(text) // 2], "cannot be read: it is no JSON document"),
        (lambda _text: "", "cannot be read: it is no JSON document"),
        (lambda _text: "[]", "was changed after it was written"),
        (lambda _text: None, "has no catalogue entry"),
    ],
)
def test_a_changed_entry(backups: Backups, before, change, why):
    """An entry that somebody changed, cut or removed vouches for nothing."""
    newest = backups.run()
    path = backups.folder / newest / "entry.json"
    text = change(path.read_text())
    path.unlink() if text is None else path.write_text(text)
    assert backups.states() == {before: "good", newest: "damaged"}
    done = backups.do("verify", "--json")
    assert done.code == 1
    assert why in done.document["problems"][0]
    assert backups.states() == {before: "good", newest: "damaged"}


def test_an_entry_of_a_newer_version_is_left_alone(backups: Backups, before):
    """It is not called damaged, and never removed."""
    newest = backups.run()
    path = backups.folder / newest / "entry.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 2}))
    assert backups.states() == {before: "good", newest: "unknown"}
    backups.configure(keep={"last": 1, "daily": 0, "weekly": 0, "monthly": 0})
    backups.run()
    backups.run()
    assert newest in backups.states()


def test_a_changed_roles_file_is_found(backups: Backups, before):
    """The roles are part of the backup."""
    _unseen(backups.folder / before / "globals.sql", lambda path: _flip(path, 5))
    done = backups.do("verify", "--json")
    assert done.code == 1
    assert "the bytes of globals.sql are not those that were stored" in done.document["problems"][0]


def test_removal_that_fails_fails_no_backup(backups: Backups, before):
    """It is told; the backup is good."""
    backups.configure(keep={"last": 1, "daily": 0, "weekly": 0, "monthly": 0})
    (backups.folder / f".gone-{before}").write_text("in the way")
    done = backups.do("run", "--json")
    assert done.code == 0, done
    assert done.document["backup"]["state"] == "good"
    assert done.document["removed"] == []
    assert done.document["notes"] == [f"{before} could not be removed: Not a directory"]


def _clients(cluster) -> list[bytes]:
    """The command lines of clients that a runner started."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            variables = (path / "environ").read_bytes()
            command = (path / "cmdline").read_bytes()
        except OSError:
            continue
        if f"PGHOST={cluster.folder}".encode() in variables and b"PGAPPNAME=botswain-backup" in variables:
            found.append(command)
    return found


def _until(true, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)
