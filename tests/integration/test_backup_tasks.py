"""The tasks for backups of a database that this machine reaches."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from desk import ROOT, Desk, refused
from postgres import PASSWORD, Cluster

from botswain.database import schedule as database_schedule

pytestmark = pytest.mark.slow


class Ship:
    """A project with a database."""

    def __init__(self, desk: Desk, cluster: Cluster) -> None:
        self.desk = desk
        self.cluster = cluster
        cluster.database("harbour")
        self.url = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{cluster.port}"
        desk.write(".env", f"DATABASE_URL={self.url}/harbour\nSPARE_URL={self.url}/spare\n")
        self.profile()

    def profile(self, name="dev", **backup) -> None:
        """The profile, with these settings of the backups."""
        database = {"url": "DATABASE_URL", "programs": str(self.cluster.programs), "backup": backup}
        write = self.desk.production if name == "prod" else self.desk.profile
        write(name, database=database)

    def inv(self, task, *arguments, env="dev"):
        """Run a task."""
        ran = self.desk.inv(f"backup.{task}", "--env", env, *arguments)
        assert PASSWORD not in ran.out + ran.err
        return ran

    def run(self) -> str:
        """Make a backup; its id."""
        ran = self.inv("run", "--json")
        assert ran.code == 0, ran
        return ran.document["backup"]["id"]

    def states(self):
        """What list says."""
        return {one["id"]: one["state"] for one in self.inv("list", "--json").document["backups"]}

    def audit(self):
        """The records of the audit log, and that nobody's password is in it."""
        data = (self.desk.folder / "manifests/dev/audit.jsonl").read_text()
        assert PASSWORD not in data
        return [json.loads(line) for line in data.splitlines()]


@pytest.fixture
def ship(desk, cluster):
    """A project with a database."""
    made = Ship(desk, cluster)
    cluster.sql("DROP DATABASE IF EXISTS spare WITH (FORCE)")
    yield made
    cluster.sql("DROP DATABASE IF EXISTS spare WITH (FORCE)")


def test_run_list_verify_restore(ship: Ship):
    """Every task once, with its document and its lines; the backups are beside the project, for its owner alone."""
    ran = ship.inv("run")
    assert (ran.code, ran.err) == (0, "")
    assert "202 rows in 3 tables, read back whole" in ran.out
    identity = ship.run()
    folder = ship.desk.folder / "backups/dev"
    assert identity in {path.name for path in folder.iterdir()}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert set(ship.states().values()) == {"good"}
    assert ship.inv("verify").out == "2 of 2 good\n"
    for name in (identity, "latest"):
        assert ship.inv("verify", "--backup", name, "--json").document["backups"][0]["id"] == identity
    assert f"{identity}  good, latest  " in ship.inv("list").out
    ran = ship.inv("restore", "--into", "SPARE_URL", "--create")
    assert ran.code == 0, ran
    assert ran.out.splitlines() == [
        f"restored {identity} into spare: 202 rows in 3 tables",
        "every table has the rows that the catalogue says",
    ]
    assert ship.cluster.content("spare") == ship.cluster.content("harbour")


def test_what_changes_something_is_audited(ship: Ship):
    """Intent and outcome, with what and where; a failure is one, too."""
    identity = ship.run()
    ship.inv("restore", "--into", "SPARE_URL", "--create")
    ship.inv("restore", "--into", "SPARE_URL", "--create")
    found = [(one["event"], one.get("action"), one.get("result"), one["data"]) for one in ship.audit()]
    into = f"postgresql://postgres@127.0.0.1:{ship.cluster.port}/spare"
    intent = ("intent", "backup.restore", None, {"backup": "latest", "into": into, "replace": False})
    assert found == [
        ("intent", "backup.run", None, {}),
        ("outcome", None, "done", {"backup": identity}),
        intent,
        ("outcome", None, "done", {"backup": identity}),
        intent,
        ("outcome", None, "failed", {}),
    ]


