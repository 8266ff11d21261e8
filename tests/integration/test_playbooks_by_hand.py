"""The playbooks on a real Debian: a deployment's phases, and what a person calls without the controller."""

from __future__ import annotations

import subprocess

import pytest

from botswain.ansible import settings
from botswain.ansible.run import run

SERVICE = {
    "name": "stage", "run": ["python3", "bot.py"], "build": [["python3", "-m", "py_compile", "bot.py"]],
    "free_space": 0, "user": "botswain-stage", "health": {"stable_for": 0},
    "secrets": {"DISCORD_TOKEN": "discord_token"},
    "manager": {"kind": "systemd", "unit": "botswain-stage.service"},
}  # fmt: skip
TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAx.GplntD.SENTINEL-token"


@pytest.fixture(scope="module")
def inventory(tmp_path_factory, debian):
    """The machine, made ready for a bot and nothing else."""
    folder = debian.inventory(tmp_path_factory.mktemp("inventory"), "bot")
    run("provision", folder, tags=["host", "bot"], variables={"environment_name": "stage"}).insist()
    return folder


@pytest.fixture
def repo(tmp_path):
    """The bot's repository."""
    subprocess.run(["git", "init", "-q", tmp_path / "repo"], check=True)
    return tmp_path / "repo"


def commit(repo, text):
    """Another commit of a bot that waits."""
    (repo / "bot.py").write_text(f"import time\nprint({text!r}, flush=True)\ntime.sleep(9999)\n")
    who = ["git", "-C", repo, "-c", "user.name=a", "-c", "user.email=a@localhost"]
    subprocess.run([*who, "add", "."], check=True)
    subprocess.run([*who, "commit", "-q", "-m", text], check=True)
    return subprocess.run([*who, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


class Deployer:
    """Carries the phases out as the controller does, and counts."""

    def __init__(self, inventory):
        self.inventory = inventory
        self.modules = 0

    def phase(self, tag, order, **more):
        """The engine's answer."""
        variables = {"environment_name": "stage", "botswain_orders": {"debian": [order]},
                     "botswain_secrets": {"discord_token": TOKEN}, **more}  # fmt: skip
        play = run("deploy", self.inventory, tags=[tag], variables=variables).insist()
        self.modules += play.modules
        return play.of("debian").answer["answers"][-1]

    def deploy(self, repo, sha):
        """A release that is live and confirmed."""
        who = {"by": "ann", "deployment": "d", "service": SERVICE}
        commits = {"repository": str(repo), "commit": sha}
        made = self.phase("prepare", {"verb": "prepare", "commit": sha, **who}, botswain_commits=commits)
        order = {"verb": "deploy", "release": made["release"], "secrets": ["discord_token"], **who}
        switched = self.phase("switch", order)
        assert self.phase("confirm", {"verb": "confirm", "token": switched["token"], "by": "ann"}) == {
            "confirmed": True
        }
        return made["release"]


def by_hand(playbook, inventory, *more):
    """What a person sees who calls a playbook."""
    argv = [settings.program(), "-i", inventory, settings.ROOT / f"playbooks/{playbook}.yml"]
    known = settings.environment(settings.folder(), {})
    more = ["-e", "environment_name=stage", *more]
    return subprocess.run([*argv, *more], capture_output=True, text=True, check=False, env=known)


@pytest.mark.exhaustive
def test_two_deployments_and_a_rollback_by_hand(inventory, repo, debian):
    """Three module runs a deployment and one a rollback; health is told, and nothing prints the token."""
    early = by_hand("health", inventory)
    assert (early.returncode, "nothing was ever deployed here" in early.stdout) == (2, True)
    deployer = Deployer(inventory)
    one, two = (deployer.deploy(repo, commit(repo, text)) for text in ("one", "two"))
    assert deployer.modules == 2 * 3
    well = by_hand("health", inventory)
    assert (well.returncode, f"{two}: running" in well.stdout) == (0, True), well.stdout
    back = by_hand("rollback", inventory, "-e", "why='drops messages'", "-vvv")
    assert (back.returncode, f"{one} runs, {two} was left" in back.stdout) == (0, True), back.stdout
    assert "SENTINEL" not in back.stdout + back.stderr
    status = debian.ssh("sudo botswain-host releases").stdout
    assert "drops messages" in status
    again = by_hand("rollback", inventory)
    assert (again.returncode, "there is no earlier release to go back to" in again.stdout) == (2, True)
    forth = by_hand("rollback", inventory, "-e", f"release={two}")
    assert (forth.returncode, f"{two} runs, {one} was left" in forth.stdout) == (0, True), forth.stdout
    assert run("rollback", inventory, variables={"environment_name": "stage"}).modules == 1
    debian.run("systemctl stop botswain-stage")
    ill = by_hand("health", inventory)
    assert (ill.returncode, "the bot does not run (stopped)" in ill.stdout) == (2, True), ill.stdout
