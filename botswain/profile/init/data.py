"""The data that a bot keeps beside its code, and that all of its releases have to share.

Told by the volumes of a compose file, the VOLUMEs of a Dockerfile, databases that the code or the example variables
name, and folders that git ignores and that are called like data.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from botswain.profile.init.files import text_of

_COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_EXAMPLES = (".env.example", ".env.sample", ".env.template", ".env.dist", "example.env")
_DATABASE = r"[\w./ -]*[\w-]+\.(?:db|sqlite3?|db3)"
_PATHS = (
    re.compile(rf"""["'`](?:file:|sqlite:/{{2,4}})?((?:\./)?{_DATABASE})["'`?]"""),
    re.compile(rf"""(?:sqlite(?:\+\w+)?:/{{3}}|file:)((?:\./)?{_DATABASE})\b"""),
    re.compile(rf"""[}})]/({_DATABASE})["'`]"""),
)
"""A path of a SQLite database as code and URLs write it; also behind `f"{{folder}}/`."""
_NAMES = frozenset(
    ["data", "db", "database", "databases", "storage", "store", "persist", "saves", "uploads", "userdata"]
)
_NO_DATA = frozenset(
    ["node_modules", "dist", "build", "logs", "log", "coverage", "out", ".git", ".venv", "venv", "src", "app"]
)
_PLACEHOLDERS = frozenset([".gitkeep", ".gitignore", ".keep"])
_WORKDIR = re.compile(r"^\s*WORKDIR\s+(\S+)", re.MULTILINE | re.IGNORECASE)
_VOLUME = re.compile(r"^\s*VOLUME\s+(.+)$", re.MULTILINE | re.IGNORECASE)


@dataclass
class Data:
    """Paths for `service.shared`; what ends in `/` is a folder."""

    shared: dict[str, str] = field(default_factory=dict)
    """Each with where it was seen."""
    missing: list[str] = field(default_factory=list)


def data_of(repo: Path, code: Iterable[tuple[Path, str]]) -> Data:
    """What the releases of a bot have to share."""
    made, tracked = Data(), _tracked(repo)
    for name, seen in [*_databases(repo, code), *_volumes(repo), *_ignored(repo)]:
        path = _normal(name)
        if path is None or path in made.shared:
            continue
        held = [one for one in tracked if one == path or one.startswith(f"{path.rstrip('/')}/")]
        if not any(PurePosixPath(one).name not in _PLACEHOLDERS for one in held):
            made.shared[path] = seen
        elif _like_data(path) and not any(one.startswith(path) for one in made.shared):
            what = f"{seen} keeps {path}, which holds files of the commit, too; name what is data in it"
            made.missing.append(f"service.shared: {what}")
    for path in [one for one in made.shared if any(one != two and one.startswith(two) for two in made.shared)]:
        del made.shared[path]
    return made


def _like_data(path: str) -> bool:
    return path.endswith("/") and PurePosixPath(path).name.lower() in _NAMES


def _normal(name: str) -> str | None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or path.parts[0] in _NO_DATA or path.suffix == ".log":
        return None
    return f"{path}/" if name.endswith("/") else str(path)


def _tracked(repo: Path) -> list[str]:
    try:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=repo, capture_output=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.decode("utf-8", "replace").split("\0")


# Containers


def _volumes(repo: Path) -> Iterator[tuple[str, str]]:
    """What containers keep, as paths of the repository."""
    docker = next((text for one in ("Dockerfile", "dockerfile") if (text := text_of(repo / one))), "")
    workdirs = _WORKDIR.findall(docker)
    workdir = workdirs[-1] if workdirs else ""
    for name in _COMPOSE:
        for source, target in _mounts(text_of(repo / name)):
            inside = _inside(target, workdir)
            if target.startswith(("/var/lib/", "/etc/", "/var/run/", "/data/db", "/bitnami")):
                continue
            bound = source.removeprefix("./") if source.startswith("./") and source.strip("./") else None
            found = inside or bound
            if found:
                yield _as_kind(repo, found), name
    for line in _VOLUME.findall(docker):
        for target in _listed(line):
            if found := _inside(target, workdir):
                yield _as_kind(repo, found), "Dockerfile"


def _as_kind(repo: Path, path: str) -> str:
    """With `/` behind a folder; what looks like a file is one."""
    plain = path.rstrip("/")
    return (
        plain
        if (repo / plain).is_file() or (PurePosixPath(plain).suffix and not (repo / plain).is_dir())
        else f"{plain}/"
    )


def _listed(line: str) -> list[str]:
    try:
        found = json.loads(line)
    except ValueError:
        return line.split()
    return [str(one) for one in found] if isinstance(found, list) else []


def _inside(target: str, workdir: str) -> str | None:
    if not workdir or not target.startswith(f"{workdir.rstrip('/')}/"):
        return None
    return target[len(workdir.rstrip("/")) + 1 :] or None


def _mounts(text: str) -> Iterator[tuple[str, str]]:
    """Source and target of every volume that a service of a compose file mounts for writing."""
    from botswain.documents import read_yaml
    from botswain.errors import BotswainError

    if "volumes" not in text:
        return
    try:
        documents: Any = read_yaml(text, "compose")
    except BotswainError:
        return
    found = documents[0].get("services") if documents and isinstance(documents[0], dict) else None
    services: dict[str, Any] = found if isinstance(found, dict) else {}
    for service in services.values():
        built = isinstance(service, dict) and ("build" in service or len(services) == 1)
        for one in (service.get("volumes") or []) if built else ():
            if isinstance(one, dict):
                if not one.get("read_only") and one.get("type") != "tmpfs":
                    yield str(one.get("source", "")), str(one.get("target", ""))
                continue
            source, _, rest = (
                str(one).rpartition(":") if str(one).endswith((":ro", ":rw", ":z", ":Z")) else ("", "", "")
            )
            parts = (source if rest else str(one)).split(":")
            if rest != "ro" and len(parts) >= 2:
                yield parts[0], parts[1]


# Databases in files


def _databases(repo: Path, code: Iterable[tuple[Path, str]]) -> Iterator[tuple[str, str]]:
    texts = [(repo / name, text_of(repo / name)) for name in (*_EXAMPLES, "prisma/schema.prisma")]
    for path, text in [*texts, *code]:
        for found in (one for pattern in _PATHS for one in pattern.finditer(text)):
            name = found[1].strip().removeprefix("./")
            if "/" not in name:
                name = _folder_before(text, found.start()) + name
            if path.name == "schema.prisma":
                name = f"prisma/{name}"
            yield name, path.relative_to(repo).as_posix()


def _folder_before(text: str, at: int) -> str:
    """The folder that a database's name is joined to on the same line, if it is called like data."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    joined = "join(" in line or line.rstrip().endswith(("/", "}"))
    known = [one for one in re.findall(r"[\w.-]+", line) if one in _NAMES]
    return f"{known[-1]}/" if joined and known else ""


# What git ignores


def _ignored(repo: Path) -> Iterator[tuple[str, str]]:
    """Folders that are called like data, and databases, that git ignores."""
    for line in text_of(repo / ".gitignore").splitlines():
        pattern = line.strip().strip("/").removesuffix("/*").removesuffix("/**")
        if not pattern or line.startswith(("#", "!")):
            continue
        if pattern.rpartition("/")[2].lower() in _NAMES and "*" not in pattern:
            yield f"{pattern}/", ".gitignore"
        elif fnmatch(pattern, "*.db") or fnmatch(pattern, "*.sqlite*"):
            for path in sorted(repo.glob(pattern)):
                yield path.relative_to(repo).as_posix(), ".gitignore"
