"""Both sample bots under the unit as it is hardened, on a real Debian, logged in to the double of Discord."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from clients import harbour
from hosting import until
from samples import installed
from serving import PORT, Served

from botswain.host import orders
from botswain.sandbox.process import running_server

GUILD = "222222222222222222"
PACKAGES = "/opt/harbour"


@pytest.fixture(scope="module")
def double():
    """The double of Discord on this computer."""
    with running_server() as url:
        yield url


@pytest.fixture(params=harbour.NAMES)
def sample(request, tmp_path):
    """A sample bot with what it needs."""
    return installed(request.param, tmp_path / "sample")


@pytest.fixture
def served(debian, double, sample):
    """Its place on a machine, whose loopback leads to the double."""
    port = int(double.rpartition(":")[2])
    debian.relay(port)
    python = sample.name == "harbour-py"
    made = Served(debian, bot_memory_deny_write_execute=python)
    debian.run(f"rm -rf {PACKAGES} && mkdir {PACKAGES}")
    if python:
        (packages,) = (sample.folder / ".venv/lib").resolve().glob("python*/site-packages")
        debian.copy(packages, f"{PACKAGES}/packages")
        run, extra = ("/usr/bin/python3", "-m", "harbour"), {"PYTHONPATH": f"{PACKAGES}/packages"}
        build = ()
    else:
        debian.copy((sample.folder / "node_modules").resolve(), f"{PACKAGES}/node_modules")
        debian.copy(Path(sample.argv[0]).resolve(), f"{PACKAGES}/node")
        run, extra = (f"{PACKAGES}/node", "src/main.js"), {}
        build = (("ln", "-s", f"{PACKAGES}/node_modules", "node_modules"),)
    made.service = replace(
        made.service, run=run, build=build, environment={**made.service.environment, **extra},
        secrets={"DISCORD_TOKEN": "discord_token", "DISCORD_API": "discord_api"}, stop_timeout=15.0,
    )  # fmt: skip
    made.configure(deadline=40.0, stable_for=1.0, timeout=3.0)
    yield made
    made.remove()
    debian.unrelay(port)


def test_a_sample_bot_works_under_the_unit(served, sample, double):
    """It logs in, answers commands, knows its memory and threads, and ends by itself when it is told to."""
    for entry in sample.folder.iterdir():
        if entry.name not in {".venv", "node_modules"}:
            target = served.repository.root / entry.name
            shutil.copytree(entry, target) if entry.is_dir() else shutil.copy(entry, target)
    application = "300000000000000009" if sample.name == "harbour-py" else "300000000000000010"
    token = harbour.token(application)
    commit = served.send()
    release = served.one(served.order(commit))["release"]
    done = served.deploy(release, secrets={"discord_token": token, "discord_api": f"{double}/api"})
    assert done.verdict.good, served.prints()
    assert served.one(orders.Confirm(done.token, "ann"))["confirmed"]
    served.well(release)
    registered = httpx.put(
        f"{double}/api/v10/applications/{application}/guilds/{GUILD}/commands", json=sample.definitions,
        headers={"Authorization": f"Bot {token}"}, trust_env=False,
    )  # fmt: skip
    assert registered.status_code == 200
    body = {"application_id": application, "guild_id": GUILD, "locale": "en-US", "command": "ping"}
    sent = httpx.post(f"{double}/sandbox/interactions", json=body, trust_env=False).json()
    assert sent["delivered"] == 1
    outcome = httpx.get(
        f"{double}/sandbox/interactions/{sent['id']}", params={"wait": 20}, trust_env=False, timeout=30
    ).json()
    assert outcome["state"] == "answered"
    metrics = served.machine.run(f"curl -sf http://127.0.0.1:{PORT}/metrics").stdout
    assert "process_start_time_seconds" in metrics
    (pid,) = served.processes()
    status = served.machine.run(f"cat /proc/{pid}/status").stdout
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    assert "CapEff:\t0000000000000000" in status
    assert served.one(orders.Stop())["state"]["told"] == "ended with exit code 0"
    until(lambda: served.processes() == [], "its end")
    assert token not in served.machine.run("journalctl --no-pager -o export").stdout
    assert "EPERM" not in served.prints()
    assert "Operation not permitted" not in served.prints()
    assert "Traceback" not in served.prints()
