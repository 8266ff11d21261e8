"""What somebody else changed on Discord, and whose token it is."""

from __future__ import annotations

import base64

import pytest
from deployments import APPLICATION, GUILDS, OTHER_APPLICATION, planned, told
from desk import Desk

from botswain.errors import ExitCode, Refused

OLD = {"ping": "Is it awake?", "ban": "Bans a member", "help": "Shows help"}


@pytest.fixture
def drifted(project):
    """After the deployment one command was edited, one deleted and one added by other hands, in the first guild."""
    assert project.deploy().code is ExitCode.DONE
    project.edit("patch", "ping", description="Edited by hand")
    project.edit("delete", "ban")
    project.edit("create", "extra", description="Added by hand")
    return project


def test_drift_names_what_other_hands_did(drifted):
    """`drift` shows the edited and the deleted command as theirs; an added one is not ours and no drift."""
    found = drifted.drift()
    assert {command.key for _, command in found.plan.drifted} == {"chat_input/ping", "chat_input/ban"}
    text = planned(found)
    assert 'description: "Edited by hand" → "Is it awake?"  (edited by other hands)' in text
    assert "+ /ban  (deleted by other hands)" in text
    assert "1 other kept as it is (/extra)" in text


def test_diff_tells_drift_from_intended_change(drifted):
    """The sources' own change carries no mark; theirs does, and each field has its own."""
    drifted.define("help", description="Shows more help")
    drifted.define("ping", description="Is it awake?", nsfw=True)
    text = planned(drifted.diff())
    assert '~ description: "Edited by hand" → "Is it awake?"  (edited by other hands)\n' in text
    assert '~ description: "Shows help" → "Shows more help"\n' in text
    (nsfw,) = [line for line in text.splitlines() if "nsfw" in line and "Edited" not in line][:1]
    assert "other hands" not in nsfw
    assert "2 commands changed by other hands." in text


def test_deploy_overwrites_drift_and_keeps_what_was_added(drifted):
    """Ours are as the sources say again; the stranger's command stays, and theirs comes back only where asked for."""
    extra = drifted.ids()["extra"]
    result = drifted.deploy()
    assert result.code is ExitCode.DONE
    assert drifted.live() == {**OLD, "extra": "Added by hand"}
    assert drifted.ids()["extra"] == extra
    assert list(result.deployment.scopes) == [GUILDS[0]]
    drifted.check()
    assert drifted.drift().plan.drifted == []

    assert drifted.rollback(with_edits=True).code is ExitCode.DONE
    assert drifted.live() == {"ping": "Edited by hand", "help": "Shows help", "extra": "Added by hand"}
    assert drifted.drift().plan.drifted == []


def test_production_asks_before_it_overwrites_drift(drifted):
    """In production the question says how many commands of other hands would be lost."""
    drifted.profile(production=True)
    with pytest.raises(Refused, match=r"overwrite 1 command edited by other hands in dev .production., and there is"):
        drifted.deploy(yes=False)
    drifted.person.answer = False
    with pytest.raises(Refused, match="not confirmed; nothing was changed"):
        drifted.deploy(yes=False, interactive=True)
    assert drifted.live()["ping"] == "Edited by hand"
    drifted.person.answer = True
    assert drifted.deploy(yes=False, interactive=True).code is ExitCode.DONE
    assert drifted.live()["ping"] == "Is it awake?"
    drifted.check()


def token(application):
    """A well-formed token that says it is this application's."""
    return f"{base64.urlsafe_b64encode(application.encode()).decode().rstrip('=')}.sandbox.{'y' * 27}"


def refused(project, *texts):
    """Nothing may be written with this token; what is refused says all of `texts`."""
    with pytest.raises(Refused) as failure:
        project.deploy()
    assert failure.value.code is ExitCode.REFUSED
    for text in texts:
        assert text in str(failure.value)
    assert project.puts() == []
    assert project.store().holder() is None


def test_token_of_another_application_is_refused(project, monkeypatch):
    """Discord says whose token it is; one that is not the profile's writes nothing."""
    monkeypatch.setenv("DISCORD_DEV_TOKEN", token(OTHER_APPLICATION))
    refused(project, f"DISCORD_DEV_TOKEN belongs to application {OTHER_APPLICATION}", f"is for {APPLICATION}")
    monkeypatch.setenv("DISCORD_DEV_TOKEN", token(APPLICATION))
    assert project.deploy().code is ExitCode.DONE


@pytest.mark.parametrize("known_by", ["application", "token"])
def test_production_token_in_dev_is_refused(project, monkeypatch, known_by):
    """Production credentials work nowhere else, whether the application tells them apart or the token itself."""
    monkeypatch.setenv("DISCORD_DEV_TOKEN", token(OTHER_APPLICATION))
    project.profile(application_id=None)
    where = {"application_id": OTHER_APPLICATION} if known_by == "application" else {"application_id": None}
    project.profile("prod", production=True, **{**where, "guild_ids": None, "global": True})
    if known_by == "token":
        monkeypatch.setenv("DISCORD_PROD_TOKEN", token(OTHER_APPLICATION))
    refused(project, "DISCORD_DEV_TOKEN holds production credentials: they belong to profiles/prod.yaml")
    assert project.requests == []


def test_application_that_changed_since_the_last_deployment_is_refused(project):
    """The record of one application is no record of another: nothing is written, and the way on is said."""
    assert project.deploy().code is ExitCode.DONE
    project.requests.clear()
    project.profile(application_id=OTHER_APPLICATION)
    refused(
        project,
        f"manifests/dev.json: was deployed to application {APPLICATION}, and the token belongs to {OTHER_APPLICATION}",
        "move the manifest away to start anew",
    )
    project.profile()
    assert project.deploy().deployment is None
    project.check()


def test_refused_token_in_the_middle_of_a_run_undoes_what_it_can(project):
    """A token reset while a run is under way fails everything after it; what is left is named, and no lock stays."""
    project.deploy()
    project.commands(**{**OLD, "ping": "Edited"})
    project.sandbox.fault("status", method="PUT", path=GUILDS[1], status=401)
    result = project.deploy()
    assert result.code in (ExitCode.STUCK, ExitCode.FAILED)  # by whether another guild was written before
    assert "the token was refused (401)" in told(result)
    assert project.store().holder() is None
    assert project.deploy().code is ExitCode.DONE
    project.check()


DRIFT = """\
guild 200000000000000001
  ~ /c01
      ~ description: "Number 1" → "Theirs"
  - /c02  (deleted by other hands)
  » /c33  (was /c03)
Drift: 3 commands changed by other hands; ./inv diff --env dev shows what a deploy would make of it.
"""


def test_drift_is_told_as_what_they_did(desk: Desk):
    """From what was deployed to what is live: the repair is what `diff` is for."""
    desk.commands(4)
    assert desk.inv("deploy", "--env", "dev").code == 0
    assert desk.inv("drift", "--env", "dev").out == "guild 200000000000000001  as it was deployed\nNo drift.\n"
    desk.edit("patch", name="c01", command={"description": "Theirs"})
    desk.edit("patch", name="c03", command={"name": "c33"})
    desk.edit("delete", name="c02")
    ran = desk.inv("drift", "--env", "dev", "--check")
    assert (ran.code, sorted(ran.out.splitlines())) == (2, sorted(DRIFT.splitlines())), ran
