"""Makes a database as the one was that was dumped: by what a dump says of the database itself.

That is its encoding and locale, its owner, what is set for it and for roles in it, its comment, limit and grants.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from botswain.backup import remedies, sql, tools
from botswain.backup.catalogue import Entry
from botswain.backup.errors import BackupError, ProgramFailed, Refused
from botswain.backup.programs import Pipeline, Runner
from botswain.backup.session import Facts, Session, Survey

_TABLESPACE = re.compile(r' TABLESPACE = ("(?:[^"]|"")*"|\S+)')
_VALUE = re.compile(r"(?:\s+TO|\s+IS|\s*=)\s.*", re.DOTALL)
_OF_OWNERS = (" OWNER TO ", "GRANT ", "REVOKE ")


def create(session: Session, name: str, entry: Entry, statements: Sequence[str]) -> list[str]:
    """Make the database from a session in another one; returns notes. Raises Refused where it is there already."""
    facts, survey = session.facts(), session.survey()
    statement = next((one for one in statements if one.startswith("CREATE DATABASE ")), "")
    understood = statement and tools.major(facts.version) >= 13  # LOCALE came with that
    wanted, notes = _creation(statement if understood else _plain(entry), facts, survey)
    try:
        session.ask(f"{sql.of_database(wanted, name)};")
    except BackupError as error:
        if "already exists" in error.what:
            raise there(name) from None
        what = f"{name} could not be created: {error.what.replace('ERROR:  ', '')}"
        raise BackupError(what, fix=remedies.remedy(error.what), log=error.log) from None
    return notes


def there(name: str) -> Refused:
    """That a database is there which was to be made."""
    return Refused(f"the database {name} is there already", fix="leave --create out, or name another")


def _creation(statement: str, facts: Facts, survey: Survey) -> tuple[str, list[str]]:
    """CREATE DATABASE as that server understands it."""
    notes = []
    found = _TABLESPACE.search(statement)
    if found and found[1].strip('"').replace('""', '"') not in survey.tablespaces:
        statement = statement.replace(found[0], "")
        notes.append(f"the tablespace {found[1]} is not there; the database is in the server's default one")
    if tools.major(facts.version) < 15:
        statement = statement.replace(" LOCALE_PROVIDER = libc", "")
    return statement, notes


def _plain(entry: Entry) -> str:
    """The same for a dump that does not say."""
    alike = f"ENCODING = {sql.literal(entry.encoding)} LC_COLLATE = {sql.literal(entry.collate)}"
    name = sql.identifier(entry.database)
    return f"CREATE DATABASE {name} WITH TEMPLATE = template0 {alike} LC_CTYPE = {sql.literal(entry.ctype)}"


def settle(runner: Runner, psql: str, name: str, statements: Sequence[str], *, no_owner: bool) -> list[str]:
    """Say of a new database what was said of the old one; returns what could not be, with how."""
    lost = []
    for statement in statements:
        if statement.startswith("CREATE DATABASE ") or (no_owner and any(one in statement for one in _OF_OWNERS)):
            continue
        wanted = sql.of_database(statement, name)
        try:
            with Pipeline(
                runner, [psql, "-XqAt", "--no-password", "-v", "ON_ERROR_STOP=1"], feed=True, sink=True
            ) as pipeline:
                pipeline.write(f"{wanted};\n".encode())
                pipeline.finish()
        except ProgramFailed as error:
            reason = error.what.rpartition("ERROR:  ")[2]
            lost.append(f"not restored: {_shown(wanted)} ({reason}); a role that may has to run it")
    return lost


def unsaid(statements: Sequence[str], survey: Survey) -> list[str]:
    """A note of what is set for the dumped database and not for this one, which was there before."""
    names = []
    for statement in statements:
        found = re.search(r' SET ("(?:[^"]|"")*"|\S+) TO ', statement)
        if found and found[1].strip('"') not in survey.own_settings:
            names.append(_shown(statement))
    if not names:
        return []
    return [
        f"set for the database that was dumped, and not for this one: {'; '.join(names)}; --create restores that, too"
    ]


def _shown(statement: str) -> str:
    """A statement without its value, which may be a secret."""
    return statement if statement.startswith(("GRANT", "REVOKE")) else _VALUE.sub("", statement)
