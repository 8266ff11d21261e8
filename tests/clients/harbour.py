"""The sample bots of `examples/bots`, installed as their READMEs say and started as processes."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest

from botswain.commands.sources import discordjs, discordpy
from botswain.profile.settings import Source
from tests.clients import node

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "bots"
NAMES = ("harbour-py", "harbour-js")
one = pytest.mark.parametrize(
    "ship", [NAMES[0], *(pytest.param(name, marks=pytest.mark.exhaustive) for name in NAMES[1:])], indirect=True
)
"""For a test in which the bots differ little: one of them, and with --exhaustive each."""
INSTALL_SECONDS = 300
PATIENCE = 30.0
"""Seconds that anything may take on a busy machine."""
_SKIPPED = shutil.ignore_patterns(".venv", "node_modules", "__pycache__", ".*_cache")


@dataclass(frozen=True)
class Sample:
    """A sample bot in a folder of its own, with what it needs installed there."""

    name: str
    folder: Path
    argv: tuple[str, ...]
    source: Source

    @cached_property
    def definitions(self) -> list[dict[str, Any]]:
        """Its commands, as Botswain reads them from its code."""
        read = discordpy.read if self.source.kind == "discord.py" else discordjs.read
        found = read(self.source)
        assert found.notes == (), found.notes
        return [one.payload for one in found.definitions]


def sample(name: str, cache: Path, folder: Path) -> Sample:
    """A copy of a sample bot in `folder`; what it needs is installed once, and kept in `cache`.

    Raises LookupError without Node, and subprocess.CalledProcessError when an installation fails, with what it said.
    """
    shutil.copytree(FOLDER / name, folder, ignore=_SKIPPED)
    if name == "harbour-py":
        installed = _installed(cache, folder, ("requirements.txt",), sys.version, _make_venv)
        (folder / ".venv").symlink_to(installed / ".venv")
        python = str(folder / ".venv/bin/python")
        source = Source("discord.py", folder, object="harbour.bot:Harbour", setup_hook=True)
        return Sample(name, folder, (python, "-m", "harbour"), source)
    found = node.find()
    if found is None:
        raise LookupError("no Node: install requirements/dev.txt, or put node and npm on PATH")
    path, npm = found
    installed = _installed(cache, folder, ("package.json", "package-lock.json"), str(path), lambda at: _ci(at, npm))
    (folder / "node_modules").symlink_to(installed / "node_modules")
    source = Source("discord.js", folder, folder="src/commands", interpreter=str(path))
    return Sample(name, folder, (str(path), "src/main.js"), source)


def _installed(cache: Path, source: Path, files: tuple[str, ...], salt: str, install: Callable[[Path], None]) -> Path:
    """A folder of the cache, named by its lock files, in which `install` ran to its end."""
    digest = hashlib.sha256(salt.encode())
    for name in files:
        digest.update((source / name).read_bytes())
    folder = cache / f"{source.name}-{digest.hexdigest()[:16]}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "whole").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for name in files:
                shutil.copy(source / name, folder)
            install(folder)
            (folder / "whole").touch()
    return folder


def _make_venv(folder: Path) -> None:
    _run(folder, sys.executable, "-m", "venv", ".venv")
    _run(folder, ".venv/bin/pip", "install", "-q", "--require-hashes", "-r", "requirements.txt")


def _ci(folder: Path, npm: list[str]) -> None:
    path = f"{Path(npm[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    _run(folder, *npm, "ci", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error", PATH=path)


def _run(folder: Path, *argv: str, **variables: str) -> None:
    environment = {**os.environ, **variables}
    subprocess.run(argv, cwd=folder, check=True, capture_output=True, timeout=INSTALL_SECONDS, env=environment)


def token(application: str) -> str:
    """A made-up token of an application."""
    return base64.urlsafe_b64encode(application.encode()).decode().rstrip("=") + ".made-up.to-ken"


@dataclass
class Running:
    """A sample bot as a process."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    """What it wrote so far, stdout and stderr."""

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.append(line)

    def log(self) -> list[dict[str, Any]]:
        """Its log so far; every line must be JSON."""
        return [json.loads(line) for line in list(self.lines)]

    def said(self, message: str) -> dict[str, Any]:
        """Waits for a line of the log that begins so."""
        found: dict[str, Any] = self.until(
            lambda: next((one for one in self.log() if one["message"].startswith(message)), None)
        )
        return found

    def until(self, look: Callable[[], Any]) -> Any:
        """Looks again and again until there is something to see, and returns it; fails when the bot ends before."""
        end = time.monotonic() + PATIENCE
        while not (found := look()):
            if self.process.poll() is not None:
                self._reader.join(PATIENCE)
                if found := look():
                    break
                raise AssertionError(f"it ended with {self.process.returncode}:\n{''.join(self.lines)}")
            assert time.monotonic() < end, f"nothing came of it:\n{''.join(self.lines)}"
            time.sleep(0.05)
        return found

    def get(self, path: str) -> httpx.Response:
        """Asks its HTTP port."""
        port = self.said("listening")["port"]
        return httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=PATIENCE)

    def ready(self) -> None:
        """Waits until it is ready."""
        self.until(lambda: self.get("/readyz").status_code == 200)

    def metric(self, name: str) -> float:
        """A figure of /metrics, by its name and labels in any order; 0 when it is not there."""
        wanted = _parts(name)
        for line in self.get("/metrics").text.splitlines():
            known, _, value = line.rpartition(" ")
            if _parts(known) == wanted:
                return float(value)
        return 0.0

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Sends a signal."""
        self.process.send_signal(number)

    def ended(self, seconds: float = PATIENCE) -> int:
        """Waits for its end; the exit code."""
        code = self.process.wait(seconds)
        self._reader.join(PATIENCE)
        return code


def _parts(metric: str) -> tuple[str, list[str]]:
    name, _, labels = metric.partition("{")
    return name, sorted(labels.removesuffix("}").split(","))


@contextlib.contextmanager
def running(sample: Sample, variables: Mapping[str, str | None]) -> Iterator[Running]:
    """Starts a bot on a free port, with nothing of our environment but what every program needs."""
    given = {**{name: os.environ.get(name) for name in ("PATH", "HOME", "LANG")}, "PORT": "0", **variables}
    environment = {name: value for name, value in given.items() if value is not None}
    with subprocess.Popen(
        sample.argv, cwd=sample.folder, env=environment, text=True, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        try:
            yield Running(process)
        finally:
            process.kill()
