"""The published schemas say yes to what Botswain writes (all tests of the command line see to that), no to the rest."""

from __future__ import annotations

import copy
import json

import pytest
from desk import Desk
from schemas import FOLDER, check, faults, validator


@pytest.fixture
def manifest(desk: Desk):
    """A manifest as a deployment left it."""
    desk.commands(2)
    assert desk.inv("deploy", "--env", "dev").code == 0
    return json.loads((desk.folder / "manifests/dev.json").read_text())


def test_a_manifest_fits(manifest):
    """What `state` stores is what is published."""
    check("manifest", manifest)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda one: one.update(version="2.0.0"), "version"),
        (lambda one: one.update(extra=1), "the document"),
        (lambda one: one.pop("checksums"), "the document"),
        (lambda one: one.update(applicationId=81384788765712384), "applicationId"),
        (lambda one: one["checksums"].update(nowhere={}), "checksums"),
        (lambda one: one["commandIds"]["200000000000000001"].update(ping="1" * 18), "commandIds.200000000000000001"),
        (lambda one: one["commands"].append({"name": "x"}), "commands.2"),
    ],
)
def test_a_manifest_that_is_none(manifest, change, told):
    """A schema that lets everything through helps nobody."""
    broken = copy.deepcopy(manifest)
    change(broken)
    assert [fault.partition(":")[0] for fault in faults("manifest", broken)] == [told]


@pytest.mark.parametrize(
    ("task", "change"),
    [
        ("diff", lambda one: one["plan"]["counts"].pop("create")),
        ("diff", lambda one: one["plan"]["scopes"][0].update(unavailable=True)),
        ("diff", lambda one: one.update(exitCode=6)),
        ("diff", lambda one: one.pop("notes")),
        ("history", lambda one: one["deployments"][0].update(outcome="fine")),
        ("history", lambda one: one["deployments"][0].update(more=1)),
        ("backups", lambda one: one["snapshots"][0].update(commands="2")),
        ("detect", lambda one: one["checksums"].update({"chat_input/c01": "abc"})),
        ("status", lambda one: one["manifest"].pop("version")),
    ],
)
def test_a_result_that_is_none(manifest, desk: Desk, task, change):
    """Nor is what a script reads left open."""
    document = desk.inv(task, "--env", "dev", "--json").document
    assert faults("result", document) == []
    change(document)
    assert faults("result", document)


def test_every_schema_is_one():
    """Each file is a valid JSON Schema whose references can be followed."""
    names = [path.name.partition(".")[0] for path in FOLDER.glob("*.schema.json")]
    assert sorted(names) == ["manifest", "plan", "result"]
    for name in names:
        assert validator(name)
