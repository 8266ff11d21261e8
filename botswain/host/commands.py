"""Runs the bot's own build, lint and test commands, and git: logged, limited, and ended to the last process."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from botswain.host import alone, kept
from botswain.host.errors import HostError
from botswain.host.place import Place, explained
from botswain.host.users import User

_PASSED_ON = frozenset(
    """
    PATH HOME LANG LC_ALL TMPDIR USER LOGNAME SSL_CERT_FILE SSL_CERT_DIR
    HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy
    PIP_CONFIG_FILE PIP_INDEX_URL NPM_CONFIG_USERCONFIG NPM_CONFIG_REGISTRY npm_config_registry
    """.split()  # noqa: SIM905 - readable
)
"""What a build gets of our environment; everything else may be a secret."""
_SHOWN = 30
"""Last lines of a log that an error carries."""
_TAIL = 16_384
_REASONS = 12
"""Lines with the reason that are shown above the last ones."""
_SEARCHED = 4_194_304
_ERROR = re.compile(
    r"^(?:npm (?:ERR!|error) (?:code|notarget|404|Found:|Could not|Conflicting|Missing:|Not compatible)"
    r"|\s*ERR_PNPM|E   )"
    r"|\b(?:fatal )?error(?: TS\d+)?:|\berror\[|\b\w*(?:Error|Exception): |\b(?:FATAL|FAILED|ERROR)\b"
    r"|command not found|: not found$|No such file or directory|Permission denied|Could not find|Cannot find"
)
"""What compilers, package managers and test runners begin the line with that tells what is wrong."""
_ABOUT_ITSELF = re.compile(
    r"A complete log of this run|\b(?:gyp|npm) (?:info|verb|http|warn)\b|^\s*(?:pnpm|yarn) warn|^\s*WARN|^\s+at "
    r"|\b0 errors?\b|DeprecationWarning|gyp ERR! (?:cwd|node|not ok|System|command)",
    re.IGNORECASE,
)
_GIT = 300.0
"""Seconds that git may take for one thing."""
_SETTINGS = (
    "-c", f"core.hooksPath={os.devnull}", "-c", f"core.attributesFile={os.devnull}", "-c", "gc.auto=0",
)  # fmt: skip
_MARK = "BOTSWAIN_BUILDS"
"""The environment variable by which a command's processes are known, whatever groups and sessions they made."""


def environment(place: Place, extra: Mapping[str, str], user: User | None = None) -> dict[str, str]:
    """The environment of a build: caches that are kept, and no secrets. A user's home is the cache."""
    known = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    known |= {"PATH": alone.search_path(known), **alone.variables(place)}
    if user is not None:
        known |= {"HOME": str(place.cache), "USER": user.name, "LOGNAME": user.name}
        known.pop("TMPDIR", None)  # root's may be closed to others
    caches = {
        "XDG_CACHE_HOME": place.cache,
        "npm_config_cache": place.cache / "npm",
        "PIP_CACHE_DIR": place.cache / "pip",
        "UV_CACHE_DIR": place.cache / "uv",
    }
    quiet = {"CI": "true", "NO_COLOR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "npm_config_update_notifier": "false"}
    return {**known, **{name: str(path) for name, path in caches.items()}, **quiet, **extra}


def run(
    argv: Sequence[str],
    folder: Path,
    variables: Mapping[str, str],
    log: Path,
    seconds: float,
    user: User | None = None,
) -> None:
    """Run a command of a release in its folder, to its end and that of whatever it started; as `user` if there is one.

    Raises HostError with the errors in what it printed, and its end, when it fails or takes too long.
    """
    told = shlex.join(argv)
    since = mark(log)
    with explained(log, "write it"), log.open("ab") as output:
        output.write(f"$ {told}\n".encode())
        output.flush()
        try:
            child = kept.start(
                argv, {**variables, _MARK: str(folder)}, building=True, cwd=str(folder), stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, user=user,
            )  # fmt: skip
        except OSError as error:
            missing = isinstance(error, FileNotFoundError) and not shutil.which(argv[0], path=variables.get("PATH"))
            fix = f"install {argv[0]} on this machine, or correct the profile" if missing else ""
            raise HostError(f"`{told}` could not be started: {error.strerror}", fix=fix) from None
        try:
            code = child.wait(seconds)
        except subprocess.TimeoutExpired:
            what = f"`{told}` did not end within {seconds:g} s"
            raise HostError(what, where=str(log), log=excerpt(log, since)) from None
        finally:
            child.end()
            end_leftovers(folder)
    if code:
        how = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
        raise HostError(f"`{told}` {how}", where=str(log), log=excerpt(log, since))


def end_leftovers(folder: Path) -> None:
    """End what commands in a release's folder left behind, where the system tells (`/proc`)."""
    mark = f"{_MARK}={folder}".encode()
    for _ in range(20):  # one may be about to start another
        found = [one for one in Path("/proc").glob("[0-9]*") if _marked(one, mark)]
        if not found:
            return
        for one in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(one.name), signal.SIGKILL)
        time.sleep(0.01)


