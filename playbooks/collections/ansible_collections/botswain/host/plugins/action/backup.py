"""The controller's part of botswain.host.backup: it takes the runner along."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.botswain.host.plugins.plugin_utils.checkout import runner

_NAME = "botswain.host.backup"


class ActionModule(ActionBase):
    """Runs the module once."""

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module; what it returned."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if boolean(arguments.get("install", False)):
            arguments["zipapp"] = runner()
        result.update(self._execute_module(module_name=_NAME, module_args=arguments, task_vars=task_vars))
        result.pop("invocation", None)
        return result
