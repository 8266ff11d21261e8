"""A restore is all or nothing, goes nowhere by mistake, and counts what arrived."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from backups import Backups, until
from postgres import PASSWORD

pytestmark = pytest.mark.slow


@pytest.fixture
def target(cluster):
    """An empty database to restore into: its name."""
    cluster.sql("DROP DATABASE IF EXISTS spare WITH (FORCE)")
    cluster.sql("CREATE DATABASE spare")
    yield "spare"
    cluster.sql("DROP DATABASE IF EXISTS spare WITH (FORCE)")


@pytest.fixture
def stored(backups):
    """The id of a good backup."""
    return backups.run()


def test_into_an_empty_database(backups: Backups, stored, cluster, target):
    """By id, by the beginning of one, or the latest; with the counts compared."""
    done = backups.do("restore", stored[:17], "--into", cluster.url(target), "--json")
    assert done.code == 0, done
    told = done.document
    assert (told["backupId"], told["database"], told["rows"], told["problems"]) == (stored, target, 202, [])
    assert cluster.content(target) == cluster.content("harbour")


def test_not_into_the_database_it_was_dumped_from(backups: Backups, stored, cluster):
    """However its address is written; and what is in it stays."""
    before = cluster.content("harbour")
    for url in (cluster.url("harbour"), f"postgresql://postgres@127.0.0.1:{cluster.port}/harbour"):
        backups.environment["PGPASSWORD"] = PASSWORD
        done = backups.do("restore", stored, "--into", url, "--replace")
        assert done.code == 3
        assert "harbour is the database that this backup was made from; restore into another" in done.line
        assert PASSWORD not in done.err
    assert cluster.content("harbour") == before


def test_into_its_own_database_when_told(backups: Backups, stored, cluster):
    """The night on which that is what is needed: what happened since is undone."""
    before = cluster.content("harbour")
    cluster.sql('DELETE FROM harbour.ships; DROP TABLE harbour."Odd Name"', "harbour")
    done = backups.do("restore", stored, "--into", cluster.url("harbour"), "--replace", "--over-source")
    assert done.code == 0, done
    assert cluster.content("harbour") == before


def test_a_database_that_was_dropped(backups: Backups, stored, cluster):
    """Its own name, made anew: nothing is written over, so there is nothing to confirm."""
    before = cluster.content("harbour")
    cluster.sql("DROP DATABASE harbour WITH (FORCE)")
    assert backups.do("restore", stored, "--into", cluster.url("harbour"), "--create").code == 0
    assert cluster.content("harbour") == before


def test_not_under_a_bot_that_runs(backups: Backups, stored, cluster):
    """Its own database, while somebody is connected: stop that first."""
    told = ["restore", stored, "--into", cluster.url("harbour"), "--replace", "--over-source"]
    with cluster.session("harbour"):
        done = backups.do(*told)
        assert done.code == 3
        assert "harbour is in use by 1 other session (psql); stop the bot first" in done.line
        assert backups.do(*told, "--in-use").code == 0


def test_not_into_a_database_that_holds_something(backups: Backups, stored, cluster, target):
    """Not even an empty table or a function; told to replace, what is not in the backup stays."""
    cluster.sql("CREATE TABLE mine (a int); INSERT INTO mine VALUES (7)", target)
    done = backups.do("restore", stored, "--into", cluster.url(target))
    assert done.code == 3
    assert "spare is not empty (" in done.line
    assert backups.do("restore", stored, "--into", cluster.url(target), "--replace").code == 0
    assert cluster.sql("SELECT a FROM mine", target) == ["7"]
    assert cluster.content(target) == cluster.content("harbour")
    cluster.sql("DROP DATABASE spare WITH (FORCE)")
    cluster.sql("CREATE DATABASE spare")
    cluster.sql("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", target)
    assert backups.do("restore", stored, "--into", cluster.url(target)).code == 3


def _held_up(cluster, target: str) -> str:
    """Has a restore into that database wait where it makes its first index; SQL for the session that lets it go on."""
    cluster.sql("CREATE FUNCTION public.wait() RETURNS event_trigger LANGUAGE plpgsql AS"
                " $$ BEGIN PERFORM pg_advisory_xact_lock(4711); END $$;"
                "CREATE EVENT TRIGGER wait ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION wait()",
                target)  # fmt: skip
    return "SELECT pg_advisory_lock(4711);"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_restore_that_is_killed_touches_nothing(backups: Backups, stored, cluster, target, number):
    """All rows are in, the indexes are not: nothing of it goes on unseen, and the same command again goes through."""
    words = ["restore", stored, "--into", cluster.url(target), "--replace"]
    with cluster.session(target) as holder:
        holder.say(_held_up(cluster, target))
        process = subprocess.Popen(backups.argv(*words), stderr=subprocess.PIPE, text=True, **backups.where())
        until(lambda: cluster.sql("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
        process.send_signal(number)
        said = process.communicate(timeout=30)[1]
    assert (process.returncode, said) in [
        (-signal.SIGKILL, ""), (1, "botswain: stopped; all was rolled back\n"),
    ]  # fmt: skip
    until(lambda: not cluster.sql("SELECT 1 FROM pg_stat_activity WHERE datname = 'spare'"))
    assert cluster.sql("SELECT to_regnamespace('harbour') IS NULL", target) == ["t"]
    assert backups.do(*words).code == 0
    assert cluster.content(target) == cluster.content("harbour")


def test_what_ends_after_the_restore_is_told_as_what_it_is(backups: Backups, stored, cluster, target):
    """Everything arrived, and then the counting fails: nobody is to believe that nothing happened."""
    cluster.sql("CREATE FUNCTION public.shut() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
                " UPDATE pg_database SET datallowconn = false WHERE datname = 'spare'; END $$;"
                "CREATE EVENT TRIGGER shut ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION shut()",
                target)  # fmt: skip
    done = backups.do("restore", stored, "--into", cluster.url(target), "--replace")
    assert done.code == 1
    assert f"{stored} is restored, but its rows could not be counted: connection to server" in done.line
    assert 'database "spare" is not currently accepting connections' in done.line
    cluster.sql("UPDATE pg_database SET datallowconn = true WHERE datname = 'spare'")
    assert cluster.content(target) == cluster.content("harbour")


def test_what_cannot_be_replaced_is_refused(backups: Backups, stored, cluster, target):
    """Something of another kind with the name of something in the backup: nothing is touched, and the way is told."""
    cluster.sql("CREATE SCHEMA harbour; CREATE VIEW harbour.mine AS SELECT 1 AS a", target)
    cluster.sql("CREATE TABLE public.t (a int); CREATE VIEW harbour.logs AS SELECT a FROM public.t", target)
    done = backups.do("restore", stored, "--into", cluster.url(target), "--replace")
    assert done.code == 3
    assert "/spare: what is in the backup cannot be replaced there: " in done.line
    assert done.line.endswith("; restore into a new database (--create) and rename that (docs/backup.md)")
    assert cluster.sql("SELECT to_regclass('harbour.ships') IS NULL", target) == ["t"]
    assert cluster.sql("SELECT a FROM harbour.mine", target) == ["1"]


def test_what_fails_at_the_end_is_rolled_back_too(backups: Backups, stored, cluster, target):
    """All rows are in by then; none stays."""
    cluster.sql("CREATE FUNCTION public.no() RETURNS event_trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'no index here'; END $$;"
                "CREATE EVENT TRIGGER no ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION no()",
                target)  # fmt: skip
    done = backups.do("restore", stored, "--into", cluster.url(target), "--replace")
    assert done.code == 1
    assert done.line.endswith(f"/{target}: ERROR: no index here; all was rolled back")
    assert cluster.sql("SELECT to_regnamespace('harbour') IS NULL", target) == ["t"]


def test_a_role_that_is_missing(tmp_path, cluster, newer_cluster):
    """Says which, and how to go on; --no-owner goes on without it."""
    cluster.database("owned")
    cluster.sql("DROP ROLE IF EXISTS bosun; CREATE ROLE bosun; ALTER TABLE owned.harbour.ships OWNER TO bosun"
                .replace("owned.", ""), "owned")  # fmt: skip
    backups = Backups(tmp_path, cluster, "owned")
    stored = backups.run()
    backups.configure(bin=str(newer_cluster.programs))
    newer_cluster.sql("DROP DATABASE IF EXISTS spare")
    done = backups.do("restore", stored, "--into", newer_cluster.url("spare"), "--create")
    assert done.code == 1
    assert 'role "bosun" does not exist; all was rolled back, and spare is there, but empty' in done.line
    assert "create it first (globals.sql beside the dump has it), or say --no-owner; leave --create out" in done.line
    done = backups.do("restore", stored, "--into", newer_cluster.url("spare"), "--no-owner")
    assert done.code == 0, done
    cluster.sql("DROP DATABASE owned WITH (FORCE)")
    cluster.sql("DROP ROLE bosun")


def test_versions(tmp_path, cluster, newer_cluster):
    """Not with an older pg_restore, and not into an older server."""
    newer = Backups(tmp_path, newer_cluster, newer_cluster.database("harbour"))
    stored = newer.run()
    cluster.sql("DROP DATABASE IF EXISTS spare WITH (FORCE)")
    cluster.sql("CREATE DATABASE spare")
    done = newer.do("restore", stored, "--into", cluster.url("spare"))
    assert done.code == 3
    assert f"the server is {cluster.major}." in done.line
    assert "the backup was made from 18." in done.line
    for words in (["--create"], ["--create", "--dry-run"]):
        done = newer.do("restore", stored, "--into", cluster.url("fresh"), *words)
        assert (done.code, "the backup was made from 18." in done.line) == (3, True)
        assert cluster.sql("SELECT 1 FROM pg_database WHERE datname = 'fresh'") == []
    newer.configure(bin=str(cluster.programs))
    for command in (["restore", stored, "--into", newer_cluster.url("other"), "--create"], ["verify"]):
        done = newer.do(*command)
        assert done.code == 3
        assert f"pg_restore {cluster.major}." in done.line
        assert "install postgresql-client-18" in done.line
    assert newer.states() == {stored: "good"}


def test_rows_that_did_not_arrive_are_told(backups: Backups, stored, cluster, tmp_path):
    """A restore that succeeded and is not what was dumped is a failure, with the table's name."""
    cluster.sql("DROP DATABASE IF EXISTS spare WITH (FORCE)")
    cluster.sql("CREATE DATABASE spare")
    cluster.sql("CREATE FUNCTION public.less() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
                " IF to_regclass('harbour.ships_berth_idx') IS NOT NULL THEN DELETE FROM harbour.ships WHERE id < 4;"
                " END IF; END $$;"
                "CREATE EVENT TRIGGER less ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION less()",
                "spare")  # fmt: skip
    done = backups.do("restore", stored, "--into", cluster.url("spare"), "--replace", "--json")
    assert (done.code, done.document["outcome"]) == (1, "failed")
    assert done.document["problems"] == ["harbour.ships: 200 rows in the backup, 197 now"]
    cluster.sql("DROP DATABASE spare WITH (FORCE)")