def test_a_backup_is_made_even_where_it_cannot_be_recorded(ship: Ship):
    """Somebody's damaged records are no reason to have no backup tonight."""
    (ship.desk.folder / "manifests/dev").mkdir(parents=True)
    (ship.desk.folder / "manifests/dev/audit.jsonl").mkdir()
    ran = ship.inv("run")
    assert ran.code == 0, ran
    assert "note: not in the audit log: " in ran.err


def test_a_restore_over_the_source_has_a_way_back(ship: Ship):
    """What is there now is backed up first, nothing is pruned for it, and `latest` is what it was before."""
    ship.profile(keep={"last": 1, "daily": 0, "weekly": 0, "monthly": 0})
    good = ship.run()
    before = ship.cluster.content("harbour")
    ship.cluster.sql("INSERT INTO harbour.logs (ship, line) VALUES (1, 'today')", "harbour")
    now = ship.cluster.content("harbour")
    arguments = ("--into", "DATABASE_URL", "--replace", "--over-source")
    for wrong in (("--into", "DATABASE_URL", "--over-source"), (*arguments, "--create"), (*arguments, "--backup", "x")):
        assert ship.inv("restore", *wrong, "--yes").code != 0
        assert set(ship.states()) == {good}  # else it would be `latest`, and be restored by the next try
    asked = ship.inv("restore", *arguments)
    assert asked.code == 3
    assert f"this would restore {good} into harbour, dropping what is in the backup from its " in asked.err
    assert f"(postgresql://postgres@127.0.0.1:{ship.cluster.port}/harbour), for dev, and there is no term" in asked.err
    unsaid = ship.inv("restore", "--into", "DATABASE_URL", "--replace")
    assert (unsaid.code, "--over-source" in unsaid.err, "--yes" in unsaid.err) == (3, True, False)
    ran = ship.inv("restore", *arguments, "--yes", "--json")
    assert ran.code == 0, ran
    assert ran.document["backupId"] == good
    assert ship.cluster.content("harbour") == before
    (note,) = ran.document["notes"]
    back = note.removeprefix("what was there before is backup ").removesuffix(", which is the latest now")
    assert set(ship.states()) == {good, back}
    assert ship.inv("restore", "--backup", back, *arguments, "--yes", "--without-backup").code == 0
    assert ship.cluster.content("harbour") == now
    ship.cluster.sql("DROP DATABASE harbour WITH (FORCE)")
    assert ship.inv("restore", "--backup", good, *arguments, "--create", "--yes").code == 0
    assert ship.cluster.content("harbour") == before


def test_a_restore_over_the_source_that_fails_leaves_latest_as_it_was(ship: Ship):
    """Refused or rolled back, again and again: what was backed up for it goes, so that the next try means the same."""
    good = ship.run()
    words = ("restore", "--into", "DATABASE_URL", "--replace", "--over-source", "--yes")
    before = ship.cluster.content("harbour")
    ship.cluster.sql("CREATE TABLE late (ship bigint REFERENCES harbour.ships)", "harbour")
    for _ in range(2):
        ran = ship.inv(*words)
        assert ran.code == 3
        assert "constraint late_ship_fkey on table public.late depends on index harbour.ships_pkey" in ran.told[0]
        assert "pass --cascade to drop that, too; or restore into a new database (--create)" in ran.told[0]
        assert set(ship.states()) == {good}
    ship.cluster.sql("CREATE FUNCTION public.no() RETURNS event_trigger LANGUAGE plpgsql AS"
                     " $$ BEGIN RAISE EXCEPTION 'no index here'; END $$;"
                     "CREATE EVENT TRIGGER no ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION no()",
                     "harbour")  # fmt: skip
    ran = ship.inv(*words, "--cascade")
    assert ran.code == 1
    assert "ERROR: no index here; all was rolled back" in ran.told[0]
    assert set(ship.states()) == {good}
    assert ship.cluster.sql("SELECT count(*) FROM pg_constraint WHERE conname = 'late_ship_fkey'", "harbour") == ["1"]
    ship.cluster.sql("DROP EVENT TRIGGER no; DROP FUNCTION no()", "harbour")
    ran = ship.inv(*words, "--cascade", "--json")
    assert (ran.code, ran.document["backupId"]) == (0, good)
    assert ship.cluster.content("harbour") == before


