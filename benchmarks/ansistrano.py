"""The code deployed by Ansible tasks to the same host: with Ansistrano's roles where they are at hand, else without.

BOTSWAIN_ANSISTRANO names a folder with the roles `ansistrano.deploy` and `ansistrano.rollback`, as
`ansible-galaxy install` makes it. They tell nobody that they were used (anonymous statistics are off).
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harbour import free_port
from benchmarks.project import ROOT, run
from botswain.ansible import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.hosts import Shore

KEPT = 5
"""Releases that stay; Botswain's own number, too."""
PACKAGES = ("rsync",)
"""What the roles need on a host."""
_FOLDER = "/srv/code"
_OURS = Path(__file__).with_name("ansible")
_SHARED = ["data"]


@dataclass(frozen=True)
class Plays:
    """The two plays, to be run on the gateway's host."""

    shore: Shore
    folder: Path
    roles: Path | None
    """None where plays of our own stand in."""

    @property
    def deploying(self) -> str:
        """How rows call a deployment."""
        return f"{'a plain play like' if self.roles is None else 'role'} ansistrano.deploy, code only"

    @property
    def rolling_back(self) -> str:
        """How rows call the way back."""
        return f"{'a plain play like' if self.roles is None else 'role'} ansistrano.rollback, code only"

    def deploy(self) -> float:
        """Deploys the newest commit; seconds."""
        return self._run("deploy")

    def rollback(self) -> float:
        """Goes back to the release before; seconds."""
        return self._run("rollback")

    @property
    def current(self) -> str:
        """The commit that is live."""
        return str(self.shore.gateway.run(f"cat {_FOLDER}/current/REVISION").stdout).strip()

    def _run(self, play: str) -> float:
        command = [
            str(ROOT / ".venv" / "bin" / "ansible-playbook"),
            f"--inventory={self.shore.inventory}",
            f"--extra-vars=@{self.folder / 'variables.json'}",
            str(self.folder / f"{play}.yml"),
        ]
        # As Botswain runs its own: the same settings, pipelining among them, and over the same connection.
        known = settings.environment(settings.folder(), {"ANSIBLE_ROLES_PATH": str(self.roles or self.folder)})
        return run(command, self.folder, **known).wall / 1e3


@contextmanager
def plays(shore: Shore) -> Iterator[Plays]:
    """The plays, and a server from which the host clones the bot's repository."""
    named = os.environ.get("BOTSWAIN_ANSISTRANO")
    roles = Path(named).resolve() if named else None
    with _served(shore) as url, tempfile.TemporaryDirectory(prefix="botswain-bench-") as name:
        folder = Path(name)
        (folder / "variables.json").write_text(json.dumps(_variables(url)))
        for play in ("deploy", "rollback"):
            text = (_OURS / f"{play}.yml").read_text() if roles is None else json.dumps(_role(roles, play))
            (folder / f"{play}.yml").write_text(text)
        yield Plays(shore, folder, roles)


def _role(roles: Path, play: str) -> list[dict[str, Any]]:
    role = f"ansistrano.{play}"
    if not (roles / role).is_dir():
        raise RuntimeError(f"BOTSWAIN_ANSISTRANO={roles}: there is no role {role} in it")
    return [{"name": play, "hosts": "bot", "become": True, "gather_facts": False, "roles": [role]}]


def _variables(url: str) -> dict[str, Any]:
    return {
        "ansistrano_allow_anonymous_stats": False,
        "ansistrano_deploy_to": _FOLDER,
        "ansistrano_deploy_via": "git",
        "ansistrano_git_repo": url,
        "ansistrano_git_branch": "main",
        "ansistrano_keep_releases": KEPT,
        "ansistrano_shared_paths": _SHARED,
        "deploy_to": _FOLDER,
        "repository": url,
        "branch": "main",
        "keep_releases": KEPT,
        "shared_paths": _SHARED,
    }


@contextmanager
def _served(shore: Shore) -> Iterator[str]:
    """The bot's repository by git's own protocol, which is the quickest, on the host's loopback."""
    port, base = free_port(), shore.place.folder
    command = ["git", "daemon", "--reuseaddr", "--listen=127.0.0.1", f"--port={port}", "--export-all"]
    daemon = subprocess.Popen(
        [*command, f"--base-path={base}", str(shore.repository)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        shore.gateway.relay(port)
        yield f"git://127.0.0.1:{port}/{shore.repository.name}"
    finally:
        shore.gateway.unrelay(port)
        daemon.terminate()
        daemon.wait()