def test_create_takes_no_database_that_is_there(backups: Backups, stored, cluster, target):
    """--create is for a new one."""
    done = backups.do("restore", stored, "--into", cluster.url(target), "--create")
    assert (done.code, done.line) == (
        3,
        "the database spare is there already; leave --create out, or name another",
    )


def test_a_database_that_is_not_there(backups: Backups, stored, cluster):
    """The option that makes it is named; and a dry run knows when it would be refused."""
    cluster.sql("DROP DATABASE IF EXISTS spare")
    for words in ([], ["--dry-run"]):
        done = backups.do("restore", stored, "--into", cluster.url("spare"), *words)
        assert done.code == 3
        assert done.line.endswith("/spare: there is no database spare; --create makes it; or correct the name")
    cluster.sql("DROP ROLE IF EXISTS stoker; CREATE ROLE stoker LOGIN")
    done = backups.do("restore", stored, "--into", cluster.url("spare").replace("postgres@", "stoker@"), "--create")
    assert (done.code, done.line.partition("; ")[2]) == (1, "have somebody make it who may, and leave --create out")
    cluster.sql("DROP ROLE stoker")
    done = backups.do("restore", stored, "--into", cluster.url("spare"), "--create", "--dry-run")
    assert (done.code, done.out) == (0, f"would create spare and restore {stored} into it\n")


