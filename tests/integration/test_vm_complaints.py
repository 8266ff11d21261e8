"""What users of other deploy tools complain about, tried on real hosts; the whole list is in docs/developing.md."""

from __future__ import annotations

import signal

import pytest
import yaml
from coast import ROOT, Coast
from desk import APP, token
from hosting import until
from offshore import deploying, drop, guarded, guards, look, mend, small_disk
from shipyard import yard
from watching import told_of_processes, watched

from botswain.ansible import settings
from botswain.sandbox.process import running_server

pytestmark = pytest.mark.slow
SECRET = "SENTINEL-4d1e-of-the-harbour"
PATTERN = "SENTINEL-4d1[e]"
"""Does not find itself in a list of processes."""


@pytest.fixture(scope="module")
def api():
    """A served double of Discord."""
    with running_server() as url:
        yield url


@pytest.fixture(scope="module")
def hosts(lab, api, tmp_path_factory):
    """Three machines, made ready once: one for the gateway, two for workers."""
    made = [lab.start(name) for name in ("gate", "left", "right")]
    Coast(tmp_path_factory.mktemp("ready"), api, made[0], made[1:]).provision()
    yield made
    for one in made:
        one.stop()


def emptied(*machines):
    """Nothing was ever deployed to these machines."""
    for one in machines:
        one.run(
            "systemctl stop botswain-dev 'botswain-dev-*.timer'; systemctl reset-failed 'botswain-dev*' || true;"
            f" cd {ROOT} && rm -rf releases/* services current mirror.git ledger.jsonl *.json credentials/*"
        )


@pytest.fixture
def ship(tmp_path, api, hosts):
    """A project with one host, whose first version runs."""
    emptied(hosts[0])
    made = Coast(tmp_path, api, hosts[0])
    assert made.deploy().code == 0
    return made


@pytest.fixture
def fleet(tmp_path, api, hosts):
    """A project with a gateway and two workers, whose first version runs."""
    emptied(*hosts)
    made = Coast(tmp_path, api, hosts[0], hosts[1:], stop_timeout=1)
    ran = made.deploy()
    assert ran.code == 0, ran
    return made


def patient(ship, **fields):
    """Makes versions that have to stay ready for some time."""
    health = {"ready": f"http://127.0.0.1:{ship.port}/readyz", "deadline": 6, "stable_for": 6}
    ship.ship(health=health, **fields)


def test_a_run_that_is_cancelled_holds_up_nobody(ship):
    """A second one is refused at once, or waits when told so; CI cancels the first, whose bot goes, and it goes on."""
    old = ship.current()
    patient(ship)
    ship.version("two")
    with deploying(ship) as child:
        until(lambda: ship.current() not in {old, None}, "the switch", 60)
        refused = ship.deploy()
        assert (refused.code, "is locked by tester since" in refused.err) == (3, True), refused
        child.send_signal(signal.SIGTERM)
        ran = ship.deploy("--wait", "120")
        out, err = child.communicate(timeout=60)
    assert child.returncode == 4, out + err
    assert "waiting up to 120 s for tester" in ran.err
    assert (ran.code, ship.runs()) == (0, "two"), ran
    ship.agree()


def test_a_command_within_a_deployment_waits_for_no_lock_of_its_own(tmp_path):
    """What is run to test a release may look, and is refused at once where it would deploy."""
    with yard(tmp_path) as ship:
        inv = f"cd {tmp_path} && PYTHONPATH={ship.where()['env']['PYTHONPATH']} {' '.join(ship.argv())}"
        once = f"test ! -e {tmp_path}/once && touch {tmp_path}/once"  # where it is not refused, it comes here again
        script = f"{once} && {inv} status --env dev && {inv} deploy --env dev; test $? = 3"
        ship.ship(test=[["sh", "-c", script]])
        ran = ship.deploy()
        assert (ran.code, ship.runs()) == (0, "one"), ran
        log = next((ship.place / "logs").glob("build-*.log")).read_text()
        assert "is locked by tester since" in log
        ship.agree()


