"""Where this machine keeps what builds and runs foreign code: outside of every project.

Tools look upward from where they stand for settings, packages and secrets, so releases, what they share, their caches
and checkouts of earlier commits lie in `$XDG_STATE_HOME/botswain/<project>`, for this user alone:

checkout            a link to the checkout that this belongs to
sandbox             a link to its `.botswain/sandbox`, as the served sandbox names it
service/<env>/      a bot, see botswain/host/place.py; `.botswain/service/<env>` is a link to it
past-…/             an earlier commit's files, while they are compared

A project is a checkout: `.botswain/project.json` says where its folder is, also after the checkout was moved or when
another XDG_STATE_HOME is set, as by cron. A copy of a checkout is another project.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from botswain.errors import BotswainError, Refused
from botswain.state.atomic import replace_files

OURS = Path(".botswain")
"""What is Botswain's own in a checkout."""
SERVICE = "service"
_RECORD = OURS / "project.json"
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_NAME = 24
SOUGHT = (
    "pyproject.toml", "setup.cfg", "tox.ini", "pytest.ini", "ruff.toml", "uv.toml", ".venv", "package.json",
    "node_modules", "pnpm-workspace.yaml", ".yarnrc.yml", "tsconfig.json",
)  # fmt: skip
"""What tools look for in the folders above, and no variable keeps them from."""


def project() -> Path:
    """The folder of this checkout's project, which need not exist yet. Raises BotswainError."""
    here = Path.cwd()
    found = _recorded(here)
    if found is not None:
        state, checkout = found
        if checkout == here:
            return state
        if _recorded(checkout, itself=True) != (state, checkout):  # else this is a copy of it
            _record(state, here)
            return state
    return _home(here) / _name(here)


def keep() -> Path:
    """The same, made if need be. Raises BotswainError."""
    state, here = project(), Path.cwd()
    with contextlib.suppress(OSError):  # where a link leads that is made below
        (here / OURS / "sandbox").mkdir(parents=True, exist_ok=True)
    if _recorded(here, itself=True) != (state, here) or not (state / "checkout").is_symlink():
        _record(state, here)
    return state


def service(environment: str) -> Path:
    """The folder of an environment's bot on this machine, which need not exist yet. Raises BotswainError."""
    return project() / SERVICE / environment


def beside(environment: str) -> Path:
    """Where the bot of an environment lay before, and a link now leads to it."""
    return OURS.resolve() / SERVICE / environment


def services() -> list[str]:
    """The environments that have a bot on this machine."""
    known = [path for folder in (project() / SERVICE, OURS / SERVICE) for path in folder.glob("*") if path.is_dir()]
    return sorted({path.name for path in known if not path.name.startswith(".")})


@contextlib.contextmanager
def scratch(kind: str) -> Iterator[Path]:
    """A folder for foreign files, for this user alone and outside of every project; gone afterwards."""
    state = keep()
    for left in state.glob(f"{kind}-*"):
        if not _alive(left.name.split("-")[1]):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{kind}-{os.getpid()}-", dir=state) as name:
        yield Path(name)


def above(folder: Path) -> list[Path]:
    """What tools may find in the folders above one, that belongs to something else."""
    return [found for parent in folder.parents for name in SOUGHT if os.path.lexists(found := parent / name)]


def link(at: Path, to: Path) -> None:
    """Have a link there, unless something else is. It is a convenience: where it cannot be made, nothing fails."""
    with contextlib.suppress(OSError):
        if at.is_symlink() and at.readlink() == to:
            return
        if at.exists() and not at.is_symlink():
            return
        at.parent.mkdir(parents=True, exist_ok=True)
        draft = at.with_name(f".{at.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        draft.symlink_to(to)
        draft.replace(at)


def _home(here: Path) -> Path:
    """The folder of all projects of this user. Raises Refused where it lies in one."""
    given = os.environ.get("XDG_STATE_HOME", "")
    user = Path.home()
    state = Path(given) if Path(given).is_absolute() else user / ".local/state"  # as the specification has it
    found = state.resolve() / "botswain"
    for parent in found.parents:
        if parent == here or (parent != user and os.path.lexists(parent / ".git")):
            what = f"lies in {parent}, and releases must lie outside of every project: tools look upward for settings"
            raise Refused(what, where=str(found), fix="set XDG_STATE_HOME to a folder outside of it")
    return found


def _name(here: Path) -> str:
    """What a project is called that has no record: as its folder is, and after where and which folder that is."""
    mark = hashlib.sha256(os.fsencode(here) + f"\0{here.stat().st_ino}".encode()).hexdigest()[:8]
    readable = _NOT_IN_A_NAME.sub("-", here.name).strip("-")[:_LONGEST_NAME] or "project"
    return f"{readable}-{mark}"


def _recorded(checkout: Path, *, itself: bool = False) -> tuple[Path, Path] | None:
    """The folder that a checkout's record names, and the checkout for which it was written.

    One that is not there counts for nothing, unless `itself`: it is another machine's.
    """
    try:
        found = json.loads((checkout / _RECORD).read_bytes())
        state, wrote = Path(found["state"]), Path(found["checkout"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (state, wrote) if itself or state.is_dir() else None


def _record(state: Path, here: Path) -> None:
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        for one in (state.parent, state):
            one.chmod(0o700)
        link(state / "checkout", here)
        link(state / "sandbox", Path("checkout") / OURS / "sandbox")
    except OSError as error:
        fix = "look at the disk and the permissions, or set XDG_STATE_HOME to another folder"
        raise BotswainError(f"cannot be made: {error.strerror}", where=str(state), fix=fix) from None
    with contextlib.suppress(BotswainError):  # a checkout that is read-only is known by its folder
        told = json.dumps({"state": str(state), "checkout": str(here)}, indent=1)
        replace_files([(here / _RECORD, f"{told}\n".encode())])


def _alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError):
        return True
    return True
