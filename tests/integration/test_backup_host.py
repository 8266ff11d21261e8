"""Backups of a database on a real Debian host: installed by the role, asked through Ansible, made by a timer."""

from __future__ import annotations

import json
import re
import time

import pytest
from desk import ROOT, Desk
from machines.tools import until

SQL = """
CREATE SCHEMA harbour;
CREATE TABLE harbour.ships AS SELECT i AS id, md5(i::text) AS name FROM generate_series(1, 500) i;
"""


@pytest.fixture(scope="module")
def host(lab, tmp_path_factory):
    """A host with the bot's database, provisioned from a project: the machine and the project."""
    machine = lab.start("ship", ["postgresql", "postgresql-client", "zstd", "openssh-client"])
    folder = tmp_path_factory.mktemp("project")
    desk = Desk(folder, {"ANSIBLE_SSH_RETRIES": "1"})
    machine.inventory(folder / "inventories/stage", "bot", "database")
    _profile(desk)
    ran = desk.inv("provision", "--env", "stage")
    assert ran.code == 0, ran
    _sql(machine, "harbour", SQL)
    machine.run("mkdir /srv/second")
    ran = _inv(desk, "run")
    assert ran.code == 0, ran
    yield machine, desk
    machine.stop()


def _profile(desk: Desk, **backup) -> None:
    settings = {"keep": {"last": 2, "daily": 0, "weekly": 0, "monthly": 0}, "copy_to": ["/srv/second"], **backup}
    desk.profile(
        "stage", service={"run": "python3 bot.py"},
        database={"where": "host", "name": "harbour", "backup": settings},
    )  # fmt: skip


def _sql(machine, database: str, text: str) -> list[str]:
    done = machine.run(f"runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -d {database}", text=text)
    return done.stdout.splitlines()


def _inv(desk: Desk, task: str, *arguments: str):
    return desk.inv(f"backup.{task}", "--env", "stage", *arguments)


def test_the_whole_way(host):
    """Run, list, verify, restore: asked from here, done there, with the same documents as on this machine."""
    machine, desk = host
    ran = _inv(desk, "run", "--json")
    assert ran.code == 0, ran
    made = ran.document["backup"]
    assert (made["state"], made["rows"], made["globals"]) == ("good", 500, True)
    assert (
        machine.run(f"stat -c '%U %a' /var/backups/botswain/stage/{made['id']}/*").stdout.split() == ["root", "600"] * 3
    )
    listed = _inv(desk, "list", "--json").document
    assert {one["state"] for one in listed["backups"]} == {"good"}
    assert listed["folder"] == "/var/backups/botswain/stage"
    assert _inv(desk, "verify").out == f"{len(listed['backups'])} of {len(listed['backups'])} good\n"
    assert listed["latest"] == made["id"]
    assert _inv(desk, "verify", "--backup", "latest", "--here", "--json").document["backups"][0]["id"] == made["id"]
    ran = _inv(desk, "restore", "--into", "postgresql:///spare")
    assert ran.code == 3
    assert ran.told == ["postgresql:///spare: there is no database spare; --create makes it; or correct the name"]
    ran = _inv(desk, "restore", "--into", "postgresql:///spare", "--create")
    assert ran.code == 0, ran
    assert f"restored {made['id']} into spare: 500 rows in 1 table" in ran.out
    assert _sql(machine, "spare", "SELECT count(*) FROM harbour.ships") == ["500"]
    audit = (desk.folder / "manifests/stage/audit.jsonl").read_text()
    assert [json.loads(line)["action"] for line in audit.splitlines() if '"intent"' in line][-3:] == [
        "backup.run", "backup.restore", "backup.restore",
    ]  # fmt: skip


def test_refusals_come_back_as_they_are(host):
    """The same line and exit code as on the host, and nothing of Ansible's."""
    machine, desk = host
    ran = _inv(desk, "restore", "--into", "postgresql:///harbour", "--replace", "--yes", "--json")
    assert (ran.code, ran.document["outcome"]) == (3, "refused")
    assert "harbour is the database that this backup was made from" in ran.document["error"]
    machine.run("systemctl stop postgresql@15-main")
    try:
        ran = _inv(desk, "run")
        machine.run("systemctl start botswain-backup-stage.service", check=False)
    finally:
        machine.run("systemctl start postgresql@15-main")
    assert ran.code == 1
    told = "is the server running on this machine, and is this its socket?"
    assert told in ran.told[0]
    assert machine.run("systemctl is-failed botswain-backup-stage.service").stdout == "failed\n"
    assert told in machine.run("journalctl --no-pager -u botswain-backup-stage").stdout
    machine.run("systemctl reset-failed botswain-backup-stage.service")


