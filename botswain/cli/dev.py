"""Tasks for people who work on Botswain itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from botswain.cli.task import task
from botswain.errors import BotswainError

_YAML = ("playbooks", "roles", "inventories")
"""What Ansible reads."""


def _python(*arguments: str) -> int:
    """Runs a module of this environment; returns its exit code."""
    sys.stdout.flush()
    return subprocess.run([sys.executable, "-m", *arguments], check=False).returncode


def _script(name: str, *arguments: str) -> int:
    """Runs a command of this environment; returns its exit code."""
    sys.stdout.flush()
    folder = Path(sys.executable).parent
    known = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}  # it calls others of its own
    return subprocess.run([folder / name, *arguments], check=False, env=known).returncode


@task(
    fast="leave out what takes seconds: real servers, clients, processes",
    exhaustive="also what takes minutes: hosts of other distributions, every published library",
    only="pytest's -k",
)
def test(_context: Any, fast: bool = False, exhaustive: bool = False, only: str = "", debug: bool = False) -> int:
    """Lint, check types and imports, run the tests."""
    left_out = [name for name, leave in (("slow", fast), ("exhaustive", not exhaustive)) if leave]
    chosen = ["-m", " and ".join(f"not {name}" for name in left_out)] if left_out else []
    chosen += ["-k", only] if only else []
    if not only:
        _lint()
    # Three at once, also on two processors: they wait for bots and machines as long as they work.
    return _python("pytest", "-n", "3", "--dist", "loadgroup", *chosen)


@task()
def lint(_context: Any, debug: bool = False) -> None:
    """Check style, spelling, types and imports."""
    _lint()


def _lint() -> None:
    steps = (
        ("ruff", "check", "--quiet"),
        ("ruff", "format", "--check", "--quiet"),
        ("mypy", "--no-error-summary"),
        ("lint-imports", "--no-cache", "--no-logo"),
        ("codespell",),
        ("yamllint", "--strict", *_YAML),
        ("ansible-lint", "-q", *_YAML),
    )
    failed = [" ".join(step[:2]) for step in steps if _script(*step) != 0]
    if failed:
        raise BotswainError(f"{', '.join(failed)} found something", fix="see above")


@task(group="which figures: commands, service, backup or vm", json="print the rows as one JSON document")
def bench(_context: Any, group: str = "commands", json: bool = False, debug: bool = False) -> int:
    """Measure the figures that Botswain promises.

    Ratios come from one run, so that they hold on any machine.
    """
    return _python("benchmarks", "--group", group, *(["--json"] if json else []))


@task()
def lock(_context: Any, debug: bool = False) -> None:
    """Lock the requirements, with hashes.

    requirements/*.in become requirements/*.txt for every supported Python.
    """
    for name in ("base", "dev"):
        done = _python(
            "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes",
            "--no-emit-index-url", "--no-header", "--no-annotate", "--upgrade",
            f"requirements/{name}.in", "--output-file", f"requirements/{name}.txt",
        )  # fmt: skip
        if done:
            raise BotswainError(f"could not lock requirements/{name}.in", fix="see above")


@task()
def schema(_context: Any, debug: bool = False) -> None:
    """Write the JSON Schema of profiles, for editors."""
    from botswain.profile.schema import FILE, text

    FILE.write_text(text())
    print(f"wrote {FILE}")


@task()
def picture(_context: Any, debug: bool = False) -> int:
    """Draw the README's picture from a real plan."""
    return subprocess.run([sys.executable, "docs/draw_plan.py"], check=False).returncode


@task()
def roles(_context: Any, debug: bool = False) -> int:
    """Write the READMEs of the roles, from their argument specifications."""
    return subprocess.run([sys.executable, "docs/write_roles.py"], check=False).returncode
