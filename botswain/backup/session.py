"""One psql that is kept open: a snapshot lives only as long as the session that exported it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from botswain.backup.errors import BackupError
from botswain.backup.programs import Runner, from_reason, said
from botswain.backup.remedies import remedy
from botswain.backup.sql import literal

_END = "botswain-end"
_ENDING = 0.5
"""Seconds that psql may take to end after it was told why."""

_SETTINGS = """
\\encoding UTF8
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET lock_timeout = '60s';
SET row_security = off;
SET standard_conforming_strings = on;
SET search_path = pg_catalog;
SET client_min_messages = warning;
SELECT set_config(name, '0', false) IS NULL FROM pg_settings WHERE name = 'transaction_timeout';
"""
"""Without row_security, rows that this user may not see are an error instead of missing."""

_FACTS = """
SELECT json_build_object(
    'version', split_part(current_setting('server_version'), ' ', 1),
    'system', (SELECT system_identifier::text FROM pg_control_system()),
    'database', current_database(),
    'bytes', pg_database_size(current_database()),
    'encoding', pg_encoding_to_char(encoding), 'collate', datcollate, 'ctype', datctype,
    'lsn', CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
    'search_path', concat_ws(', ', nullif(replace((
        SELECT substr(one, 13) FROM pg_db_role_setting, unnest(setconfig) AS one
        WHERE one LIKE 'search_path=%' AND setdatabase IN (0, db.oid) AND setrole IN (0, datdba)
        ORDER BY setrole <> 0 AND setdatabase <> 0 DESC, setrole <> 0 DESC, setdatabase <> 0 DESC LIMIT 1
    ), '"$user"', quote_ident(pg_get_userbyid(datdba))), ''), nullif(replace((
        SELECT reset_val FROM pg_settings WHERE name = 'search_path'
    ), '"$user"', quote_ident(current_user)), '')))
FROM pg_database AS db WHERE datname = current_database();
"""

_TABLES = r"""
SELECT format('SELECT json_build_array(%L, (SELECT count(*) FROM ONLY %I.%I));',
              format('%I.%I', nspname, relname), nspname, relname)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind = 'r' AND nspname <> 'information_schema' AND nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
ORDER BY nspname, relname \gexec
"""
"""Tables that belong to an extension are left out: pg_dump leaves their rows to the extension, too."""

_OBJECTS = """
SELECT json_build_array(count(*)) FROM (
    SELECT 'pg_class'::regclass AS class, oid, relnamespace AS space FROM pg_class
    UNION ALL SELECT 'pg_proc'::regclass, oid, pronamespace FROM pg_proc
    UNION ALL SELECT 'pg_type'::regclass, oid, typnamespace FROM pg_type
    UNION ALL SELECT 'pg_namespace'::regclass, oid, oid FROM pg_namespace WHERE nspname <> 'public'
) AS found JOIN pg_namespace ON pg_namespace.oid = space
WHERE nspname <> 'information_schema' AND nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = class AND objid = found.oid AND deptype IN ('e', 'i'));
"""

_OTHERS = """
SELECT coalesce(json_agg(coalesce(nullif(application_name, ''), 'without a name')), '[]') FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend';
"""


_SURVEY = """
SELECT json_build_object(
    'extensions', (SELECT coalesce(json_agg(extname), '[]') FROM pg_extension),
    'schemas', (SELECT json_agg(nspname) FROM pg_namespace),
    'settings', (SELECT json_agg(name) FROM pg_settings),
    'configured', (
        SELECT coalesce(json_agg(json_build_array(extname, nspname, relname, rows)), '[]')
        FROM pg_extension CROSS JOIN LATERAL unnest(extconfig, extcondition) AS configured(relation, rows)
        JOIN pg_class ON pg_class.oid = relation JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE relkind = 'r'),
    'own', (
        SELECT coalesce(json_agg(split_part(one, '=', 1)), '[]') FROM pg_db_role_setting, unnest(setconfig) AS one
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())),
    'tablespaces', (SELECT json_agg(spcname) FROM pg_tablespace));
"""


@dataclass(frozen=True)
class Facts:
    """What a server says about itself and one database."""

    version: str
    system: str
    database: str
    bytes: int
    encoding: str
    collate: str
    ctype: str
    lsn: str
    search_path: str
    """Where its owner's sessions, and this one unless told otherwise, look for what is named without a schema."""