def test_a_password_goes_to_stdin_alone(host):
    """Neither the arguments on the host nor anything that is written here has it."""
    machine, desk = host
    _sql(machine, "postgres", "DROP ROLE IF EXISTS ann; CREATE ROLE ann LOGIN SUPERUSER PASSWORD 'keelhaul-4711'")
    desk.write(".env", "SPARE_URL=postgresql://ann:keelhaul-4711@127.0.0.1/fresh\n")
    machine.run(
        "(while :; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; done) >/run/seen 2>&1 & echo $! >/run/pid"
    )
    ran = _inv(desk, "restore", "--into", "SPARE_URL", "--create")
    machine.run("kill $(cat /run/pid)")
    assert ran.code == 0, ran
    assert "botswain-backup" in machine.read("/run/seen")
    assert machine.run("grep -c keelhaul /run/seen", check=False).stdout.strip() == "0"
    assert machine.run("journalctl --no-pager | grep -c keelhaul", check=False).stdout.strip() == "0"
    assert "keelhaul" not in ran.out + ran.err + (desk.folder / "manifests/stage/audit.jsonl").read_text()


def test_by_hand_on_the_host(host):
    """The night on which the laptop is what broke: the same over plain SSH."""
    machine, _desk = host
    done = machine.ssh("sudo botswain-backup run && sudo botswain-backup list")
    assert "500 rows in 1 table, read back whole" in done.stdout
    assert "good" in done.stdout
    done = machine.ssh("sudo botswain-backup restore latest --into postgresql:///by_hand --create")
    assert "every table has the rows that the catalogue says" in done.stdout


def test_a_host_that_goes_down_in_the_middle(host):
    """Power off while it dumps: after the boot, what is listed is whole, the cut run is told, the next one is good."""
    machine, desk = host
    _sql(machine, "harbour", "CREATE TABLE harbour.logs AS SELECT i, repeat(md5(i::text), 20) AS line"
                             " FROM generate_series(1, 300000) i")  # fmt: skip
    machine.run("systemd-run --unit backing botswain-backup run")
    end = time.monotonic() + 30
    while not machine.run("ls -d /var/backups/botswain/stage/.partial-*/database.dump*", check=False).stdout:
        assert time.monotonic() < end
    machine.run("systemctl kill --signal=STOP backing")  # a power cut ends all at once: none sees the others end
    machine.kill()
    machine.start()
    end = time.monotonic() + 30
    while machine.run("runuser -u postgres -- pg_isready", check=False).returncode:
        assert time.monotonic() < end
        time.sleep(0.2)
    listed = _inv(desk, "list", "--json").document
    assert {one["state"] for one in listed["backups"]} == {"good"}
    assert listed["lastRun"]["outcome"] == "cut off"
    ran = _inv(desk, "run", "--json")
    assert ran.code == 0, ran
    assert "an earlier run was cut off" in ran.document["notes"][0]
    assert _inv(desk, "verify").code == 0


def test_an_inventory_without_the_host(host):
    """Told before anything is tried."""
    _machine, desk = host
    inventory = desk.folder / "inventories/stage/hosts.yml"
    text = inventory.read_text()
    inventory.write_text(text.replace("database:", "other:"))
    try:
        ran = _inv(desk, "run")
    finally:
        inventory.write_text(text)
    assert ran.code == 1
    assert "inventories/stage: " in ran.told[0]
    assert (ROOT / "playbooks/backup.yml").exists()


CHECKOUT = ("botswain", "inv", "tasks.py", "ansible.cfg", "playbooks", "roles", "requirements")
HOME = "/home/admin/botswain"
PROFILE = """
environment: dev
api: sandbox
application_id: "100000000000000001"
guild_ids: ["200000000000000001"]
database: {{url: DEV_DATABASE_URL, backup: {{at: "{at}"}}}}
"""
INVENTORY = """
all:
  vars: {{environment_name: stage}}
  hosts:
    ship: {{ansible_host: "{address}", ansible_port: {port}}}
  children:
    {group}: {{hosts: {{ship: }}}}
"""

TIMER = "botswain-backup-stage.timer"
TOLD = [
    "botswain: localhost: the inventory has no host in group database, so no backup was made",
    (
        "botswain: ship: refuses connections: no SSH server listens there; look whether it runs, and at ansible_port in"
        " the inventory"
    ),
]


@pytest.fixture
def maintainer(host):
    """The machine as that of a maintainer: a checkout that sets itself up, a key, cron's mail in /var/mail/admin."""
    machine, _desk = host
    for name in CHECKOUT:
        machine.copy(ROOT / name, f"{HOME}/{name}")
    machine.write("/usr/sbin/sendmail", "#!/bin/sh\ncat >>/var/mail/admin\n", mode="0755")
    machine.run(f"install -o admin -g mail -m 600 /dev/null /var/mail/admin; chown -R admin: {HOME}")
    machine.ssh("ssh-keygen -q -t ed25519 -N '' -f .ssh/id_ed25519 && cat .ssh/id_ed25519.pub >>.ssh/authorized_keys")
    machine.write("/home/admin/.ssh/known_hosts", f"{machine.address} {machine.host_key}\n", owner="admin")
    machine.ssh("cd botswain && ./inv --list", timeout=400)
    return machine


