"""Whole bots for the tests of sources: copies of `tests/integration/bots`, with what users would have installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from clients import node

BOTS = Path(__file__).parents[1] / "integration" / "bots"
TYPESCRIPT = node.PROJECT.with_name("typescript")
OLD_DISCORD_PY = "2.3.2"


@dataclass(frozen=True)
class Packages:
    """Where npm has installed discord.js and the loaders of TypeScript, and the node that runs them."""

    node: Path
    folders: tuple[Path, ...]

    def link(self, repo: Path, *names: str) -> None:
        """Makes packages stand in the `node_modules` of a bot."""
        for name in names:
            target = repo / "node_modules" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(next(one for folder in self.folders if (one := folder / "node_modules" / name).is_dir()))


def packages(client: node.NodeClient) -> Packages:
    """Installs the loaders beside the discord.js that is there already."""
    loaders = node.install(client.folder.parent, TYPESCRIPT)
    return Packages(client.node, (client.folder, loaders.folder))


def copy(name: str, to: Path) -> Path:
    """A copy of one of the bots."""
    return Path(shutil.copytree(BOTS / name, to, ignore=shutil.ignore_patterns("__pycache__")))


def old_discord_py(cache: Path) -> Path:
    """A virtual environment with the oldest discord.py that is supported, made once."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache / f"discordpy-{OLD_DISCORD_PY}-python-{version}"
    if not folder.is_dir():
        draft = cache / f".{folder.name}.{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.parent.mkdir(parents=True, exist_ok=True)
        wanted = [f"discord.py=={OLD_DISCORD_PY}", *(["audioop-lts"] if sys.version_info >= (3, 13) else [])]
        for command in (
            [sys.executable, "-m", "venv", "--without-pip", str(draft)],
            [sys.executable, "-m", "pip", "--python", str(draft / "bin/python"), "install", "--quiet", *wanted],
        ):
            subprocess.run(command, check=True, capture_output=True, timeout=node.INSTALL_SECONDS)
        try:
            draft.rename(folder)
        except OSError:
            shutil.rmtree(draft)
    return folder
