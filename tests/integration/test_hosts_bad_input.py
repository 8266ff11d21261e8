"""Hosts and inventories that cannot be used: one line each, with what to do, and nothing is changed."""

from __future__ import annotations

import subprocess
import time

import pytest
import yaml
from desk import Desk, refused

from botswain.ansible.run import run
from botswain.errors import BotswainError

SERVICE = {"run": "python3 -m bot"}


@pytest.fixture
def inventory(tmp_path, debian):
    """Writes an inventory with the machine in group bot, with other variables; None takes one away."""
    folder = debian.inventory(tmp_path / "inventories/stage", "bot")

    def write(**more):
        path = folder / "hosts.yml"
        document = yaml.safe_load(path.read_text())
        known = document["all"]["hosts"]["debian"]
        known |= {f"ansible_{name}": value for name, value in more.items()}
        path.write_text(yaml.safe_dump(document))
        return folder

    return write


def failure(folder):
    """What provisioning fails with, in one line; the machine was not changed."""
    found = run("provision", folder, variables={"environment_name": "stage"}, check=True).hosts["debian"]
    assert found.changes == ()
    assert "\n" not in str(found.error)
    return found.status, str(found.error)


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ({"database": {"hosts": {"a": None}}}, "no host is in group bot"),
        ({"bot": {"hosts": {"a": None, "b": None}}}, "2 hosts are in group bot: a, b"),
        ({"bot": None}, "no host is in group bot"),
    ],
)
def test_not_exactly_one_host_for_the_bot_is_refused_before_anything(tmp_path, groups, told):
    """Two would be two sessions of one shard."""
    desk = Desk(tmp_path, {})
    desk.profile("stage", service=SERVICE)
    desk.write("inventories/stage/hosts.yml", yaml.safe_dump({"all": {"children": groups}}))
    fix = "one host runs the bot; list it there, and others in group workers"
    refused(desk.inv("provision", "--env", "stage"), f"inventories/stage: {told}; {fix}")
    refused(desk.inv("provision", "--env", "stage", "--dry-run"), f"inventories/stage: {told}; {fix}")


def test_no_inventory_is_told(tmp_path):
    """With the task that writes one; a bot of this machine needs none."""
    desk = Desk(tmp_path, {})
    desk.profile("stage", service={**SERVICE, "target": "vm"})
    fix = "./inv init writes one, or see inventories/README.md"
    refused(desk.inv("provision", "--env", "stage"), f"inventories/stage: there is no inventory; {fix}")
    desk.profile("stage", service=SERVICE)
    told = "the bot runs on this machine: there is no server to make ready; service.target: vm has it run on one"
    refused(desk.inv("provision", "--env", "stage"), f"profiles/stage.yaml: {told}")


def test_production_is_asked_for(tmp_path):
    """Off a terminal it needs --yes."""
    desk = Desk(tmp_path, {})
    desk.production("prod", service=SERVICE)
    ran = desk.inv("provision", "--env", "prod")
    what = "this would change the servers of prod (production), and there is no terminal to ask on"
    refused(ran, f"{what}; if you mean it, say --yes", code=3)


def test_a_wrong_key_is_told(inventory, tmp_path):
    """The host answers, and does not let us in."""
    key = tmp_path / "wrong"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    status, told = failure(inventory(ssh_private_key_file=str(key)))
    assert status == "unreachable"
    assert told.startswith("debian: does not let this user in with this key; correct ansible_user or the key")


def test_a_key_that_is_not_there_is_told(inventory, tmp_path):
    """It is not called a wrong one."""
    status, told = failure(inventory(ssh_private_key_file=str(tmp_path / "none")))
    assert (status, told.split(";")[0]) == ("unreachable", "debian: the private key cannot be read")


