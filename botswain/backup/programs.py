"""Runs PostgreSQL's clients and what compresses: every exit code counts, and nothing outlives us unseen."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from botswain.backup.errors import BackupError, ProgramFailed

CHUNK = 1 << 20
"""Bytes that are read, hashed and passed on at a time."""
_SHOWN = 5
"""Lines of a program's errors that are told: from the one that says what is wrong."""
_READ = 65_536
"""Bytes of them that are looked at."""
_REASONS = ("error:", "FATAL:", "PANIC:", "ERROR:")
_GUARD = ("setpriv", "--pdeathsig", "KILL")
"""Has what follows die with its parent."""


@dataclass(frozen=True)
class Runner:
    """How clients are started: with these variables, and as that user."""

    variables: Mapping[str, str]
    user: str = ""

    def options(self) -> dict[str, Any]:
        """What Popen is to be told. Raises BackupError for a user that there is not."""
        common: dict[str, Any] = {"env": dict(self.variables), "cwd": "/"}
        if not self.user or os.geteuid() != 0:
            return common
        try:
            found = pwd.getpwnam(self.user)
        except KeyError:
            fix = "correct run_as in the configuration"
            raise BackupError(f"there is no user {self.user} on this machine", fix=fix) from None
        common["env"] |= {"HOME": found.pw_dir, "USER": found.pw_name, "LOGNAME": found.pw_name}
        groups = os.getgrouplist(found.pw_name, found.pw_gid)
        return {**common, "user": found.pw_uid, "group": found.pw_gid, "extra_groups": groups}


@dataclass
class _Stage:
    name: str
    process: subprocess.Popen[bytes]
    errors: IO[bytes] = field(repr=False)


class Pipeline:
    """Programs of which each reads what the one before writes.

    The first reads `source`, or with `feed` what is given to `write`, else nothing. What the last writes is in
    `output`; with `sink` nobody wants it. Leaving the pipeline ends whatever still runs.
    """

    def __init__(
        self, runner: Runner, *commands: Sequence[str], feed: bool = False, source: Any = None, sink: bool = False
    ) -> None:
        self._runner = runner
        self._commands = commands
        self._feed = feed
        self._source = source
        self._sink = sink
        self._stages: list[_Stage] = []

    def __enter__(self) -> Pipeline:  # noqa: PYI034 - Self came later
        before: Any = subprocess.PIPE if self._feed else self._source or subprocess.DEVNULL
        options = self._runner.options()
        try:
            for number, argv in enumerate(self._commands, 1):
                last = number == len(self._commands)
                out = subprocess.DEVNULL if last and self._sink else subprocess.PIPE
                errors = tempfile.TemporaryFile()  # a pipe could fill and block
                process = _started(argv, stdin=before, stdout=out, stderr=errors, **options)
                if self._stages:
                    before.close()  # else a reader that ended would go unnoticed by its writer
                self._stages.append(_Stage(_name(argv), process, errors))
                before = process.stdout
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def output(self) -> IO[bytes]:
        """What the last program writes."""
        out = self._stages[-1].process.stdout
        assert out is not None  # noqa: S101 - there is no sink
        return out

    def write(self, data: bytes) -> bool:
        """Pass something to the first program; False when it does not listen any more."""
        into = self._stages[0].process.stdin
        assert into is not None  # noqa: S101 - there is a feed
        try:
            into.write(data)
        except BrokenPipeError:
            return False
        return True

    def flush(self) -> None:
        """Have the first program get all that was written."""
        with contextlib.suppress(BrokenPipeError):
            self._stages[0].process.stdin.flush()  # type: ignore[union-attr]  # there is a feed

    def finish(self, *, whole: bool = True) -> None:
        """Wait for all of them; unless the `whole` was wanted, one may end before the one that it reads from.

        Raises BackupError for the first that failed, with what it said.
        """
        if self._feed:
            with contextlib.suppress(BrokenPipeError):
                self._stages[0].process.stdin.close()  # type: ignore[union-attr]  # there is a feed
        for one in self._stages:
            one.process.wait()
        # One that was cut off by its reader failed for the reader's reason.
        failed = [one for one in self._stages if one.process.returncode]
        guilty = [one for one in failed if one.process.returncode != -signal.SIGPIPE] or (failed if whole else [])
        if guilty:
            raise failure(guilty[0].name, guilty[0].process.returncode, said(guilty[0].errors))

    def close(self) -> None:
        """Want nothing more of it: what ends for that reason has not failed."""
        self.output.close()
        self.finish(whole=False)

    def warnings(self) -> list[str]:
        """What the first program said although it succeeded."""
        return [line for line in said(self._stages[0].errors).splitlines() if line.strip()][-_SHOWN:]

    def _end(self) -> None:
        for one in self._stages:
            if one.process.poll() is None:
                one.process.kill()
        for one in self._stages:
            one.process.wait()
            for stream in (one.process.stdin, one.process.stdout, one.errors):
                with contextlib.suppress(OSError):  # a full pipe that nobody reads any more
                    if stream is not None:
                        stream.close()


def mortal(runner: Runner, argv: Sequence[str]) -> list[str]:
    """A command that is ended with us, also when we are killed, where this system can do that (Linux)."""
    with contextlib.suppress(BackupError):
        printed(runner, *_GUARD, "true")
        return [*_GUARD, *argv]
    return list(argv)


def printed(runner: Runner, *argv: str) -> str:
    """What a program prints. Raises BackupError with what it said when it fails."""
    with Pipeline(runner, argv) as pipeline:
        text = pipeline.output.read().decode("utf-8", "replace")
        pipeline.finish()
    return text


def chunks(file: IO[bytes]) -> Iterator[bytes]:
    """A file in pieces, to its end."""
    while True:
        data = file.read(CHUNK)
        if not data:
            return
        yield data


def said(errors: IO[bytes]) -> str:
    """The end of what a program wrote to stderr: all of it, unless it wrote a book."""
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - _READ))
    return errors.read().decode("utf-8", "replace")


def failure(name: str, code: int, log: str) -> ProgramFailed:
    """A program's failure, told by its own first words."""
    how = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
    lines = from_reason(log)
    reason = (lines[0] if lines else "").replace(f"{name}: ", "", 1).replace("error: ", "", 1)
    what = f"{name} {how}" + (f": {reason}" if reason else "")
    return ProgramFailed(what, exit_code=code, log="\n".join(lines[:_SHOWN]) if len(lines) > 1 else "", said=log)


def from_reason(log: str) -> list[str]:
    """The lines of a program's errors from the one on that says what is wrong."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    at = next((number for number, line in enumerate(lines) if any(one in line for one in _REASONS)), 0)
    return lines[at:]


def _name(argv: Sequence[str]) -> str:
    guarded = tuple(argv[: len(_GUARD)]) == _GUARD
    return Path(argv[len(_GUARD)] if guarded else argv[0]).name


def _started(argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(argv, **options)
    except FileNotFoundError:
        raise BackupError(f"{argv[0]} is not installed", fix="install it on this machine") from None
    except OSError as error:
        raise BackupError(f"{argv[0]} could not be started: {error.strerror}") from None
