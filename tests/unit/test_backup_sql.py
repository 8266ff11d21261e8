"""Scripts by pg_restore are taken apart at their own semicolons alone, and a server's error is known by its code."""

from __future__ import annotations

import pytest

from botswain.backup import remedies, sql
from botswain.backup.archive import Contents

SCRIPT = r"""
--
-- Name: it's; Type: DATABASE
--

\connect s
SET statement_timeout = 0;
DROP TABLE IF EXISTS public."a;
DROP TABLE x;";
COMMENT ON DATABASE s IS 'a; "b''c';
\unrestrict abc
"""


def test_statements_end_at_semicolons_outside_of_quotation_marks():
    """A name or a text that holds one makes no statement of what follows it."""
    assert sql.statements(SCRIPT) == [
        "SET statement_timeout = 0", 'DROP TABLE IF EXISTS public."a;\nDROP TABLE x;"',
        "COMMENT ON DATABASE s IS 'a; \"b''c'",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("statement", "other"),
    [
        ("ALTER DATABASE s SET a TO 'DATABASE s'", """ALTER DATABASE "n""w" SET a TO 'DATABASE s'"""),
        ('ALTER DATABASE "o d" OWNER TO b', 'ALTER DATABASE "n""w" OWNER TO b'),
        (
            'ALTER ROLE "IN DATABASE x" IN DATABASE s SET a TO b',
            'ALTER ROLE "IN DATABASE x" IN DATABASE "n""w" SET a TO b',
        ),
        ("GRANT CONNECT ON DATABASE s TO b", 'GRANT CONNECT ON DATABASE "n""w" TO b'),
        ("COMMENT ON DATABASE s IS 'on DATABASE s'", """COMMENT ON DATABASE "n""w" IS 'on DATABASE s'"""),
    ],
)
def test_a_statement_about_one_database_is_said_of_another(statement, other):
    """Only the name of the database changes, not the same words in a role's name or a value."""
    assert sql.of_database(statement, 'n"w') == other


def test_an_error_is_known_by_its_code_in_any_language():
    """The server may speak another language; the line with the code is the one that counts."""
    said = (
        "WARNUNG:  01000: etwas\npsql:<stdin>:9: FEHLER:  42883: t(text) existiert nicht\nLINE 1: x\n"
        "QUERY:  lower(t(v))\nCONTEXT:  PL/pgSQL function public.slugify(text) line 1 at RETURN\nLOCATION:  f, x.c:1\n"
        "STATEMENT:  CREATE TABLE x ();\n"
    )
    error = remedies.server_error(said)
    assert (error.code, error.function, error.statement) == ("42883", "public.slugify(text)", "CREATE TABLE x ();")
    assert error.lines[0] == "ERROR: t(text) existiert nicht"
    assert "ALTER FUNCTION public.slugify(text) SET search_path" in remedies.of_restore(error)
    assert error.is_of_the_backup
    assert not remedies.server_error("ERROR:  53100: could not extend file\n").is_of_the_backup
    assert not remedies.server_error("psql: error: connection refused\n").is_of_the_backup


def test_what_is_left_out_of_a_dump():
    """Extensions and schemas that are there, by name, also with spaces; what an extension says of itself always."""
    lines = ("1; 3079 5 EXTENSION - pg_trgm ", "2; 0 0 COMMENT - EXTENSION pg_trgm ", "3; 2615 7 SCHEMA - my app bo t",
             "4; 1259 8 TABLE public EXTENSION - pg_trgm bot", "5; 6100 9 SUBSCRIPTION - s bot")  # fmt: skip
    contents = Contents(lines)
    assert contents.extensions == ["pg_trgm"]
    assert contents.without({"pg_trgm"}, {"my app"}, ("SUBSCRIPTION",)) == [lines[3]]
    assert contents.without((), ()) == [lines[0], *lines[2:]]
