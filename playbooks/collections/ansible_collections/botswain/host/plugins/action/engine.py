"""The controller's part of botswain.host.engine: it takes the engine and the bot's commits along."""

from __future__ import annotations

import base64
import json
import secrets
import tempfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.botswain.host.plugins.plugin_utils.bundle import BundleError, write
from ansible_collections.botswain.host.plugins.plugin_utils.checkout import engine

_NAME = "botswain.host.engine"


class ActionModule(ActionBase):
    """Puts what the orders need on the host, then runs the module once."""

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module; what it returned."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if boolean(arguments.get("install", False)):
            arguments["zipapp"] = engine()
        if arguments.get("secrets"):
            arguments["secrets"] = base64.b64encode(json.dumps(arguments["secrets"]).encode()).decode()
        if arguments.get("commits") and not self._task.check_mode:
            arguments |= self._taken_along(arguments)
        result.update(self._execute_module(module_name=_NAME, module_args=arguments, task_vars=task_vars))
        result.pop("invocation", None)  # nothing that anybody needs, and the longest part of it
        return result

    def _taken_along(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Put the bundle on the host; what that changes in the arguments of the module."""
        wanted = arguments["commits"]
        commit, have = str(wanted["commit"]), [str(one) for one in wanted.get("have") or ()]
        if commit in have:
            return {}
        remote = f"/tmp/botswain-{secrets.token_hex(16)}.bundle"  # noqa: S108 - nobody can guess it
        with tempfile.TemporaryDirectory(prefix="botswain-") as folder:
            path = Path(folder) / "bundle"
            try:
                made = write(Path(wanted["repository"]), commit, have, path)
            except BundleError as error:
                raise AnsibleActionFail(str(error)) from None
            self._connection.put_file(str(path), remote)
        extra = {"bundle": remote, "shallow": list(made.shallow)}
        orders = [{**one, **extra} if one.get("verb") == "prepare" else one for one in arguments["orders"]]
        return {"bundle": remote, "orders": orders}
