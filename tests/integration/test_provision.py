"""`./inv provision` on a real, empty Debian: what it makes, that it makes it once, and what it tells before."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from desk import ROOT, Desk

from botswain.ansible import settings
from botswain.ansible.run import run

SERVICE = {"run": ".venv/bin/python -m bot", "build": ["python3 -m venv .venv"]}


@pytest.fixture(scope="module")
def desk(tmp_path_factory, debian):
    """A project whose environment `stage` is that machine, with a database and NATS."""
    made = Desk(tmp_path_factory.mktemp("project"), {})
    made.profile("stage", service=SERVICE)
    debian.inventory(made.folder / "inventories/stage", "bot", "database", "nats")
    return made


@pytest.fixture(scope="module")
def told(desk):
    """What a dry run says about the empty machine."""
    return desk.inv("provision", "--env", "stage", "--dry-run", "--json")


@pytest.fixture(scope="module")
def made(told, desk):
    """Provisioned, once."""
    assert told.code == 0, told
    return desk.inv("provision", "--env", "stage")


def test_a_dry_run_tells_what_an_empty_machine_lacks_and_changes_nothing(told, debian):
    """Packages with their names, files with their lines."""
    if debian.run("test -e /srv/botswain", check=False).returncode == 0:
        pytest.skip("this machine was provisioned by another test before")
    assert told.code == 0, told
    host = told.document["hosts"][0]
    changes = {f"{one['role']}: {one['task']}": one["diff"] for one in host["changes"]}
    assert host["status"] == "changed"
    assert "+postgresql" in changes["postgres: Install the server"]
    assert "+python3-venv" in changes["bot: Install what the bot runs on"]
    assert "+Description=The Discord bot of stage" in changes["bot: Write the units"]
    assert "host: Install the engine" in changes
    assert debian.run("dpkg -l postgresql nats-server 2>&1 | grep -c ^ii", check=False).stdout.strip() == "0"


def test_a_provisioned_machine_has_all_that_a_bot_needs(made, debian):
    """User, folders, units, engine, and they are whose they have to be."""
    assert made.code == 0, made
    assert re.search(r"^debian: \d+ changes$", made.out, re.MULTILINE)
    listed = debian.run("cd /srv/botswain/stage && stat -c '%n %U %a' . *").stdout.splitlines()
    assert listed == [
        ". root 750", "cache botswain-stage 750", "credentials root 700", "releases root 755",
        "shared botswain-stage 750",
    ]  # fmt: skip
    assert "nologin" in debian.run("getent passwd botswain-stage").stdout
    units = "botswain-stage.service botswain-stage-settle.service nats-server.service postgresql.service"
    assert debian.run(f"systemctl is-enabled {units}").stdout.split() == ["enabled"] * 4
    assert debian.run("systemctl is-active botswain-stage", check=False).stdout.strip() == "inactive"
    assert "no bot was ever deployed here" in debian.ssh("sudo botswain-host status", check=False).stderr
    assert debian.run("systemctl show systemd-journald -P ActiveState").stdout.strip() == "active"
    assert debian.run("ls -d /var/log/journal/*").stdout
    assert debian.state() == "running"


def test_the_bot_comes_into_its_database_without_a_password_and_nobody_else_does(made, debian):
    """By the socket, as its own user; with checksums, UTF-8, and only from this machine."""
    asked = "select current_user, current_setting('data_checksums'), current_setting('server_encoding')"
    found = debian.run(f'cd / && runuser -u botswain-stage -- psql -At -d botswain-stage -c "{asked}"').stdout.strip()
    assert found == "botswain-stage|on|UTF8"
    debian.run("cd / && runuser -u botswain-stage -- psql -qd botswain-stage -c 'create table t (x int)'")
    debian.run("useradd -r stranger; runuser -u postgres -- createuser stranger")
    done = debian.run("cd / && runuser -u stranger -- psql -d botswain-stage -c 'select 1'", check=False)
    assert "permission denied for database" in done.stderr
    listening = debian.run("ss -Hltn 'sport = 5432 or sport = 4222 or sport = 8222'").stdout
    assert {line.split()[3] for line in listening.splitlines()} <= {
        "127.0.0.1:5432", "[::1]:5432", "127.0.0.1:4222", "127.0.0.1:8222",
    }  # fmt: skip
    assert "5432" in listening


def test_nats_keeps_streams_on_disk_and_is_hardened(made, debian):
    """JetStream with its limits; the unit is exposed less than 1.5 by systemd's own count."""
    known = json.loads(debian.run("curl -s http://127.0.0.1:8222/jsz").stdout)["config"]
    assert known["store_dir"] == "/var/lib/nats/jetstream"
    assert known["max_storage"] == 2_000_000_000
    exposed = debian.run("systemd-analyze security --no-pager nats-server.service").stdout
    assert float(re.search(r"exposure level for nats-server.service: ([\d.]+)", exposed)[1]) < 1.5


