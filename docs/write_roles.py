"""Writes the README of each role from its argument specification: `./inv dev.roles`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).resolve().parents[1] / "roles"
_MARKUP = re.compile(r"\b[A-Z]\(([^)]*(?:\([^)]*\))?[^)]*)\)")
"""Ansible's C(code), M(module) and the like."""


def text(role: Path) -> str:
    """The README of a role."""
    specification = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]
    lines = [f"# {role.name}", "", specification["short_description"] + ".", ""]
    lines += [f"- {_plain(one)}" for one in _sentences(specification["description"])]
    options = specification["options"]
    required = {name: one for name, one in options.items() if one.get("required")}
    optional = {name: one for name, one in options.items() if not one.get("required")}
    if required:
        lines += ["", "| has to be set | |", "|---|---|", *(_row(f"`{name}`", one) for name, one in required.items())]
    if optional:
        lines += ["", "| variable | meaning | default |", "|---|---|---|"]
        lines += [_row(f"`{name}`", one) + f" {_default(one)} |" for name, one in optional.items()]
    return "\n".join([*lines, "", "Written by `./inv dev.roles` from `meta/argument_specs.yml`."]) + "\n"


def _row(name: str, option: dict[str, Any]) -> str:
    told = " ".join(_plain(one) for one in _sentences(option["description"]))
    inner = "; ".join(
        f"`{key}`: {_plain(one['description']).rstrip('.')}" for key, one in option.get("options", {}).items()
    )
    return f"| {name} | {told}{f' {inner}.' if inner else ''} |".replace("\n", " ")


def _default(option: dict[str, Any]) -> str:
    value = option.get("default")
    if value in ("", None):
        return "none"
    shown = value if isinstance(value, str) else json.dumps(value)
    return f"`{shown}`".replace("|", "\\|")


def _sentences(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _plain(words: str) -> str:
    return _MARKUP.sub(r"`\1`", words).strip()


def main() -> None:
    """Writes them."""
    for role in sorted(path for path in ROLES.iterdir() if (path / "meta/argument_specs.yml").exists()):
        (role / "README.md").write_text(text(role))
        sys.stdout.write(f"wrote {role / 'README.md'}\n")


if __name__ == "__main__":
    main()