def test_failures_cost_no_good_release_and_a_rollback_finds_it(ship):
    """With one release to keep, and three failures between two good ones: the way back is there and needs no name.

    When that is bad too, it stays at that and does not bounce.
    """
    found = {"one": ship.current()}
    ship.ship(keep_releases=1, build=[["sh", "-c", "exit 4"]])
    for name in ("three", "four"):
        ship.version(name)
        assert ship.deploy().code == 1
    health = {"ready": f"http://127.0.0.1:{ship.port}/readyz", "deadline": 1, "stable_for": 0}
    ship.ship(keep_releases=1, health=health)
    ship.version("five", never_ready=True)
    ran = ship.deploy()
    assert ran.code == 4, ran
    assert "503" in ran.document["error"]
    assert "bot five starts" in str(ran.document["log"])
    assert ship.runs() == "one"
    ship.ship(keep_releases=1)
    ship.version("two")
    assert ship.deploy().code == 0
    found["two"] = ship.current()
    told = ship.inv("releases", "--env", "dev").out
    assert all(one in told for one in found.values())
    assert ship.rollback().code == 0
    assert (ship.runs(), ship.current()) == ("one", found["one"])
    ship.agree()
    ran = ship.rollback("--only", "service", "--to", found["two"])
    assert (ran.code, ship.runs()) == (0, "two"), ran
    behave = f"{ROOT}/releases/{found['one']}/behave.json"
    ship.on(f"""echo '{{"name": "one", "refuses": "the hull rotted"}}' >{behave}""")
    ran = ship.rollback("--only", "service")
    assert (ran.code, ship.current(), ship.processes()) == (5, found["one"], []), ran
    assert "the hull rotted" in str(ran.document["log"])
    assert found["two"] in str(ran.document)
    assert ship.rollback("--only", "service", "--to", found["two"]).code == 0
    assert ship.runs() == "two"


def test_what_cannot_be_cleaned_up_fails_no_deployment(ship):
    """A mount and a file of root in an old release: exit 0 and a note, there is a way back, the next one removes it."""
    ship.ship(keep_releases=0)
    old = f"{ROOT}/releases/{ship.current()}"
    ship.version("two")
    assert ship.deploy().code == 0
    ship.on(f"mkdir {old}/data && mount -t tmpfs small {old}/data && touch {old}/data/of-root {old}/of-root")
    ship.version("three")
    ran = ship.deploy()
    assert (ran.code, ship.runs()) == (0, "three"), ran
    (note,) = (one for one in ran.document["notes"] if "was not removed" in one)
    assert old.rpartition("/")[2] in note
    assert ship.rollback("--only", "service").code == 0
    assert ship.runs() == "two"
    ship.on("umount $(findmnt -rno TARGET -t tmpfs | grep /data)")
    ship.version("four")
    ran = ship.deploy()
    assert (ran.code, "was not removed" in str(ran.document["notes"])) == (0, False), ran
    assert ship.on(f"find {ROOT}/releases -name of-root") == ""


def test_a_disk_that_old_releases_fill(ship):
    """What nobody needs is removed before a deployment is refused for want of room, and it goes on."""
    old = ship.current()
    with small_disk(ship.gateway, "350M"):
        for name in ("two", "three"):
            ship.version(name)
            assert ship.deploy().code == 0
        ship.on(f"head -c 120M /dev/zero >{ROOT}/releases/{old}/planks; head -c 60M /dev/zero >/small/ballast")
        ship.ship(keep_releases=0)
        ship.version("four")
        ran = ship.deploy()
        assert (ran.code, ship.runs()) == (0, "four"), ran
        assert old not in {one.id for one in look(ship).releases}
        ship.agree()


def test_a_rollback_leaves_the_database_and_says_so(tmp_path):
    """Nobody even connects to it: at its address nobody listens."""
    with yard(tmp_path) as ship:
        for name in ("one", "two", "three"):
            ship.version(name)
            assert ship.deploy().code == 0
        path = tmp_path / "profiles/dev.yaml"
        profile = {**yaml.safe_load(path.read_text()), "database": {"url": "DATABASE_URL"}}
        path.write_text(yaml.safe_dump(profile))
        ship.environment["DATABASE_URL"] = "postgresql://127.0.0.1:9/harbour"
        told = "the database stays as it is; ./inv backup.list --env dev shows its backups"
        for wish in (("--dry-run",), (), ("--only", "service")):
            ran = ship.rollback(*wish)
            assert (ran.code, told in ran.document["notes"]) == (0, True), ran
        assert ship.runs() == "one"
        assert told not in str(ship.deploy())


def command_lines():
    """Those of this computer that hold it."""
    for _, line in told_of_processes("cmdline"):
        if SECRET.encode() in line or token(APP).encode() in line:
            yield line


