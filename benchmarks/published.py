"""Three bots that other people run, installed as they are published, each in a repository as its owner has it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.project import environment, repository
from tests.clients import node

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BOTS = Path(__file__).with_name("bots")
_SECONDS = 600
_QUIET = {
    # It reports to Datadog unless told otherwise.
    "DD_TRACE_ENABLED": "false",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    # Its own way to leave out background tasks: with Python 3.11 and newer these never let anything else run.
    "PYTEST_CURRENT_TEST": "benchmark",
}
"""What SpellBot needs to be read and to register its commands without doing more."""


@dataclass(frozen=True)
class Installed:
    """The bots' packages: a folder with `node_modules`, its node, and a virtual environment."""

    node: Path
    packages: Path
    python: Path


@dataclass(frozen=True)
class Bot:
    """One published bot, and how its commands are read."""

    title: str
    commands: int
    """How many it has, by its own count."""
    source: Mapping[str, Any]
    """The profile's `commands` section."""
    files: str = ""
    """The folder of benchmarks/bots with what its owner adds to the package."""
    prepare: tuple[str, ...] = ()
    """What its owner runs once, with the bot's Python."""
    register: Callable[[Installed, str, str], list[str]] = field(default=lambda *_: [])
    """The command that has the bot register its commands itself, at this URL and for this application."""

    def repository(self, folder: Path, installed: Installed) -> None:
        """Makes the bot's repository in a folder that is not there yet, with its packages linked into it."""
        if self.files:
            shutil.copytree(BOTS / self.files, folder)
        else:
            folder.mkdir()
        (folder / ".gitignore").write_text("node_modules\n.venv\ndata\n")
        if self.source["source"] == "discord.js":
            shutil.copy(BOTS / "package.json", folder)
            (folder / "node_modules").symlink_to(installed.packages / "node_modules")
        else:
            (folder / ".venv").symlink_to(installed.python.parents[1])
        if self.prepare:
            command = [str(installed.python), *self.prepare]
            subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment(), timeout=_SECONDS)
        repository(folder)


def _python(name: str) -> Callable[[Installed, str, str], list[str]]:
    return lambda installed, url, _: [str(installed.python), str(BOTS / "register.py"), f"{url}/api/v10", name]


PUBLISHED = (
    Bot(
        "Artibot 5.2.3 (discord.js)",
        commands=7,
        source={"source": "discord.js", "folder": "commands"},
        files="artibot",
        register=lambda installed, url, application: [str(installed.node), "register.js", f"{url}/api", application],
    ),
    Bot(
        "SpellBot 10.3.7 (discord.py, cogs)",
        commands=31,
        source={
            "source": "discord.py",
            "object": "spellbot.client:build_bot",
            "extensions": ["spellbot.cogs.*"],
            "environment": _QUIET,
        },
        register=_python("spellbot"),
    ),
    Bot(
        "Easterobot 1.5.2 (discord.py, setup_hook)",
        commands=1,
        source={"source": "discord.py", "object": "bot:bot", "setup_hook": True},
        files="easterobot",
        prepare=("-m", "easterobot", "generate", "data"),
        register=_python("easterobot"),
    ),
)


def cache() -> Path:
    """Where packages are kept between runs, as the tests do."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "botswain-tests"
    return Path(os.environ.get("BOTSWAIN_TEST_CACHE") or default)


def install(where: Path) -> Installed:
    """Installs the locked packages into a folder, unless that was done before.

    Raises LookupError without Node, and subprocess.CalledProcessError when npm or pip fails, with what it said.
    """
    client = node.install(where, BOTS)
    lock = BOTS / "requirements.txt"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = where / f"bots-py{version}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    if not folder.is_dir():
        # Made aside and renamed, so that an interrupted installation is never taken for a whole one.
        draft = where / f".{folder.name}.{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        pip = ("-m", "pip", "--python", str(draft / "bin" / "python"), "install", "--quiet", "--no-input", "--no-deps")
        locked = ("--require-hashes", "--only-binary", ":all:", "--requirement", str(lock))
        for arguments in (("-m", "venv", "--without-pip", str(draft)), (*pip, *locked)):
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True, timeout=_SECONDS)
        try:
            draft.rename(folder)
        except OSError:
            shutil.rmtree(draft)
    return Installed(client.node, client.folder, folder / "bin" / "python")
