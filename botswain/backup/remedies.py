"""What to do about the usual reasons for which a server lets nobody in, or does not do what it is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BY_WORDS = {
    "Connection refused": "is the server running, and is this its address?",
    "No such file or directory": "is the server running on this machine, and is this its socket?",
    "is starting up": "wait until it is up, then run it again",
    "is shutting down": "start it again, or find out who stops it",
    "could not translate host name": "correct the host's name, or look at DNS",
    "Peer authentication failed": "run it as the user of that name: as root with run_as, or through sudo",
    "no password supplied": "give the password: in the URL of a variable in .env, or in a file (docs/backup.md)",
    "password authentication failed": "correct the password, in .env or in its file",
    "unsupported startup parameter": "this is a pooler; give backups a variable with the server's direct URL",
    "Tenant or user not found": "this is a pooler; give backups a variable with the server's direct URL",
    "invalid snapshot identifier": "is this a pooler? give backups a variable with the server's direct URL",
    "FATAL:  role": "name the database's user: postgresql://user@host/database",
    "row-level security": "have a superuser run: ALTER ROLE {user} BYPASSRLS; or back up as the owner of that table,"
    " where it does not FORCE ROW LEVEL SECURITY",
    "does not exist": "correct the name, or create it",
    "permission denied to create database": "have somebody make it who may, and leave --create out",
    "permission denied": "let this user read everything (pg_read_all_data), or use the owner",
}

ELSEWHERE = "restore into a new database (--create) and rename that (docs/backup.md)"

_LACKING = ("42883", "42P01", "42704")
"""A function, a table, another thing that is not there, or not where a name is looked for."""
_NOT_THE_BACKUP = ("08", "53", "54", "55P03", "57", "58")
"""Beginnings of the codes of what has to do with the server, its disk or its memory."""


@dataclass(frozen=True)
class ServerError:
    """What a server said about a statement: https://www.postgresql.org/docs/current/errcodes-appendix.html."""

    code: str
    message: str
    statement: str = ""
    function: str = ""
    """That in which it happened, if it is one."""
    lines: tuple[str, ...] = ()

    @property
    def lacks_a_name(self) -> bool:
        """Whether something was not found by its name."""
        return self.code in _LACKING and not self.message.startswith(("role ", "unrecognized configuration"))

    @property
    def extension(self) -> str:
        """The extension that could not be made, if that is what failed."""
        found = re.match(r'CREATE EXTENSION IF NOT EXISTS ("(?:[^"]|"")+"|\S+?)[ ;]', self.statement)
        return found[1].strip('"').replace('""', '"') if found else ""

    @property
    def is_of_the_backup(self) -> bool:
        """Whether it would be the same on any day: not a matter of connections, room or rights to connect."""
        return bool(self.code) and not self.code.startswith(_NOT_THE_BACKUP)


_ERROR = re.compile(r"^(?:psql:\S*:?\d*: )?\w+:\s+(?!0[0-2])([0-9A-Z]{5}): (.*)$", re.MULTILINE)
"""Codes that begin with 00, 01 and 02 are notices and warnings."""
_STATEMENT = re.compile(r"^STATEMENT:\s+(.*)", re.MULTILINE | re.DOTALL)
_FUNCTION = re.compile(r'(?:PL/\w+|SQL) function "?([^"\n]*?)"?(?: line \d+| statement \d+| during )')


def server_error(said: str) -> ServerError:
    """The error in what psql said, with VERBOSITY=verbose and its errors echoed."""
    found = _ERROR.search(said)
    if found is None:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        return ServerError("", lines[0] if lines else "psql ended", lines=tuple(lines))
    statement, function = _STATEMENT.search(said), _FUNCTION.search(said)
    shown = [
        line.strip() for line in said[found.start() :].splitlines() if not line.startswith(("LOCATION:", "STATEMENT:"))
    ]
    return ServerError(
        found[1], found[2], statement[1].strip() if statement else "", function[1] if function else "",
        tuple(f"ERROR: {found[2]}" if line == found[0].strip() else line for line in shown if line),
    )  # fmt: skip


def remedy(log: str, user: str = "") -> str:
    """What to do about a message; empty where there is nothing to say."""
    found = next((fix for words, fix in _BY_WORDS.items() if words in log), "")
    return found.replace("{user}", user or "that role")


def of_restore(error: ServerError) -> str:
    """What to do about an error in a restore."""
    if error.extension:
        name = error.extension
        return (
            f"have a superuser run CREATE EXTENSION {name} in that database, then restore without --create; or, if the"
            f" bot can do without it, pass --without-extension {name}"
        )
    if error.code == "42704" and error.message.startswith("role "):
        return "create it first (globals.sql beside the dump has it), or say --no-owner"
    if error.code == "42501" and ("OWNER TO" in error.statement or error.statement.startswith(("GRANT", "REVOKE"))):
        return "pass --no-owner, or restore as a superuser"
    if error.lacks_a_name:
        name = error.function or "NAME(arguments)"
        return (
            "a function that a generated column, check, index or view uses names something without its schema: in the"
            f" database run ALTER FUNCTION {name} SET search_path = public, with the schemas that it needs, and back up"
            " again"
        )
    by_code = {
        "2BP01": f"pass --cascade to drop what depends on it, too; or {ELSEWHERE}",
        "42501": "restore as the owner of everything in it, or as a superuser",
        "42710": ELSEWHERE, "42723": ELSEWHERE, "42809": ELSEWHERE, "42P06": ELSEWHERE, "42P07": ELSEWHERE,
        "53100": "free some space on the server's disk, then restore again",
        "55P03": "stop the bot, and whatever else uses that database",
    }  # fmt: skip
    return by_code.get(error.code, "")
