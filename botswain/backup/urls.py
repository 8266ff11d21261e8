"""The URL of a database, as libpq and the libraries of bots write it. No message ever holds a part of its password.

It is taken apart here, since urlsplit takes what follows a # or / in a password for something that may be shown. A
character that one library would read otherwise than another has to be written as %XX.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from botswain.backup.errors import BackupError
from botswain.backup.parameters import KNOWN_TO_LIBRARIES, LIBPQ, SPELLINGS, mode
from botswain.backup.server import Server

WHERE = "the database's URL"
LIKE = "it must look like postgresql://user@host:5432/database"
ENCODE = (
    "in user and password, write # as %23, / as %2F, ? as %3F, @ as %40, [ as %5B, ] as %5D, : as %3A, & as %26,"
    " + as %2B, % as %25 and a space as %20"
)
_LIBRARIES = "asyncpg ecto pg pgsql pgx postgis psycopg psycopg2 timescale timescaledb timescalegis"
_SCHEMES = frozenset(["postgres", "postgresql", *_LIBRARIES.split()])
_SCHEME = re.compile(r"(?:jdbc:)?([A-Za-z][A-Za-z0-9]*)(?:\+[A-Za-z0-9_+]+)?://", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9_.:%-]*|/[^\x00-\x1f]*")
_ADDRESS = re.compile(r"(?:^|(?<=,))\[[0-9A-Za-z:.%_-]*\](?=$|[:,])")
_PORT = re.compile(r"[0-9]{1,5}")
_PAIRS = re.compile(r"\s*(?:host|server|user id|username|dbname|data source)\s*=", re.IGNORECASE)
_POOLER = "is a pooler's: if it hands out connections by transaction, pg_dump fails on it; then give backups a variable"
_POOLERS = re.compile(r"\.pooler\.supabase\.com$|-pooler\.[a-z0-9.-]+\.neon\.tech$")


def of_url(url: str) -> Server:
    """The database that a URL names. Raises BackupError, which never holds the URL: there may be a password in it."""
    authority, path, query = _parts(url.strip())
    userinfo, at, place = authority.rpartition("@")
    user, _, password = userinfo.partition(":")
    found = {"user": unquote(user), "password": unquote(password), "dbname": unquote(path)}
    hosts, ports = _places(place)
    parameters, dropped = dict[str, str](), list[str]()
    pairs = _pairs(query)
    for given, value in pairs:
        name = _spelt(given)
        if name in found:
            found[name] = value
        elif name == "host":
            hosts = value.split(",")
        elif name == "port":
            ports = value.split(",")
        elif name == "sslmode":
            parameters[name] = _mode(value)
        elif name in LIBPQ:
            parameters[name] = value
        elif given.lower() in KNOWN_TO_LIBRARIES:
            dropped.append(given)
        else:
            raise _unknown(given, secret=any(_spelt(one) == "password" for one, _ in pairs))
    if not found["dbname"]:
        raise BackupError("names no database", where=WHERE, fix=f"{LIKE}; {ENCODE}")
    return Server(
        database=found["dbname"], host=_host(hosts, shown=bool(at)), port=_port(ports), user=found["user"],
        parameters=parameters, password=found["password"], notes=tuple(_notes(dropped, hosts, ports)),
    )  # fmt: skip


def _parts(url: str) -> tuple[str, str, str]:
    """What stands between the slashes and the ?, still encoded."""
    start = _SCHEME.match(url)
    if start is None:
        if _PAIRS.match(url):
            raise BackupError("is a list of names and values, not a URL", where=WHERE, fix=f"{LIKE}; {ENCODE}")
        raise BackupError("is no URL", where=WHERE, fix=f"{LIKE}; {ENCODE}")
    scheme, rest = start.group(1).lower(), url[start.end() :]
    if scheme == "prisma" or url.lower().startswith("prisma+"):
        fix = "name the variable with the database's own URL, such as DIRECT_URL"
        raise BackupError("is that of Prisma's proxy, which nothing can be dumped from", where=WHERE, fix=fix)
    if scheme not in _SCHEMES:
        raise BackupError("is none of PostgreSQL", where=WHERE, fix=LIKE)
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    path, _, query = rest[len(authority) :].partition("?")
    userinfo, _, place = authority.rpartition("@")
    stray = re.search(r"[\[\]]", userinfo + _ADDRESS.sub("", place))
    # A raw @ or # behind the host means that the password holds what ended the host's part too early.
    if "#" in rest or "@" in rest[len(authority) :] or stray or re.search(r"[\s\x00-\x1f]", rest):
        raise BackupError("has a character that must be written as %XX", where=WHERE, fix=ENCODE)
    return authority, path[1:], query


def _places(place: str) -> tuple[list[str], list[str]]:
    """The hosts and ports of a URL: none, one, or several with commas between them."""
    hosts, ports = [], []
    for one in place.split(","):
        address = re.fullmatch(r"\[(.*)\](?::(.*))?", one)
        host, port = (address[1], address[2]) if address else (one.partition(":")[0], one.partition(":")[2])
        hosts.append(unquote(host))
        ports.append(port or "")
    return hosts, ports


def _pairs(query: str) -> list[tuple[str, str]]:
    pairs = [one.partition("=") for one in query.split("&") if one]
    if not all(name and equals for name, equals, _ in pairs):
        raise BackupError("must have name=value after the ?", where=WHERE, fix=f"{LIKE}; {ENCODE}")
    # A + is itself to libpq; libraries in whose URLs options stand write a space so.
    return [
        (unquote(name), unquote(value.replace("+", " ") if name == "options" else value)) for name, _, value in pairs
    ]


def _spelt(name: str) -> str:
    return SPELLINGS.get(name.lower(), name.lower())


def _mode(value: str) -> str:
    known = mode(value)
    if known is None:
        fix = "it is disable, allow, prefer, require, verify-ca or verify-full"
        raise BackupError("has an sslmode that there is not", where=WHERE, fix=fix)
    return known


def _unknown(name: str, *, secret: bool) -> BackupError:
    """An unknown parameter may be what follows an & of a password."""
    if secret:
        return BackupError("has an unknown parameter beside the password", where=WHERE, fix=ENCODE)
    fix = f"leave it out, or give backups a variable of their own; known are: {', '.join(sorted(LIBPQ))}"
    what = (
        f"has the unknown parameter {name}"
        if re.fullmatch(r"[A-Za-z0-9_.-]{1,40}", name)
        else "has an unknown parameter"
    )
    return BackupError(what, where=WHERE, fix=fix)


def _host(hosts: list[str], *, shown: bool) -> str:
    if not all(_HOST.fullmatch(one) for one in hosts):
        what = "has a host with a character that no host has" if shown else "has a host that is none"
        raise BackupError(what, where=WHERE, fix=f"{LIKE}; {ENCODE}")
    return ",".join(hosts)


def _port(ports: list[str]) -> int | str | None:
    if not all(one == "" or (_PORT.fullmatch(one) and 0 < int(one) < 65536) for one in ports):
        raise BackupError("has a port that is no number", where=WHERE, fix=f"{LIKE}; {ENCODE}")
    if len({*ports}) == 1:
        return int(ports[0]) if ports[0] else None
    return ",".join(one or "5432" for one in ports)


def _notes(dropped: list[str], hosts: list[str], ports: list[str]) -> list[str]:
    """What there is to tell about a URL that was meant for the bot's library."""
    notes = []
    if dropped:
        named = ", ".join(sorted({*dropped}))
        few = "is a parameter" if len({*dropped}) == 1 else "are parameters"
        notes.append(f"{WHERE}: {named} {few} of the bot's library; backups go without")
    if any(one.lower() == "pgbouncer" for one in dropped) or any(map(_POOLERS.search, hosts)) or "6543" in ports:
        direct = "of their own with the server's direct URL (Prisma: DIRECT_URL)"
        notes.append(f"{WHERE} {_POOLER} {direct}")
    return notes
