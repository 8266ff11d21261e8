"""Completion in a real shell, with the script as it is printed."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from desk import ROOT, Desk, refused

ASK = """
source <({inv} completion --shell bash)
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_botswain_inv; printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def inv(tmp_path_factory):
    """An `inv` as users have it, beside the profiles of its project."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("botswain", "tasks.py", "profiles"):
        (folder / name).symlink_to(ROOT / name)
    script = folder / "inv"
    script.write_text(f'#!/bin/sh\ncd "${{0%/*}}" && exec {ROOT}/.venv-dev/bin/python -m botswain.cli "$@"\n')
    script.chmod(0o755)
    return script


def candidates(inv, words: str) -> list[str]:
    """What the shell proposes for the last of these words."""
    script = ASK.format(inv=inv, words=f"{inv} {words}")
    done = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.split()


def test_tasks_and_options(inv):
    """A part of a task's name, and the options of a task."""
    assert candidates(inv, "roll") == ["rollback"]
    assert "audit.verify" in candidates(inv, "audit")
    assert candidates(inv, "rollback --al") == ["--allow-delete"]


def test_environments(inv):
    """After --env, the profiles that there are."""
    assert candidates(inv, "deploy --env ''") == ["dev", "prod", "stage"]
    assert candidates(inv, "deploy --env s") == ["stage"]


def test_a_value_behind_an_equals_sign(inv):
    """Bash makes three words of `--env=st`; the environments are proposed all the same."""
    assert candidates(inv, "diff --env = st") == ["stage"]
    assert candidates(inv, "diff --env =") == ["dev", "prod", "stage"]


def test_deployments(inv, desk: Desk):
    """After --to, the deployments of that environment."""
    desk.command("ping")
    made = desk.inv("deploy", "--env", "dev", "--json").document["deployment"]["deploymentId"]
    own = desk.folder / "inv"
    shutil.copy(inv, own)
    (desk.folder / "botswain").symlink_to(ROOT / "botswain")
    assert candidates(own, "rollback --env dev --to ''") == [made]
    assert candidates(own, "rollback --to ''") == []


def test_the_inv_of_another_project_is_left_alone(tmp_path):
    """The word `inv` may be anybody's; completing it must not run it."""
    stranger = tmp_path / "inv"
    stranger.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    stranger.chmod(0o755)
    source = ROOT / "botswain/cli/completions/inv.bash"
    script = f"source {source}; COMP_WORDS=({stranger} ''); COMP_CWORD=1; _botswain_inv; echo ${{#COMPREPLY[@]}}"
    done = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert (done.stdout, (tmp_path / "ran").exists()) == ("0\n", False)


def test_a_shell_without_completion(desk: Desk):
    """Those that have one are listed."""
    told = 'there is no completion for "tcsh"; say --shell bash, zsh, fish'
    refused(desk.inv("completion", "--shell", "tcsh"), told)
