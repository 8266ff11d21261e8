"""A run that cannot go through: it is said, nothing half-made is called a backup, and no good one is lost."""

from __future__ import annotations

import os
import resource
import subprocess
import threading

import pytest
from backups import Backups, copied_programs, until

pytestmark = pytest.mark.slow


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
    until(lambda: list(backups.folder.glob(".partial-*/database.dump*")))
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
        until(lambda: list(backups.folder.glob(".partial-*/database.dump*")) or stop.is_set())
        try:
            while not stop.is_set():
                more.write(b"x" * 500_000)
                more.flush()
        except OSError:
            until(stop.is_set)

    thread = threading.Thread(target=fill)
    thread.start()
    try:
        return backups.do("run")
    finally:
        stop.set()
        thread.join()


def test_removal_that_fails_fails_no_backup(backups: Backups, before):
    """It is told; the backup is good."""
    backups.configure(keep={"last": 1, "daily": 0, "weekly": 0, "monthly": 0})
    (backups.folder / f".gone-{before}").write_text("in the way")
    done = backups.do("run", "--json")
    assert done.code == 0, done
    assert done.document["backup"]["state"] == "good"
    assert done.document["removed"] == []
    assert done.document["notes"] == [f"{before} could not be removed: Not a directory"]