def test_a_backup_is_tried_in_a_scratch_database(ship: Ship):
    """By hand, and every time where the profile says so; nothing is left of it."""
    databases = ship.cluster.sql("SELECT datname FROM pg_database")
    identity = ship.run()
    ran = ship.inv("verify", "--restore", "--json")
    assert (ran.code, ran.document["restored"]) == (0, identity), ran
    ship.profile(verify_restore=True)
    assert "read it back, restore it once into a scratch database, and" in ship.inv("run", "--dry-run").out
    ran = ship.inv("run")
    assert ran.code == 0, ran
    assert "202 rows in 3 tables, read back whole, restored into a scratch database\n" in ran.out
    assert ship.cluster.sql("SELECT datname FROM pg_database") == databases


def test_without_a_way_back_nothing_is_written_over(ship: Ship):
    """A database that cannot be dumped is not overwritten unless that is said."""
    ship.run()
    ship.desk.write(".env", f"DATABASE_URL={ship.url}/nowhere\nSPARE_URL={ship.url}/harbour\n")
    ran = ship.inv("restore", "--into", "SPARE_URL", "--replace", "--over-source", "--yes")
    assert ran.code == 3
    assert "what is there now could not be backed up first: " in ran.told[0]
    assert "if it need not be kept, say --without-backup" in ran.told[0]
    assert (
        ship.inv("restore", "--into", "SPARE_URL", "--replace", "--over-source", "--yes", "--without-backup").code == 0
    )


def test_production_asks_before_a_restore_and_never_before_a_backup(ship: Ship):
    """Off a terminal that is exit 3."""
    ship.profile("prod")
    assert ship.inv("run", env="prod").code == 0
    ran = ship.inv("restore", "--into", "SPARE_URL", "--create", env="prod")
    assert (ran.code, "there is no terminal to ask on" in ran.told[0]) == (3, True)
    assert ship.inv("restore", "--into", "SPARE_URL", "--create", "--yes", env="prod").code == 0


def test_dry_runs_change_nothing(ship: Ship):
    """They say what would happen."""
    ran = ship.inv("run", "--dry-run")
    assert ran.out.startswith("would dump DATABASE_URL into backups/dev, read it back, and remove what")
    assert not (ship.desk.folder / "backups").exists()
    identity = ship.run()
    ran = ship.inv("restore", "--into", "SPARE_URL", "--create", "--dry-run", "--json")
    assert ran.document["would"] == f"would create spare and restore {identity} into it"
    assert ship.cluster.sql("SELECT count(*) FROM pg_database WHERE datname = 'spare'") == ["0"]


def test_a_suspicious_backup_is_accepted_by_a_person(ship: Ship):
    """Until then it is none."""
    ship.profile(min_size=10_000_000)
    ran = ship.inv("run", "--json")
    assert (ran.code, ran.document["outcome"]) == (1, "partial")
    identity = ran.document["backup"]["id"]
    assert ship.states() == {identity: "suspicious"}
    assert ship.inv("accept", "--backup", identity).code == 0
    assert ship.states() == {identity: "good"}
    refused(ship.inv("accept"), "--backup: names no backup; ./inv backup.list --env dev shows them")
    told = "latest is good already; name the suspicious one by its id; list shows it"
    refused(ship.inv("accept", "--backup", "latest"), told)


