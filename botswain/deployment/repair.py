"""Mends records that other hands damaged."""

from __future__ import annotations

from botswain.audit.log import AuditLog
from botswain.deployment.history import STANDING, Deployment, Outcome
from botswain.deployment.records import Records
from botswain.deployment.session import Session
from botswain.errors import BotswainError
from botswain.manifest import Manifest
from botswain.state.ids import actor, deployment_id
from botswain.state.store import Owner

_WHOLE = STANDING - {Outcome.STUCK}


def restore_manifest(session: Session) -> str:
    """Writes the environment's manifest again as the newest deployment left it; returns that deployment's id."""
    records, who = session.records, actor()
    with records.store.lock(Owner(deployment_id(), who, "manifest.restore")):
        entry, manifest = newest(records)
        audit = AuditLog(records.store, session.profile.name)
        intent = audit.intent("manifest.restore", who, {"deployment": entry.id})
        records.save(entry, manifest, current=True)
        audit.outcome(intent, "done", {"deployment": entry.id})
        return entry.id


def newest(records: Records) -> tuple[Deployment, Manifest]:
    """The newest deployment that left a manifest, and that. Raises BotswainError when there is none."""
    for entry in records.deployments():
        manifest = records.manifest_of(entry.id) if entry.outcome in _WHOLE else None
        if manifest is not None:
            return entry, manifest
    what = "no deployment in the history has a manifest to restore"
    raise BotswainError(what, where=records.where, fix="move the file away and deploy to start anew")
