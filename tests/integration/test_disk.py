"""The records cannot be written: before Discord is touched, in the middle, and past the point of no return."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import tempfile
from pathlib import Path

import deployments
import pytest
from deployments import GUILDS, told

from botswain.deployment import transaction
from botswain.errors import BotswainError, ExitCode, Refused
from botswain.state import atomic, folder
from botswain.state.journal import left_behind

ONE, TWO, THREE = GUILDS
OLD = {"ping": "Is it awake?", "ban": "Bans a member", "help": "Shows help"}
NEW = {**OLD, "ping": "Edited"}
NOBODY = 65534

pytestmark = pytest.mark.slow


@pytest.fixture
def deployed(project, monkeypatch):
    """OLD is deployed, and NEW is wanted; scopes are written one after another."""
    assert project.deploy().code is ExitCode.DONE
    project.commands(**NEW)
    project.requests.clear()
    workers = transaction.workers
    monkeypatch.setattr(transaction, "workers", lambda _: workers(1))
    return project


@pytest.fixture
def ordinary(monkeypatch):
    """A project of a user whom permissions bind: this one, or nobody in root's place."""
    place = Path(tempfile.mkdtemp(prefix="botswain-test-"))
    place.chmod(0o755)
    try:
        with deployments.project(place, monkeypatch) as made, contextlib.ExitStack() as stack:
            assert made.deploy().code is ExitCode.DONE
            made.commands(**NEW)
            if os.geteuid() == 0:
                for path in [place, *place.rglob("*")]:
                    os.chown(path, NOBODY, NOBODY)
                os.seteuid(NOBODY)
                stack.callback(os.seteuid, 0)
            yield made
    finally:
        shutil.rmtree(place)


@contextlib.contextmanager
def read_only(*folders):
    """Folders that nobody but root may write to."""
    for one in folders:
        one.chmod(0o555)
    try:
        yield
    finally:
        for one in folders:
            one.chmod(0o755)


def test_read_only_records_refuse_before_anything_is_written(ordinary):
    """What could not be recorded is not deployed: one line with the folder and what to do, and Discord untouched."""
    records = ordinary.folder / "manifests/dev"
    with read_only(records, records.parent), pytest.raises(Refused) as failure:
        ordinary.deploy()
    text = "manifests: cannot record anything in it: permission denied; let this user write to manifests"
    assert str(failure.value) == text
    assert ordinary.everywhere() == OLD
    ordinary.check()
    assert ordinary.deploy().code is ExitCode.DONE
    ordinary.check()


def test_lock_that_cannot_be_made_is_a_failure_before_anything_is_written(ordinary):
    """A folder that was read-only from the start is named, and Discord is not even asked."""
    shutil.rmtree(ordinary.folder / "manifests/dev")
    (ordinary.folder / "manifests/dev.json").unlink()
    ordinary.requests.clear()
    with read_only(ordinary.folder / "manifests"), pytest.raises(BotswainError, match="permission denied") as failure:
        ordinary.deploy()
    assert failure.value.code is ExitCode.FAILED
    assert ordinary.requests == []


def test_reading_works_where_nothing_can_be_written(ordinary):
    """`diff` in a read-only checkout is fine."""
    with read_only(ordinary.folder / "manifests/dev", ordinary.folder / "manifests"):
        assert ordinary.diff().plan.changed


def test_full_disk_is_found_before_anything_is_written(deployed, monkeypatch):
    """A disk without room for the records refuses the deployment, with what to do."""
    monkeypatch.setattr(folder, "_RESERVE", 1 << 60)
    with pytest.raises(Refused, match="the disk is full; free some space, then run the same command again"):
        deployed.deploy()
    assert deployed.puts() == []
    deployed.check()


def test_size_limit_of_the_process_is_found_before_anything_is_written(deployed):
    """The kernel's own refusal counts too, whatever the free space says."""
    with file_size(600_000), pytest.raises(Refused, match="the file would pass the size limit of this process"):
        deployed.deploy()
    assert deployed.puts() == []
    deployed.check()


