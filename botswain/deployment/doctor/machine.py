"""What this machine must have: Python, the locked packages, git, and for a bot's code Node or its Python."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from botswain.deployment.doctor.look import Look, bad, good, listed, unknown, warning
from botswain.host import keeper
from botswain.profile.settings import Source

OLDEST_PYTHON = (3, 11)
OLDEST_GIT = (2, 25)
"""What Debian and Ubuntu have had since 2020; older ones are not tested."""
OLDEST_NODE = (18,)
"""What discord.js 14 needs."""
_LIBRARIES = ("discord.js", "@discordjs/builders")
"""What command modules are written with; some are plain objects and need neither."""
LOCK = Path(__file__).resolve().parents[3] / "requirements/base.txt"
_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)[ \t]*(?:;([^\\\n]*))?", re.MULTILINE)
_SECONDS = 30
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "NVM_DIR", "PYENV_ROOT", "ASDF_DIR", "VOLTA_HOME")


def python() -> Iterator[Look]:
    """The Python that runs this."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < OLDEST_PYTHON:
        yield bad("python", f"Python {version}", "install 3.11 or newer; BOTSWAIN_PYTHON names it for ./inv")
    else:
        yield good("python", f"Python {version}")


def packages(lock: Path = LOCK) -> Iterator[Look]:
    """The packages of this environment against the locked ones."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        pins = _PIN.findall(lock.read_text())
    except OSError as error:
        yield unknown("packages", f"{lock}: cannot be read: {error.strerror}")
        return
    wrong: list[str] = []
    pins = [pin for pin in pins if _meant(pin[2])]
    for name, locked, _ in pins:
        try:
            installed = version(name)
        except PackageNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        if installed != locked:
            wrong.append(f"{name} is {installed}, not {locked}")
    if wrong:
        yield warning("packages", listed(wrong), "remove .venv/stamp; the next ./inv installs requirements/base.txt")
    else:
        yield good("packages", f"{len(pins)} as locked in requirements/base.txt")


def _meant(marker: str) -> bool:
    """Whether a pin is for this Python on this system."""
    if not marker.strip():
        return True
    try:
        from packaging.markers import InvalidMarker, Marker
    except ImportError:  # it is among the missing packages then
        return False
    try:
        return Marker(marker.strip()).evaluate()
    except InvalidMarker:
        return False


def git() -> Iterator[Look]:
    """Git and its version."""
    said = output(["git", "--version"])
    if said is None:
        yield bad("git", "is not installed", "sudo apt install git")
        return
    yield _aged("git", said.removeprefix("git version "), OLDEST_GIT, "update git; older ones are not tested")


def bot_code(source: Source) -> Iterator[Look]:
    """What reading the bot's own code needs."""
    if source.runs_code and source.isolation != "none":
        yield _bubblewrap(source)
    if source.kind == "discord.js":
        yield from _node(source)
    elif source.kind == "discord.py":
        yield from _python_of_the_bot(source)


def _bubblewrap(source: Source) -> Look:
    """Whether the code that is read can be kept from everything else."""
    from botswain.commands.sources import bubblewrap

    why = bubblewrap.trouble()
    if not why:
        return good("bubblewrap", "keeps the bot's code from network, home and other processes while it is read")
    told = bad if source.isolation == "bubblewrap" else warning
    fix = bubblewrap.INSTALL if why == "not installed" else "docs/isolation.md says what it needs"
    return told("bubblewrap", f"{why}; the bot's code can read what you can", fix)


def _node(source: Source) -> Iterator[Look]:
    command = source.interpreter or "node"
    said = output([command, "--version"], source.repo)
    if said is None:
        fix = "install Node.js, or name it in commands.interpreter"
        yield bad("node", f"{command} cannot be run, and commands.source is discord.js", fix)
    elif _numbers(said) < OLDEST_NODE:
        yield bad("node", f"{said.strip()}, and discord.js needs {OLDEST_NODE[0]}", "install a newer Node.js")
    else:
        yield good("node", said.strip())
    lent = [] if source.modules is None else [source.modules.parent]
    places = (source.path, *lent)
    found = [(name, one) for name in _LIBRARIES for place in places if (one := _package(place, name))]
    if found:
        yield good("node_modules", " ".join(found[0]))
    else:
        told = (
            f"neither {' nor '.join(_LIBRARIES)} is installed for {source.path}; sources says whether they are needed"
        )
        yield warning("node_modules", told, _install(source.repo))


def _package(folder: Path, name: str) -> str | None:
    """The version of a package as Node would find it from a folder."""
    start = folder.resolve()
    for place in (start, *start.parents):
        try:
            return str(json.loads((place / "node_modules" / name / "package.json").read_bytes())["version"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def _install(repo: Path) -> str:
    ways = {"pnpm-lock.yaml": "pnpm install", "yarn.lock": "yarn install", "package-lock.json": "npm ci"}
    way = next((command for lock, command in ways.items() if (repo / lock).exists()), "npm install")
    return f"run `{way}` in {repo.resolve()}"


def _python_of_the_bot(source: Source) -> Iterator[Look]:
    chosen = [source.interpreter] if source.interpreter else [".venv/bin/python", "venv/bin/python"]
    found = next((one for one in chosen if (source.repo / one).exists() or "/" not in one), None)
    if found is None:
        where = f"neither {' nor '.join(chosen)}" if len(chosen) > 1 else f"no {chosen[0]}"
        fix = "make the bot's environment there, or name its Python in commands.interpreter"
        yield bad("bot's python", f"there is {where} in {source.repo.resolve()}", fix)
        return
    command = str((source.repo / found).absolute()) if "/" in found else found
    script = "import sys, discord; print(sys.version.split()[0], discord.__version__)"
    said = output([command, "-c", script], source.repo)
    if said is not None:
        own, _, library = said.strip().partition(" ")
        yield good("bot's python", f"Python {own} with discord.py {library}")
    elif output([command, "--version"], source.repo) is None:
        fix = "name the bot's Python in commands.interpreter"
        yield bad("bot's python", f"{command} cannot be run", fix)
    else:
        way = f"{command} -m pip install -r requirements.txt" if "/" in found else _venv(source.repo)
        fix = f"install the bot's requirements: {way}"
        yield bad("bot's python", f"{command} cannot import discord", fix)


def _venv(repo: Path) -> str:
    """How to make the bot's virtual environment: the system's Python takes no packages on Debian and others."""
    where = repo.resolve()
    return f"cd {where} && python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"


def _aged(look: str, version: str, oldest: tuple[int, ...], fix: str) -> Look:
    version = version.strip()
    return warning(look, version, fix) if _numbers(version) < oldest else good(look, version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def output(command: list[str], folder: Path = Path()) -> str | None:
    """What a command prints; None if it is not there or fails. It sees nothing of our variables but a few."""
    known = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    keeper.unreadable()
    try:
        done = subprocess.run(
            command, cwd=folder, env=known, capture_output=True, text=True, check=False, timeout=_SECONDS,
            stdin=subprocess.DEVNULL, errors="replace",
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
