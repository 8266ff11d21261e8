"""What a bot wrote into its own release, such as a database: the next release does not have it.

Known by the time of its last change, which is after the release was built and checked. What tools write by the way,
such as compiled modules, caches and logs, is no data.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from botswain.host.ledger import Ledger
from botswain.host.place import Place, Service

_NO_DATA = frozenset(
    """
    node_modules .venv venv __pycache__ .git .hg .cache .npm .yarn .next .nuxt .turbo .parcel-cache
    .pytest_cache .mypy_cache .ruff_cache .tox .nox logs
    """.split()  # noqa: SIM905 - readable
)
_NO_DATA_ENDS = (".pyc", ".pyo", ".log", ".pid", ".sock", ".lock", ".tmp", ".swp")
_BESIDE_A_DATABASE = ("-wal", "-shm", "-journal")
"""Ends of the names of files that belong to a database of SQLite."""
_PLACEHOLDERS = frozenset({".gitkeep", ".gitignore", ".keep"})
"""Files that keep a folder in a commit which is otherwise empty."""


def written(place: Place) -> list[str]:
    """The paths in the live release that its bot wrote, folders with a `/` at the end where all in them is new."""
    live = place.live()
    known = Ledger(place).releases() if live and place.ledger.exists() else []
    found = next((one for one in known if one.id == live), None)
    if found is None or not found.settled:
        return []
    new, _ = _new(place.release(found.id), "", found.settled)
    return sorted(one for one in new if not any(one == f"{other}{end}" for other in new for end in _BESIDE_A_DATABASE))


def _new(folder: Path, prefix: str, since: float) -> tuple[list[str], bool]:
    """What is new in a folder, and whether anything in it is not."""
    new: list[str] = []
    old = False
    try:
        entries = sorted(os.scandir(folder), key=lambda one: one.name)
    except OSError:
        return [], True
    for entry in entries:
        if entry.name in _NO_DATA or entry.name.endswith(_NO_DATA_ENDS) or entry.is_symlink():
            continue
        if entry.is_dir(follow_symlinks=False):
            inside, older = _new(Path(entry.path), f"{prefix}{entry.name}/", since)
            new += [f"{prefix}{entry.name}/"] if inside and not older else inside
            old = old or older
        elif entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime > since:
            new.append(f"{prefix}{entry.name}")
        else:
            old = old or entry.name not in _PLACEHOLDERS
    return new, old


def covered(path: str, shared: Iterable[str]) -> bool:
    """Whether a path is one of these, or lies in one of them."""
    parts = PurePosixPath(path)
    return any(parts == PurePosixPath(one) or PurePosixPath(one) in parts.parents for one in shared)


def to_bring(place: Place, shared: Sequence[str], names: Sequence[str]) -> list[str]:
    """Of the paths that are to be shared, those whose data is still in the live release alone."""
    live = place.live()

    def own(path: str) -> bool:  # also one that is as old as the release
        file = place.release(live or "") / path
        return bool(live) and not path.endswith("/") and file.is_file() and not file.is_symlink()

    return [one for one in shared if (_holds(names, one) or own(one)) and not _there(place.shared / one)]


def _holds(names: Sequence[str], path: str) -> bool:
    return covered(path, names) or any(covered(one, [path]) for one in names)


def _there(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()


def way(root: str, service: Service, live: str, path: str) -> str:
    """The commands that bring data of the live release to where all releases share it. It serves them both, then."""
    env, name = service.name, PurePosixPath(path)
    old, new = PurePosixPath(root, "releases", live, name), PurePosixPath(root, "shared", name)
    stop, start, last = (f"./inv {word} --env {env}" for word in ("service.stop", "service.start", "deploy"))
    if service.manager.get("kind") == "systemd":
        stop, start = (f"botswain-host {env} {word}" for word in ("stop", "start"))
    folder, into = shlex.quote(str(old.parent)), shlex.quote(str(new.parent))
    names = [name.name] if path.endswith("/") else [name.name, *(f"{name.name}{end}" for end in _BESIDE_A_DATABASE)]
    alike = " -o ".join(f"-name {shlex.quote(one)}" for one in names)
    target = shlex.quote(str(new))
    steps = [
        stop,
        f"mkdir -p {into}",
        *(
            [f"chown --reference={shlex.quote(f'{root}/shared')} {into}"]
            if service.user and len(name.parts) > 1
            else []
        ),
        *([f"{{ test ! -d {target} || rmdir {target}; }}"] if path.endswith("/") else []),  # an empty one
        f"find {folder} -maxdepth 1 \\( {alike} \\) -exec mv {{}} {into}/ \\;",
        f"ln -s {target} {shlex.quote(str(old))}",
        start,
    ]
    if service.manager.get("kind") == "systemd":
        return f"on the host: sudo sh -c {shlex.quote(' && '.join(steps))}; then: {last}"
    return " && ".join([*steps, last])