def _marked(process: Path, mark: bytes) -> bool:
    with contextlib.suppress(OSError):
        return mark in (process / "environ").read_bytes().split(b"\0")
    return False


def mark(log: Path) -> tuple[int, int]:
    """Where a log ends now: its file, and how long that is."""
    try:
        found = log.stat()
    except OSError:
        return 0, 0
    return found.st_ino, found.st_size


def tail(log: Path, lines: int = _SHOWN, since: tuple[int, int] = (0, 0)) -> str:
    """The last lines of a log; of those that came after a mark, where there is one."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        known, begin = since
        begin = begin if known == os.fstat(file.fileno()).st_ino and begin <= size else 0  # else it was rotated
        file.seek(max(begin, size - _TAIL))
        text = file.read().decode("utf-8", "replace")
        return "\n".join(text.splitlines()[-lines:])
    return ""


def excerpt(log: Path, since: tuple[int, int] = (0, 0)) -> str:
    """The last lines since a mark; where the reason stands above them, the lines that tell it come first.

    Package managers end with dozens of lines about themselves: what failed is said before those.
    """
    end = tail(log, since=since).splitlines()
    above = _lines_above(log, since, len(end))
    reasons = list(dict.fromkeys(line for line in above if _tells(line) and line not in end))
    if not reasons:
        return "\n".join(end)
    first = reasons[:_REASONS]
    left = len(above) - len(first)
    rest = end[-(_SHOWN - len(first) - 1) :]
    left += len(end) - len(rest)
    return "\n".join([*first, f"({left:,} other lines are in {log})", *rest])


def _lines_above(log: Path, since: tuple[int, int], shown: int) -> list[str]:
    """What a command printed before the last lines; of a very long output, what is nearest to them."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        known, begin = since
        begin = begin if known == os.fstat(file.fileno()).st_ino else 0
        size = file.seek(0, os.SEEK_END)
        file.seek(max(begin, size - _SEARCHED))
        lines = file.read().decode("utf-8", "replace").splitlines()
        return lines[1 : len(lines) - shown]  # the first names the command
    return []


def _tells(line: str) -> bool:
    return bool(_ERROR.search(line)) and not _ABOUT_ITSELF.search(line)


def _rights(user: User | None) -> dict[str, Any]:
    """What makes a process the user's."""
    return {} if user is None else {"user": user.uid, "group": user.gid, "extra_groups": user.groups, "umask": 0o022}


def git(place: Place, *arguments: str, user: User | None = None, **variables: str) -> str:
    """What git prints about the mirror. Raises HostError with its reason."""
    return git_in(place.mirror, *arguments, user=user, **variables)


def git_in(folder: Path, *arguments: str, user: User | None = None, **variables: str) -> str:
    """What git prints about a bare repository, which is named outright: where we stand decides nothing.

    It reads no configuration but the repository's own, so that a commit becomes the same files for everybody: no filter
    of Git LFS, no line endings of this machine, no replaced object. Raises HostError.
    """
    known = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    known |= {
        "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
    }  # fmt: skip
    verb = next(one for one in arguments if not one.startswith("-"))
    argv = ["git", f"--git-dir={folder}", *_SETTINGS, *arguments]
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, errors="replace", check=False, timeout=_GIT, stdin=subprocess.DEVNULL,
            env={**known, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", **variables}, cwd="/", **_rights(user),
        )  # fmt: skip
    except FileNotFoundError:
        raise HostError("git is not installed", fix="sudo apt install git") from None
    except subprocess.TimeoutExpired:
        raise HostError(f"git {verb} did not end within {_GIT:g} s", where=str(folder)) from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise HostError(f"git {verb}: {reason}", where=str(folder))
    return str(done.stdout).strip()