@dataclass(frozen=True)
class Survey:
    """What a database has that a restore must know of."""

    extensions: tuple[str, ...]
    schemas: tuple[str, ...]
    settings: frozenset[str]
    """The names of those that the server knows."""
    configured: tuple[tuple[str, str, str, str], ...]
    """Tables of extensions that hold rows of the user's: extension, schema, table, and the WHERE of those rows."""
    own_settings: tuple[str, ...]
    """What is set for this database alone, by name."""
    tablespaces: tuple[str, ...]


class Session:
    """A connection to one database."""

    def __init__(self, runner: Runner, psql: str) -> None:
        self._runner = runner
        self._psql = psql

    def __enter__(self) -> Session:  # noqa: PYI034 - Self came later
        argv = [self._psql, "-XqAt", "--no-password", "-v", "ON_ERROR_STOP=1"]
        self._errors = tempfile.TemporaryFile()
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._errors}
        try:
            self._process = subprocess.Popen(argv, **pipes, **self._runner.options())
        except OSError as error:
            self._errors.close()
            raise BackupError(f"{self._psql} could not be started: {error.strerror}") from None
        try:
            self.ask(_SETTINGS)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()  # type: ignore[union-attr]
        self._errors.close()

    def facts(self) -> Facts:
        """What server and database this is."""
        return Facts(**json.loads(self.ask(_FACTS)[0]))

    def freeze(self) -> str:
        """Begin a transaction that sees one moment, and export that for pg_dump; it lasts until the session ends."""
        return self.ask("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\nSELECT pg_export_snapshot();\n")[0]

    def begin_counting(self) -> None:
        """Have the rows of every table counted, while something else goes on."""
        self._send(_TABLES)

    def counted(self) -> dict[str, int]:
        """The rows by table, waiting until all are counted."""
        return dict(json.loads(line) for line in self._answer())

    def objects(self) -> int:
        """How many things somebody made in this database."""
        return int(json.loads(self.ask(_OBJECTS)[0])[0])

    def others(self) -> list[str]:
        """What else is connected to this database, by the names that programs give themselves."""
        return [str(name) for name in json.loads(self.ask(_OTHERS)[0])]

    def survey(self) -> Survey:
        """What this database has, and its server knows."""
        found = json.loads(self.ask(_SURVEY)[0])
        return Survey(
            extensions=tuple(found["extensions"]), schemas=tuple(found["schemas"]),
            settings=frozenset(found["settings"]), configured=tuple(map(tuple, found["configured"])),
            own_settings=tuple(found["own"]), tablespaces=tuple(found["tablespaces"]),
        )  # fmt: skip

    def look_in(self, search_path: str) -> None:
        """Look for names where a database's functions need it; with an empty one it stays as it is."""
        if search_path:
            self.ask(f"SELECT set_config('search_path', {literal(search_path)}, false) IS NULL;")

    def insist(self) -> None:
        """Raises BackupError, with the reason, when the session has ended, and the snapshot with it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDING)
            raise self._failed()

    def ask(self, sql: str) -> Sequence[str]:
        """The lines that a query prints."""
        self._send(sql)
        return list(self._answer())

    def _send(self, sql: str) -> None:
        into = self._process.stdin
        assert into is not None  # noqa: S101 - it is a pipe
        try:
            into.write(f"{sql}\n\\echo {_END}\n".encode())
            into.flush()
        except BrokenPipeError:
            raise self._failed() from None

    def _answer(self) -> Iterator[str]:
        out = self._process.stdout
        assert out is not None  # noqa: S101 - it is a pipe
        for line in out:
            text = line.decode("utf-8", "replace").rstrip("\n")
            if text == _END:
                return
            if text:
                yield text
        raise self._failed()

    def _failed(self) -> BackupError:
        self._process.wait()
        log = said(self._errors)
        lines = from_reason(log)
        reason = lines[0] if lines else "it ended"
        for noise in ("psql: error: ", "<stdin>:"):
            reason = reason.partition(noise)[2] if reason.startswith(noise) else reason
        user = self._runner.variables.get("PGUSER") or self._runner.user
        return BackupError(reason, fix=remedy(log, user), log="\n".join(lines) if len(lines) > 1 else "")
