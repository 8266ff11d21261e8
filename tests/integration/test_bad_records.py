"""Manifests that are damaged, lost, or another's, and the lock."""

from __future__ import annotations

import json

import pytest
from desk import APP, OTHER_APP, Desk, refused

# The manifest

RESTORE = "./inv manifest.restore --env dev brings it back from the history"


@pytest.fixture
def deployed(desk: Desk):
    """One deployment of one command."""
    desk.command()
    assert desk.inv("deploy", "--env", "dev").code == 0
    return desk


def broken_json(text):
    """What Python says about it."""
    try:
        json.loads(text)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("task", ["deploy", "diff", "drift", "status", "rollback"])
def test_a_damaged_manifest_stops_everything_and_can_be_brought_back(deployed: Desk, task):
    """Half a manifest is never taken for none: nothing is planned without what is recorded."""
    path = deployed.folder / "manifests/dev.json"
    whole = path.read_text()
    half = whole[: len(whole) // 2]
    for text, what in (
        (half, f"is no whole JSON document ({broken_json(half)})"),
        ("no JSON", f"is no whole JSON document ({broken_json('no JSON')})"),
        ("[]", "is no manifest: it has no version"),
        (whole.replace('"environment": "dev"', '"environment": "prod"'), "is the manifest of prod, not of dev"),
        (json.dumps({**json.loads(whole), "commands": []}), None),
    ):
        path.write_text(text)
        ran = deployed.inv(task, "--env", "dev")
        if what is None:
            assert ran.told[0].startswith("manifests/dev.json: is damaged: "), ran
            assert ran.told[0].endswith(RESTORE)
        else:
            refused(ran, f"manifests/dev.json: {what}; {RESTORE}")
        assert deployed.inv("manifest.restore", "--env", "dev").code == 0
        assert path.read_text() == whole


def test_a_manifest_of_a_newer_version(deployed: Desk):
    """A format that this version cannot know is left alone; bringing an old one back is not the advice."""
    path = deployed.folder / "manifests/dev.json"
    path.write_text(path.read_text().replace('"version": "1.0.0"', '"version": "2.0.0"'))
    refused(
        deployed.inv("deploy", "--env", "dev"),
        "manifests/dev.json: has format 2.0.0; this Botswain reads 1.0.0; use the Botswain that wrote it",
    )


def test_a_lost_manifest_with_an_empty_history(desk: Desk):
    """There is nothing to bring back, and that is said."""
    desk.command()
    refused(
        desk.inv("manifest.restore", "--env", "dev"),
        "manifests/dev.json: no deployment in the history has a manifest to restore; move the file away and deploy to"
        " start anew",
    )


def test_a_manifest_of_another_application(deployed: Desk):
    """The records of one application are never applied to another."""
    path = deployed.folder / "manifests/dev.json"
    path.write_text(path.read_text().replace(APP, OTHER_APP))
    refused(
        deployed.inv("deploy", "--env", "dev"),
        f"manifests/dev.json: was deployed to application {OTHER_APP}, and the token belongs to {APP}; use that"
        " application's token, or move the manifest away to start anew",
        code=3,
    )


def test_rollback_without_a_way_back(desk: Desk):
    """Before the first deployment there is nothing to undo; a wrong id lists the right ones."""
    refused(
        desk.inv("rollback", "--env", "dev"),
        "manifests/dev.json: there is nothing to go back to: no deployment on record has a change that still stands;"
        " ./inv history shows them all",
    )
    told = "no deployment 20260101-000000-abcdef whose state could be restored; there are: none"
    refused(desk.inv("rollback", "--env", "dev", "--to", "20260101-000000-abcdef"), told)
    refused(
        desk.inv("drift", "--env", "dev"), "nothing is recorded yet, so there is nothing to drift from; deploy first"
    )


def test_a_lock_is_broken_for_a_reason(desk: Desk):
    """The reason goes into the audit log."""
    refused(desk.inv("lock.break", "--env", "dev"), 'a lock is broken for a reason; say it: --why "…"')


def test_a_manifest_that_is_gone_is_not_nothing_deployed(desk: Desk):
    """Without it our own commands would be strangers; the way to mend it is told, and works."""
    desk.command()
    assert desk.inv("deploy", "--env", "dev").code == 0
    (desk.folder / "manifests/dev.json").unlink()
    told = (
        "manifests/dev.json: is gone, although the history has deployments; ./inv manifest.restore --env dev brings it"
        " back from the history; to start anew, move the folder beside it away"
    )
    for task in ("deploy", "diff", "status", "rollback"):
        refused(desk.inv(task, "--env", "dev"), told)
    assert desk.inv("manifest.restore", "--env", "dev").code == 0
    assert desk.inv("diff", "--env", "dev", "--check").code == 0


def test_records_can_be_read_whatever_the_profile_lacks(desk: Desk):
    """History and status are for the day on which something is wrong, in the profile too."""
    desk.command()
    assert desk.inv("deploy", "--env", "dev").code == 0
    desk.profile(guild_ids=None)
    assert desk.inv("deploy", "--env", "dev").code == 1
    for task in ("history", "status", "audit.verify"):
        assert desk.inv(task, "--env", "dev").code == 0, task
