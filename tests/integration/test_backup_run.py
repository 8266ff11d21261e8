"""A backup holds everything, was read back, and says what is in it."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
from backups import Backups, copied_programs
from postgres import PASSWORD

pytestmark = pytest.mark.slow


def test_what_a_run_leaves(backups: Backups, cluster):
    """One folder with dump, roles and entry, for its owner alone; nothing else."""
    done = backups.do("run", "--json")
    assert done.code == 0, done
    assert done.err == ""
    told = done.document
    identity = told["backup"]["id"]
    assert (told["task"], told["environment"], told["outcome"], told["exitCode"]) == ("backup.run", "stage", "done", 0)
    assert (told["backup"]["state"], told["backup"]["rows"], told["backup"]["tables"]) == ("good", 202, 3)
    assert backups.names() == {identity}
    files = {path.name: path for path in (backups.folder / identity).iterdir()}
    assert set(files) == {backups.dump(identity).name, "globals.sql", "entry.json"}
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}
    assert backups.folder.stat().st_mode & 0o777 == 0o700
    assert "CREATE ROLE postgres" in files["globals.sql"].read_text()
    assert "SCRAM" not in files["globals.sql"].read_text()
    entry = json.loads(files["entry.json"].read_bytes())
    assert entry["rows"] == {"harbour.ships": 200, "harbour.logs": 0, 'harbour."Odd Name"': 2}
    assert entry["server_version"].startswith(f"{cluster.major}.")
    assert entry["verified_at"]
    backups.whole(identity)


def test_people_read_lines(backups: Backups):
    """The same in words; a terminal is not needed."""
    done = backups.do("run")
    assert (done.code, done.err) == (0, "")
    assert "202 rows in 3 tables, read back whole" in done.out
    listed = backups.do("list").out.splitlines()
    assert listed[0].split() == ["backup", "state", "made", "(UTC)", "size", "rows", "verified", "(UTC)", "copies"]
    assert len(listed) == 2


RICH = """
CREATE TYPE harbour.flag AS ENUM ('red', 'green');
CREATE TABLE harbour.buoys (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, flag harbour.flag DEFAULT 'red', at timestamptz, chart oid,
    doc jsonb CHECK (doc ? 'depth'), deep bool GENERATED ALWAYS AS ((doc->>'depth')::int > 9) STORED
) PARTITION BY RANGE (id);
CREATE TABLE harbour.buoys_a PARTITION OF harbour.buoys FOR VALUES FROM (1) TO (50);
CREATE TABLE harbour.buoys_b PARTITION OF harbour.buoys DEFAULT;
INSERT INTO harbour.buoys (at, chart, doc) SELECT '2026-01-01Z', lo_from_bytea(0, ('chart ' || i)::bytea),
    jsonb_build_object('depth', i, 'note', E'tab\\t, "quote", \\\\') FROM generate_series(1, 90) i;
