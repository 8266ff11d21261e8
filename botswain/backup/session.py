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
from botswain.backup.programs import Runner, said

_END = "botswain-end"
_ENDING = 0.5
"""Seconds that psql may take to end after it was told why."""

_SETTINGS = """
\\encoding UTF8
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET lock_timeout = '60s';
SET row_security = off;
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
    'lsn', CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)
FROM pg_database WHERE datname = current_database();
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
  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = class AND objid = found.oid AND deptype = 'e');
"""

_OTHERS = """
SELECT coalesce(json_agg(coalesce(nullif(application_name, ''), 'without a name')), '[]') FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend';
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
        lines = [line.strip() for line in log.splitlines() if line.strip()]
        reason = next((line for line in lines if "FATAL" in line or "ERROR" in line), lines[0] if lines else "it ended")
        for noise in ("psql: error: ", "<stdin>:"):
            reason = reason.partition(noise)[2] if reason.startswith(noise) else reason
        return BackupError(reason, fix=remedy(log), log=log if len(lines) > 1 else "")


def remedy(log: str) -> str:
    """What to do about the usual reasons for which a server lets nobody in, or does not do what it is asked."""
    remedies = {
        "Connection refused": "is the server running, and is this its address?",
        "No such file or directory": "is the server running on this machine, and is this its socket?",
        "is starting up": "wait until it is up, then run it again",
        "is shutting down": "start it again, or find out who stops it",
        "could not translate host name": "correct the host's name, or look at DNS",
        "Peer authentication failed": "run it as the user of that name: as root with run_as, or through sudo",
        "no password supplied": "give the password: in the URL of a variable in .env, or in a file (docs/backup.md)",
        "password authentication failed": "correct the password, in .env or in its file",
        "FATAL:  role": "name the database's user: postgresql://user@host/database",
        "does not exist": "correct the name, or create it",
        "permission denied to create database": "have somebody make it who may, and leave --create out",
        "permission denied": "let this user read everything (pg_read_all_data), or use the owner",
    }
    return next((remedy for words, remedy in remedies.items() if words in log), "")
