"""Finds PostgreSQL's clients that fit a server. A pg_dump older than its server dumps nothing."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from botswain.backup.errors import BackupError, Refused
from botswain.backup.programs import Pipeline, Runner, printed

_PACKAGED = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
"""Where distributions put each major version."""
_LEVEL = 3
"""Of zstd: the fastest that is about as small as gzip's best."""


@dataclass(frozen=True)
class Tools:
    """The clients of one version."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """The first number of their version."""
        return major(self.version)

    def path(self, name: str) -> str:
        """One of them."""
        return str(self.folder / name)


@dataclass(frozen=True)
class Packing:
    """How a dump is compressed."""

    options: tuple[str, ...]
    """pg_dump's."""
    pipe: tuple[str, ...]
    """The program after it, if there is one."""
    filters: tuple[str, ...]
    """What has to be undone before pg_restore can read it."""
    suffix: str


def found(runner: Runner, folder: str = "") -> list[Tools]:
    """Every version of the clients on this machine, newest first; only those of `folder` where that is set."""
    if folder:
        places = [Path(folder)]
    else:
        places = [path for pattern in _PACKAGED for path in Path("/").glob(pattern[1:])]
        on_path = shutil.which("pg_dump")
        places += [Path(on_path).parent] if on_path else []
    known = [Tools(path, _version(runner, path)) for path in places if (path / "pg_dump").exists()]
    if not known:
        where = f"in {folder}" if folder else "on this machine"
        fix = "install them (Debian, Ubuntu: sudo apt install postgresql-client)"
        raise BackupError(f"there are no PostgreSQL clients {where}", fix=fix)
    return sorted(known, key=lambda one: _numbers(one.version), reverse=True)


def for_dump(known: list[Tools], server: str) -> Tools:
    """The clients for a server of that version: its own, or newer ones. Raises Refused when all are older."""
    fitting = [one for one in known if one.major >= major(server)]
    if not fitting:
        newest = known[0]
        what = f"pg_dump {newest.version} is older than the server ({server}) and cannot dump it"
        fix = f"install postgresql-client-{major(server)} on this machine (apt.postgresql.org has every version)"
        raise Refused(what, where=str(newest.folder), fix=fix)
    # Its own version makes the archive that the most others can read.
    return min(fitting, key=lambda one: (one.major, [-number for number in _numbers(one.version)]))


def for_restore(known: list[Tools], made_by: str) -> Tools:
    """The clients that can read what pg_dump of that version made. Raises Refused when all are older."""
    fitting = [one for one in known if one.major >= major(made_by)]
    if not fitting:
        what = f"pg_restore {known[0].version} is older than the pg_dump that made this backup ({made_by})"
        fix = f"install postgresql-client-{major(made_by)} on this machine"
        raise Refused(what, where=str(known[0].folder), fix=fix)
    return min(fitting, key=lambda one: one.major)


def packing(runner: Runner, tools: Tools) -> Packing:
    """The best compression there is: zstd in pg_dump, zstd beside it, or gzip."""
    if tools.major >= 16 and _has_zstd(runner, tools):
        return Packing((f"--compress=zstd:{_LEVEL}",), (), (), "")
    if shutil.which("zstd"):
        return Packing(("--compress=0",), ("zstd", "-q", f"-{_LEVEL}", "-c"), ("zstd",), ".zst")
    return Packing(("--compress=1",), (), (), "")


def unpacking(filters: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The programs that undo these filters, in order. Raises BackupError for one that is not known or not there."""
    if filters not in ((), ("zstd",)):
        raise BackupError(f"was stored by {', '.join(filters)}, which this version cannot undo", fix="use a newer one")
    if filters and not shutil.which("zstd"):
        raise BackupError("zstd is not installed", fix="install it (Debian, Ubuntu: sudo apt install zstd)")
    return [("zstd", "-q", "-d", "-c")] if filters else []


def major(version: str) -> int:
    """15 for 15.20."""
    return _numbers(version)[0]


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)] or [0]


def _version(runner: Runner, folder: Path) -> str:
    text = printed(runner, str(folder / "pg_dump"), "--version")
    found_ = re.search(r"\d+(\.\d+)?", text)
    return found_.group() if found_ else "0"


def _has_zstd(runner: Runner, tools: Tools) -> bool:
    """Whether it is built in: refused before anything is connected to."""
    argv = (tools.path("pg_dump"), "-Fc", "--compress=zstd", "--host=/nonexistent", "--dbname=none")
    try:
        with Pipeline(runner, argv) as pipeline:
            pipeline.finish()
    except BackupError as error:
        return "compression" not in error.what
    return False