CREATE SEQUENCE harbour.berths INCREMENT 7; SELECT nextval('harbour.berths'), nextval('harbour.berths');
CREATE MATERIALIZED VIEW harbour.depths AS SELECT deep, count(*) FROM harbour.buoys GROUP BY deep;
CREATE FUNCTION harbour.stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at := now(); RETURN NEW; END $$;
CREATE TRIGGER stamp BEFORE INSERT ON harbour.buoys FOR EACH ROW EXECUTE FUNCTION harbour.stamp();
ALTER TABLE harbour.ships ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON harbour.ships TO purser USING (berth = 1);
ALTER TABLE harbour.logs OWNER TO purser; GRANT SELECT ON harbour.ships TO purser;
COMMENT ON TABLE harbour.ships IS 'Käpt''n''s';
"""
SEEN = """
SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2;
SELECT id, at, chart, doc, deep, convert_from(lo_get(chart), 'UTF8') FROM harbour.buoys ORDER BY id;
SELECT * FROM harbour.depths ORDER BY 1;
SELECT extname, extversion FROM pg_extension ORDER BY 1;
SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'harbour' ORDER BY 1;
SELECT harbour.greet('Käpt''n');
"""


def test_everything_comes_back(backups: Backups, cluster):
    """Restored into a new database: definitions, rows, sequences, large objects, extensions, owners and grants."""
    cluster.sql("DROP ROLE IF EXISTS purser; CREATE ROLE purser; GRANT USAGE ON SCHEMA harbour TO purser", "harbour")
    cluster.sql(RICH, "harbour")
    known = cluster.sql("SELECT name FROM pg_available_extensions WHERE name IN ('citext', 'vector')")
    cluster.sql(f"CREATE EXTENSION {known[0]}; CREATE TABLE harbour.extended (one {known[0]})", "harbour")
    backups.run()
    done = backups.do("restore", "latest", "--into", cluster.url("again"), "--create", "--json")
    assert (done.code, done.document["rows"], done.document["tables"]) == (0, 292, 6), done
    assert cluster.content("again") == cluster.content("harbour")
    assert _definitions(cluster, "again") == _definitions(cluster, "harbour")
    seen = cluster.sql(SEEN, "harbour")
    assert len(seen) > 100
    assert cluster.sql(SEEN, "again") == seen
    cluster.sql("DROP DATABASE again; DROP DATABASE harbour WITH (FORCE)")
    cluster.sql("DROP ROLE purser")


def _definitions(cluster, database: str) -> list[str]:
    """What pg_dump says of a database without its rows."""
    argv = [str(cluster.programs / "pg_dump"), "--schema-only", cluster.url(database)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if not line.startswith("\\")]


def test_rows_are_counted_in_the_snapshot_that_is_dumped(backups: Backups, cluster):
    """Somebody writes all the time: a restore still has exactly the rows that the catalogue says."""
    stop = threading.Event()

    def write():
        while not stop.is_set():
            cluster.sql("INSERT INTO harbour.logs (ship, line) SELECT 1, 'x' FROM generate_series(1, 50)", "harbour")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        identity = backups.run()
    finally:
        stop.set()
        writer.join()
    counted = json.loads((backups.folder / identity / "entry.json").read_bytes())["rows"]["harbour.logs"]
    assert 0 < counted < int(cluster.sql("SELECT count(*) FROM harbour.logs", "harbour")[0])
    done = backups.do("restore", "latest", "--into", cluster.url("again"), "--create", "--json")
    assert (done.code, done.document["problems"]) == (0, [])
    cluster.sql("DROP DATABASE again")


def test_the_hash_of_the_schema_changes_with_the_schema_alone(backups: Backups, cluster):
    """More rows are the same schema; another column is another."""

    def schema():
        return backups.do("run", "--json").document["backup"]["schemaSha256"]

    first = schema()
    cluster.sql("INSERT INTO harbour.logs (ship, line) VALUES (1, 'more')", "harbour")
    assert schema() == first
    cluster.sql("ALTER TABLE harbour.ships ADD COLUMN flag text", "harbour")
    assert schema() != first


def test_without_zstd_it_is_gzip(backups: Backups, tmp_path):
    """A host without zstd has backups all the same, and they can be verified and restored."""
    few = tmp_path / "path"
    few.mkdir()
    backups.environment["PATH"] = str(few)
    identity = backups.run()
    assert backups.dump(identity).name == "database.dump"
    backups.whole(identity)
    del backups.environment["PATH"]
    if shutil.which("zstd"):
        assert backups.dump(backups.run()).name == "database.dump.zst"


def test_the_servers_own_version_is_chosen_among_several(backups: Backups, programs):
    """What it dumps can then be read by the most others."""
    if not Path("/usr/lib/postgresql").is_dir():
        pytest.skip("only what a distribution installed is found without being told")
    backups.configure(bin=None)
    told = backups.do("run", "--json").document["backup"]
    assert int(told["clientVersion"].split(".")[0]) >= int(told["serverVersion"].split(".")[0])


def test_a_password_from_a_file_is_seen_nowhere(backups: Backups, cluster, tmp_path):
    """Not in any command line while it runs, and not in what it says or stores."""
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    secret.chmod(0o600)
    url = f"postgresql://postgres@127.0.0.1:{cluster.port}/harbour"
    backups.configure(database=None, host=None, port=None, user=None, url=url, password_file=str(secret))
    lines: set[bytes] = set()
    process = subprocess.Popen(
        backups.argv("run", "--json"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **backups.where()
    )
    while process.poll() is None:
        lines |= {_command(path) for path in Path("/proc").glob("[0-9]*")}
        time.sleep(0.005)
    said = process.stdout.read()
    process.stdout.close()
    assert process.returncode == 0, said
    assert any(b"pg_dump" in line for line in lines)
    everything = [said, *lines, *(path.read_bytes() for path in backups.folder.rglob("*") if path.is_file())]
    assert not any(PASSWORD.encode() in one for one in everything)


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_password_that_others_can_read_is_refused(backups: Backups, tmp_path):
    """So is one in the URL of a configuration; both are told at once."""
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    url = f"postgresql://postgres:{PASSWORD}@127.0.0.1/harbour"
    backups.configure(database=None, host=None, port=None, user=None, url=url, password_file=str(secret))
    done = backups.do("run")
    assert (done.code, backups.names()) == (1, set())
    assert "url holds a password; put that into a file of mode 0600" in done.line
    assert f"{secret}: can be read by others; chmod 600" in done.line
    assert PASSWORD not in done.err


def test_a_configuration_on_stdin_may_hold_the_password(backups: Backups, cluster):
    """Nobody else can see it there; it is how the controller tells it."""
    url = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{cluster.port}/harbour"
    backups.configure(database=None, host=None, port=None, user=None, url=url)
    line = backups.configuration.read_text() + "\n"
    backups.configuration = "-"
    done = backups.do("run", input=line)
    assert done.code == 0, done


def test_a_user_who_may_not_see_every_row_makes_no_backup(backups: Backups, cluster):
    """A dump of only those rows that somebody may see would look whole."""
    cluster.sql("DROP ROLE IF EXISTS deckhand; CREATE ROLE deckhand LOGIN;")
    cluster.sql(
        "GRANT USAGE ON SCHEMA harbour TO deckhand; GRANT SELECT ON ALL TABLES IN SCHEMA harbour TO deckhand;"
        "GRANT SELECT ON ALL SEQUENCES IN SCHEMA harbour TO deckhand;"
        "ALTER TABLE harbour.ships ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY few ON harbour.ships FOR SELECT TO deckhand USING (berth = 1);",
        "harbour",
    )
    backups.configure(user="deckhand")
    done = backups.do("run")
    assert (done.code, backups.names()) == (1, set())
    assert "row-level security" in done.line
    backups.configure(user="postgres")
    cluster.sql("DROP DATABASE harbour WITH (FORCE)")
    cluster.sql("DROP ROLE deckhand")


def test_a_server_that_hides_its_roles_still_has_a_backup(backups: Backups, tmp_path, cluster):
    """It says that they are missing; managed servers are like that."""
    programs = copied_programs(cluster.programs, tmp_path / "programs")
    (programs / "pg_dumpall").unlink()
    (programs / "pg_dumpall").write_text("#!/bin/sh\necho 'pg_dumpall: error: not for you' >&2\nexit 1\n")
    (programs / "pg_dumpall").chmod(0o755)
    backups.configure(bin=str(programs))
    done = backups.do("run", "--json")
    assert done.code == 0, done
    assert done.document["notes"] == ["without the server's roles: pg_dumpall failed with exit code 1: not for you"]
    assert done.document["backup"]["globals"] is False
    assert backups.names() == {done.document["backup"]["id"]}
    assert not (backups.folder / done.document["backup"]["id"] / "globals.sql").exists()
