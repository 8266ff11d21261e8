"""The plan as JSON, for `--json`."""

from __future__ import annotations

from typing import Any

from botswain.plan import Action, CommandPlan, Plan, ScopePlan, ServicePlan


def plan_json(plan: Plan) -> dict[str, Any]:
    """The whole plan; its counts leave orphan scopes out, as an apply does until they are to be cleared."""
    return {
        "changed": bool(plan.changed),
        "counts": {action.value: plan.count(action) for action in Action},
        "unchanged": sum(scope.unchanged for scope in plan.scopes),
        "createsToday": plan.creates,
        "drifted": len(plan.drifted),
        "orphans": [scope.scope for scope in plan.orphans],
        "scopes": [_scope(scope) for scope in plan.scopes],
        "notes": list(plan.notes),
        "service": _service(plan.service) if plan.service else None,
    }


def _service(service: ServicePlan) -> dict[str, Any]:
    return {
        "action": service.action,
        "target": service.target,
        "live": service.live,
        "liveCommit": service.live_commit,
        "commit": service.commit,
        "release": service.release,
        "why": service.why,
    }


def _scope(scope: ScopePlan) -> dict[str, Any]:
    return {
        "scope": scope.scope,
        "orphan": scope.orphan,
        "unavailable": scope.unavailable,
        "unchanged": scope.unchanged,
        "commands": [_command(command) for command in scope.commands],
    }


def _command(command: CommandPlan) -> dict[str, Any]:
    return {
        "command": command.key,
        "action": command.action.value,
        "drift": command.drift,
        "managed": command.managed,
        "renamedFrom": command.renamed_from,
        "looksLike": command.looks_like,
        "nameTaken": command.name_taken,
        "fields": [
            {
                "path": field.path,
                "live": field.live,
                "wanted": field.wanted,
                "intended": field.intended,
                "drift": field.drift,
            }
            for field in command.fields
        ],
    }
