"""How ansible-playbook is started: from our own environment, with our settings, and nobody's standing in the way."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from botswain.errors import BotswainError

ROOT = Path(__file__).resolve().parents[2]
"""The project, with its playbooks and roles."""
_OURS = ("ANSIBLE_CONFIG", "ANSIBLE_CALLBACKS_ENABLED", "ANSIBLE_STDOUT_CALLBACK", "ANSIBLE_CALLBACK_RESULT_FORMAT",
         "ANSIBLE_ROLES_PATH", "ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_HOST_KEY_CHECKING", "ANSIBLE_KEEP_REMOTE_FILES",
         "ANSIBLE_STRATEGY", "ANSIBLE_GATHERING", "ANSIBLE_CACHE_PLUGIN", "ANSIBLE_CACHE_PLUGIN_CONNECTION",
         "ANSIBLE_LOG_PATH", "ANSIBLE_DEBUG", "ANSIBLE_RUN_TAGS", "ANSIBLE_SKIP_TAGS", "ANSIBLE_CHECK_MODE_MARKERS",
         "ANSIBLE_NO_TARGET_SYSLOG", "ANSIBLE_PIPELINING", "ANSIBLE_SSH_ARGS", "ANSIBLE_SSH_CONTROL_PATH",
         "ANSIBLE_SSH_CONTROL_PATH_DIR", "ANSIBLE_BECOME_ASK_PASS", "ANSIBLE_ASK_PASS")  # fmt: skip
"""Variables of Ansible that must not be somebody's; all others are the user's own way to reach their hosts."""
_SECRETS = ("DISCORD_", "SUDO_")
"""How variables begin that hold secrets which ssh and Ansible do not need."""
_LONGEST = 48
"""Bytes of a folder's path in which ssh can still make its sockets: a socket's path has at most 103."""


def program(name: str = "ansible-playbook") -> str:
    """A program of Ansible's, beside the Python that runs us. Raises BotswainError when it is not there."""
    path = Path(sys.executable).with_name(name)
    if not path.is_file():
        fix = "call ./inv, which installs it; if it did, remove .venv and call it again"
        raise BotswainError(f"{name} is not installed", where=str(path.parent), fix=fix)
    return str(path)


def environment(folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a run: the user's, less secrets of bots and what would change how Ansible runs."""
    known = {name: value for name, value in os.environ.items() if name not in _OURS and not name.startswith(_SECRETS)}
    return {
        **known,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder),
        "ANSIBLE_SSH_CONTROL_PATH": control_path("%(directory)s").replace("%C", "%%C"),
        "ANSIBLE_NOCOLOR": "1",
        # What ssh and the system say is told apart by their English words (reasons.py). Ansible wants UTF-8.
        "LC_ALL": "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8",
        "LANGUAGE": "",
        **more,
    }


def control_path(folder: Path | str) -> str:
    """Where ssh keeps its connections: the same for every run, so that the next one finds them open."""
    return f"{folder}/%C"


def folder() -> Path:
    """The folder for sockets and for variables: ours alone, in memory where there is such a place, and short."""
    places = [os.environ.get("XDG_RUNTIME_DIR", ""), "/dev/shm", "/tmp"]  # noqa: S108 - looked at before it is used
    for place in places:
        if place and Path(place).is_dir() and os.access(place, os.W_OK | os.X_OK):
            found = _private(Path(place) / f"botswain-{os.getuid()}")
            if found is not None:
                return found
    return Path(tempfile.mkdtemp(prefix="botswain-"))


def _private(path: Path) -> Path | None:
    """The folder, if nobody else can write to it; None where somebody else was quicker, or its path is too long."""
    if len(os.fsencode(path)) > _LONGEST:
        return None
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError:
        return None
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return path if ours else None
