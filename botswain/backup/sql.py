"""SQL as text: taken apart into statements, and put together without a way out of the quotation marks."""

from __future__ import annotations

import re
from collections.abc import Iterable

_STATEMENT = re.compile(r"""(?:\s|--[^\n]*\n|\\[^\n]*\n)*((?:"[^"]*"|'[^']*'|[^;"'])+;)""")
"""Of a script by pg_restore: comments and psql's own commands stand between statements, each in a line."""
_DATABASE = re.compile(r"""((?:"[^"]*"|'[^']*'|[^"'])*?\bDATABASE )("(?:[^"]|"")*"|[^\s;"]+)""")


def statements(script: str) -> list[str]:
    """The statements of a script without data and without bodies of functions, each without its semicolon."""
    return [found[1][:-1].strip() for found in _STATEMENT.finditer(script)]


def literal(text: str) -> str:
    """A text as SQL says it. It holds where standard_conforming_strings is on, as it is unless it is set otherwise."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as SQL says it."""
    return '"' + name.replace('"', '""') + '"'


def array(texts: Iterable[str]) -> str:
    """Texts as an array of them."""
    return f"ARRAY[{', '.join(map(literal, texts))}]::text[]"


def of_database(statement: str, name: str) -> str:
    """A statement about a database, said of another one."""
    return _DATABASE.sub(lambda found: found[1] + identifier(name), statement, count=1)