@contextlib.contextmanager
def file_size(limit):
    """A kernel that lets this process write files of so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def disk(monkeypatch):
    """A disk that can be filled up at any moment, and freed again."""
    return Disk(monkeypatch)


class Disk:
    """Lets the store write, or a few bytes only."""

    def __init__(self, monkeypatch):
        self.room = None
        write_all = atomic.write_all

        def write(descriptor, data):
            if self.room is not None and len(data) > self.room:
                os.write(descriptor, data[: self.room])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            write_all(descriptor, data)

        monkeypatch.setattr(atomic, "write_all", write)

    def fill(self):
        """From now on there is room for seven bytes at a time."""
        self.room = 7


@pytest.mark.parametrize("point", ["_add", "make_folder", "replace_files"])
def test_disk_that_fills_up_before_the_first_write_leaves_no_trace(deployed, disk, monkeypatch, point):
    """When the records cannot be begun, nothing is deployed, and what was begun of them is gone again."""
    before = deployed.store().names()
    calls = {"_add": 0, "make_folder": 0, "replace_files": 1}[point]
    place = folder if point == "_add" else atomic
    real = getattr(place, point)

    def call(*arguments):
        nonlocal calls
        calls -= 1
        if calls < 0 and left_behind(deployed.store()):
            disk.fill()
        return real(*arguments)

    monkeypatch.setattr(place, point, call)
    with contextlib.suppress(BotswainError):
        result = deployed.deploy()
        assert result.code is ExitCode.FAILED
    assert deployed.puts() == []
    disk.room = None
    monkeypatch.setattr(place, point, real)
    assert deployed.everywhere() == OLD
    assert {name for name in deployed.store().names() if name.startswith("snap")} >= {
        name for name in before if name.startswith("snap")
    }
    assert deployed.deploy().code is ExitCode.DONE
    assert deployed.everywhere() == NEW
    deployed.check()


def test_disk_that_fills_up_between_two_scopes_undoes_the_first(deployed, disk):
    """A scope whose beginning cannot be journaled is not written; the way back needs no room on the disk."""
    deployed.when("PUT", ONE, disk.fill)

    result = deployed.deploy()

    assert (result.code, result.deployment.outcome) == (ExitCode.ROLLED_BACK, "rolled back")
    assert "why: manifests/dev/journal.jsonl: cannot add to it: the disk is full" in told(result)
    assert "not recorded: " in told(result)
    assert deployed.puts() == [ONE, ONE]
    assert deployed.everywhere() == OLD
    assert deployed.store().holder() is None

    disk.room = None
    again = deployed.deploy()
    assert (again.code, again.settled.outcome) == (ExitCode.DONE, "failed")
    assert deployed.everywhere() == NEW
    deployed.check()
    deployed.rollback()
    assert deployed.everywhere() == OLD


def test_disk_that_fills_up_after_the_writes_reverts_nothing(deployed, disk):
    """Past the point of no return Discord stays as written: exit 1, and the next run completes the records."""
    deployed.when("GET", THREE, disk.fill, skip=1)

    result = deployed.deploy()

    assert (result.code, result.deployment.outcome) == (ExitCode.FAILED, "done")
    assert "the records are incomplete; the next deploy or rollback completes them" in told(result)
    assert "the disk is full; free some space" in told(result)
    assert deployed.everywhere() == NEW
    assert left_behind(deployed.store())

    disk.room = None
    again = deployed.deploy()
    assert (again.code, again.deployment, again.settled.outcome) == (ExitCode.DONE, None, "done")
    deployed.check()
    deployed.rollback()
    assert deployed.everywhere() == OLD
    deployed.check()


def test_disk_that_is_full_for_a_moment_is_tried_again(deployed, disk):
    """A store that fails once after the writes is no failure of the deployment."""
    deployed.when("GET", THREE, disk.fill, skip=1)
    real = deployed.session().records.__class__.save

    def free_at_last(records, *arguments, **options):
        try:
            return real(records, *arguments, **options)
        finally:
            disk.room = None if disk.room is not None else disk.room

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botswain.deployment.records.Records.save", free_at_last)
        result = deployed.deploy()
    assert result.code is ExitCode.DONE
    deployed.check()


def test_kernel_that_refuses_to_write_after_the_writes_reverts_nothing(deployed):
    """The same with a refusal by the kernel itself."""
    with contextlib.ExitStack() as stack:
        deployed.when("GET", THREE, lambda: stack.enter_context(file_size(1)) and None, skip=1)
        result = deployed.deploy()
    assert (result.code, result.deployment.outcome) == (ExitCode.FAILED, "done")
    assert "the file would pass the size limit of this process; raise it (ulimit -f)" in told(result)
    assert deployed.everywhere() == NEW
    again = deployed.deploy()
    assert (again.code, again.settled.outcome) == (ExitCode.DONE, "done")
    deployed.check()