def test_a_server_that_is_down(ship: Ship):
    """One line; the document says the same, and the older backup is good."""
    identity = ship.run()
    ship.desk.write(".env", f"DATABASE_URL=postgresql://postgres:{PASSWORD}@127.0.0.1:1/harbour\n")
    ran = ship.inv("run", "--json")
    assert (ran.code, ran.document["outcome"]) == (1, "failed")
    assert "Connection refused; is the server running, and is this its address?" in ran.document["error"]
    assert ship.states() == {identity: "good"}


def test_what_cannot_be_used(ship: Ship):
    """One line each: what, where, what to do."""
    refused(
        ship.inv("restore", "--into", f"{ship.url.replace(PASSWORD, 'other-password')}/spare"),
        "--into: holds a password, which every user of this machine can read in the list of processes; put the URL into"
        " .env, and say --into with the variable's name",
    )
    for url in ("postgresql://ann:other/password@h/spare", "postgresql://h/spare?user=ann&password=other-password",
                "postgresql://ann:other%2Fpassword@h/spare", "postgresql://ann:other@password@h/spare"):  # fmt: skip
        for words in ([], ["--json"], ["--dry-run"]):
            ran = ship.inv("restore", "--into", url, "--yes", *words)
            assert ran.code == 1
            assert not re.search("other.{1,3}password", ran.out + ran.err), ran
    refused(
        ship.inv("restore"),
        "--into: names no database to restore into; say --into URL, or --into with the name of a variable that"
        " holds it",
    )
    refused(
        ship.inv("restore", "--into", "NOWHERE_URL"),
        "--into: NOWHERE_URL is not set, and is to hold the database's URL; write NOWHERE_URL=postgresql://… into .env,"
        " or set it",
    )
    ship.desk.write(".env", "DATABASE_URL=mysql://a:hush-hush@b/c\n")
    ran = ship.inv("run")
    assert "hush-hush" not in ran.err
    refused(ran, ".env: DATABASE_URL: is none of PostgreSQL; it must look like postgresql://user@host:5432/database")
    ship.desk.write(".env", "")
    refused(
        ship.inv("run"),
        "profiles/dev.yaml: DATABASE_URL is not set, and is to hold the database's URL; write"
        " DATABASE_URL=postgresql://… into .env, or set it",
    )
    ship.desk.profile()
    refused(
        ship.inv("list"),
        "profiles/dev.yaml: dev has no database; add a section `database` (docs/backup.md)",
    )


def test_a_password_with_characters_of_a_url(ship: Ship):
    """Raw, it is refused with how to write it, and no part is told; encoded, and with an ORM's parameters, it works."""
    ship.cluster.sql("DROP ROLE IF EXISTS cook; CREATE ROLE cook LOGIN SUPERUSER PASSWORD 'pa#/?[@ss-4711'")
    place = f"127.0.0.1:{ship.cluster.port}/harbour"
    for raw in ("pa#/?[@ss-4711", "pa#ss-4711", "pa/ss-4711", "pa?ss-4711", "pa[ss-4711"):
        ship.desk.write(".env", f"DATABASE_URL=postgresql://cook:{raw}@{place}\n")
        for words in (["run"], ["run", "--json"], ["restore", "--into", "DATABASE_URL", "--replace", "--yes"]):
            ran = ship.inv(*words)
            assert ran.code == 1
            assert not re.search("pa[#/?[]|ss-4711", ran.out + ran.err), ran
            assert "in user and password, write # as %23, / as %2F, ? as %3F, @ as %40, [ as %5B" in ran.out + ran.err
    more = "?schema=public&pgbouncer=true&connection_limit=1"
    ship.desk.write(".env", f"DATABASE_URL=postgresql://cook:pa%23%2F%3F%5B%40ss-4711@{place}{more}\n")
    ran = ship.inv("run", "--json")
    assert ran.code == 0, ran
    first, second = ran.document["notes"]
    assert first.endswith("connection_limit, pgbouncer, schema are parameters of the bot's library; backups go without")
    assert second.endswith(
        "then give backups a variable of their own with the server's direct URL (Prisma: DIRECT_URL)"
    )
    ship.cluster.sql("DROP ROLE cook")