def test_a_second_run_changes_nothing(made, desk):
    """And says so."""
    again = desk.inv("provision", "--env", "stage")
    assert (again.code, again.out) == (0, "debian: nothing to change\n"), again


@pytest.mark.exhaustive
def test_what_somebody_changed_is_told_and_put_right(made, desk, debian):
    """A dry run shows the line; the run after it has one change."""
    debian.run("sed -i s/^MemoryMax=.*/MemoryMax=9G/ /etc/systemd/system/botswain-stage.service")
    dry = desk.inv("provision", "--env", "stage", "--dry-run")
    assert "debian: 1 change to make" in dry.out
    assert "-MemoryMax=9G" in dry.out
    assert "+MemoryMax=1G" in dry.out
    done = desk.inv("provision", "--env", "stage")
    assert done.out.splitlines() == ["debian: 1 change", "  bot: Write the units (botswain-stage.service)"]


BY_HAND = """
echo '# mine' >>/etc/systemd/system/botswain-stage-settle.service
systemctl disable --quiet botswain-stage-settle.service
mkdir -p /etc/systemd/system/botswain-stage.service.d
printf '[Service]\\nMemoryMax=2G\\n' >/etc/systemd/system/botswain-stage.service.d/override.conf
systemctl daemon-reload
systemctl mask --quiet postgresql.service
apt-mark -qq hold git >/dev/null
dpkg --remove --force-depends python3-venv >/dev/null 2>&1
chmod 777 /srv/botswain/stage
rm /etc/systemd/journald.conf.d/botswain.conf
printf x >>/usr/local/lib/botswain/botswain-host.pyz
"""
OVERRIDE = "/etc/systemd/system/botswain-stage.service.d/override.conf"
CHANGED = [
    "warning: /usr/local/lib/botswain/botswain-host.pyz was changed by hand, on DATE",
    "bad: /etc/systemd/journald.conf.d/botswain.conf was provisioned and is not there any more",
    "warning: /etc/systemd/system/botswain-stage-settle.service was changed by hand, on DATE",
    "warning: /srv/botswain/stage has other rights: mode 0777, was 0750, on DATE",
    "bad: botswain-stage-settle.service is disabled: it does not start at boot",
    f"warning: botswain-stage.service has settings of its own in {OVERRIDE}: MemoryMax=2G, on DATE",
    "bad: postgresql.service is masked: nothing can start it",
    "bad: package python3-venv was removed",
    "warning: package git is on hold: it gets no security updates",
]


def test_doctor_tells_what_was_changed_by_hand_and_its_commands_mend_it(made, desk, debian):
    """Units, drop-ins, files, folders, packages, engine: what, since when, and what to do; afterwards all is well."""

    def findings():
        looks = desk.inv("doctor", "--env", "stage", "--json").document["looks"]
        return [one for one in looks if one["look"] == "host debian" and one["verdict"] != "good"]

    service = {**SERVICE, "target": "vm", "inventory": "inventories/stage"}
    desk.profile("stage", service=service, database={"where": "host"})
    try:
        assert findings() == []
        debian.run(BY_HAND)
        told = findings()
        dated = [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "DATE", one["detail"]) for one in told]
        assert sorted(f"{one['verdict']}: {text}" for one, text in zip(told, dated, strict=True)) == sorted(CHANGED)
        assert all(one["fix"] for one in told)
        for command in ("systemctl unmask postgresql.service", f"rm {OVERRIDE}", "systemctl daemon-reload",
                        "apt-mark unhold git"):  # fmt: skip
            assert f"`sudo {command}`" in str(told)
            debian.ssh(f"sudo {command}")
        assert desk.inv("provision", "--env", "stage").code == 0
        assert findings() == []
    finally:
        desk.profile("stage", service=SERVICE)


