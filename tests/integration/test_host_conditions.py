"""Hosts that differ from the usual one in a single thing: each is provisioned, deployed to and rolled back alike.

What each took is printed (`pytest -rP` shows it).
"""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

import pytest
import yaml
from coast import Coast, timed
from machines import cgroups
from machines.distance import far
from machines.tools import call

from botswain.sandbox.process import running_server

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

NEEDED = ["python3-venv", "systemd-timesyncd"]
"""What provisioning installs, so that a host needs no way out for it."""
SECRET = 'SENTINEL it\'s "$x" \\ {{ 1 }}'
MEMORY = Path("/sys/fs/cgroup/memory")


@pytest.fixture
def ship(tmp_path, machines):
    """A project with one machine that is not provisioned yet."""
    with running_server() as api:
        yield Coast(tmp_path, api, machines("ship", packages=NEEDED))


def reached(ship, **variables):
    """Has the inventory say these of the host; None takes one out."""
    path = ship.folder / "inventories/dev/hosts.yml"
    known = yaml.safe_load(path.read_text())
    host = known["all"]["hosts"]["ship"]
    host.update(variables)
    known["all"]["hosts"]["ship"] = {name: value for name, value in host.items() if value is not None}
    path.write_text(yaml.safe_dump(known))


def known_as(ship, *names):
    """Has ssh know the machine's host key by other names, in a file that stays as it is."""
    path = ship.folder / "known_hosts"
    path.write_text("".join(f"{name} {ship.gateway.host_key}\n" for name in names))
    return f"-o UserKnownHostsFile={path} -o IdentitiesOnly=yes"


def voyage(ship, what):
    """Provisioned once and again, looked at, deployed to twice, back, its log read; all that was printed."""
    printed = []

    def inv(*words, code=0):
        ran = ship.inv(*words, "--env", "dev")
        printed.append(ran.out + ran.err)
        assert ran.code == code, ran
        return ran

    with timed(f"{what}: provision"):
        inv("provision", "--yes")
    with timed(f"{what}: second provision"):
        assert inv("provision").out == "ship: nothing to change\n"
    with timed(f"{what}: doctor"):
        looks = ship.inv("doctor", "--env", "dev", "--json").document["looks"]
    found = [one for one in looks if one["look"] == "host ship"]
    assert [one["verdict"] for one in found] == ["good"], found
    with timed(f"{what}: first deploy"):
        inv("deploy", "--yes")
    assert ship.runs() == "one"
    ship.version("two")
    with timed(f"{what}: second deploy"):
        inv("deploy", "--yes")
    assert ship.runs() == "two"
    assert "bot two starts" in inv("logs").out
    inv("service.restart")
    with timed(f"{what}: rollback"):
        inv("rollback", "--yes", "--allow-delete", "9")
    assert ship.runs() == "one"
    ship.agree()
    return "".join(printed)


@contextlib.contextmanager
def watched(word, processes):
    """Looks for a word in the arguments of every process, all the time: those that `processes` prints, and ours."""
    seen, over = [], threading.Event()

    def look():
        while not over.is_set():
            text = processes()
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    text += path.read_bytes().decode(errors="replace")
            seen.extend([text] if word in text else [])
            time.sleep(0.02)

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield seen
    finally:
        over.set()
        watching.join()


def test_a_password_for_sudo_is_used_and_shown_nowhere(ship):
    """Given in SUDO_DEV_PASSWORD it reaches sudo by standard input; a wrong or missing one is one line that helps."""
    ship.gateway.run("chpasswd", text=f"admin:{SECRET}\n")
    ship.gateway.write("/etc/sudoers.d/90-admin", "admin ALL=(ALL) ALL\n", mode="0440")
    looks = ship.inv("doctor", "--env", "dev", "--json").document["looks"]
    (told,) = [one for one in looks if one["look"] == "host ship" and "sudo" in one["detail"]]
    assert (told["detail"], "SUDO_<ENV>_PASSWORD" in told["fix"]) == ("sudo wants a password", True)
    ship.environment["SUDO_DEV_PASSWORD"] = "wrong"
    ran = ship.inv("provision", "--env", "dev", "--yes")
    assert (ran.code, "sudo does not accept the password" in ran.out + ran.err) == (1, True), ran
    ship.environment["SUDO_DEV_PASSWORD"] = SECRET
    with watched("SENTINEL", lambda: ship.on("cat /proc/[0-9]*/cmdline 2>/dev/null || true")) as seen:
        printed = voyage(ship, "sudo with a password")
    assert seen == []
    assert "SENTINEL" not in printed
    assert ship.on("journalctl --sync; journalctl -a | grep -c SENTINE[L] || true") == "0"
    assert ship.on("grep -rla SENTINE[L] /var/log /tmp /srv /etc/botswain /usr/local/lib || true") == ""
    held = [path for path in ship.folder.rglob("*") if path.is_file() and b"SENTINEL" in path.read_bytes()]
    assert held == []
    ship.environment["SUDO_DEV_PASSWORD"] = "wrong"
    ran = ship.inv("service.restart", "--env", "dev")
    assert (ran.code, "sudo does not accept the password" in ran.err) == (1, True), ran