def test_latest_is_the_newest_good_one(backups: Backups, stored, cluster, target):
    """It is marked in the list; restore and verify know it by that name; a damaged one is none; accept wants an id."""
    newest = backups.run()
    listed = backups.do("list").out.splitlines()
    assert listed[2].split()[:3] == [newest, "good,", "latest"]
    assert "latest" not in listed[1]
    assert backups.do("verify", "latest", "--json").document["backups"][0]["id"] == newest
    os.truncate(backups.dump(newest), 10)
    assert backups.do("list", "--json").document["latest"] == stored
    assert backups.do("verify", "latest").out == "1 of 1 good\n"
    done = backups.do("restore", "latest", "--into", cluster.url(target), "--json")
    assert (done.code, done.document["backupId"]) == (0, stored)
    done = backups.do("verify", "latest", "--accept")
    assert (done.code, done.line) == (1, "latest is good already; name the suspicious one by its id; list shows it")
    os.truncate(backups.dump(stored), 10)
    for words in (["verify", "latest"], ["restore", "latest", "--into", cluster.url(target)]):
        done = backups.do(*words)
        assert (done.code, done.line) == (
            1, f"{backups.folder}: there is no good backup; list shows what there is",
        )  # fmt: skip
    assert backups.do("list", "--json").document["latest"] is None


