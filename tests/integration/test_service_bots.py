"""The sample bots as services: their own code defines the commands, and runs against the same double of Discord."""

from __future__ import annotations

import json
import os
import shlex
import time

import fleets
import pytest
import yaml
from clients import harbour, node
from desk import APP, GUILD, GUILD_2

from botswain.host import probe

pytestmark = pytest.mark.slow

NAMES = {"ping", "bells", "harbour", "course", "drill", "Papers", "Spell out"}


@pytest.fixture(params=harbour.NAMES)
def fleet(request, tmp_path):
    """A project whose repository is a sample bot."""
    with fleets.fleet(tmp_path, request.param) as made:
        yield made


def test_a_sample_bot_is_deployed_with_the_commands_of_its_own_code(fleet):
    """The work tree has nothing installed: the commands come from the release, which is logged in before they do."""
    ran = fleet.deploy()
    assert ran.code == 0, ran
    assert set(fleet.live(GUILD)) == NAMES
    double = fleet.sandbox()
    try:
        with double.entered() as world:
            assert world.store.read("100000000000000001/starts")["count"] == 1, "it logged in once"
    finally:
        double.close()
    ran = fleet.deploy()
    assert (ran.code, ran.document["outcome"]) == (0, "unchanged"), ran
    assert fleet.current() == fleet.manifest()["service"]["release"]
    began = time.monotonic()
    assert fleet.inv("dev.down", "--env", "dev").code == 0
    assert time.monotonic() - began < 10, "the bot says goodbye to a double that is still there"
    assert "stopped" in (fleet.place / "logs/bot.log").read_text().splitlines()[-1]
    assert fleet.rollback().code == 0
    assert (fleet.live(GUILD), fleet.current()) == ({}, None)


def test_init_writes_a_profile_that_deploys_the_bot(fleet, monkeypatch):
    """What `init --service` proposes for a sample bot builds, tests, runs and judges it; only the sandbox is added."""
    program, npm = node.find()
    shim = fleet.write("bin/npm", f'#!/bin/sh\nexec {shlex.join(npm)} "$@"\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}{program.parent}{os.pathsep}{os.environ['PATH']}")
    answers = ["--repo", str(fleet.repo), "--application-id", APP, "--guild-ids", GUILD_2]
    ran = fleet.inv("init", "--env", "trial", *answers, "--service", "--json")
    assert (ran.code, ran.document["toFillIn"]) == (0, []), ran
    assert any(step.startswith("./inv service.logs --env trial") for step in ran.document["next"])
    path = fleet.folder / "profiles/trial.yaml"
    fields = yaml.safe_load(path.read_text().replace("8080", str(fleet.port)))  # another test may have that one
    fields["service"]["build"] = fleet.build  # what it would install is there once for all tests
    path.write_text(json.dumps({**fields, "api": "sandbox"}))
    try:
        ran = fleet.inv("deploy", "--env", "trial", "--json")
        assert ran.code == 0, ran
        ready = fields["service"]["health"]["ready"]
        assert (ready, probe.ask(ready, 5).good) == (f"http://127.0.0.1:{fields['service']['port']}/readyz", True)
        assert set(fleet.live(GUILD_2, "trial")) == NAMES
    finally:
        assert fleet.inv("dev.down", "--env", "trial").code == 0


def test_commands_are_read_with_what_a_release_has_installed(fleet):
    """Without packages in the work tree, `diff`, `apply` and dry runs read what a deployment would, or say why."""
    ran = fleet.deploy("--dry-run")
    assert ran.code == 1, ran
    told = f"repo: nothing is installed in {fleet.repo}, and no release here has it; ./inv deploy --env dev builds one"
    assert told in ran.told[-1]
    ran = fleet.inv("validate", "--env", "dev")
    assert ran.code == 1, ran
    assert told in ran.told[-1]
    assert fleet.deploy().code == 0
    assert fleet.inv("diff", "--env", "dev", "--check").code == 0
    module = fleet.repo / ("harbour/commands/ping.py" if (fleet.repo / "harbour").is_dir() else "src/commands/ping.js")
    module.write_text(module.read_text().replace("Is the bot awake, and how far away is Discord?", "Who is there?"))
    for task in (
        ["diff"],
        ["deploy", "--dry-run"],
    ):  # no release is of these files, and the live one lends its packages
        ran = fleet.inv(*task, "--env", "dev", "--json")
        assert ran.code == 0, ran
        plan = ran.document["plan"]
        assert plan["service"]["action"] == "deploy"
        changed = [one["command"] for one in plan["scopes"][0]["commands"] if one["action"] != "keep"]
        assert changed == ["chat_input/ping"], ran
    assert fleet.inv("apply", "--env", "dev").code == 0
    assert fleet.live(GUILD)["ping"]["description"] == "Who is there?"
