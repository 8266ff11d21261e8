"""What is told of tasks and their results: enough to know how it went, and nothing that may be a secret."""

from __future__ import annotations

import json
from typing import Any

from ansible.executor.task_result import CallbackTaskResult

_LINES = 30
"""Last lines of what a failing module printed."""
_LONGEST = 20_000
"""Characters of one text from a module that is not ours."""
_OURS = "botswain.host."
_NOT_TOLD = ("invocation", "warnings", "deprecations", "exception", "ansible_facts", "diff")


def of_result(status: str, result: CallbackTaskResult) -> dict[str, Any]:
    """What is told of a result."""
    return {"status": status, "host": result.host.get_name(), **of_task(result.task), **_returned(status, result)}


def of_task(task: Any) -> dict[str, Any]:
    """What is told of a task."""
    role = getattr(task, "_role", None)
    return {"task": task.name or task.action, "role": role.get_name() if role else None, "action": task.action}


def _returned(status: str, result: CallbackTaskResult) -> dict[str, Any]:
    found, task = result.result, result.task
    if "censored" in found or task.no_log is True:
        return {"message": "hidden, since it may hold secrets"}
    told: dict[str, Any] = {"message": _message(found), **_difference(found)}
    if task.action.startswith(_OURS):
        told["answer"] = {
            name: one for name, one in found.items() if name not in _NOT_TOLD and not name.startswith("_ansible")
        }
    if "rc" in found:
        told["code"] = found["rc"]
    if status in {"failed", "unreachable"}:
        texts = (found.get(name) for name in ("module_stderr", "stderr", "module_stdout", "stdout"))
        printed = next((_text(one) for one in texts if one), "")
        told["log"] = "\n".join(printed.splitlines()[-_LINES:])
    if found.get("results"):
        told["items"] = [_item(one) for one in found["results"] if isinstance(one, dict)]
    return told


def _message(found: dict[str, Any]) -> str:
    """What a result says; of a task that does several things, what the first says that failed."""
    failed = [one for one in found.get("results") or () if isinstance(one, dict) and one.get("failed")]
    if failed and not failed[0].get("_ansible_no_log"):
        return _text(failed[0].get("msg"))
    return _text(found.get("msg") or found.get("skip_reason"))


def _item(one: dict[str, Any]) -> dict[str, Any]:
    hidden = one.get("_ansible_no_log") or "censored" in one
    label = "" if hidden else _text(one.get("_ansible_item_label", one.get("item")))
    told = {"item": label, "changed": bool(one.get("changed")), "failed": bool(one.get("failed"))}
    if told["failed"] and not hidden:
        told["message"] = _text(one.get("msg"))
    return {**told, **(_difference(one) if not hidden else {})}


def _difference(found: dict[str, Any]) -> dict[str, Any]:
    several = found.get("diff") or []
    several = several if isinstance(several, list) else [several]
    names = ("before_header", "before", "after", "prepared")
    told = [{name: _text(one[name]) for name in names if name in one} for one in several if isinstance(one, dict)]
    return {"diff": told} if told else {}


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text[:_LONGEST]
