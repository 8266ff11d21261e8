"""Mends records that other hands damaged."""

from __future__ import annotations

from botswain.audit import AuditLog
from botswain.deployment.history import STANDING, Outcome
from botswain.deployment.session import Session
from botswain.errors import BotswainError
from botswain.state.ids import actor, deployment_id
from botswain.state.store import Owner


def restore_manifest(session: Session) -> str:
    """Writes the environment's manifest again as the newest deployment left it; returns that deployment's id."""
    records, who = session.records, actor()
    with records.store.lock(Owner(deployment_id(), who, "manifest.restore")):
        for entry in records.deployments():
            if entry.outcome not in STANDING or entry.outcome is Outcome.STUCK:
                continue
            manifest = records.manifest_of(entry.id)
            if manifest is None:
                continue
            audit = AuditLog(records.store, session.profile.name)
            intent = audit.intent("manifest.restore", who, {"deployment": entry.id})
            records.save(entry, manifest, current=True)
            audit.outcome(intent, "done", {"deployment": entry.id})
            return entry.id
    raise BotswainError("no deployment in the history has a manifest to restore", where=records.where)