def test_a_log_is_followed_where_sudo_wants_a_password(ship):
    """The password is answered on a terminal of the host, and neither it nor the question is in the log."""
    from botswain.hosts import adhoc
    from botswain.hosts.fleet import fleet_of

    ship.gateway.run("chpasswd", text=f"admin:{SECRET}\n")
    ship.gateway.write("/etc/sudoers.d/90-admin", "admin ALL=(ALL) ALL\nDefaults:admin lecture=never\n", mode="0440")
    ship.gateway.run("systemd-run --quiet --wait --unit=speaker echo first light")
    host = fleet_of(ship.folder / "inventories/dev", workers=False, password=SECRET).gateway
    lines = adhoc.journal(host, "speaker.service", 5, follow=True)
    heard = [next(lines)]
    while "first light" not in heard[-1]:
        heard.append(next(lines))
    lines.close()
    assert not any("SENTINEL" in one or "asks sudo" in one for one in heard), heard


def test_another_port_of_ssh(ship):
    """Ansible, ssh and Fabric all go to `ansible_port`."""
    ship.gateway.write("/etc/ssh/sshd_config.d/port.conf", "Port 2222\n")
    ship.gateway.run("systemctl restart ssh")
    reached(ship, ansible_port=2222, ansible_ssh_common_args=known_as(ship, f"[{ship.gateway.address}]:2222"))
    voyage(ship, "port 2222")


@pytest.mark.parametrize("named", [False, True], ids=["by its address", "by a name"])
def test_ipv6_alone(ship, named):
    """A host without an IPv4 address is reached by a literal, and by a name of ssh's configuration."""
    machine = ship.gateway
    network = f"fd42:b0:{machine.lab.network.number:x}"
    here, there = f"{network}::1", f"{network}::10"
    call(["ip", "-6", "address", "add", f"{here}/64", "dev", machine.lab.network.bridge, "nodad"], check=False)
    machine.run(
        "sysctl -qw net.ipv6.conf.host0.disable_ipv6=0; ip -4 address flush dev host0;"
        f" ip -6 address add {there}/64 dev host0 nodad"
    )
    arguments = known_as(ship, there, "ship")
    if named:
        (ship.folder / "ssh_config").write_text(f"Host ship\n  HostName {there}\n")
        reached(ship, ansible_host="ship", ansible_ssh_common_args=f"-F {ship.folder}/ssh_config {arguments}")
    else:
        reached(ship, ansible_host=there, ansible_ssh_common_args=arguments)
    voyage(ship, "IPv6 alone")


def test_noexec_on_tmp(ship):
    """Neither provisioning nor a deployment starts a program from a temporary folder."""
    ship.gateway.run("mkdir -p /home/tmp && for at in /tmp /var/tmp /dev/shm; do "
                     "mount -t tmpfs -o mode=1777,noexec,nosuid,nodev none $at; done")  # fmt: skip
    assert ship.gateway.run("echo 'exit 0' >/tmp/x; chmod 755 /tmp/x; /tmp/x", check=False).returncode == 126
    voyage(ship, "noexec")


def test_512_mb_of_memory(ship):
    """What a deployment runs on a small host fits beside what is there; what does not is killed by the kernel."""
    unit = ship.gateway.unit
    group = MEMORY / unit
    if not MEMORY.is_dir():
        pytest.skip("the kernel's memory controller is not mounted here")
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(512 << 20))
        for pid in cgroups.members(unit):
            with contextlib.suppress(OSError):
                (group / "cgroup.procs").write_text(str(pid))
        ship.ship(build=[["/usr/bin/python3", "-m", "venv", ".venv"]])
        voyage(ship, "512 MB")
        peak = int((group / "memory.max_usage_in_bytes").read_text())
        print(f"512 MB: peak {peak >> 20} MB, {(group / 'memory.failcnt').read_text().strip()} times at the limit")  # noqa: T201
        hungry = "python3 -c 'bytearray(700 << 20)'; echo $?"
        assert ship.gateway.ssh(hungry, check=False).stdout.strip() == "137"
    finally:
        ship.gateway.stop()
        group.rmdir()


def test_200_ms_of_delay(ship):
    """A far host works as a near one; what is slow is the way, once for each of a few round trips."""
    with far(ship.gateway.address, 22, 0.1) as port:
        arguments = known_as(ship, f"[127.0.0.1]:{port}")
        reached(ship, ansible_host="127.0.0.1", ansible_port=port, ansible_ssh_common_args=arguments)
        voyage(ship, "200 ms")
