"""What the roles write, rendered by Ansible's own Templar with the roles' own defaults."""

from __future__ import annotations

import json

import pytest
from templates import ROOT, render

TEMPLATES = sorted(path for path in ROOT.glob("roles/*/templates/*.j2"))
NEEDED = {
    "postgres_memory": {"stdout": "4000"}, "postgres_environment": "stage", "nats_environment": "stage",
    "bot_environment": "stage", "backup_environment": "stage",
    "item": {"kind": "timer", "name": "x", "verb": "run", "when": "daily"},
}  # fmt: skip


def sections(text):
    """A unit's lines by section, without comments."""
    found, name = {}, ""
    for line in text.splitlines():
        if line.startswith("["):
            name = line
        elif line and not line.startswith("#"):
            found.setdefault(name, []).append(line)
    return found


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_template_needs_nothing_but_the_environment(path):
    """Nothing is undefined, and nothing is left to be rendered."""
    text = render(path.parts[-3], path.name, **NEEDED)
    assert "{{" not in text
    assert "{%" not in text


@pytest.mark.parametrize(
    ("memory", "cache", "planner", "maintenance"),
    [(256, 48, 96, 16), (1000, 192, 384, 48), (4000, 800, 1600, 200), (64000, 2048, 4096, 512)],
)
def test_postgresql_takes_a_part_of_the_memory(memory, cache, planner, maintenance):
    """A fifth, in steps of 16 MB so that two looks agree, and never more than 2 GB."""
    text = render("postgres", "botswain.conf.j2", postgres_memory={"stdout": str(memory)})
    assert f"shared_buffers = {cache}MB" in text
    assert f"effective_cache_size = {planner}MB" in text
    assert f"maintenance_work_mem = {maintenance}MB" in text
    assert "listen_addresses = 'localhost'" in text


def test_the_settings_of_backups_are_a_document_for_the_runner():
    """Numbers are numbers, lists are lists."""
    more = {"backup_copy_to": ["ssh://b@n/srv"], "postgres_database": "harbour"}
    text = render("backup", "settings.json.j2", backup_environment="stage", **more)
    assert json.loads(text) == {
        "environment": "stage", "database": "harbour", "run_as": "postgres", "folder": "/var/backups/botswain/stage",
        "keep": {"last": 3, "daily": 7, "weekly": 4, "monthly": 6}, "min_size": 0, "shrink": 0.5,
        "verify_restore": False,
        "copy_to": ["ssh://b@n/srv"], "ssh": {"identity": "", "known_hosts": ""},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("runtimes", "denied"), [([], True), (["python"], True), (["node"], False), (["python", "node"], False)]
)
def test_only_what_compiles_while_it_runs_may_execute_what_it_wrote(runtimes, denied):
    """V8 needs such memory, Python does not."""
    unit = sections(render("bot", "botswain.service.j2", bot_environment="stage", bot_runtimes=runtimes))
    assert ("MemoryDenyWriteExecute=yes" in unit["[Service]"]) is denied


def test_nats_listens_nowhere_but_here():
    """Clients and monitor alike, and the unit runs the server that was installed."""
    text = render("nats", "nats.conf.j2", nats_environment="stage", nats_port=4333)
    assert "host: 127.0.0.1\nport: 4333" in text
    assert 'http: "127.0.0.1:8222"' in text
    unit = sections(render("nats", "nats-server.service.j2", nats_environment="stage", nats_binary="/x/nats-server"))
    assert "ExecStart=/usr/local/bin/nats-server -c /etc/nats/botswain.conf" in unit["[Service]"]
