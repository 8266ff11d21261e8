"""The machines that other tests stand on: real Debian hosts that boot, can be reached, and leave nothing behind."""

from __future__ import annotations

import fcntl
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from desk import ROOT
from machines import Machine, MachineError, Unable, ability, berths, cache, cgroups, write_inventory

PATIENCE = 20.0
HOLDER = """
import sys, time
from machines import lab
one = lab()
one.start("left")
print(one.network.number, one._berth.reaper.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def pair(lab):
    """Two machines for all tests here that leave them as they were."""
    with ThreadPoolExecutor(2) as both:
        made = list(both.map(lab.start, ["one", "two"]))
    yield made
    for machine in made:
        machine.stop()


@pytest.fixture
def one(pair) -> Machine:
    """The first of them."""
    return pair[0]


@pytest.fixture
def page():
    """The port of a server on this computer's loopback that answers everything with `ahoy`."""

    class Ahoy(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ahoy")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ahoy) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


class TestMachine:
    def test_boots_a_whole_debian(self, one):
        """Its first process is systemd, nothing failed, and sshd and cron run."""
        assert one.state() == "running", one.run("systemctl --failed", check=False).stdout
        assert "bookworm" in one.read("/etc/os-release")
        assert one.run("cat /proc/1/comm; hostname").stdout.split() == ["systemd", "one"]
        assert one.run("systemctl is-active ssh cron dbus").stdout.split() == ["active"] * 3

    def test_admin_logs_in_and_may_become_root(self, one):
        """The user `admin` comes in with the lab's key and needs no password for sudo."""
        assert one.ssh("id -un && sudo id -un").stdout.split() == ["admin", "root"]

    def test_the_host_key_is_checked(self, one, pair, tmp_path):
        """A machine that shows another host key than it was made with is refused."""
        wrong = tmp_path / "known_hosts"
        wrong.write_text(f"{one.address} {pair[1].host_key}\n")
        told = ["ssh", "-F", one.lab.ssh_config, "-o", f"UserKnownHostsFile={wrong}", one.address, "true"]
        refused = subprocess.run(told, capture_output=True, text=True, check=False)
        assert refused.returncode == 255
        assert "Host key verification failed" in refused.stderr

    def test_a_failing_command_raises_with_what_it_printed(self, one):
        """Nothing fails silently, unless the test says that it looks at the exit code itself."""
        with pytest.raises(MachineError, match=r"one: ssh .*exit 3\n.*no such ship"):
            one.ssh("echo no such ship >&2; exit 3")
        assert one.run("exit 4", check=False).returncode == 4

    def test_files_come_in(self, one, tmp_path):
        """Text, files and folders can be put into a machine; root owns them."""
        (tmp_path / "hold").mkdir()
        (tmp_path / "hold" / "cargo").write_text("rum")
        one.copy(tmp_path / "hold", "/opt/ship/store")
        one.copy(tmp_path / "hold" / "cargo", "/opt/ship/barrel")
        one.write("/etc/ship/name", "Beagle", mode="0600", owner="admin")
        assert one.read("/opt/ship/store/cargo") + one.read("/opt/ship/barrel") == "rumrum"
        assert one.run("stat -c '%U %a' /etc/ship/name /opt/ship/store").stdout.split() == [
            "admin",
            "600",
            "root",
            "755",
        ]

    def test_units_are_confined_as_on_a_host(self, one):
        """A unit reads its own credential and no file of root; a filter of addresses holds."""
        one.write("/srv/secret", "rum", mode="0600")
        unit = "systemd-run --quiet --wait --pipe -p DynamicUser=yes -p LoadCredential=it:/srv/secret"
        assert one.run(f"{unit} sh -c 'cat $CREDENTIALS_DIRECTORY/it; cat /srv/secret'", check=False).stdout == "rum"
        knock = "timeout 2 bash -c '</dev/tcp/127.0.0.1/22'"
        assert one.run(f"{unit} {knock}", check=False).returncode == 0
        assert one.run(f"{unit} -p IPAddressDeny=any {knock}", check=False).returncode == 124


class TestPower:
    def test_a_reboot_keeps_files_and_loses_the_rest(self, machines, page):
        """What was written stays, what was enabled starts, what only ran or lay in /run is gone; relays come back."""
        machine = machines("rebooted")
        machine.relay(8080, page)
        machine.write("/srv/log", "kept\n")
        machine.write("/run/note", "lost")
        unit = "[Service]\nType=oneshot\nExecStart=touch /srv/started\n[Install]\nWantedBy=multi-user.target\n"
        machine.write("/etc/systemd/system/mark.service", unit)
        machine.run("systemctl enable --quiet mark; systemd-run --quiet --unit=once sleep 600")
        machine.reboot()
        assert machine.ssh("cat /srv/log; ls /srv").stdout.split() == ["kept", "log", "started"]
        assert machine.run("test -e /run/note", check=False).returncode
        assert machine.run("systemctl is-active once", check=False).returncode
        assert machine.run("curl -s http://127.0.0.1:8080/").stdout == "ahoy"

    def test_a_power_cut_ends_everything_at_once(self, machines, page):
        """No process of the machine is left, not even a relay; switched on again it has its files."""
        machine = machines("killed")
        machine.relay(8080, page)
        machine.write("/srv/log", "kept")
        machine.kill()
        assert not cgroups.members(machine.unit)
        machine.start()
        assert machine.ssh("cat /srv/log; curl -s http://127.0.0.1:8080/").stdout == "keptahoy"


class TestNetwork:
    def test_two_machines_reach_each_other(self, pair):
        """They share a network."""
        one, two = pair
        assert "0% packet loss" in one.ssh(f"ping -q -c 1 -W 2 {two.address}").stdout

    def test_a_cut_stops_every_packet_until_it_is_mended(self, pair):
        """While it lasts nobody gets in or out, and the machine's own interface stays up."""
        one, two = pair
        one.cut()
        try:
            assert one.ssh("true", check=False).returncode == 255
            assert one.run(f"ping -q -c 1 -W 1 {two.address}", check=False).returncode
            assert "state UP" in one.run("ip link show host0").stdout
            assert two.ssh("true").returncode == 0
        finally:
            one.restore()
        assert one.ssh(f"ping -q -c 1 -W 2 {two.address}").returncode == 0

    def test_a_relay_leads_to_this_computers_loopback(self, one, page):
        """A port of the machine's 127.0.0.1 is one of ours, also while the network is cut, until it is taken away."""
        ask = "curl -sS --max-time 5 http://127.0.0.1:8080/"
        one.relay(8080, page)
        one.cut()
        try:
            assert one.run(ask).stdout == "ahoy"
        finally:
            one.restore()
        one.unrelay(8080)
        assert "refused" in one.run(ask, check=False).stderr or "Couldn't connect" in one.run(ask, check=False).stderr

    def test_packages_can_be_installed(self, machines):
        """Both apt and pip reach their registries from inside, as they do from this computer."""
        machine = machines("installing")
        machine.ssh("sudo apt-get -qq update && sudo apt-get -qq install -y python3-venv", timeout=180)
        machine.ssh("python3 -m venv v && v/bin/pip -q install six && v/bin/python -c 'import six'", timeout=180)


class TestDisk:
    def test_a_small_disk_fills_up(self, one):
        """What is mounted at a path has the size asked for, and says that it is full when it is."""
        one.disk("/srv/small", "1M")
        one.fill("/srv/small", leave="64K")
        one.write("/srv/small/note", "fits")
        one.fill("/srv/small")
        full = one.run("head -c 8192 /dev/zero >/srv/small/more", check=False)
        assert "No space left on device" in full.stderr
        one.undisk("/srv/small")
        assert one.run("ls -A /srv/small").stdout == ""


class TestAnsible:
    def test_an_inventory_leads_there(self, pair, tmp_path):
        """Ansible reaches the machines of an inventory by their groups, and checks their host keys."""
        one, two = pair
        folder = one.inventory(tmp_path / "first", "bot")
        two.inventory(folder, "workers", "database")
        written = write_inventory(tmp_path / "second", {"bot": [one], "workers": [two], "database": [two]})
        assert (folder / "hosts.yml").read_text() == (written / "hosts.yml").read_text()
        words = [
            Path(sys.executable).with_name("ansible"),
            "-i",
            folder,
            "bot:database",
            "-b",
            "-m",
            "command",
            "-a",
            "id -un",
        ]
        done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=tmp_path)
        assert done.stdout.splitlines().count("root") == 2, done.stdout


