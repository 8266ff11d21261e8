"""Writes what happens in a run as JSON lines, for the program that started it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from ansible import release
from ansible.executor.task_result import CallbackTaskResult
from ansible.plugins.callback import CallbackBase
from ansible_collections.botswain.host.plugins.plugin_utils.telling import of_result, of_task

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
    Where the file is a pipe that nobody reads any more, the run ends at once, since nobody waits for it. What a host
    does at that moment is finished there.
requirements:
  - enabled with E(ANSIBLE_CALLBACKS_ENABLED)
"""


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
        self._tell("task", **of_task(task))

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """A handler begins."""
        self._tell("task", **of_task(task))

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """A play has no hosts."""
        self._tell("nobody")

    def v2_runner_retry(self, result: CallbackTaskResult) -> None:
        """A task is tried again."""
        self._tell("retry", host=result.host.get_name(), **of_task(result.task))

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
            return {**of_result(status, result), **more}

        self._tell("result", told)

    def _tell(self, event: str, more: Callable[[], dict[str, Any]] | None = None, **fields: Any) -> None:
        if self._file is None:
            return
        try:
            document = _masked({"event": event, "at": round(time.time(), 3), **fields, **(more() if more else {})})
            self._file.write(json.dumps(document, default=str) + "\n")
            self._file.flush()
        except BrokenPipeError:  # whoever started us is gone
            os._exit(1)  # as if by Ctrl-C, Ansible could wait for itself: we may be called by a thread that it joins
        except Exception as error:  # noqa: BLE001 - telling is not worth a play
            self._file = None
            self._display.warning(f"no further events are written: {error}")


def _masked(value: Any) -> Any:
    """Each text by itself: in finished JSON, a secret with a quotation mark would not be found."""
    if isinstance(value, str):
        return mask_secrets(value)
    if isinstance(value, dict):
        return {str(name): _masked(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(one) for one in value]
    return value
