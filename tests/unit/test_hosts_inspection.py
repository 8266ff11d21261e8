"""What was changed by hand on a host, as the program that is sent there finds it, and as `doctor` tells it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from test_doctor_findings import SEEN

from botswain.deployment.doctor.by_hand import _KINDS, by_hand, forbidden_by_unit
from botswain.deployment.doctor.look import Verdict
from botswain.host import systemd
from botswain.hosts import inspection


def made(path, text="x"):
    """A file, and what a record says of it."""
    path.write_text(text)
    path.chmod(0o644)
    digest = hashlib.sha256(text.encode()).hexdigest()
    owner, group = inspection.owner(os.getuid()), inspection.group(os.getgid())
    return {"sha256": digest, "mode": "0644", "owner": owner, "group": group}


def test_a_file_as_it_was_recorded_is_no_finding(tmp_path):
    """Content, mode and owner."""
    assert inspection.differences(str(tmp_path / "f"), made(tmp_path / "f")) == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda path: path.write_text("y"), "changed"),
        (lambda path: path.chmod(0o666), "access"),
        (lambda path: path.unlink(), "missing"),
        (lambda path: (path.unlink(), path.symlink_to("/etc/hosts")), "changed"),
    ],
    ids=["content", "mode", "missing", "a link instead"],
)
def test_a_file_that_was_changed_is_a_finding(tmp_path, change, kind):
    """Each way in which a person may have changed it."""
    path = tmp_path / "f"
    wanted = made(path)
    change(path)
    (found,) = inspection.differences(str(path), wanted)
    assert (found["kind"], found["name"]) == (kind, str(path))


def test_only_records_of_this_environment_and_of_the_host_count(tmp_path, monkeypatch):
    """Environments share a host, and one's name may begin as another's."""
    monkeypatch.setattr(inspection, "RECORDS", tmp_path)
    for name in ("host", "bot-stage", "bot-stage-2", "backup-prod", "nats"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"name": name}))
    (tmp_path / "bot-stage.txt").write_text("no record")
    assert [one["name"] for one in inspection.known("stage")] == ["bot-stage", "host", "nats"]
    assert [one["name"] for one in inspection.known("stage-2")] == ["bot-stage-2", "host", "nats"]


def test_units_and_packages_by_what_systemd_and_dpkg_say(monkeypatch):
    """Masked, disabled, not loaded anew, settings beside; removed, and kept from upgrades."""
    said = {
        "systemctl": "Id=a.service\nLoadState=masked\nUnitFileState=masked\nNeedDaemonReload=no\nDropInPaths=\n\n"
        "Id=b.timer\nLoadState=loaded\nUnitFileState=disabled\nNeedDaemonReload=yes\n"
        "DropInPaths=/usr/lib/systemd/system/timer.d/x.conf /etc/systemd/system/b.timer.d/override.conf"
        " /etc/systemd/system/b.timer.d/50-botswain.conf /run/systemd/system/b.timer.d/90-started-once.conf\n",
        "dpkg-query": "git hold installed\nzstd deinstall config-files\npython3 install installed\n",
    }
    monkeypatch.setattr(inspection, "output", lambda argv: said[argv[0]])
    units = [(one["kind"], one["name"]) for one in inspection.unit_findings(["a.service", "b.timer"])]
    assert units == [("masked", "a.service"), ("disabled", "b.timer"), ("stale", "b.timer"), ("drop-in", "b.timer")]
    packages = inspection.package_findings(["git", "nodejs", "python3", "zstd"])
    assert [(one["kind"], one["name"]) for one in packages] == [
        ("removed", "nodejs"), ("removed", "zstd"), ("held", "git"),
    ]  # fmt: skip


def test_the_engines_own_drop_ins_are_nobody_elses():
    """What a deployment writes beside the unit is no change by hand; both sides name the files alike."""
    assert set(inspection.ENGINES) == {systemd._EQUIPMENT, systemd._ONCE}


def test_what_lies_above_the_releases_is_found(tmp_path):
    """Whatever git, npm, uv, dotenv and the like look for in every folder above."""
    releases = tmp_path / "stage/releases"
    releases.mkdir(parents=True)
    (tmp_path / ".env").write_text("TOKEN=x")
    (tmp_path / "stage/node_modules").mkdir()
    (tmp_path / "stage/.env").touch()  # the engine's own, where a search ends
    found = [one["name"] for one in inspection.above(str(releases)) if one["name"].startswith(str(tmp_path))]
    assert found == [str(tmp_path / "stage/node_modules"), str(tmp_path / ".env")]


@pytest.mark.parametrize("kind", sorted(_KINDS))
def test_every_finding_is_told_with_what_to_do(kind):
    """One line each with its date; a finding of a newer program that is not known here is left out."""
    one = {"kind": kind, "name": "x.service", "path": "/etc/x", "detail": "A=1", "since": 1_800_000_000}
    seen = replace(SEEN, by_hand=(one, {"kind": "novel"}))
    (found,) = by_hand("host gate", seen, "stage")
    assert found.verdict in {Verdict.WARNING, Verdict.BAD}
    assert found.fix
    assert found.detail.endswith(", on 2027-01-15 08:00 UTC")


def test_a_host_without_a_record_is_no_good_news():
    """It was provisioned by an earlier version: cannot tell, and provisioning again makes the record."""
    (found,) = by_hand("host gate", replace(SEEN, recorded=False), "stage")
    assert (found.verdict, "./inv provision --env stage" in found.fix) == (Verdict.UNKNOWN, True)


def test_what_the_unit_forbade_is_told_by_the_log():
    """The line, the restriction and what lifts it."""
    log = "starting\nOSError: [Errno 30] Read-only file system: '/opt/data'\n"
    (found,) = forbidden_by_unit("host gate", replace(SEEN, log=log), "stage")
    assert "`OSError: [Errno 30] Read-only file system: '/opt/data'`: ProtectSystem=strict" in found.detail
    assert "inventories/stage/group_vars/all.yml" in found.fix
    assert list(forbidden_by_unit("x", replace(SEEN, log="all is well"), "stage")) == []


def test_the_program_that_is_sent_needs_nothing_of_botswain():
    """It travels as text: the standard library alone."""
    lines = Path(inspection.__file__).read_text(encoding="utf-8").splitlines()
    imported = [line for line in lines if line.startswith(("import ", "from "))]
    assert imported
    assert not any("botswain" in line for line in imported)