def test_a_changed_host_key_is_told_and_not_passed_over(inventory, debian, tmp_path):
    """It may be somebody else's machine; nothing is sent there."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    known = tmp_path / "known_hosts"
    known.write_text(f"{debian.address} {(tmp_path / 'other.pub').read_text()}")
    status, told = failure(inventory(ssh_common_args=f"-o UserKnownHostsFile={known} -o IdentitiesOnly=yes"))
    assert status == "unreachable"
    assert told.startswith("debian: shows another host key than the one that is known")


def test_an_unknown_host_key_is_told_and_not_learnt(inventory, tmp_path):
    """Whoever logs in by hand compares it."""
    known = tmp_path / "known_hosts"
    known.touch()
    status, told = failure(inventory(ssh_common_args=f"-o UserKnownHostsFile={known} -o IdentitiesOnly=yes"))
    assert (status, told.split(";")[0]) == ("unreachable", "debian: its host key is not known on this machine")
    assert known.read_text() == ""


def test_a_host_without_an_ssh_server_or_a_name_is_told(inventory):
    """Each in its own words."""
    status, told = failure(inventory(port=2))
    assert (status, told.split(":")[1]) == ("unreachable", " refuses connections")
    _, told = failure(inventory(host="nobody.invalid"))
    assert told.startswith("debian: nobody knows an address for this name")


def test_a_host_that_does_not_answer_is_told_soon(inventory, debian):
    """Within a quarter of a minute."""
    folder = inventory()
    subprocess.run(["ssh", "-F", debian.lab.ssh_config, "-O", "exit", debian.address], check=False, capture_output=True)
    debian.cut()
    try:
        began = time.monotonic()
        status, told = failure(inventory(port=22, ssh_extra_args="-o ControlPath=none"))
        assert (status, told.split(";")[0]) in {
            ("unreachable", "debian: does not answer"),
            ("unreachable", "debian: cannot be reached: no route leads there"),
        }
        assert time.monotonic() - began < 20
    finally:
        debian.restore()
    assert folder


def test_a_host_without_python_is_told(inventory, debian):
    """With what to install."""
    debian.run("mv /usr/bin/python3 /usr/bin/python3.away")
    try:
        status, told = failure(inventory())
    finally:
        debian.run("mv /usr/bin/python3.away /usr/bin/python3")
    assert (status, told) == ("failed", "debian: Python is not installed there; install it: apt-get install python3")


def test_a_host_without_sudo_is_told(inventory, debian):
    """It is not taken for one without Python."""
    debian.run("mv /usr/bin/sudo /usr/bin/sudo.away")
    try:
        _, told = failure(inventory())
    finally:
        debian.run("mv /usr/bin/sudo.away /usr/bin/sudo")
    assert told.startswith("debian: sudo is not installed there; install it, or log in as root")


def test_a_user_who_needs_a_password_or_may_not_become_root_is_told(inventory, debian):
    """Nothing waits for an answer that nobody gives."""
    debian.run("mv /etc/sudoers.d/90-admin /opt/")
    try:
        debian.write("/etc/sudoers.d/90-other", "admin ALL=(ALL) ALL\n", mode="0440")
        _, asked = failure(inventory())
        debian.run("rm /etc/sudoers.d/90-other")
        _, refusal = failure(inventory())
    finally:
        debian.run("mv /opt/90-admin /etc/sudoers.d/; rm -f /etc/sudoers.d/90-other")
    assert asked.startswith("debian: sudo wants a password; put it into the environment or .env as SUDO_<ENV>_PASSWORD")
    assert refusal.startswith("debian: ")
    assert "sudo wants a password" in refusal or "may not become root" in refusal


def test_a_host_that_fails_makes_no_secret_of_others(tmp_path, debian):
    """One host is well, one cannot be reached; both are told, and the first is looked at all the same."""
    folder = debian.inventory(tmp_path / "inventories/stage", "bot")
    document = yaml.safe_load((folder / "hosts.yml").read_text())
    document["all"]["hosts"]["gone"] = {"ansible_host": "nobody.invalid"}
    document["all"]["children"]["workers"] = {"hosts": {"gone": None}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(document))
    found = run("health", folder, variables={"environment_name": "stage"})
    assert found.of("gone").status == "unreachable"
    assert found.of("debian").status == "failed"
    with pytest.raises(BotswainError):
        found.insist()


def test_the_doctor_looks_at_hosts_before_anything_is_on_them(inventory, debian, tmp_path):
    """Each in a line that says what to mend: not provisioned, no Python, no sudo, a wrong clock, not there at all."""
    desk = Desk(tmp_path, {})
    (tmp_path / "bot").mkdir()
    code = {"source": "discord.py", "object": "bot:bot"}  # it is not installed here, and nothing below needs it
    desk.profile(
        "stage", repo="bot", commands=code, api="http://127.0.0.1:9/api/v10", service={**SERVICE, "target": "vm"}
    )
    folder = inventory()

    def looks():
        found = desk.inv("doctor", "--env", "stage", "--json").document["looks"]
        return [(one["verdict"], one["detail"], one["fix"]) for one in found if one["look"] == "host debian"]

    assert looks() == [("bad", "is not provisioned for this environment", "./inv provision --env stage")]
    debian.run("mv /usr/bin/python3 /usr/bin/python3.away; mv /etc/sudoers.d/90-admin /opt/")
    try:
        told = "\n".join(f"{detail}; {fix}" for _, detail, fix in looks())
    finally:
        debian.run("mv /usr/bin/python3.away /usr/bin/python3; mv /opt/90-admin /etc/sudoers.d/")
    assert "Python is not installed there; install it: apt-get install python3" in told
    assert "sudo wants a password; put it into the environment or .env as SUDO_<ENV>_PASSWORD" in told
    inventory(port=2)
    why = "debian: refuses connections: no SSH server listens there"
    assert looks()[0][:2] == ("bad", why)
    done = desk.inv("provision", "--env", "stage", "--yes")
    assert (done.code, done.out) == (1, "")
    assert done.told == [f"{why}; look whether it runs, and at ansible_port in the inventory"]
    (folder / "hosts.yml").write_text("all: {children: {bot: {hosts: {}}}}")
    looked = desk.inv("doctor", "--env", "stage", "--json").document["looks"]
    (found,) = [one["detail"] for one in looked if one["look"] == "inventory"]
    assert found == "inventories/stage: group bot has no host, and exactly one runs the gateway"
