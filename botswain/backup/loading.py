"""Brings a dump into a database: pg_restore writes the script, psql carries it out in one transaction.

Between them stands what pg_restore by itself does not do. Settings that an older server does not know are left out, and
extensions that are there; what depends on what is replaced goes with it, if that was agreed to; names are looked for
where the source did. The end of the script, with its COMMIT, is held back until all that wrote it has succeeded.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import IO

from botswain.backup import remedies, sql, tools
from botswain.backup.archive import Archive, Contents
from botswain.backup.errors import BackupError, ProgramFailed
from botswain.backup.programs import Pipeline, Runner, chunks, mortal
from botswain.backup.remedies import ServerError
from botswain.backup.session import Survey

_HELD = 4096
"""Bytes at the end of a script that are held back; COMMIT stands in the last few hundred."""
_COMMIT, _READY = b"\nCOMMIT;\n", "botswain-ready"
_PSQL = ("-Xq", "-o/dev/null", "--no-password", "--echo-errors", "-vON_ERROR_STOP=1", "-vVERBOSITY=verbose")
_PATH = b"SELECT pg_catalog.set_config('search_path', '', false);"
_WATCHING = (
    "amcheck", "hypopg", "pageinspect", "pg_buffercache", "pg_freespacemap", "pg_prewarm", "pg_repack",
    "pg_stat_kcache", "pg_stat_monitor", "pg_stat_statements", "pg_visibility", "pg_wait_sampling", "pg_walinspect",
    "pgaudit", "pgrowlocks", "pgstattuple",
)  # fmt: skip
"""Extensions that only look at a server: a bot without them is the same bot."""


@dataclass(frozen=True)
class Load:
    """How a dump is brought in."""

    no_owner: bool = False
    drops: tuple[str, ...] = ()
    """What is dropped first, in statements."""
    cascade: bool = False
    """What depends on that goes with it."""
    keep_schemas: bool = False
    """Schemas that are there are not made again."""
    without: tuple[str, ...] = ()
    """Extensions that are left out."""
    kinds: tuple[str, ...] = ()
    """Kinds of things that are left out, such as SUBSCRIPTION."""
    search_path: str = ""
    """Where what has no schema is looked for; empty: nowhere, as pg_dump has it."""


@dataclass
class Loaded:
    """What became of it."""

    notes: list[str] = field(default_factory=list)
    search_path: str = ""


class Failed(BackupError):
    """All was rolled back."""

    def __init__(self, error: ServerError, fix: str) -> None:
        what = f"ERROR: {error.message}" if error.code else error.message
        super().__init__(what, fix=fix, log="\n".join(error.lines[:8]) if len(error.lines) > 1 else "")
        self.error = error


class Stopped(BackupError):
    """It was ended by hand. `complete`: after everything had arrived."""

    def __init__(self, *, complete: bool) -> None:
        super().__init__("stopped")
        self.complete = complete


def load(runner: Runner, clients: tools.Tools, archive: Archive, survey: Survey, how: Load) -> Loaded:
    """Bring a dump in, all of it or nothing. Raises Failed, with the server's error and what to do about it.

    What only names something without its schema is tried once more as the source looked for it.
    """
    contents, done, first = archive.contents(), Loaded(), None
    while True:
        try:
            _attempt(runner, clients, archive, contents, survey, how)
        except Failed as failed:
            error = failed.error
            if error.extension in _WATCHING and error.extension not in how.without:
                how = replace(how, without=(*how.without, error.extension))
                done.notes.append(_left_out(error))
            elif error.lacks_a_name and not how.search_path:
                how, first = replace(how, search_path=path_of(archive, contents)), failed
                done.notes.append(_named_without(failed))
            else:  # the first one names what it names with schemas
                raise first if first and error.lacks_a_name else failed from None
        else:
            done.search_path = how.search_path
            return done


def path_of(archive: Archive, contents: Contents) -> str:
    """Where the source looks for what has no schema, and after that every schema of the dump."""
    own = archive.entry.search_path or "public"
    return ", ".join([own, *map(sql.identifier, contents.schemas)])


def _left_out(error: ServerError) -> str:
    return (
        f"the extension {error.extension} is left out ({error.message}); it only looks at the server. If it is wanted,"
        f" have a superuser run CREATE EXTENSION {error.extension}"
    )


def _named_without(failed: Failed) -> str:
    why = f"by itself it fails ({failed.error.message}), as plain pg_restore would"
    return f"restored with the search_path of the source, since {why}; {failed.fix}"


def _attempt(
    runner: Runner, clients: tools.Tools, archive: Archive, contents: Contents, survey: Survey, how: Load
) -> None:
    gone = {*survey.extensions, *how.without}
    lines = contents.without(gone, kept(survey) if how.keep_schemas else (), how.kinds)
    options = ["--single-transaction", *(["--no-owner", "--no-privileges"] if how.no_owner else [])]
    if "default_table_access_method" not in survey.settings and clients.major >= 15:
        options.append("--no-table-access-method")
    argv = mortal(runner, [clients.path("psql"), *_PSQL])  # else it could go on when we are killed
    with archive.script(lines, *options) as source, Pipeline(runner, argv, feed=True) as target:
        before = _before(survey, contents, how).encode()
        _carry_out(source, target, _edited(source.output, survey, how, before))


def _carry_out(source: Pipeline, target: Pipeline, script: Iterator[bytes]) -> None:
    """Have psql do all of a script. It gets the COMMIT once it has done the rest, and all that wrote it succeeded."""
    ended, held = False, bytearray()
    try:
        listening = True
        for data in script:
            held += data
            if len(held) > _HELD:
                listening = listening and target.write(bytes(held[:-_HELD]))
                del held[:-_HELD]
            if not listening:
                break
        else:
            source.finish()
            body, _, rest = held.rpartition(_COMMIT)
            target.write(bytes(body + rest) + f"\\echo {_READY}\n".encode())
            target.flush()
            if target.output.readline().strip() == _READY.encode():
                ended = True
                target.write(b"COMMIT;\n")
        target.finish()
    except ProgramFailed as failed:
        raise _failed(failed) from None
    except KeyboardInterrupt:
        raise Stopped(complete=ended and _arrived(target)) from None


def kept(survey: Survey) -> tuple[str, ...]:
    """The schemas that stay while what is in them is replaced: they may hold more than the dump knows of."""
    return tuple(one for one in survey.schemas if one != "public")


def _arrived(target: Pipeline) -> bool:
    """Whether a script that was written to its end has been carried out, whoever was asked to stop meanwhile."""
    with contextlib.suppress(BackupError):
        target.finish()
        return True
    return False


def _failed(failed: ProgramFailed) -> BackupError:
    error = remedies.server_error(failed.said)
    if not error.code:  # pg_restore, zstd, or a connection
        return Failed(ServerError("", failed.what, lines=tuple(failed.log.splitlines())), remedies.remedy(failed.said))
    return Failed(error, remedies.of_restore(error))


def _edited(script: IO[bytes], survey: Survey, how: Load, before: bytes) -> Iterator[bytes]:
    """The script with its settings as this server and this restore need them, and what comes before its first entry."""
    head: list[bytes] = []
    for line in script:
        if line.startswith(b"COMMIT;") or (line == b"--\n" and any(one.startswith(b"BEGIN;") for one in head)):
            yield b"".join([*(_setting(one, survey, how) for one in head), before, line])
            break
        head.append(line)
    else:
        yield b"".join(head)
    yield from chunks(script)


def _setting(line: bytes, survey: Survey, how: Load) -> bytes:
    if line.startswith(b"SET ") and line[4:].split()[0].decode() not in survey.settings:
        return b""
    if line.strip() == _PATH and how.search_path:
        return f"SELECT pg_catalog.set_config('search_path', {sql.literal(how.search_path)}, false);\n".encode()
    return line


def _before(survey: Survey, contents: Contents, how: Load) -> str:
    """What is done first in the same transaction."""
    told = dropping(how.drops, cascade=how.cascade) if how.drops else ""
    for extension, schema, table, rows in survey.configured:
        if extension in contents.extensions and contents.has_rows(schema, table):
            told += f"DELETE FROM ONLY {sql.identifier(schema)}.{sql.identifier(table)} {rows};\n"  # noqa: S608 - quoted
    return told


def dropping(statements: tuple[str, ...], *, cascade: bool) -> str:
    """SQL that drops, and with `cascade` what depends on that, too; that is in the setting botswain.dependents then."""
    tag = "$botswain$"
    while any(tag in one for one in statements):
        tag = f"{tag[:-1]}_$"
    again = "EXECUTE one || ' CASCADE';" if cascade else "RAISE;"
    return f"""
DO {tag}
DECLARE one text; detail text; told text := '';
BEGIN
  FOREACH one IN ARRAY {sql.array(statements)} LOOP
    BEGIN
      EXECUTE one;
    EXCEPTION WHEN dependent_objects_still_exist THEN
      GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
      told := told || detail || chr(10);
      {again}
    END;
  END LOOP;
  PERFORM pg_catalog.set_config('botswain.dependents', told, true);
END {tag};
"""
