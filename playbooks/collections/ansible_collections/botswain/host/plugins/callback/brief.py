"""Prints a line for each host that failed, and nothing else: for cron, which sends what is printed."""

from __future__ import annotations

import sys

from ansible.executor.task_result import CallbackTaskResult
from ansible.plugins.callback import CallbackBase
from ansible_collections.botswain.host.plugins.plugin_utils.checkout import reasons
from ansible_collections.botswain.host.plugins.plugin_utils.telling import of_result

DOCUMENTATION = r"""
name: brief
type: stdout
short_description: A line for each host that failed
version_added: 1.0.0
description:
  - Prints nothing as long as all is well. For each host that failed, a line with what, where and what to do.
requirements:
  - chosen with E(ANSIBLE_STDOUT_CALLBACK)
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Says what failed."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "botswain.host.brief"
    ANSIBLE_SUPPORTS_MASKING = True

    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        """A host failed."""
        if not ignore_errors:
            self._say("failed", result)

    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        """A host could not be reached."""
        self._say("unreachable", result)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """There is nobody to do anything on."""
        self._display.display("botswain: the inventory has no host for this playbook", stderr=True)

    def _say(self, status: str, result: CallbackTaskResult) -> None:
        event = of_result(status, result)
        self._display.display(f"botswain: {reasons().error_of(event, event['host'])}", stderr=True)
        sys.stderr.flush()
