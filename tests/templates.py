"""Renders the templates of roles as Ansible does, with its own Templar and the roles' own defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

with pytest.MonkeyPatch.context() as patched:
    # Read when Ansible is imported: what it would silently leave as it is fails here. Other tests' runs have their own.
    patched.setenv("_ANSIBLE_TEMPLAR_UNTRUSTED_TEMPLATE_BEHAVIOR", "error")
    from ansible.parsing.dataloader import DataLoader
    from ansible.template import Templar, trust_as_template

ROOT = Path(__file__).resolve().parents[1]


def render(role: str, template: str, **variables: Any) -> str:
    """A template of a role, with its defaults and vars, overridden by `variables`. Raises for what is undefined."""
    loader, folder = DataLoader(), ROOT / "roles" / role
    known: dict[str, Any] = {}
    for name in ("defaults/main.yml", "vars/main.yml"):
        if (folder / name).exists():
            known |= loader.load_from_file(str(folder / name), trusted_as_template=True) or {}
    templar = Templar(loader=loader, variables={**known, **variables})
    text = trust_as_template((folder / "templates" / template).read_text())
    return templar.template(text, overrides={"trim_blocks": True}, escape_backslashes=False)
