"""The URL of a database: what libraries of bots write is understood, and no message holds a part of its password."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from botswain.backup.errors import BackupError
from botswain.backup.server import Server
from botswain.backup.urls import ENCODE, of_url
from botswain.database.choose import target
from botswain.errors import BotswainError


def told(url: str) -> str:
    """What is told about a URL that cannot be used."""
    with pytest.raises(BackupError) as error:
        of_url(url)
    return str(error.value)


@pytest.mark.parametrize("raw", ["#", "/", "?", "[", "]", "/#?", "?x=", "/x?sslmode=", "@/", "@x:5/y", "[x]", "x]:["])
@pytest.mark.parametrize("before", ["hush-", "5", "", "5/"])
def test_a_password_with_a_raw_character_says_how_to_encode_it(before, raw):
    """A #, /, ?, [ or ] in a password is refused with how it must be written, and makes no other part the host."""
    line = told(f"postgresql://ann:{before}{raw}secret-4711@db.example.org:5432/harbour")
    assert ENCODE in line
    assert "# as %23, / as %2F, ? as %3F, @ as %40, [ as %5B" in line
    assert "secret-4711" not in line
    assert "hush" not in line


def test_a_password_whose_meaning_is_not_in_doubt_is_taken():
    """Encoded characters, and a raw @, : or %, which no library reads otherwise behind the name."""
    for written, password in {
        "a%23b%2Fc%3Fd%5Be%40f": "a#b/c?d[e@f", "p@ss": "p@ss", "a:b": "a:b", "100%": "100%", "a+b": "a+b",
    }.items():  # fmt: skip
        found = of_url(f"postgresql://ann:{written}@h:7/d")
        assert (found.user, found.password, found.host, found.port, found.database) == ("ann", password, "h", 7, "d")
    assert of_url("postgresql://h/d?user=ann&password=a+b%26c").password == "a+b&c"


KNOWN_URLS = {
    "Prisma": "postgresql://u:p@h:5432/d?schema=public&pgbouncer=true&connection_limit=1&pool_timeout=0&sslaccept=strict",
    "SQLAlchemy, asyncpg": "postgresql+asyncpg://u:p@h:5432/d?ssl=require&prepared_statement_cache_size=0",
    "SQLAlchemy, psycopg2": "postgresql+psycopg2://u:p@h:5432/d?sslmode=require&client_encoding=utf8",
    "node-postgres": "postgres://u:p@h:5432/d?sslmode=no-verify&uselibpqcompat=true&keepAlive=true",
    "Sequelize": "postgres://u:p@h:5432/d?ssl=true&pool=5&native=false",
    "Tortoise": "asyncpg://u:p@h:5432/d?minsize=1&maxsize=5&statement_cache_size=0",
    "dj-database-url": "postgis://u:p@h:5432/d?conn_max_age=600&conn_health_checks=true",
    "pgx": "postgres://u:p@h:5432/d?pool_max_conns=10&pool_max_conn_lifetime=1h30m&default_query_exec_mode=exec",
    "sqlx": "postgres://u:p@h:5432/d?ssl-mode=require&statement-cache-capacity=100",
    "JDBC": "jdbc:postgresql://h:5432/d?user=u&password=p&currentSchema=app&ApplicationName=bot&prepareThreshold=0",
    "postgres.js": "postgres://u:p@h:5432/d?max=10&idle_timeout=20&prepare=false",
    "Vercel": "postgres://u:p@h:5432/d?sslmode=require&supa=base-pooler.x",
}


@pytest.mark.parametrize("library", KNOWN_URLS)
def test_a_url_that_was_written_for_a_library_is_understood(library):
    """Its own parameters are dropped with a note that names them; what libpq has under another name is kept."""
    found = of_url(KNOWN_URLS[library])
    assert (found.database, found.host, found.port, found.user, found.password) == ("d", "h", 5432, "u", "p")
    assert found.parameters.get("sslmode", "require") == "require"
    if library == "JDBC":
        assert found.parameters == {"application_name": "bot"}
    assert found.notes[0].startswith("the database's URL: ")
    assert ("connection_limit, pgbouncer, pool_timeout, schema, sslaccept are" in found.notes[0]) == (
        library == "Prisma"
    )
    assert any("direct URL (Prisma: DIRECT_URL)" in one for one in found.notes) == (library == "Prisma")


