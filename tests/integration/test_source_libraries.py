"""What published libraries send: recorded here, and with --exhaustive made by their newest releases."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from clients import node

from botswain.commands.canonical import canonical
from botswain.commands.sources.read import Found, read
from botswain.profile.settings import Source

LIBRARIES = Path(__file__).parents[1] / "clients/libraries"
RECORDED = sorted(LIBRARIES.glob("*.json"))
PIP = ["py-cord", "nextcord", "disnake", "discord-py-interactions", "hikari"]
NPM = {
    "slash-create@latest": "slash-create", "discord.js@latest": "discord.js", "discord.js@13": "discord.js",
    "@discordjs/builders@latest": "discord.js", "@discordjs/builders@0.16.0": "discord.js",
}  # fmt: skip
BELOW = ("nsfw", "contexts", "integration_types", "default_member_permissions", "dm_permission")
INSTALL_SECONDS = 300


def printed(repo: Path, commands: list[object]) -> Found:
    """What is read of a program that prints these commands."""
    (repo / "print.sh").write_text(f"printf '%s\\n' {shlex.quote(json.dumps(commands))}\n")
    return read(Source("program", repo, run=("sh", "print.sh")))


def below(part: object, *, top: bool = True) -> bool:
    """Whether a field of whole commands stands below the top of one."""
    if not isinstance(part, dict):
        return False
    return (not top and any(name in part for name in BELOW)) or any(
        below(one, top=False) for one in part.get("options") or ()
    )


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_recorded_output_of_a_library_is_read(file: Path, tmp_path: Path) -> None:
    """Every command that the library printed is valid as it is, and what is left out of it is said."""
    commands = json.loads(file.read_text())["commands"]
    found = printed(tmp_path, commands)
    assert [one.name for one in found.definitions] == [one["name"] for one in commands]
    assert bool(found.notes) is any(map(below, commands)), found.notes
    assert all("for a whole command only" in note for note in found.notes)
    kept = [canonical(one.payload, "global") for one in found.definitions]
    assert not any(map(below, kept))


def test_sub_commands_of_pycord(tmp_path: Path) -> None:
    """What Pycord sends for a group in a group: `nsfw` goes with one note, and the options stay."""
    ban = {"name": "ban", "description": "Ban", "type": 1, "nsfw": False, "options": []}
    user = {"name": "user", "description": "Users", "type": 2, "nsfw": False, "options": [ban]}
    found = printed(tmp_path, [{"name": "admin", "description": "Admin things", "options": [user], "nsfw": False}])
    assert found.definitions[0].payload["options"] == [
        {"name": "user", "description": "Users", "type": 2,
         "options": [{"name": "ban", "description": "Ban", "type": 1, "options": []}]},
    ]  # fmt: skip
    assert found.notes == ("/admin user, /admin user ban: Discord takes nsfw for a whole command only; left out",)


def made(argv: list[str], folder: Path, **environment: str) -> list[dict[str, object]]:
    """The commands that a script prints."""
    done = subprocess.run(
        argv, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    commands: list[dict[str, object]] = json.loads(done.stdout.strip().splitlines()[-1])
    return commands


@pytest.mark.exhaustive
@pytest.mark.parametrize("library", PIP)
def test_the_newest_release_of_a_python_library_is_read(library: str, tmp_path: Path) -> None:
    """Installed from the registry now: whatever it prints for the same bot is valid."""
    packages = tmp_path / "packages"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(packages), library]
    subprocess.run(install, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    commands = made([sys.executable, str(LIBRARIES / f"{library}.script")], tmp_path, PYTHONPATH=str(packages))
    assert [one.name for one in printed(tmp_path, commands).definitions] == [one["name"] for one in commands]


@pytest.mark.exhaustive
@pytest.mark.parametrize("package", NPM)
def test_the_newest_release_of_a_node_library_is_read(package: str, tmp_path: Path) -> None:
    """Installed from the registry now, and the oldest major that bots still use: all is valid."""
    found = node.find()
    if found is None:
        pytest.skip("no Node")
    program, npm = found
    (tmp_path / "package.json").write_text('{"private": true}')
    subprocess.run(
        [*npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", package],
        cwd=tmp_path, check=True, capture_output=True, timeout=INSTALL_SECONDS,
        env={**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}"},
    )  # fmt: skip
    shutil.copy(LIBRARIES / f"{NPM[package]}.script", tmp_path / "print.cjs")
    commands = made([str(program), "print.cjs"], tmp_path)
    assert [one.name for one in printed(tmp_path, commands).definitions] == [one["name"] for one in commands]
