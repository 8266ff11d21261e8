"""A backup that is called good restores into the server that it came from, whatever is in it beside rows."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from backups import Backups, until
from postgres import Cluster

from botswain.backup import catalogue as entries

pytestmark = pytest.mark.slow


WITHOUT_SUBSCRIPTIONS = r"""
SELECT format('ALTER SUBSCRIPTION %I SET (slot_name = NONE)', subname), format('DROP SUBSCRIPTION %I', subname)
FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \gexec
"""


def some(kinds: Mapping[str, object], *chosen: str) -> list[object]:
    """All of them as parameters, of which those that are not chosen run with --exhaustive alone."""
    return [one if one in chosen else pytest.param(one, marks=pytest.mark.exhaustive) for one in kinds]


class Harbour:
    """Databases with an owner that is no superuser."""

    def __init__(self, root: Path, cluster: Cluster) -> None:
        self.root, self.cluster, self.made = root, cluster, list[str]()
        self.drop("spare")

    def database(self, name: str, *script: str, owner: str = "bot", superuser: str = "") -> None:
        """A new database; `script` is run by its owner, `superuser` before that."""
        self.drop(name)
        self.cluster.sql(f"CREATE DATABASE {name} OWNER {owner};")
        self.made.append(name)
        if superuser:
            self.cluster.sql(superuser, name)
        self.cluster.sql("\n".join(script), name, owner)

    def backups(self, name: str, user: str = "bot", **fields) -> Backups:
        """Backups of a database, made by that role."""
        return Backups(self.root / name, self.cluster, name, user=user, **fields)

    def url(self, name: str, user: str = "bot") -> str:
        """The address of a database for that role."""
        return self.cluster.url(name).replace("postgres@", f"{user}@")

    def drop(self, *names: str) -> None:
        """Remove databases."""
        for name in names:
            self.cluster.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def names(self) -> list[str]:
        """Every database that is there."""
        return self.cluster.sql("SELECT datname FROM pg_database ORDER BY 1")


@pytest.fixture
def harbour(tmp_path, cluster):
    """Databases of the role `bot`, which may make some, and is no superuser."""
    cluster.sql("DROP ROLE IF EXISTS bot; CREATE ROLE bot LOGIN CREATEDB")
    made = Harbour(tmp_path, cluster)
    (tmp_path / "source").mkdir()
    yield made
    for name in made.names():
        if name in ("spare", *made.made):
            cluster.sql(WITHOUT_SUBSCRIPTIONS, name)
    made.drop("spare", *made.made)
    cluster.sql("DROP ROLE bot")


UNQUALIFIED = """
CREATE FUNCTION trimmed(v text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT btrim(v) $$;
CREATE FUNCTION slugify(v text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS
    $$ BEGIN RETURN lower(trimmed(v)); END $$;
"""

BY_SEARCH_PATH = {
    "a generated column": "CREATE TABLE p (t text, s text GENERATED ALWAYS AS (slugify(t)) STORED);",
    "a check": "CREATE TABLE p (t text CHECK (slugify(t) <> ''));",
    "an index": "CREATE TABLE p (t text); CREATE UNIQUE INDEX ON p (slugify(t));",
    "a materialized view": "CREATE TABLE p (t text);",
    "a domain": "CREATE DOMAIN slug AS text CHECK (slugify(VALUE) <> ''); CREATE TABLE p (t slug);",
    "a function that reads a table": """CREATE TABLE kinds (k text); INSERT INTO kinds VALUES ('x');
        CREATE FUNCTION known(v text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT EXISTS (SELECT FROM kinds) $$;
        CREATE TABLE p (t text CHECK (known(t)));""",
}


@pytest.mark.parametrize("kind", some(BY_SEARCH_PATH, "a generated column", "a materialized view"))
def test_what_relies_on_the_search_path_is_restored(harbour: Harbour, kind):
    """Functions that name something without its schema fail in a plain pg_restore; ours looks where the source does."""
    view = "CREATE MATERIALIZED VIEW m AS SELECT slugify(t) FROM p;" if "view" in kind else ""
    harbour.database(
        "source", UNQUALIFIED, BY_SEARCH_PATH[kind], "INSERT INTO p (t) VALUES (' Page 1'), (' Page 2');", view
    )
    backups = harbour.backups("source")
    stored = backups.run()
    done = backups.do("restore", stored, "--into", harbour.url("spare"), "--create", "--json")
    assert done.code == 0, done
    assert done.document["rows"] >= 2
    (note,) = [one for one in done.document["notes"] if "restored with the search_path of the source" in one]
    assert "ALTER FUNCTION" in note
    assert "SET search_path = public" in note
    assert not [one for one in done.document["notes"] if "ANALYZE" in one]
    read = "SELECT * FROM m" if view else "SELECT * FROM p"
    assert harbour.cluster.sql(read, "spare") == harbour.cluster.sql(read, "source")
    again = backups.do("restore", stored, "--into", harbour.url("spare"), "--replace")
    assert again.code == 0, again


def test_a_schema_that_the_database_names_is_looked_in(harbour: Harbour):
    """What ALTER DATABASE or ALTER ROLE say about the search_path counts, and any other schema comes after it."""
    script = UNQUALIFIED.replace("FUNCTION ", "FUNCTION app.").replace("lower(trimmed", "lower(app.trimmed").replace(
        "app.trimmed(v))", "trimmed(v))")  # fmt: skip
    harbour.database("source", "CREATE SCHEMA app; CREATE SCHEMA other;", script,
                     "CREATE FUNCTION other.trimmed(v text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'no' $$;",
                     "ALTER DATABASE source SET search_path TO app, public;")  # fmt: skip
    harbour.cluster.sql("CREATE TABLE p (t text, s text GENERATED ALWAYS AS (app.slugify(t)) STORED);"
                        "INSERT INTO p (t) VALUES (' Page 1')", "source", "bot")  # fmt: skip
    backups = harbour.backups("source")
    done = backups.do("restore", backups.run(), "--into", harbour.url("spare"), "--create")
    assert done.code == 0, done
    assert harbour.cluster.sql("SELECT s FROM app.p", "spare") == ["page 1"]
    assert harbour.cluster.sql("SHOW search_path", "spare") == ["app, public"]


def test_what_cannot_be_found_at_all_says_which_error_and_what_to_do(harbour: Harbour):
    """The line with ERROR, not the last lines of the query around it; and the function that is to be mended."""
    harbour.database("source", UNQUALIFIED, BY_SEARCH_PATH["a generated column"], "INSERT INTO p (t) VALUES ('x');",
                     "DROP FUNCTION trimmed(text);")  # fmt: skip
    backups = harbour.backups("source")
    stored = backups.run()
    done = backups.do("restore", stored, "--into", harbour.url("spare"), "--create")
    assert done.code == 1
    assert "/spare: ERROR: function trimmed(text) does not exist; all was rolled back, and spare is there" in done.line
    assert "in the database run ALTER FUNCTION public.slugify(text) SET search_path = public" in done.line
    assert "  | ERROR: function trimmed(text) does not exist\n" in done.err


def test_clients_that_are_newer_than_the_server(tmp_path, programs, harbour: Harbour):
    """What they set and the server does not know is left out: all arrives, also when it is replaced."""
    newest = max(programs)
    assert newest > harbour.cluster.major
    harbour.database("source", "CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 1000);",
                     "SELECT lo_from_bytea(4711, 'Ahoy');")  # fmt: skip
    backups = harbour.backups("source", bin=str(programs[newest]))
    stored = backups.run()
    document = json.loads((backups.folder / stored / "entry.json").read_text())
    assert document["client_version"].startswith(f"{newest}.")
    for words in (["--create"], ["--replace"]):
        done = backups.do("restore", stored, "--into", harbour.url("spare"), *words)
        assert done.code == 0, done
        assert harbour.cluster.sql("SELECT count(*), sum(a) FROM t", "spare") == ["1000|500500"]
        assert harbour.cluster.sql("SELECT convert_from(lo_get(4711), 'UTF8')", "spare") == ["Ahoy"]
    assert backups.do("verify", "--restore").code == 0


BEFORE = """
CREATE TABLE guilds (id bigint PRIMARY KEY); INSERT INTO guilds VALUES (1);
CREATE TABLE members (guild bigint REFERENCES guilds); CREATE TYPE mood AS ENUM ('calm');
CREATE SCHEMA app; CREATE TABLE app.logs (m mood);
"""

MIGRATIONS = {
    "a table with a foreign key": (
        "CREATE TABLE warnings (guild bigint REFERENCES guilds); INSERT INTO warnings VALUES (1);",
        "constraint warnings_guild_fkey on table public.warnings depends on ", "SELECT guild FROM warnings"),
    "a view": ("CREATE VIEW w AS SELECT id FROM guilds;", "view public.w depends on ", ""),
    "a column of an old type": (
        "CREATE TABLE w (a int, m mood); INSERT INTO w VALUES (7, 'calm');",
        "column m of table public.w depends on type",
        "SELECT a FROM w"),
    "a function of an old type": (
        "CREATE FUNCTION f(mood) RETURNS int LANGUAGE sql AS 'SELECT 1';",
        "function public.f(public.mood) depends on", ""),
    "a materialized view on a view": (
        "CREATE VIEW w AS SELECT id FROM guilds; CREATE MATERIALIZED VIEW m AS SELECT * FROM w;",
        "materialized view public.m depends on ", ""),
}  # fmt: skip


@pytest.mark.parametrize("migration", some(MIGRATIONS, "a table with a foreign key", "a function of an old type"))
def test_what_a_migration_added_is_named_and_dropped_only_when_told(harbour: Harbour, migration):
    """Over the source, all or nothing: refused with names and both ways; with --cascade it goes, the rest stays."""
    after, told, stays = MIGRATIONS[migration]
    harbour.database("source", BEFORE)
    backups = harbour.backups("source")
    stored = backups.run()
    harbour.cluster.sql(after, "source", "bot")
    words = ["restore", stored, "--into", harbour.url("source"), "--replace", "--over-source"]
    for more in ([], ["--dry-run"]):
        done = backups.do(*words, *more)
        assert done.code == 3
        assert "/source: what is not in the backup depends on what it replaces: " in done.line
        assert told in done.line
        assert (
            "pass --cascade to drop that, too; or restore into a new database (--create) and rename that" in done.line
        )
    assert told in backups.do(*words, "--cascade", "--dry-run").out
    done = backups.do(*words, "--cascade")
    assert done.code == 0, done
    assert harbour.cluster.sql("SELECT id FROM guilds", "source") == ["1"]
    if stays:
        assert harbour.cluster.sql(stays, "source") in (["1"], ["7"])


def test_a_migration_that_only_adds_stays(harbour: Harbour):
    """A new table in an old schema, and a new schema, depend on nothing: they are as they were."""
    harbour.database("source", BEFORE)
    backups = harbour.backups("source")
    stored = backups.run()
    harbour.cluster.sql("CREATE TABLE app.news (a int); INSERT INTO app.news VALUES (7); CREATE SCHEMA late;"
                        " CREATE TABLE late.t (a int); DELETE FROM guilds;", "source", "bot")  # fmt: skip
    done = backups.do("restore", stored, "--into", harbour.url("source"), "--replace", "--over-source")
    assert done.code == 0, done
    assert harbour.cluster.sql("SELECT a FROM app.news; SELECT id FROM guilds; SELECT a FROM late.t", "source") == [
        "7",
        "1",
    ]


EXTENDED = "CREATE TABLE t (a text); INSERT INTO t VALUES ('x'); CREATE INDEX ON t USING gin (a gin_trgm_ops);"


def test_extensions_of_a_superuser_stay_where_they_are(harbour: Harbour):
    """Over the bot's own database by the bot's own role, also in a schema of their own, and with rows of theirs."""
    superuser = """CREATE SCHEMA extensions; CREATE EXTENSION pg_trgm SCHEMA extensions;
        GRANT USAGE ON SCHEMA extensions TO bot; CREATE EXTENSION citext SCHEMA public;"""
    script = EXTENDED.replace("gin_trgm_ops", "extensions.gin_trgm_ops")
    harbour.database("source", script, "CREATE TABLE c (a public.citext);", superuser=superuser)
    backups = harbour.backups("source")
    stored = backups.run()
    harbour.cluster.sql("DELETE FROM t; DROP TABLE c", "source")
    done = backups.do("restore", stored, "--into", harbour.url("source"), "--replace", "--over-source")
    assert done.code == 0, done
    assert harbour.cluster.sql("SELECT a FROM t WHERE a OPERATOR(extensions.%) 'x'", "source") == ["x"]


def test_rows_of_an_extension_s_own_tables_arrive_once(harbour: Harbour, tmp_path):
    """Those that the user wrote there come with the dump; where the extension stays, they are not there twice."""
    harbour.database("source", "SELECT 1", owner="postgres")
    config = ("CREATE TABLE public.conf (k int PRIMARY KEY, own boolean); INSERT INTO public.conf VALUES (1, false);"
              "INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion, extconfig,"
              " extcondition) SELECT 99999, 'made', 10, 2200, false, '1', ARRAY['public.conf'::regclass::oid],"
              " ARRAY['WHERE own'];"
              "INSERT INTO pg_depend SELECT 'pg_class'::regclass, 'public.conf'::regclass, 0, 'pg_extension'::regclass,"
              " 99999, 0, 'e'; INSERT INTO public.conf VALUES (2, true)")  # fmt: skip
    harbour.cluster.sql(f"SET allow_system_table_mods = on; {config}", "source")
    backups = harbour.backups("source", "postgres")
    stored = backups.run()
    harbour.cluster.sql("INSERT INTO public.conf VALUES (3, true)", "source")
    url = harbour.cluster.url("source")
    done = backups.do("restore", stored, "--into", url, "--replace", "--over-source")
    assert done.code == 0, done
    assert harbour.cluster.sql("SELECT k FROM public.conf ORDER BY 1", "source") == ["1", "2"]


def test_an_extension_that_only_a_superuser_may_make(harbour: Harbour):
    """One that only watches the server is left out with a note; any other is named with who has to do what."""
    superuser = "CREATE EXTENSION pg_stat_statements; CREATE EXTENSION file_fdw"
    harbour.database("source", EXTENDED.partition("CREATE INDEX")[0], superuser=superuser)
    backups = harbour.backups("source")
    stored = backups.run()
    words = ["restore", stored, "--into", harbour.url("spare")]
    done = backups.do(*words, "--create")
    assert done.code == 1
    assert 'ERROR: permission denied to create extension "file_fdw"; all was rolled back' in done.line
    assert "have a superuser run CREATE EXTENSION file_fdw in that database, then restore without --create" in done.line
    done = backups.do(*words, "--without-extension", "file_fdw", "--json")
    assert done.code == 0, done
    (note,) = [one for one in done.document["notes"] if "pg_stat_statements" in one]
    assert "is left out (permission denied to create extension" in note
    assert "have a superuser run CREATE EXTENSION pg_stat_statements" in note
    harbour.drop("spare")
    harbour.cluster.sql("CREATE DATABASE spare OWNER bot")
    harbour.cluster.sql("CREATE EXTENSION file_fdw; CREATE EXTENSION pg_stat_statements", "spare")
    done = backups.do(*words, "--json")
    assert (done.code, done.document["notes"]) == (0, []), done


def test_create_keeps_what_belongs_to_the_database_itself(harbour: Harbour):
    """Settings, also of roles in it, comment, limit, grants, locale: under another name, and with odd ones."""
    name, statements = '"So urce"', """
        ALTER DATABASE "So urce" SET search_path TO app, public; ALTER DATABASE "So urce" SET timezone TO 'Asia/Tokyo';
        ALTER ROLE bot IN DATABASE "So urce" SET work_mem TO '5MB'; ALTER DATABASE "So urce" CONNECTION LIMIT 17;
        COMMENT ON DATABASE "So urce" IS 'Where it''s DATABASE x'; REVOKE CONNECT ON DATABASE "So urce" FROM PUBLIC;
        GRANT CONNECT ON DATABASE "So urce" TO postgres;"""  # fmt: skip
    icu = "LOCALE_PROVIDER icu ICU_LOCALE 'sv-SE' LOCALE 'C' ENCODING 'UTF8'"
    harbour.drop(name)
    harbour.cluster.sql(f"CREATE DATABASE {name} OWNER bot TEMPLATE template0 {icu};")
    harbour.made.append(name)
    harbour.cluster.sql(statements)
    harbour.cluster.sql("CREATE SCHEMA app; CREATE TABLE app.t (a int)", "So urce", "bot")
    backups = Backups(harbour.root / "source", harbour.cluster, "So urce", user="postgres")
    done = backups.do("restore", backups.run(), "--into", harbour.cluster.url("spare"), "--create", "--json")
    assert (done.code, done.document["notes"]) == (0, []), done
    query = """SELECT pg_get_userbyid(datdba), datlocprovider, daticulocale, datcollate, datconnlimit,
        (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) AS a), shobj_description(oid, 'pg_database'),
        (SELECT jsonb_agg(setconfig ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = pg_database.oid)
        FROM pg_database WHERE datname = '{}'"""
    found = harbour.cluster.sql(query.format("spare"))
    assert found == harbour.cluster.sql(query.format("So urce"))
    assert "Asia/Tokyo" in found[0]
    assert "work_mem=5MB" in found[0]
    assert harbour.cluster.sql("SHOW search_path", "spare", "postgres") == ["app, public"]
    harbour.drop("spare")
    harbour.cluster.sql("CREATE DATABASE spare")
    (note,) = backups.do("restore", "latest", "--into", harbour.cluster.url("spare"), "--json").document["notes"]
    assert note.startswith(
        'set for the database that was dumped, and not for this one: ALTER DATABASE "So urce" SET sea'
    )


def test_what_a_role_may_not_set_is_told(harbour: Harbour):
    """All arrives but a setting that only a superuser may make; its value, which may be a secret, is not shown."""
    harbour.database("source", "CREATE TABLE t (a int)")
    harbour.cluster.sql(
        "ALTER DATABASE source SET log_statement TO 'all'; ALTER DATABASE source SET my.key TO 'hush-4711'"
    )
    backups = harbour.backups("source")
    done = backups.do("restore", backups.run(), "--into", harbour.url("spare"), "--create", "--json")
    assert done.code == 0, done
    assert done.document["notes"] == [
        f'not restored: ALTER DATABASE "spare" SET {name} (permission denied to set parameter "{name.strip(chr(34))}");'
        " a role that may has to run it"
        for name in ("log_statement", '"my.key"')
    ]
    assert "hush" not in done.out


EVERYTHING = """
CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);
ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b DEFERRABLE INITIALLY DEFERRED;
BEGIN; INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 1); COMMIT;
CREATE TABLE loose (id int); INSERT INTO loose VALUES (7);
ALTER TABLE loose ADD FOREIGN KEY (id) REFERENCES a NOT VALID;
ALTER TABLE a ENABLE ROW LEVEL SECURITY; ALTER TABLE a FORCE ROW LEVEL SECURITY; CREATE POLICY p ON a USING (id > 0);
CREATE TABLE i (id int GENERATED ALWAYS AS IDENTITY, s serial);
INSERT INTO i DEFAULT VALUES; INSERT INTO i DEFAULT VALUES;
CREATE UNLOGGED TABLE u (a int); INSERT INTO u VALUES (1);
CREATE FUNCTION add(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
CREATE AGGREGATE total(int) (SFUNC = add, STYPE = int, INITCOND = '0');
CREATE OPERATOR @@@ (FUNCTION = add, LEFTARG = int, RIGHTARG = int);
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO u VALUES (2); RETURN NEW; END $$;
CREATE TRIGGER touch AFTER INSERT ON i FOR EACH ROW EXECUTE FUNCTION touched();
CREATE TABLE parted (a int) PARTITION BY RANGE (a);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
INSERT INTO parted VALUES (5);
CREATE MATERIALIZED VIEW m1 AS SELECT id FROM a; CREATE MATERIALIZED VIEW m2 AS SELECT id FROM m1 WITH NO DATA;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
CREATE PUBLICATION pub FOR TABLE a; SELECT lo_from_bytea(4712, 'Ahoy');
CREATE VIEW one AS SELECT 1 AS a; CREATE RULE r AS ON INSERT TO one DO INSTEAD NOTHING;
CREATE FUNCTION watched() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION watched();
CREATE SUBSCRIPTION sub CONNECTION 'host=192.0.2.1' PUBLICATION pub WITH (connect = false, slot_name = 'x');
"""


def test_everything_else_that_a_database_may_hold(harbour: Harbour):
    """Into a new database, over that again and again, and into a scratch database, by a superuser."""
    harbour.database("source", EVERYTHING, owner="postgres")
    backups = harbour.backups("source", "postgres")
    stored = backups.run()
    query = """SELECT sum(last_value) FROM pg_sequences; TABLE loose; TABLE m1; SELECT total(a) FROM parted;
        SELECT count(*) FROM u; SELECT count(*) FROM pg_policy; SELECT evtname FROM pg_event_trigger;
        SELECT convalidated FROM pg_constraint WHERE conname = 'loose_id_fkey'; SELECT pubname FROM pg_publication;
        SELECT relispopulated FROM pg_class WHERE relname = 'm2'; SELECT convert_from(lo_get(4712), 'UTF8');
        SELECT 1 @@@ 2"""
    before = harbour.cluster.sql(query, "source")
    for words in (["--create"], ["--replace"], ["--replace"]):
        done = backups.do("restore", stored, "--into", harbour.cluster.url("spare"), *words)
        assert done.code == 0, done
        assert harbour.cluster.sql(query, "spare") == before
    done = backups.do("verify", "--restore")
    assert done.code == 0, done


def test_a_role_that_policies_hold_back_cannot_dump_and_is_told_the_way(harbour: Harbour):
    """Rows that it may not see would be missing: the table is named, and what a superuser has to run."""
    harbour.database("source", "CREATE TABLE secrets (a int); INSERT INTO secrets VALUES (1);"
                     "ALTER TABLE secrets ENABLE ROW LEVEL SECURITY; ALTER TABLE secrets FORCE ROW LEVEL SECURITY;"
                     "CREATE POLICY none ON secrets USING (false)")  # fmt: skip
    backups = harbour.backups("source")
    done = backups.do("run")
    assert done.code == 1
    assert 'query would be affected by row-level security policy for table "secrets"' in done.line
    assert "have a superuser run: ALTER ROLE bot BYPASSRLS; or back up as the owner of that table, where" in done.line
    harbour.cluster.sql("ALTER ROLE bot BYPASSRLS")
    assert backups.run()


def test_a_restore_into_a_scratch_database(harbour: Harbour):
    """It shows that a backup restores, is noted, and leaves nothing; a role that may make none is told how it may."""
    harbour.database("source", BEFORE)
    backups = harbour.backups("source")
    stored, before = backups.run(), harbour.names()
    harbour.cluster.sql("ALTER ROLE bot NOCREATEDB")
    done = backups.do("verify", "--restore", "--json")
    assert done.code == 1
    (problem,) = done.document["problems"]
    assert "the role bot may not make a scratch database; have a superuser run: ALTER ROLE bot CREATEDB" in problem
    assert backups.states() == {stored: "good"}
    harbour.cluster.sql("ALTER ROLE bot CREATEDB")
    done = backups.do("verify", "--restore")
    assert done.code == 0, done
    assert done.out.endswith(
        f"{stored} restored into a scratch database: every table has the rows that the catalogue says\n"
    )
    assert backups.do("list", "--json").document["backups"][0]["restoredAt"]
    assert "restored (UTC)" in backups.do("list").out
    assert harbour.names() == before
    assert backups.names() == {stored}


def test_a_backup_that_does_not_restore_is_not_good(harbour: Harbour):
    """Where every new one is tried: it is suspicious, becomes no `latest`, lets none go, and says what to mend."""
    harbour.database("source", BEFORE)
    backups = harbour.backups("source", verify_restore=True, keep={"last": 1, "daily": 0, "weekly": 0, "monthly": 0})
    before = harbour.names()
    done = backups.do("run", "--json")
    assert done.code == 0, done
    stored = done.document["backup"]["id"]
    assert done.document["backup"]["restoredAt"]
    harbour.cluster.sql(UNQUALIFIED, "source", "bot")
    harbour.cluster.sql(BY_SEARCH_PATH["a check"], "source", "bot")
    harbour.cluster.sql("INSERT INTO p VALUES ('x')", "source", "bot")
    harbour.cluster.sql("DROP FUNCTION trimmed(text)", "source", "bot")
    done = backups.do("run", "--json")
    assert (done.code, done.document["outcome"]) == (1, "partial")
    assert "cannot be restored: function trimmed(text) does not exist" in done.document["backup"]["why"]
    assert "ALTER FUNCTION public.slugify(text) SET search_path" in done.document["problems"][0]
    assert backups.states() == {stored: "good", done.document["backup"]["id"]: "suspicious"}
    assert backups.do("list", "--json").document["latest"] == stored
    assert harbour.names() == before


def test_a_scratch_database_goes_although_autovacuum_is_in_it(harbour: Harbour):
    """It belongs to the server, and a role that is no superuser may not end it by force."""
    settings = {
        "autovacuum_naptime": "1s",
        "autovacuum_analyze_threshold": "0",
        "autovacuum_vacuum_cost_delay": "100ms",
    }
    for name, value in settings.items():
        harbour.cluster.sql(f"ALTER SYSTEM SET {name} = '{value}'")
    harbour.cluster.sql("SELECT pg_reload_conf()")
    try:
        tables = "".join(f"CREATE TABLE t{n} AS SELECT * FROM generate_series(1, 3000) AS a;" for n in range(12))  # noqa: S608 - n is ours
        harbour.database("source", tables)
        backups, before = harbour.backups("source"), harbour.names()
        backups.run()
        for _ in range(4):
            assert backups.do("verify", "--restore").code == 0
    finally:
        for name in settings:
            harbour.cluster.sql(f"ALTER SYSTEM RESET {name}")
        harbour.cluster.sql("SELECT pg_reload_conf()")
    assert harbour.names() == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_scratch_database_goes_also_after_a_kill(harbour: Harbour, number):
    """At once where that can be; else with the next run, whatever that does."""
    harbour.database("source", """CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
        $$ BEGIN IF current_database() <> 'source' THEN PERFORM pg_sleep(60); END IF; RETURN $1; END $$;
        CREATE TABLE t (a int); INSERT INTO t VALUES (1); CREATE INDEX ON t (slow(a));""")  # fmt: skip
    backups = harbour.backups("source")
    backups.run()
    before = harbour.names()
    process = subprocess.Popen(backups.argv("verify", "--restore"), stderr=subprocess.DEVNULL, **backups.where())
    until(lambda: harbour.cluster.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))
    assert len(harbour.names()) == len(before) + 1
    process.send_signal(number)
    process.wait(60)
    if number == signal.SIGTERM:
        assert harbour.names() == before
    assert backups.do("run", "--json").code == 0
    assert harbour.names() == before
    assert len(backups.names()) == 2


def test_a_catalogue_of_an_older_version_is_read(harbour: Harbour):
    """Entries without what is new now are good, restore, and can be tried."""
    harbour.database("source", BEFORE)
    backups = harbour.backups("source")
    stored = backups.run()
    path = backups.folder / stored / "entry.json"
    document = json.loads(path.read_text())
    for name in ("seal", "search_path", "restored_at", "restore_problem"):
        del document[name]
    document["schema"] = 1
    path.write_text(json.dumps({**document, "seal": entries._seal(document)}))
    assert backups.states() == {stored: "good"}
    assert backups.do("restore", stored, "--into", harbour.url("spare"), "--create").code == 0
    assert backups.do("verify", "--restore").code == 0
    assert backups.states() == {stored: "good"}
