"""Bubblewrap around the bot's code: no network, no home, no other processes, and only the files that it needs.

The code sees the system's programs, its interpreter, its packages and a throw-away copy of its repository, in the
repository's own place. Everything but that copy and /tmp is read-only.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from botswain.errors import BotswainError

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store", "/snap")
_ETC = (
    "alternatives", "ca-certificates", "crypto-policies", "debian_version", "group", "hosts", "ld.so.cache",
    "ld.so.conf", "ld.so.conf.d", "locale.alias", "locale.conf", "localtime", "mime.types", "nsswitch.conf",
    "os-release", "passwd", "pki/ca-trust", "pki/tls", "protocols", "services", "ssl/certs", "ssl/openssl.cnf",
    "timezone",
)  # fmt: skip
"""What programs read of /etc; the rest of it may be secret."""
_MANAGERS = frozenset(
    {".asdf", ".bun", ".deno", ".fnm", ".nodenv", ".nvm", ".proto", ".pyenv", ".rye", ".volta", "mise", "fnm", "uv"}
)
"""Folders of programs that install interpreters; their commands may be scripts that look around in there."""
_PACKAGES = frozenset({".cache", ".yarn"})
_SHARE = _MANAGERS | {"hatch", "pipx", "pnpm", "virtualenvs"}
"""Hidden folders of a home, and of its .local/share, in which packages are installed."""
_PARTS = ("lib", "lib64", "libexec", "include")
"""What belongs to a folder `bin`, and lies beside it."""
_PROBE = 10.0
_SCRIPT = 4_000
_MAPPED = re.compile(r"""['"](/[^'"\n]+)['"]""")
_LESS = "see docs/isolation.md for what it needs, or set commands.isolation: auto"
INSTALL = "install it (Debian, Ubuntu: sudo apt install bubblewrap)"


@functools.cache
def trouble() -> str:
    """Why bubblewrap cannot be used here: `not installed`, its own words, or nothing."""
    program = shutil.which("bwrap")
    if program is None:
        return "not installed"
    argv = [program, *_walls(), "--ro-bind", "/", "/", *_KERNEL, "true"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False, timeout=_PROBE)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not start ({type(error).__name__})"
    said = done.stderr.strip().removeprefix("bwrap: ").splitlines()
    return "" if done.returncode == 0 else (said or [f"exit code {done.returncode}"])[-1]


def chosen(isolation: str) -> bool:
    """Whether code is read in bubblewrap. Raises BotswainError where the profile requires it and it does not work."""
    if isolation == "none":
        return False
    why = trouble()
    if why and isolation == "bubblewrap":
        fix = INSTALL if why == "not installed" else _LESS
        raise BotswainError(f"bubblewrap is required and cannot be used: {why}", where="commands.isolation", fix=fix)
    return not why


def note(isolation: str) -> str:
    """What people should know where bubblewrap is installed and does not work."""
    why = trouble() if isolation == "auto" else ""
    if why in ("", "not installed"):
        return ""
    return (
        f"bubblewrap does not work here ({why}); the bot's code was read with less protection (docs/isolation.md,"
        " commands.isolation)"
    )


def command(
    argv: Sequence[str],
    repo: Path,
    environment: Mapping[str, str],
    copy: Path,
    linked: Mapping[str, Path],
    needed: Iterable[Path] = (),
) -> list[str]:
    """The command that runs `argv` in the repository's place, where its copy is; `linked` is mounted in there.

    `needed` are further files and folders.
    """
    home = os.path.realpath(environment.get("HOME") or "/nonexistent")
    mounts: list[str] = []
    for one in _SYSTEM:
        mounts += ("--ro-bind-try", one, one)
    for one in _ETC:
        mounts += ("--ro-bind-try", f"/etc/{one}", f"/etc/{one}")
    mounts += [*_KERNEL, "--tmpfs", "/tmp", "--dir", "/var/tmp", "--dir", "/run", "--dir", home]  # noqa: S108 - in there
    paths = {*needed, *_tools(argv, repo, environment), *_around(repo), *_packages(linked)}
    for path in _distinct(paths, home):
        mounts += ("--ro-bind-try", path, path)
    real = os.path.realpath(repo)
    for place in dict.fromkeys((real, os.path.abspath(repo))):  # noqa: PTH100 - as it is written
        mounts += ("--bind", str(copy), place)
        for name, origin in linked.items():
            mounts += ("--ro-bind", str(origin), f"{place}/{name}")
    program = shutil.which("bwrap") or "bwrap"
    return [program, *_walls(), *mounts, "--chdir", real, "--", *argv]


_KERNEL = ("--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev")
"""Root may write below /proc/sys whatever it lacks, so all of it is read-only."""


def _walls() -> list[str]:
    """Root keeps its user: in a namespace of its own it could not read what belongs to others."""
    walls = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    walls.append("--die-with-parent")
    return [*walls, "--cap-drop", "ALL"] if os.geteuid() == 0 else [*walls, "--unshare-user"]


def _tools(argv: Sequence[str], repo: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """What the command's interpreter and the programs on PATH consist of."""
    search = environment.get("PATH", os.defpath)
    program = str(repo / argv[0]) if "/" in argv[0] else shutil.which(argv[0], path=search)
    if program:
        yield from _interpreter(Path(program))
    for one in search.split(os.pathsep):
        if one.startswith("/") and Path(one).is_dir():
            yield from _beside(Path(one))
    for variable in ("PYTHONPATH", "NODE_PATH"):
        named = environment.get(variable, "").split(os.pathsep)
        yield from (Path(one) for one in named if Path(one).is_absolute())
    if home := environment.get("HOME"):
        yield Path(home, ".local/lib")  # of `pip install --user`


