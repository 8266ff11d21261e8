"""Writes what happens in a run as JSON lines, for the program that started it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from ansible import release
from ansible.executor.task_result import CallbackTaskResult
from ansible.plugins.callback import CallbackBase

try:
    from ansible.module_utils.secrets import mask_secrets
except ImportError:  # before 2.22

    def mask_secrets(value: str, /) -> str:
        """Nothing is registered as a secret in these versions."""
        return value


DOCUMENTATION = r"""
name: events
type: notification
short_description: Writes events as JSON lines
version_added: 1.0.0
description:
  - Writes an object a line to the file that the environment variable E(BOTSWAIN_EVENTS) names, each at once.
  - >-
    C(event) is one of C(start), C(play), C(task), C(retry), C(result), C(nobody) and C(end). A C(result) has a
    C(status) which is one of C(ok), C(changed), C(failed), C(unreachable) and C(skipped). A run without its C(end)
    was cut off.
  - >-
    Of what other modules return, only what tells how it went is written; of tasks with C(no_log), only whether they
    failed.
  - >-
    Where the file is a pipe that nobody reads any more, the run ends before its next task, since nobody waits for it.
requirements:
  - enabled with E(ANSIBLE_CALLBACKS_ENABLED)
"""

_LINES = 30
"""Last lines of what a failing module printed."""
_LONGEST = 20_000
"""Characters of one text from a module that is not ours."""
_OURS = "botswain.host."
_NOT_TOLD = ("invocation", "warnings", "deprecations", "exception", "ansible_facts", "diff")


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Tells a program how a run goes. Nothing in it ever fails a play."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "botswain.host.events"
    CALLBACK_NEEDS_ENABLED = True
    ANSIBLE_SUPPORTS_MASKING = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._file: TextIO | None = None
        path = os.environ.get("BOTSWAIN_EVENTS")
        if not path:
            self.disabled = True
            return
        try:
            self._file = Path(path).open("a", encoding="utf-8")  # noqa: SIM115 - open for as long as the run goes on
        except OSError as error:
            self.disabled = True
            self._display.warning(f"no events are written: {path}: {error.strerror}")

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """The run begins."""
        self._tell("start", playbook=str(getattr(playbook, "_file_name", "")), ansible=release.__version__)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """A play begins."""
        self._tell("play", play=play.get_name())

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002 - Ansible's
        """A task begins, on the first of its hosts."""
        self._tell("task", **_task(task))

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """A handler begins."""
        self._tell("task", **_task(task))

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """A play has no hosts."""
        self._tell("nobody")

    def v2_runner_retry(self, result: CallbackTaskResult) -> None:
        """A task is tried again."""
        self._tell("retry", host=result.host.get_name(), **_task(result.task))

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        """A host is done with a task."""
        self._result("changed" if result.is_changed() else "ok", result)

    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        """A host failed."""
        self._result("failed", result, ignored=ignore_errors)

    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        """A host could not be reached."""
        self._result("unreachable", result)

    def v2_runner_on_skipped(self, result: CallbackTaskResult) -> None:
        """A host has no need of a task."""
        self._result("skipped", result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The run ends."""
        self._tell("end", hosts={name: stats.summarize(name) for name in sorted(stats.processed)})

    def _result(self, status: str, result: CallbackTaskResult, **more: Any) -> None:
        def told() -> dict[str, Any]:
            return {"status": status, "host": result.host.get_name(), **_task(result.task), **_returned(result), **more}

        self._tell("result", told)

    def _tell(self, event: str, more: Callable[[], dict[str, Any]] | None = None, **fields: Any) -> None:
        if self._file is None:
            return
        try:
            document = _masked({"event": event, "at": round(time.time(), 3), **fields, **(more() if more else {})})
            self._file.write(json.dumps(document, default=str) + "\n")
            self._file.flush()
        except BrokenPipeError:
            self._file = None
            os.kill(os.getpid(), signal.SIGINT)
        except Exception as error:  # noqa: BLE001 - telling is not worth a play
            self._file = None
            self._display.warning(f"no further events are written: {error}")


def _task(task: Any) -> dict[str, Any]:
    role = getattr(task, "_role", None)
    return {"task": task.name or task.action, "role": role.get_name() if role else None, "action": task.action}


def _returned(result: CallbackTaskResult) -> dict[str, Any]:
    """What is told of a result."""
    found, task = result.result, result.task
    if "censored" in found or task.no_log is True:
        return {"message": "hidden, since it may hold secrets"}
    if task.action.startswith(_OURS):
        return {"message": _text(found.get("msg")), "answer": _answer(found), **_difference(found)}
    told: dict[str, Any] = {"message": _text(found.get("msg") or found.get("skip_reason"))}
    if "rc" in found:
        told["code"] = found["rc"]
    if result.is_failed() or result.is_unreachable():
        texts = (found.get(name) for name in ("module_stderr", "stderr", "module_stdout", "stdout"))
        printed = next((_text(one) for one in texts if one), "")
        told["log"] = "\n".join(printed.splitlines()[-_LINES:])
    if found.get("results"):
        told["items"] = [_item(one) for one in found["results"] if isinstance(one, dict)]
    return {**told, **_difference(found)}


def _answer(found: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in found.items() if name not in _NOT_TOLD and not name.startswith("_ansible")}


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


def _masked(value: Any) -> Any:
    """Each text by itself: in finished JSON, a secret with a quotation mark would not be found."""
    if isinstance(value, str):
        return mask_secrets(value)
    if isinstance(value, dict):
        return {str(name): _masked(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(one) for one in value]
    return value