def test_secrets_of_whole_runs_are_seen_nowhere(ship, tmp_path):
    """Provisioned and deployed with the bot's token and a further secret, and with a failure whose log has both."""
    machine, patterns = ship.gateway, f"{PATTERN}|{token(APP)[:-1]}[{token(APP)[-1]}]"
    ship.environment["HARBOUR_KEY"] = SECRET
    ship.ship(secrets={"KEY": "HARBOUR_KEY"})

    def command_lines_there():
        return machine.run(f"grep -laE '{patterns}' /proc/[0-9]*/cmdline 2>/dev/null; true").stdout.splitlines()

    with watched(command_lines) as here, watched(command_lines_there) as there:
        runs = [ship.inv("provision", "--env", "dev", "--yes")]
        ship.write(
            "bot/bot.py", (ship.repo / "bot.py").read_text().replace('print("bot"', 'print(os.environ["KEY"], "bot"')
        )
        ship.version("two")
        runs += [ship.deploy(), ship.rollback("--only", "service")]
        ship.write("bot/bot.py", 'import os, sys\nsys.exit(os.environ["KEY"] + os.environ["DISCORD_TOKEN"])\n')
        ship.version("three")
        runs += [ship.deploy(), ship.inv("service.logs", "--env", "dev"), ship.inv("status", "--env", "dev", "--json")]
    assert [one.code for one in runs] == [0, 0, 0, 4, 0, 0], runs
    assert (here, there) == ([], [])
    printed = "".join(one.out + one.err for one in runs)
    assert SECRET not in printed
    assert token(APP) not in printed
    readable = "find / -xdev -newer /etc/machine-id -type f -perm -o=r -size -400k -not -path '/proc/*'"
    search = f"xargs -r grep -laE '{patterns}' 2>/dev/null; true"
    assert machine.run(f"{readable} | {search}").stdout == ""
    assert machine.run(f"find /tmp /var/tmp /home /root -type f | {search}").stdout == ""
    kept = [*tmp_path.rglob("*"), *settings.folder().rglob("*")]
    assert [one for one in kept if one.is_file() and SECRET in one.read_text("latin-1")] == []
    assert [one for one in kept if one.is_file() and token(APP) in one.read_text("latin-1")] == []


def all_as_before(fleet, before):
    """Every host runs the first version, once, with the release that it had, and nothing waits there."""
    hosts = (fleet.gateway, *fleet.workers)
    assert [fleet.runs(one) for one in hosts] == ["one"] * 3
    assert [fleet.current(one) for one in hosts] == before
    assert [len(fleet.processes(one)) for one in hosts] == [1] * 3
    assert [look(fleet, one).switch for one in hosts] == [None] * 3


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_host_of_a_fleet_that_cannot_be_reached(fleet, lost):
    """Before and while it builds: nothing is begun on any of them, and it is named."""
    hosts = (fleet.gateway, *fleet.workers)
    before, gone = [fleet.current(one) for one in hosts], hosts[lost]
    fleet.version("two")
    drop(gone)
    try:
        ran = fleet.deploy()
        assert (ran.code, ran.document["error"].partition(":")[0]) == (1, gone.name), ran
        mend(gone)
        fleet.ship(build=[["sleep", "4"]])
        with deploying(fleet, "--json") as child:
            until(lambda: fleet.on("pgrep -x sleep || true", gone), "the build", 60)
            drop(gone)
            out, err = child.communicate(timeout=120)
    finally:
        mend(gone)
    assert child.returncode == 1, out + err
    assert f"{gone.name}: " in out
    all_as_before(fleet, before)


@pytest.mark.parametrize("lost", [pytest.param(0, marks=pytest.mark.exhaustive), 2])
def test_a_host_of_a_fleet_that_is_lost_in_its_switch(fleet, lost):
    """It goes back by itself; the others are taken back, and it is waited for until that is seen."""
    hosts = (fleet.gateway, *fleet.workers)
    before, gone = [fleet.current(one) for one in hosts], hosts[lost]
    patient(fleet)
    fleet.version("two")
    with deploying(fleet, "--json") as child:
        until(lambda: fleet.current(gone) not in {before[lost], None}, "the switch", 90)
        drop(gone)
        try:
            guarded(fleet, before[lost], gone)
        finally:
            mend(gone)
        out, err = child.communicate(timeout=180)
    assert child.returncode == 4, out + err
    assert f"{gone.name}: " in out
    all_as_before(fleet, before)
    assert [guards(fleet, one) for one in hosts] == [[]] * 3