def _interpreter(path: Path) -> Iterator[Path]:
    """A program, what its links lead to, and what lies beside each of them."""
    for _ in range(20):
        yield path
        yield from _beside(path.parent)
        if not path.is_symlink():
            yield from _named(path)
            return
        path = path.parent / path.readlink()


def _named(script: Path) -> Iterator[Path]:
    """The programs that a short script names outright, its own interpreter among them."""
    try:
        with script.open("rb") as file:
            text = file.read(_SCRIPT) if file.read(2) == b"#!" else b""
    except OSError:
        return
    for one in {Path(os.fsdecode(word)) for word in re.findall(rb"/[^\s'\"$;|&()]+", text)}:
        if one.is_file() and os.access(one, os.X_OK):
            yield one
            yield from _beside(one.parent)
            if one.is_symlink():
                yield from _beside(Path(os.path.realpath(one)).parent)


def _beside(folder: Path) -> Iterator[Path]:
    """What programs in a folder need: their virtual environment and its base, their manager, or their libraries."""
    above = folder.parent
    settings = above / "pyvenv.cfg"
    if settings.is_file():
        yield above
        found = re.search(r"^home\s*=\s*(.+)$", settings.read_text(errors="replace"), re.MULTILINE)
        if found and Path(found[1].strip()) != folder:
            yield from _beside(Path(found[1].strip()))
        yield from editable(above)
        return
    managed = next((index for index, one in enumerate(folder.parts) if one in _MANAGERS), None)
    if managed is not None:
        yield Path(*folder.parts[: managed + 1])
        return
    yield folder
    yield from (above / one for one in _PARTS)


def editable(environment: Path) -> Iterator[Path]:
    """Where packages are that a virtual environment only refers to."""
    packages = "lib/python*/site-packages"
    for path in (*environment.glob(f"{packages}/*.pth"), *environment.glob(f"{packages}/__editable__*.py")):
        text = path.read_text(errors="replace")
        named = text.splitlines() if path.suffix == ".pth" else _MAPPED.findall(text)
        yield from (Path(one) for one in named if one.startswith("/") and Path(one).is_dir())


def _packages(linked: Mapping[str, Path]) -> Iterator[Path]:
    """Where the packages of a node_modules really are that are only links in there; a venv's interpreter likewise."""
    for origin in linked.values():
        if origin.name == ".git" and origin.is_file():  # of a work tree beside its repository
            text = origin.read_text(errors="replace")
            yield from (Path(one).parent.parent for one in re.findall(r"gitdir: (/.+)", text))
        elif (origin / "pyvenv.cfg").is_file():
            yield origin
            yield from _interpreter(origin / "bin/python")
        elif origin.name == "node_modules":
            yield origin
            yield from linked_packages(origin)


def linked_packages(modules: Path) -> Iterator[Path]:
    """What the links in a node_modules lead to."""
    try:
        entries = [*os.scandir(modules)]
        for one in [one for one in entries if one.name.startswith("@") and one.is_dir()]:
            entries += os.scandir(one.path)
    except OSError:
        return
    for one in entries:
        if one.is_symlink():
            real = Path(os.path.realpath(one.path))
            other = next((index for index, part in enumerate(real.parts) if part == "node_modules"), None)
            if other is not None:  # a package looks for its own packages in there
                yield Path(*real.parts[: other + 1])
            elif (real / "package.json").is_file():
                yield real


def _around(repo: Path) -> Iterator[Path]:
    """What tools look for above a bot's folder: a workspace's packages and settings, the repository's other parts."""
    whole = top(repo)
    for folder in repo.resolve().parents:
        if len(folder.parts) == 1:
            return
        for name in ("node_modules", "package.json", "tsconfig.json", "tsconfig.base.json"):
            if (folder / name).exists():
                yield folder / name
                if name == "node_modules":
                    yield from linked_packages(folder / name)
        if (folder / ".git").exists():
            if folder == whole:
                yield folder
            return


def top(repo: Path) -> Path | None:
    """The repository that a bot's folder is a part of; None for one that holds this project, or the user's files."""
    project, home = Path.cwd().resolve(), Path.home()
    found = next((one for one in repo.resolve().parents if (one / ".git").exists()), None)
    return None if found in (None, project, *project.parents, home, *home.parents) else found


def _distinct(paths: Iterable[Path], home: str) -> Iterator[str]:
    """The paths as they are written and as they are, without what is there already, the outer ones first.

    A home itself, or what holds it or this project, is never among them, nor what `_private` names.
    """
    project = os.path.realpath(".")
    found: set[str] = set()
    for path in paths:
        found |= {os.path.abspath(path), os.path.realpath(path)}  # noqa: PTH100 - links stay
    taken: list[str] = []
    for one in sorted(found):
        around = (
            f"{home}/".startswith(f"{one}/") or f"{project}/".startswith(f"{one}/"),
            one == "/",
            any(_private(Path(each), Path(home)) for each in (one, os.path.realpath(one))),
        )
        if not any(around) and not any(one == known or one.startswith(f"{known}/") for known in (*_SYSTEM, *taken)):
            taken.append(one)
            yield one


def _private(path: Path, home: Path) -> bool:
    """Whether a path lies where keys, settings and state are kept: a repository may call any its packages' place."""
    if "credentials" in path.parts or any(path.is_relative_to(one) for one in ("/etc", "/proc")):
        return True
    if not path.is_relative_to(home):
        return False
    first, second, third, *_ = (*path.relative_to(home).parts, "", "", "")
    if not first.startswith(".") or first in _MANAGERS or second in ("bin", *_PARTS):
        return False
    if first == ".local":
        return not ((second == "share" and third in _SHARE) or (second == "state" and "releases" in path.parts))
    return first not in _PACKAGES or not second
