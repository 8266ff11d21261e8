"""Every role keeps to the same form, and its texts say what is true."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
NAMES = [role.name for role in ROLES]


def specified(role):
    """The options of a role."""
    return yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]


def test_the_roles_are_there():
    """One duty each."""
    assert NAMES == ["backup", "bot", "host", "nats", "postgres"]


@pytest.mark.parametrize("role", ROLES, ids=NAMES)
def test_defaults_are_those_that_the_specification_tells(role):
    """What is required has none, and there are no others."""
    told = {name: one["default"] for name, one in specified(role).items() if "default" in one}
    assert yaml.safe_load((role / "defaults/main.yml").read_text()) == told
    for name, one in specified(role).items():
        assert one.get("required") or "default" in one, name
        assert name.startswith(f"{role.name}_")


@pytest.mark.parametrize("role", ROLES, ids=NAMES)
def test_the_readme_is_current(role):
    """`./inv dev.roles` writes it."""
    spec = importlib.util.spec_from_file_location("write_roles", ROOT / "docs/write_roles.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (role / "README.md").read_text() == module.text(role)


@pytest.mark.parametrize("path", sorted(ROOT.glob("roles/*/tasks/*.yml")), ids=lambda path: "/".join(path.parts[-3:]))
def test_a_file_of_tasks_is_short(path):
    """At most 60 lines."""
    assert len(path.read_text().splitlines()) <= 60


@pytest.mark.parametrize("path", sorted(ROOT.glob("playbooks/*.yml")), ids=lambda path: path.name)
def test_no_play_gathers_facts(path):
    """It would take longer than a rollback."""
    for play in yaml.safe_load(path.read_text()):
        assert play["gather_facts"] is False
