"""Writes down when an Ansible run did what, past Botswain's own events: for the benchmarks, on Ansible's side."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: trace
type: notification
short_description: Writes down when a run did what
version_added: 1.0.0
description:
  - Adds an object a line to the file that the environment variable E(BENCH_TRACE) names.
"""


class CallbackModule(CallbackBase):
    """Tells the benchmarks; without BENCH_TRACE it does nothing."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "trace"

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """The run begins; its process did so before."""
        _tell("start", playbook=Path(playbook._file_name).stem, began=_began())  # noqa: SLF001 - Ansible's own way

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002 - Ansible's
        """A task begins."""
        _tell("task", task=task.get_name())

    def v2_runner_on_ok(self, result: Any) -> None:
        """A host is done with a task."""
        _result(result, "changed" if result.is_changed() else "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: ARG002 - Ansible's
        """A host failed."""
        _result(result, "failed")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A host could not be reached."""
        _result(result, "unreachable")

    def v2_playbook_on_stats(self, stats: Any) -> None:  # noqa: ARG002 - Ansible's
        """The run ends."""
        _tell("end")


def _result(result: Any, status: str) -> None:
    items = result.result.get("results")
    runs = [one for one in items if not one.get("skipped")] if isinstance(items, list) else [result]
    _tell("result", host=result.host.get_name(), action=result.task.action, status=status, runs=len(runs))


def _tell(event: str, **fields: Any) -> None:
    path = os.environ.get("BENCH_TRACE")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, "at": time.time(), **fields}) + "\n")


def _began() -> float:
    """When this process was started."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    since_boot = ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + since_boot