class TestImage:
    def test_further_packages_are_a_layer(self, machines):
        """A machine can have more of Debian; the bare ones do not get it."""
        assert machines("greets", packages=["hello"]).ssh("hello").stdout == "Hello, world!\n"
        assert machines("mute").ssh("hello", check=False).returncode == 127

    def test_what_was_not_finished_is_not_used(self, tmp_path, monkeypatch):
        """A folder of the cache is whole or not there."""
        monkeypatch.setenv("BOTSWAIN_TEST_CACHE", str(tmp_path))

        def cut_off(folder: Path) -> None:
            (folder / "half").touch()
            raise InterruptedError

        with pytest.raises(InterruptedError):
            cache.once("image", cut_off)
        made = cache.once("image", lambda folder: (folder / "whole").touch())
        assert [path.name for path in made.iterdir()] == ["whole"]
        assert cache.once("image", cut_off) == made

    def test_two_at_once_make_it_once(self, tmp_path, monkeypatch):
        """Whoever comes second waits, and takes what the first one made."""
        monkeypatch.setenv("BOTSWAIN_TEST_CACHE", str(tmp_path))
        made: list[Path] = []

        def make(folder: Path) -> None:
            made.append(folder)
            time.sleep(0.2)

        with ThreadPoolExecutor(4) as crowd:
            found = set(crowd.map(lambda _: cache.once("image", make), range(4)))
        assert len(made) == len(found) == 1


