"""A secret on its way to a host: it arrives, and is seen nowhere else."""

from __future__ import annotations

import json
import subprocess
import time

import pytest
from watching import told_of_processes, watched

from botswain.ansible import settings
from botswain.ansible.run import run
from botswain.ansible.variables import handed

SECRET = "SENTINEL-7f1c\"{{ x }}'\\\n9e"
PART = "SENTINEL-7f1c"
PATTERN = "SENTINEL-7f1[c]"
"""Does not find itself in a list of processes."""
ROOT = "/srv/botswain/night"
SERVICE = {"name": "night", "run": ["true"], "manager": {"kind": "systemd", "unit": "botswain-night.service"}}
ORDER = {"verb": "start", "service": SERVICE, "secrets": ["token", "flag"]}


def variables(order=ORDER):
    """What the controller hands over; a secret of one letter is one, too."""
    return {"environment_name": "night", "botswain_orders": {"debian": [order]},
            "botswain_secrets": {"token": SECRET, "flag": "e"}}  # fmt: skip


@pytest.fixture
def inventory(tmp_path, debian):
    """The machine."""
    return debian.inventory(tmp_path / "inventory", "bot")


def here():
    """Command lines and environments of this machine's processes that hold it, but for those of this test."""
    for path, data in told_of_processes("cmdline", "environ"):
        if PART.encode() in data:
            yield str(path)


def on(debian):
    """The same on the host, and its files that others can read."""
    script = (
        f"grep -laE '{PATTERN}' /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null;"
        f" grep -rlaE '{PATTERN}' /tmp /var/tmp /home /root /run/user 2>/dev/null;"
        f" find / -xdev -newer /etc/machine-id -type f -perm -o=r -size -200k 2>/dev/null -not -path '/proc/*'"
        f" | xargs -r grep -laE '{PATTERN}' 2>/dev/null; true"
    )
    return debian.run(script).stdout.splitlines()


def test_it_arrives_and_is_seen_in_no_list_of_processes_on_either_side(inventory, debian):
    """Watched all the time while it travels; it ends in a file for root alone, and the answer is not damaged by it."""
    with watched(here) as seen_here, watched(lambda: on(debian)) as seen_there:
        found = run("deploy", inventory, tags=["ask"], variables=variables()).of("debian")
        time.sleep(0.5)
    assert (seen_here, seen_there) == ([], [])
    assert found.answer["error"]["what"] == "there is no release to start"
    assert debian.run(f"cat {ROOT}/credentials/token").stdout == SECRET
    assert debian.run(f"stat -c '%U %a' {ROOT}/credentials {ROOT}/credentials/token").stdout.split() == [
        "root", "700", "root", "600",
    ]  # fmt: skip


def test_nothing_that_is_printed_logged_or_cached_holds_it(inventory, debian, tmp_path):
    """Ansible with -vvv, events, the journal of the host, Ansible's temporary files and caches on either side."""
    events = tmp_path / "events"
    folder = settings.folder()
    known = settings.environment(
        folder, {"ANSIBLE_CALLBACKS_ENABLED": "botswain.host.events", "BOTSWAIN_EVENTS": str(events)}
    )
    known["ANSIBLE_LOCAL_TEMP"] = str(tmp_path / "local")
    with handed(variables(), folder) as file:
        argv = [settings.program(), "-vvv", "-i", inventory, "-e", f"@{file}", "--tags", "ask",
                settings.ROOT / "playbooks/deploy.yml"]  # fmt: skip
        done = subprocess.run(argv, env=known, capture_output=True, text=True, check=False)
    assert "there is no release to start" in done.stdout
    assert PART not in done.stdout + done.stderr
    assert [json.loads(line)["event"] for line in events.read_text().splitlines()][-1] == "end"
    assert PART not in events.read_text()
    debian.run("journalctl --sync")
    assert "Invoked with" in debian.run("journalctl -a --since -10min | grep -a engine").stdout
    assert debian.run(f"journalctl -a | grep -acE '{PATTERN}'", check=False).stdout.strip() == "0"
    assert on(debian) == []
    kept = [
        path
        for path in (*tmp_path.rglob("*"), *folder.rglob("*"))
        if path.is_file() and PART in path.read_text("latin-1")
    ]
    assert kept == []


def test_an_engine_that_prints_it_does_not_give_it_away(inventory, debian):
    """What a bot printed before it died comes back with the error, and is covered."""
    broken = {**ORDER, "service": {**SERVICE, "name": SECRET, "run": []}}
    found = run("deploy", inventory, tags=["ask"], variables=variables(broken)).of("debian")
    assert found.status == "failed"
    assert PART not in json.dumps(found.answer)
    assert PART not in str(found.error)