CRONTAB = """#!/bin/sh
# Keeps one crontab in a file, as the real one does for each user.
file=$HOME/crontab
case $1 in
-l) [ -e "$file" ] || { echo "no crontab for $(id -un)" >&2; exit 1; }; cat "$file" ;;
-) cat >"$file" ;;
esac
"""


@pytest.fixture
def cron(ship, monkeypatch):
    """A crontab of its own: the file."""
    home = ship.desk.folder / "home"
    home.mkdir()
    (home / "crontab-program").mkdir()
    program = home / "crontab-program/crontab"
    program.write_text(CRONTAB)
    program.chmod(0o755)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return home / "crontab"


def test_a_schedule_is_what_the_profile_says(ship: Ship, cron):
    """Lines of others stay, ours are there once, follow the profile, and go with it."""
    cron.write_text("0 1 * * * true\n")
    assert ship.inv("schedule", "--dry-run").out == "nothing to do: nothing is scheduled\n"
    ship.profile(at="13:05")
    assert ship.inv("schedule", "--dry-run").out.startswith("would have in the crontab:\n5 13 * * * cd ")
    assert cron.read_text() == "0 1 * * * true\n"
    for _ in range(2):
        ran = ship.inv("schedule", "--json")
        assert ran.code == 0, ran
    first, daily, weekly = cron.read_text().splitlines()
    assert first == "0 1 * * * true"
    assert [daily, weekly] == ran.document["lines"]
    mark = f"# botswain backup of dev in {ship.desk.folder}"
    folder = ship.desk.folder
    assert daily == f"5 13 * * * cd {folder} && ./inv backup.run --env dev --yes --wait 3600 >/dev/null {mark}"
    assert weekly == f"5 15 * * 0 cd {folder} && ./inv backup.verify --env dev >/dev/null {mark}"
    assert ship.inv("schedule", "--dry-run").out == "nothing to do: the crontab says so already\n"
    ship.profile(at="03:30")
    ship.inv("schedule")
    assert cron.read_text().splitlines()[1].startswith("30 3 * * * cd ")
    assert len(cron.read_text().splitlines()) == 3
    ship.profile()
    assert ship.inv("schedule").out == "nothing is scheduled\n"
    assert cron.read_text() == "0 1 * * * true\n"


def test_the_line_of_the_crontab_makes_a_backup(ship: Ship, cron, monkeypatch):
    """It is run as cron would: by sh, with hardly any environment; and it prints nothing when all is well."""
    ship.profile(at="03:30")
    ship.inv("schedule")
    line = cron.read_text().splitlines()[0]
    command = line.split(" ", 5)[5].replace("\\%", "%")
    start = f'exec {shutil.which("env")} PYTHONPATH={ROOT} {sys.executable} -m botswain.cli "$@"'
    (ship.desk.folder / "inv").write_text(f"#!/bin/sh\n{start}\n")
    (ship.desk.folder / "inv").chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", command], env={"PATH": "/usr/bin:/bin", "HOME": "/"}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(ship.states().values()) == ["good"]


def test_what_cron_will_not_have_is_told(ship: Ship, cron, monkeypatch):
    """What is only set in this shell is not there at night; and without a mailer nobody hears of a bad one."""
    monkeypatch.setattr(database_schedule, "MAILER", ship.desk.write("sendmail", ""))
    ship.profile(at="03:30")
    ship.desk.environment["DATABASE_URL"] = f"{ship.url}/harbour"
    ran = ship.inv("schedule", "--json")
    assert ran.document["notes"] == ["DATABASE_URL is set in this shell; cron has it only if it is in .env"]
    monkeypatch.setattr(database_schedule, "MAILER", ship.desk.folder / "nothing")
    (told,) = (one for one in ship.inv("schedule").out.splitlines() if "cron's mail" in one)
    assert told.startswith(f"note: there is no {ship.desk.folder}/nothing, so nobody gets cron's mail")
