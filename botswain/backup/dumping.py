"""Writes a dump while hashing it, and proves what is stored by reading all of it back."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from botswain.backup.catalogue import Entry, Stored
from botswain.backup.errors import BackupError, Damaged, ProgramFailed, explained
from botswain.backup.programs import Pipeline, Runner, chunks
from botswain.backup.tools import Packing, Tools, unpacking

_LOCK_WAIT_MS = 60_000
_ALWAYS = ("--format=custom", "--no-password", f"--lock-wait-timeout={_LOCK_WAIT_MS}")


def dump(runner: Runner, tools: Tools, packing: Packing, snapshot: str, folder: Path) -> tuple[Stored, list[str]]:
    """Dump what a snapshot sees into a folder; returns the file and what pg_dump warned of.

    Raises BackupError when any part of it fails.
    """
    argv = (tools.path("pg_dump"), *_ALWAYS, *packing.options, f"--snapshot={snapshot}")
    commands = [argv, *([packing.pipe] if packing.pipe else [])]
    with Pipeline(runner, *commands) as pipeline:
        stored = _kept(pipeline, folder / f"database.dump{packing.suffix}", "database", packing.filters)
        return stored, pipeline.warnings()


def dump_globals(runner: Runner, tools: Tools, database: str, folder: Path) -> Stored:
    """Store roles and tablespaces, which no dump of one database holds. Raises BackupError where that is forbidden."""
    options = ("--globals-only", "--no-role-passwords", "--no-password", f"--database={database}")
    path = folder / "globals.sql"
    try:
        with Pipeline(runner, (tools.path("pg_dumpall"), *options)) as pipeline:
            return _kept(pipeline, path, "globals", ())
    except BackupError:
        path.unlink(missing_ok=True)
        raise


def _kept(pipeline: Pipeline, path: Path, role: str, filters: tuple[str, ...]) -> Stored:
    """What a pipeline writes, in a file that is on the disk; its programs all succeeded."""
    digest, size = hashlib.sha256(), 0
    with explained(path, "write it"):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor
            for data in chunks(pipeline.output):
                digest.update(data)
                size += len(data)
                _write_all(file, data)
            os.fsync(file.fileno())
    pipeline.finish()
    return Stored(path.name, role, size, digest.hexdigest(), filters, str(path.stat().st_mtime_ns))


def _write_all(file: IO[bytes], data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def prove(runner: Runner, tools: Tools, entry: Entry, folder: Path) -> Entry:
    """Read every byte of a backup from its disk: hash it, unpack it, and have pg_restore go through all of it.

    Returns the entry with the files as they are now. Raises Damaged for the first thing that is not as it was stored,
    BackupError when that could not be found out.
    """
    restore = (tools.path("pg_restore"), "--file=/dev/null")
    files = []
    for one in entry.files:
        commands = [*unpacking(one.filters), restore] if one.role == "database" else []
        with _opened(folder / one.name) as file:
            _forget(file)
            modified = os.fstat(file.fileno()).st_mtime_ns
            _read(runner, one, file, commands)
        files.append(replace(one, modified=str(modified)))
    return replace(entry, files=tuple(files))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with explained(path, "read it"), path.open("rb", buffering=0) as file:
            yield file
    except BackupError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in (errno.ENOENT, errno.EIO):
            raise Damaged(f"{path.name}: {cause.strerror}") from None
        raise


def _read(runner: Runner, stored: Stored, file: IO[bytes], commands: Sequence[Sequence[str]]) -> None:
    digest, size, listening = hashlib.sha256(), 0, bool(commands)
    with contextlib.ExitStack() as stack:
        pipeline = stack.enter_context(Pipeline(runner, *commands, feed=True, sink=True)) if commands else None
        for data in chunks(file):
            digest.update(data)
            size += len(data)
            listening = listening and pipeline is not None and pipeline.write(data)
        if size != stored.bytes:
            raise Damaged(f"{stored.name} has {size:,} bytes; {stored.bytes:,} were stored")
        if digest.hexdigest() != stored.sha256:
            raise Damaged(f"the bytes of {stored.name} are not those that were stored (SHA-256)")
        if pipeline is not None:
            _finished(pipeline, stored)


def _finished(pipeline: Pipeline, stored: Stored) -> None:
    try:
        pipeline.finish()
    except ProgramFailed as error:
        if error.exit_code < 0:
            raise
        raise Damaged(f"{stored.name} cannot be read: {error}", log=error.log) from None


def _forget(file: IO[bytes]) -> None:
    """Have the system read the disk, not its memory of what was written."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def schema_digest(runner: Runner, tools: Tools, entry: Entry, folder: Path) -> str:
    """A hash of the definitions in a dump: the same for dumps of the same schema, whatever rows they hold."""
    digest = hashlib.sha256()
    argv = (tools.path("pg_restore"), "--schema-only", "--file=-")
    commands = [*unpacking(entry.dump.filters), argv]
    path = folder / entry.dump.name
    with explained(path, "read it"), path.open("rb") as file, Pipeline(runner, *commands, source=file) as pipeline:
        for line in pipeline.output:
            # Comments name versions, settings differ between them, and \restrict is followed by a random word.
            if line.strip() and not line.startswith((b"--", b"SET ", b"SELECT pg_catalog.set_config", b"\\")):
                digest.update(line)
        pipeline.finish(whole=False)
    return digest.hexdigest()
