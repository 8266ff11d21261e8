"""Repositories of several packages: which there are, and which of them look like a bot. Nothing is run."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botswain.profile.init.files import text_of
from botswain.profile.init.scripts import package_of

_SKIPPED = frozenset(["node_modules", "dist", "build", ".venv", "venv", "docs", "test", "tests", "examples"])
_USUAL = ("apps/*", "packages/*", "libs/*", "services/*")
_LOCKS = ("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb")


def members(repo: Path) -> list[str]:
    """The packages of a workspace of npm, yarn, bun, pnpm, lerna, nx or uv; none where there is no workspace."""
    patterns = list(_patterns(repo))
    found: dict[str, None] = {}
    for pattern in (one for one in patterns if not one.startswith("!")):
        for path in sorted(repo.glob(pattern.strip("/").removeprefix("./") or ".")):
            inside = path.relative_to(repo)
            if path.is_dir() and not _SKIPPED & {*inside.parts} and inside != Path():
                found[inside.as_posix()] = None
    left_out = [one[1:].strip("/") for one in patterns if one.startswith("!")]
    return [one for one in found if not any(Path(one).match(pattern) for pattern in left_out)]


def bots(repo: Path) -> list[str]:
    """The folders of a repository that look like a bot: packages of its workspace, else those directly below it."""
    from botswain.profile.init import node, python

    named = members(repo) or [path.name for path in _folders(repo)]
    return [one for one in named if node.is_bot(repo / one) or python.is_bot(repo / one)]


def shares_lock(repo: Path, member: str) -> bool:
    """Whether a package is installed by the lock file of the repository: it has none of its own."""
    if (repo / member / "package.json").exists():
        return member in members(repo) and not any((repo / member / one).exists() for one in _LOCKS)
    return (repo / "uv.lock").exists() and not (repo / member / "uv.lock").exists()


def _folders(repo: Path) -> list[Path]:
    try:
        found = sorted(path for path in repo.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return []
    return [path for path in found if not path.name.startswith(".") and path.name not in _SKIPPED]


def _patterns(repo: Path) -> Iterator[str]:
    listed: Any = package_of(repo).get("workspaces")
    if isinstance(listed, dict):
        listed = listed.get("packages")
    yield from (str(one) for one in listed if one) if isinstance(listed, list) else ()
    yield from re.findall(r"""^\s*-\s*["']?([^"'\s#]+)""", text_of(repo / "pnpm-workspace.yaml"), re.MULTILINE)
    lerna = _json(repo / "lerna.json").get("packages")
    yield from (str(one) for one in lerna) if isinstance(lerna, list) else ()
    if (repo / "nx.json").exists():
        yield from _USUAL
    try:
        project: Any = tomllib.loads(text_of(repo / "pyproject.toml"))
        workspace = project.get("tool", {}).get("uv", {}).get("workspace", {})
        yield from (str(one) for one in workspace.get("members", []))
        yield from (f"!{one}" for one in workspace.get("exclude", []))
    except (tomllib.TOMLDecodeError, AttributeError, TypeError):
        return


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(text_of(path) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