def test_a_password_is_set_once_and_shown_nowhere(made, desk, debian):
    """For bots that come over TCP; ps, the journal and what is printed hold nothing of it."""
    secret = 'SENTINEL-it\'s \\ a "password"'
    variables = {"environment_name": "stage", "postgres_password": secret}
    inventory = desk.folder / "inventories/stage"
    debian.run("(while :; do cat /proc/[0-9]*/cmdline; done) >/run/seen 2>/dev/null & echo $! >/run/pid")
    first = run("provision", inventory, limit=["database"], tags=["postgres"], variables=variables).insist()
    debian.run("kill $(cat /run/pid)")
    assert "ansible" in debian.run("tr '\\0' ' ' </run/seen").stdout
    assert debian.run("grep -ac SENTINE[L] /run/seen; rm /run/seen", check=False).stdout.strip() == "0"
    assert [one.task for one in first.hosts["debian"].changes] == ["Make the role and the database"]
    again = run("provision", inventory, limit=["database"], tags=["postgres"], variables=variables).insist()
    assert again.hosts["debian"].changes == ()
    debian.write("/opt/pass", f"*:*:*:*:{secret.replace(chr(92), chr(92) * 2)}\n", mode="0600")
    asked = "PGPASSFILE=/opt/pass psql -h 127.0.0.1 -U botswain-stage -d botswain-stage -Atc 'select 1'"
    assert debian.run(asked).stdout.strip() == "1"
    debian.run("rm /opt/pass")
    assert debian.run("journalctl --sync; journalctl -a | grep -c SENTINE[L]", check=False).stdout.strip() == "0"
    assert debian.run("grep -rla SENTINE[L] /var/log /tmp /root /home", check=False).stdout == ""


def test_the_playbook_for_cron_makes_a_backup_and_says_only_what_failed(made, desk, debian):
    """Its document comes back; from cron nothing is printed, or one line, and the exit code is honest."""
    inventory = desk.folder / "inventories/stage"
    found = run("backup", inventory, variables={"environment_name": "stage"}).insist().of("debian")
    assert (found.answer["document"]["outcome"], found.answer["document"]["backup"]["state"]) == ("done", "good")
    listed = {"environment_name": "stage", "botswain_backup": {"arguments": ["list"], "stdin": ""}}
    answer = run("backup", inventory, variables=listed).insist().of("debian").answer
    assert [one["id"] for one in answer["document"]["backups"]] == [found.answer["document"]["backup"]["id"]]
    quiet = {**settings.environment(settings.folder(), {}), "ANSIBLE_STDOUT_CALLBACK": "botswain.host.brief"}
    argv = [settings.program(), "-i", inventory, ROOT / "playbooks/backup.yml", "-e"]
    done = subprocess.run([*argv, "environment_name=stage"], env=quiet, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    debian.run("systemctl stop postgresql")
    try:
        bad = subprocess.run([*argv, "environment_name=stage"], env=quiet, capture_output=True, text=True, check=False)
    finally:
        debian.run("systemctl start postgresql")
    assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (2, "", 1)
    assert bad.stderr.startswith("botswain: debian: ")


@pytest.mark.exhaustive
def test_security_upgrades_and_timers_are_there_where_they_are_asked_for(made, desk, debian):
    """And a second time changes nothing."""
    options = {"host_security_upgrades": True, "backup_on_calendar": "*-*-* 03:30"}
    inventory, variables = desk.folder / "inventories/stage", {"environment_name": "stage", **options}
    run("provision", inventory, variables=variables, tags=["host", "backup"]).insist()
    assert run("provision", inventory, variables=variables, tags=["host", "backup"]).hosts["debian"].changes == ()
    origins = debian.run("apt-config dump Unattended-Upgrade::Origins-Pattern").stdout
    assert origins.count("::Origins-Pattern::") == 1
    assert "label=Debian-Security" in origins
    timers = "botswain-backup-stage.timer botswain-backup-stage-verify.timer"
    assert debian.run(f"systemctl is-active {timers}").stdout.split() == ["active", "active"]


def test_a_package_that_nobody_has_is_told(made, desk, debian):
    """In the words of apt-get, with the last lines that it printed."""
    debian.run(
        "mv /etc/apt/sources.list /etc/apt/kept; mkdir -p /k; mv /etc/apt/sources.list.d/* /k/ || true", check=False
    )
    debian.run("rm -rf /var/lib/apt/lists/*")
    try:
        variables = {"environment_name": "stage", "bot_packages": ["no-such-package"]}
        inventory = desk.folder / "inventories/stage"
        found = run("provision", inventory, limit=["bot"], tags=["bot"], variables=variables).hosts["debian"]
        assert found.status == "failed"
        assert str(found.error) == "debian: apt-get install: Unable to locate package no-such-package"
    finally:
        debian.run("mv /etc/apt/kept /etc/apt/sources.list; mv /k/* /etc/apt/sources.list.d/", check=False)
