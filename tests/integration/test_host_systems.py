"""Every system that is promised: provisioned, deployed to, rolled back, backed up and restored, for real.

What each took is printed at the end of a test (`-rP` shows it).
"""

from __future__ import annotations

import json

import pytest
from coast import Coast, timed

from botswain.sandbox.process import running_server

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

RELEASES = {
    "bullseye": ("Debian GNU/Linux 11", "3.9.", "13"),
    "bookworm": ("Debian GNU/Linux 12", "3.11.", "15"),
    "trixie": ("Debian GNU/Linux 13", "3.13.", "17"),
    "noble": ("Ubuntu 24.04", "3.12.", "16"),
}
"""What the system calls itself, and the versions of its Python and PostgreSQL."""
DATABASE = {"where": "host", "backup": {}}
TABLES = """
CREATE TABLE ships (id serial PRIMARY KEY, name text NOT NULL, length numeric CHECK (length > 0));
CREATE INDEX ON ships (lower(name));
INSERT INTO ships (name, length) SELECT 'ship ' || n, n FROM generate_series(1, 500) n;
CREATE VIEW long_ships AS SELECT * FROM ships WHERE length > 100;
"""


class Ship(Coast):
    """A bot with a database beside it, on one machine."""

    def ship(self, **fields):
        """Writes the profile, with the database in it."""
        usual = Coast.profile
        self.profile = lambda *words, **more: usual(self, *words, **{"database": DATABASE, **more})
        super().ship(**fields)

    def sql(self, statements, database="botswain-dev"):
        """Runs statements on the machine as the database's owner."""
        argv = f"cd / && runuser -u botswain-dev -- psql -XqAt -v ON_ERROR_STOP=1 -d {database}"
        return self.gateway.run(argv, text=statements).stdout.strip()


@pytest.fixture(scope="module", params=RELEASES)
def release(request):
    """The code name of a release."""
    return request.param


@pytest.fixture(scope="module")
def ship(lab, release, tmp_path_factory):
    """A machine of that release that was provisioned once."""
    machine = lab.start("ship", release=release)
    try:
        with running_server() as api:
            made = Ship(tmp_path_factory.mktemp("project"), api, machine)
            machine.inventory(made.folder / "inventories/dev", "bot", "database")
            made.first = made.inv("doctor", "--env", "dev", "--json")
            with timed(f"{release}: provision"):
                made.provision()
            yield made
    finally:
        machine.stop()


def test_provisioning_again_changes_nothing(ship, release):
    """Each release is provisioned by one run, to the last change."""
    with timed(f"{release}: second provision"):
        again = ship.inv("provision", "--env", "dev")
    assert (again.code, again.out) == (0, "ship: nothing to change\n"), again
    assert ship.gateway.state() == "running"


def test_doctor_knows_the_release(ship, release):
    """Before provisioning it misses nothing but that; after, it names the system and is content."""
    system, python, _ = RELEASES[release]
    found = [one for one in ship.first.document["looks"] if one["look"] == "host ship"]
    assert [one["detail"] for one in found if one["verdict"] != "good"] == ["is not provisioned for this environment"]
    found = [one for one in ship.inv("doctor", "--env", "dev", "--json").document["looks"] if "ship" in one["look"]]
    assert {one["verdict"] for one in found} == {"good"}, found
    assert f", {system}" in found[0]["detail"]
    assert f"Python {python}" in found[0]["detail"]


def test_there_and_back(ship, release):
    """Two deployments, a rollback, and a deployment that fails and is taken back: each release does it alike."""
    with timed(f"{release}: first deploy"):
        ran = ship.deploy()
    assert ran.code == 0, ran
    first = ship.current()
    assert ship.runs() == "one"
    ship.version("two")
    with timed(f"{release}: second deploy"):
        ran = ship.deploy()
    assert ran.code == 0, ran
    assert ship.runs() == "two"
    second = ship.current()
    ship.version("bad", refuses="salt")
    ran = ship.deploy()
    assert ran.code == 4, ran
    assert "cannot work like this: salt" in json.dumps(ran.document)
    assert (ship.runs(), ship.current()) == ("two", second)
    with timed(f"{release}: rollback"):
        ran = ship.rollback()
    assert ran.code == 0, ran
    assert (ship.runs(), ship.current()) == ("one", first)
    ship.agree()
    assert "bot one starts" in ship.inv("logs", "--env", "dev").out


def test_the_unit_holds_what_it_promises(ship, release):
    """The hardening of the bot's unit is understood by the systemd of each release: no line is ignored."""
    told = ship.on("systemd-analyze verify /etc/systemd/system/botswain-dev.service 2>&1 || true")
    known = "PrivateIPC" if release == "bullseye" else ""  # systemd 248 has it
    lines = [line for line in told.splitlines() if "botswain-dev" in line and not (known and known in line)]
    assert lines == []
    exposed = ship.on("systemd-analyze security --no-pager botswain-dev.service | tail -n 1")
    assert float(exposed.split("botswain-dev.service: ")[1].split()[0]) < 1.7, exposed


def test_a_backup_comes_back(ship, release):
    """A backup of each release's PostgreSQL is good, and restored beside the bot's database it is the same."""
    assert ship.sql("SHOW server_version").split(".")[0] == RELEASES[release][2]
    ship.sql(TABLES)
    with timed(f"{release}: backup"):
        ran = ship.inv("backup.run", "--env", "dev", "--json")
    assert ran.code == 0, ran
    ran = ship.inv("backup.restore", "--env", "dev", "--into", "postgresql:///spare", "--create", "--yes", "--json")
    assert ran.code == 0, ran
    ship.gateway.run("cd / && runuser -u postgres -- psql -qd spare -c 'GRANT CONNECT ON DATABASE spare TO PUBLIC'")
    asked = "SELECT count(*), sum(length), (SELECT count(*) FROM long_ships) FROM ships"
    assert ship.sql(asked, "spare") == ship.sql(asked) == "500|125250|400"