def test_a_dry_run_touches_nothing(backups: Backups, stored, cluster, target):
    """It says what would happen, and refuses what would be refused."""
    done = backups.do("restore", stored, "--into", cluster.url(target), "--dry-run")
    assert (done.code, done.out) == (0, f"would restore {stored} into spare\n")
    assert backups.do("restore", stored, "--into", cluster.url("harbour"), "--dry-run").code == 3
    assert backups.do("restore", stored, "--into", cluster.url(target), "--dry-run", "--create").code == 3
    assert cluster.sql("SELECT to_regclass('harbour.ships') IS NULL", target) == ["t"]


def test_a_password_in_the_command_line_is_refused(backups: Backups, stored, cluster, target):
    """Others could read it; on stdin they cannot."""
    url = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{cluster.port}/{target}"
    done = backups.do("restore", stored, "--into", url)
    assert done.code == 1
    assert "holds a password, which every user of this machine can read" in done.line
    assert PASSWORD not in done.err
    done = backups.do("restore", stored, "--into", "-", input=f"{url}\n")
    assert done.code == 0, done


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["restore", "nothing", "--into", "postgresql:///x"], '"nothing" is no backup here; there are: '),
        (["restore", "latest", "--into", "mysql://a/b"], "the database's URL: is none of PostgreSQL"),
        (["restore", "latest", "--into", "postgresql://a"], "the database's URL: names no database"),
        (
            ["restore", "latest", "--into", "postgresql://a/b?sslmod=on"],
            "the database's URL: has the unknown parameter sslmod",
        ),
        (["verify", "2"], ""),
        (["frob"], "argument run|list|verify|restore|prune: invalid choice: 'frob'"),
    ],
)
def test_what_cannot_be_meant(backups: Backups, stored, arguments, told):
    """One line each, exit code 1 (argparse's 2 would mean a difference)."""
    done = backups.do(*arguments)
    if told:
        assert done.code == 1
        assert told in done.line
    else:
        assert done.code == 0