@pytest.mark.exhaustive
def test_every_morning(maintainer, host):
    """A real cron and a real timer make backups, as docs/backup.md says; cron mails a line for each that failed."""
    machine, desk = host
    _sql(machine, "postgres", "CREATE ROLE purser LOGIN SUPERUSER PASSWORD 'keelhaul-4711'")
    machine.write(
        f"{HOME}/.env", "DEV_DATABASE_URL=postgresql://purser:keelhaul-4711@127.0.0.1/harbour\n", owner="admin"
    )
    for name, group, port in (("prod", "database", 22), ("down", "database", 1), ("none", "bot", 22)):
        inventory = INVENTORY.format(address=machine.address, group=group, port=port)
        machine.write(f"{HOME}/inventories/{name}/hosts.yml", inventory)
    before = set(_ids(machine, "sudo botswain-backup stage list"))
    at = _soon(machine)
    machine.write(f"{HOME}/profiles/dev.yaml", PROFILE.format(at=at))
    told = machine.ssh("cd botswain && ./inv backup.schedule --env dev").stdout
    documented = re.search(r"^30 3 \* \* \* (.*)$", (ROOT / "docs/backup.md").read_text(), re.MULTILINE)[1]
    minute, hour = int(at[3:]), int(at[:2])
    ours = machine.ssh("crontab -l").stdout
    assert told == ours
    lines = [
        f"{minute} {hour} * * * {documented.replace('/prod', f'/{name}')} && touch ~/fine-{name}\n"
        for name in ("prod", "down", "none")
    ]
    machine.ssh("crontab -", text="".join(["MAILTO=admin\n", ours, *lines]))
    at = _soon(machine)  # anew: what Ansible takes must not pass it
    _profile(desk, at=at)
    machine.write(f"/etc/systemd/system/{TIMER}.d/at-once.conf", "[Timer]\nRandomizedDelaySec=0\nAccuracySec=1s\n")
    assert _inv(desk, "schedule", "--dry-run").out == f"would have the host make a backup every day at {at}\n"
    ran = _inv(desk, "schedule", "--json")
    assert (ran.code, ran.document["lines"]) == (0, [f"{TIMER}: OnCalendar=*-*-* {at}:00"])
    assert f"{at}:00" in machine.run(f"systemctl list-timers --no-pager {TIMER}").stdout
    ran = desk.inv("provision", "--env", "stage", "--json")
    assert [one["changes"] for one in ran.document["hosts"]] == [[]]
    new = until(lambda: _made(machine, before), seconds=300, what=lambda: _cron(machine))
    until(lambda: _idle(machine), seconds=120, what=lambda: _cron(machine))
    assert set(new.values()) == {"good"}
    assert list(_ids(machine, "cd botswain && ./inv backup.list --env dev").values()) == ["good"]
    mail = machine.read("/var/mail/admin")
    assert mail.count("Subject:") == 2, mail
    assert sorted(line for line in mail.splitlines() if line.startswith("botswain: ")) == TOLD
    assert machine.run("cd /home/admin && ls -d fine-*").stdout == "fine-prod\n"
    assert machine.run("systemctl show -P Result botswain-backup-stage.service").stdout == "success\n"
    machine.run("systemctl start botswain-backup-stage-verify.service")
    assert machine.run(f"systemctl is-enabled {TIMER}").stdout == "enabled\n"
    _profile(desk)
    assert _inv(desk, "schedule").out == "nothing is scheduled\n"
    assert machine.run(f"systemctl is-enabled {TIMER}", check=False).stdout == "disabled\n"


def _soon(machine) -> str:
    """A time of day, one to two minutes from now."""
    return str(machine.run("date -d '+120 seconds' +%H:%M").stdout.strip())


def _ids(machine, command: str) -> dict[str, str]:
    """The state of each backup that a list tells."""
    return {one["id"]: one["state"] for one in json.loads(machine.ssh(f"{command} --json").stdout)["backups"]}


def _made(machine, before: set[str]) -> dict[str, str] | None:
    """The two backups of cron and of the timer, once both are there."""
    new = {
        name: state for name, state in _ids(machine, "sudo botswain-backup stage list").items() if name not in before
    }
    return new if len(new) == 2 else None


def _idle(machine) -> bool | None:
    """Whether cron is done with all that it began: mail is the last thing."""
    return machine.run("pgrep -P $(cat /run/crond.pid)", check=False).returncode == 1 or None


def _cron(machine) -> str:
    return machine.run("journalctl --no-pager -u cron -u 'botswain-backup*' | tail -40; cat /var/mail/admin").stdout