@pytest.mark.parametrize(
    ("url", "found", "shown"),
    [
        ("postgresql://u@a:1,b:2/d", Server("d", "a,b", "1,2", "u"), "u@a:1,b:2/d"),
        ("postgresql://u@a,b/d", Server("d", "a,b", None, "u"), "u@a,b/d"),
        ("postgresql://a,[::1]:7/d", Server("d", "a,::1", "5432,7"), "a:5432,[::1]:7/d"),
        ("postgresql://u@%2Fvar%2FRun%2Fpg:7/d", Server("d", "/var/Run/pg", 7, "u"), "u@%2Fvar%2FRun%2Fpg:7/d"),
        ("postgresql://[fe80::1%25eth0]:7/d", Server("d", "fe80::1%eth0", 7), "[fe80::1%eth0]:7/d"),
        ("POSTGRESQL://U@Host/D", Server("D", "Host", None, "U"), "U@Host/D"),
    ],
)
def test_places_of_a_url(url, found, shown):
    """Several hosts, IPv6, a socket's folder with capitals."""
    assert of_url(url) == found
    assert str(of_url(url)) == f"postgresql://{shown}"
    assert of_url(url).variables()["PGHOST"] == found.host


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("prisma://accelerate.prisma-data.net/?api_key=hush-hush", "is that of Prisma's proxy"),
        ("prisma+postgres://localhost:1/?api_key=hush-hush", "is that of Prisma's proxy"),
        ("Host=h;Username=u;Password=hush-hush", "is a list of names and values, not a URL"),
        ("host=h dbname=d password=hush-hush", "is a list of names and values, not a URL"),
        ("postgresql://u:p@h/d?sslmode=hush-hush", "has an sslmode that there is not"),
        ("postgresql://h/d?user=u&password=a&hush-hush=1", "has an unknown parameter beside the password"),
        ("postgresql://u:p@h/d?sslmod=require", "has the unknown parameter sslmod"),
        ("postgresql://u:hush-hush/d", "has a port that is no number"),
        ("postgresql://u:p@ho st/d", "has a character that must be written as %XX"),
    ],
)
def test_what_cannot_be_used(url, what):
    """One line that says why and how, without the value."""
    line = told(url)
    assert line.startswith(f"the database's URL: {what}")
    assert "hush" not in line


def test_a_pooler_is_told():
    """A backup over one that hands out connections by transaction fails at night, and nothing says why."""
    for url in ("postgres://u:p@aws-0-eu.pooler.supabase.com:6543/d", "postgres://u:p@ep-x-pooler.eu.aws.neon.tech/d"):
        assert "direct URL" in of_url(url).notes[0]


SHAPES = st.sampled_from([
    "postgresql://ann:{}@db.example.org:5432/harbour", "postgresql://ann:{}@h/d?sslmode=require", "postgres://:{}@h/d",
    "postgresql+asyncpg://ann:{}@h/d?ssl=require", "postgresql://ann:{}@h", "jdbc:postgresql://h/d?user=u&password={}",
    "postgresql://ann:{}@[::1]:7/d", "mysql://ann:{}@h/d", "ann:{}@h/d", "Host=h;Password={}", "postgresql:ann:{}@h/d",
    "postgresql://ann:{}@h/d#x", "postgresql://h/d?password={}&sslmode=require",
])  # fmt: skip
PASSWORDS = st.text(st.sampled_from("QJXZ059#/?[]@:%&=+ ,;\\'\"\n$é"), min_size=4, max_size=20)


@settings(deadline=None)  # the first one imports what --into needs
@given(SHAPES, PASSWORDS)
@example("postgresql://ann:{}@h/d", "5/QJXZ?QJXZ=QJXZ")
@example("postgresql://ann:{}@h/d", "5?QJXZ@QJXZ/QJXZ")
def test_no_part_of_a_password_is_ever_told(shape, password):
    """Neither in an error, nor in what is shown of the database, nor in the notes, nor by --into."""
    url, said = shape.format(password), ""
    try:
        found = of_url(url)
        said = f"{found} {found!r} {found.notes} {dict(found.parameters)}"
    except BackupError as error:
        said = f"{error} {error.log}"
    with contextlib.suppress(BotswainError):
        try:
            target(url)
        except BotswainError as error:
            said += str(error)
            raise
    parts = {password[start : start + 4] for start in range(len(password) - 3)}
    assume(not any(part in ENCODE for part in parts))
    assert not [part for part in parts if part in said and any(one in part for one in "QJXZ")]