class TestEnd:
    def test_a_killed_process_leaves_nothing(self, lab):
        """Machines, bridge, rules and files of a process that was killed are removed within seconds."""
        with holding() as (number, holder, _):
            assert lab.network.number != number
            holder.send_signal(signal.SIGKILL)
        await_gone(number)

    def test_leftovers_are_cleaned_at_the_next_start(self, lab):
        """Where even that was prevented, the next run does it."""
        # The registry is held, or another run on this computer cleans them first.
        with holding() as (number, holder, reaper), berths.registry():
            os.kill(reaper, signal.SIGKILL)
            holder.kill()
            holder.wait()
            assert len(left(number)) == 4
        berths.take().leave()
        assert not left(number)

    def test_a_lab_does_not_touch_another(self, lab, debian):
        """What lives is not taken for a leftover."""
        with holding() as (number, holder, _):
            berths.take().leave()
            assert len(left(number)) == 4
            holder.terminate()
        await_gone(number)
        assert debian.ssh("true").returncode == 0

    def test_a_number_that_went_to_another_is_left_alone(self, lab):
        """A lab whose folder is not its own any more removes nothing."""
        berth = berths.take()
        alive, other = berth.folder / "alive", berth.folder / "other"
        with other.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            other.rename(alive)
            berth.leave()
            assert alive.exists()
        berths.take().leave()
        assert not alive.exists()


class TestUnable:
    def test_without_root_it_says_so(self, monkeypatch):
        """Where machines cannot run, the reason is a sentence that names what to do."""
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        with pytest.raises(Unable, match=r"need root.*run the tests as root"):
            ability.require.__wrapped__()

    def test_what_is_not_installed_is_named(self, monkeypatch):
        """The Debian packages to install are in the reason; only CI installs them."""
        monkeypatch.delenv("CI", raising=False)
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        monkeypatch.setitem(ability.PACKAGES, "never-seen", "never-packaged")
        with pytest.raises(Unable, match=r"apt-get install .*never-packaged"):
            ability.require.__wrapped__()


class holding:  # noqa: N801 - used as a function
    """Another process that has a lab with one machine: its number, the process, the one that cleans up after it."""

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER],
            cwd=ROOT / "tests",
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout
        number, reaper = map(int, self.process.stdout.readline().split())
        return number, self.process, reaper

    def __exit__(self, *_):
        assert self.process.stdout
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def left(number: int) -> list[str]:
    """What a lab has on this computer: folder, bridge, rules, control groups."""
    rules = subprocess.run(["iptables", "-w", "-S", "FORWARD"], capture_output=True, text=True, check=True).stdout
    links = subprocess.run(["ip", "-j", "link"], capture_output=True, text=True, check=True).stdout
    found = {
        "folder": (berths.BASE / str(number)).exists(),
        "bridge": f"bw{number}" in {link["ifname"] for link in json.loads(links)},
        "rules": f"-i bw{number} " in rules,
        "groups": bool(cgroups.names(f"bw{number}-")),
    }
    return [name for name, there in found.items() if there]


def await_gone(number: int) -> None:
    """Waits until nothing of a lab is left."""
    end = time.monotonic() + PATIENCE
    while left(number):
        assert time.monotonic() < end, left(number)
        time.sleep(0.05)
