"""Which Node and Python the bot's own files ask for, beside those that are at hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botswain.deployment.doctor.look import Look, warning
from botswain.deployment.doctor.machine import output
from botswain.profile.init.files import text_of
from botswain.profile.init.scripts import package_of
from botswain.profile.settings import Profile

_LTS = {"argon": 4, "boron": 6, "carbon": 8, "dubnium": 10, "erbium": 12, "fermium": 14, "gallium": 16, "hydrogen": 18,
        "iron": 20, "jod": 22, "krypton": 24}  # fmt: skip
_VERSION = re.compile(r"v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:[-+].*)?$")
_PART = re.compile(r"(\^|~>?|>=|<=|>|<|=)?\s*(v?[\dxX*][\w.*+-]*)")
_PYTHON = re.compile(r"""^\s*(?:requires-python|python)\s*=\s*["']([^"']+)["']""", re.MULTILINE)


@dataclass(frozen=True)
class Asked:
    """A version that a file of the bot asks for."""

    program: str
    """`node` or `python`."""
    file: str
    wanted: str


def differences(profile: Profile, run: Callable[[list[str], Path], str | None] = output) -> list[tuple[Asked, str]]:
    """What is asked for and not at hand, each with the version that is; what cannot be told is left out."""
    service = profile.service
    repo = profile.source.repo
    folders = list(dict.fromkeys([repo / (service.folder if service else "."), repo]))
    found = []
    versions: dict[str, str | None] = {}
    for asked in (one for folder in folders for one in _asked(folder)):
        if asked.program not in versions:
            versions[asked.program] = _at_hand(profile, asked.program, run)
        version = versions[asked.program]
        if version is not None and _fits(asked, version) is False and (asked, version) not in found:
            found.append((asked, version))
    return found


def engines(profile: Profile) -> Iterator[Look]:
    """One look for each file that asks for another Node or Python than the one at hand."""
    for asked, version in differences(profile):
        field = "commands.interpreter" if profile.service is None else "commands.interpreter and service.build"
        told = f"{asked.file} asks for {asked.program} {asked.wanted}; here it is {version}"
        yield warning("versions", told, f"install that {asked.program}, name it in {field}, or correct {asked.file}")


def _at_hand(profile: Profile, program: str, run: Callable[[list[str], Path], str | None]) -> str | None:
    """The version of the Node or Python that would read or build the bot on this machine."""
    kind = {"node": "discord.js", "python": "discord.py"}[program]
    own = profile.source.interpreter if profile.source.kind == kind else None
    repo = profile.source.repo
    if program == "python" and own is None:
        own = next((one for one in (".venv/bin/python", "venv/bin/python") if (repo / one).exists()), None)
    command = own or {"node": "node", "python": "python3"}[program]
    if "/" in command:
        command = str((repo / command).absolute())
    if profile.service is not None and profile.service.target != "local" and own is None:
        return None  # it runs elsewhere
    said = run([command, "--version"], repo)
    return said.strip().removeprefix("Python ").removeprefix("v") if said else None


def _asked(folder: Path) -> Iterator[Asked]:
    package: Any = package_of(folder)
    engines_ = package.get("engines")
    if isinstance(engines_, dict) and isinstance(engines_.get("node"), str):
        yield Asked("node", "package.json (engines)", engines_["node"])
    volta = package.get("volta")
    if isinstance(volta, dict) and isinstance(volta.get("node"), str):
        yield Asked("node", "package.json (volta)", volta["node"])
    for name, program in ((".nvmrc", "node"), (".node-version", "node"), (".python-version", "python")):
        lines = [line for line in text_of(folder / name).split() if not line.startswith("#")]
        if lines:
            yield Asked(program, name, lines[0])
    for line in text_of(folder / ".tool-versions").splitlines():
        words = line.split()
        program = {"nodejs": "node", "node": "node", "python": "python"}.get(words[0] if words else "", "")
        if program and len(words) > 1:
            yield Asked(program, ".tool-versions", words[1])
    for found in _PYTHON.findall(text_of(folder / "pyproject.toml"))[:1]:
        yield Asked("python", "pyproject.toml", found)


# Ranges


def _fits(asked: Asked, version: str) -> bool | None:
    """Whether a version is what is asked for; None where that cannot be told."""
    numbers = tuple(int(one) for one in re.findall(r"\d+", version)[:3])
    if asked.file == "pyproject.toml":
        return _fits_python(asked.wanted, version)
    if asked.program == "node" and "engines" in asked.file:
        return fits_range(asked.wanted, numbers)
    return _fits_exactly(asked.wanted, numbers)


def _fits_python(wanted: str, version: str) -> bool | None:
    if wanted.startswith("^") or (wanted.startswith("~") and "=" not in wanted):  # Poetry's
        return fits_range(wanted.replace(",", " "), tuple(int(one) for one in re.findall(r"\d+", version)[:3]))
    try:
        from packaging.specifiers import InvalidSpecifier, SpecifierSet
    except ImportError:
        return None
    try:
        return SpecifierSet(wanted).contains(version, prereleases=True)
    except InvalidSpecifier:
        return None


def _fits_exactly(wanted: str, numbers: tuple[int, ...]) -> bool | None:
    """A file of a version manager: `20`, `v20.11`, `lts/iron`; as many parts as it names have to agree."""
    name = wanted.lower().removeprefix("lts/")
    if name in _LTS:
        return numbers[:1] == (_LTS[name],)
    parts = tuple(int(one) for one in re.findall(r"\d+", wanted)[:3])
    if not re.fullmatch(r"v?\d+(?:\.\d+)*", wanted):
        return None
    return numbers[: min(len(parts), 2)] == parts[:2]  # a patch more or less makes no bot fail


def fits_range(wanted: str, numbers: tuple[int, ...]) -> bool | None:
    """The ranges of npm: `>=18 <23`, `^20.1`, `20.x || 22`, `18 - 22`; None for one that cannot be read."""
    answers = [_fits_all(part.strip(), numbers) for part in wanted.split("||")]
    return True if True in answers else None if None in answers else False


def _fits_all(wanted: str, numbers: tuple[int, ...]) -> bool | None:
    wanted = re.sub(r"(\S+)\s+-\s+(\S+)", r">=\1 <=\2", wanted)
    if wanted in {"", "*", "x", "latest", "node"}:
        return True
    parts = _PART.findall(wanted)
    if _PART.sub("", wanted).strip():
        return None
    bounds = [_bounds(sign, text) for sign, text in parts]
    if None in bounds or not bounds:
        return None
    return all(bound is not None and bound[0] <= numbers < bound[1] for bound in bounds)


_END = (10**9,)


def _bounds(sign: str, text: str) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The first version that fits, and the first above it that does not."""
    found = _VERSION.match(text)
    if found is None:
        return None
    named = []
    for one in found.groups():
        if one is None or not one.isdigit():
            break
        named.append(int(one))
    if not named:
        return (0,), _END
    low = (*named, *[0] * (3 - len(named)))
    above = (*named[:-1], named[-1] + 1)  # of what is named, the first that is larger
    first = next((index for index, one in enumerate(named) if one), len(named) - 1)
    minor = above if len(named) < 3 else (named[0], named[1] + 1)
    known = {
        ">=": (low, _END),
        ">": (above, _END),
        "<": ((0,), low),
        "<=": ((0,), above),
        "^": (low, (*named[:first], named[first] + 1)),
        "~": (low, minor),
        "~>": (low, minor),
    }
    return known.get(sign, (low, above))
