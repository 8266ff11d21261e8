"""Runs the runner of backups on the host of a database, and installs it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup
short_description: Backs a database up, or looks at its backups
version_added: 1.0.0
description:
  - Runs C(botswain-backup) on the host of the database and returns the document that it printed.
  - Fails with its own line when it failed, or did a part.
author: Botswain (@botswain)
options:
  environment:
    description: The environment whose database is meant.
    type: str
  arguments:
    description:
      - What C(botswain-backup) is to do, such as C([run, --wait, "600"]). C(--json) is always added.
      - Without any the runner is installed, and nothing else is done.
    type: list
    elements: str
    default: []
  stdin:
    description: What it gets on standard input, such as the address of a database with its password.
    type: str
    default: ""
  tolerant:
    description: Do not fail when it fails or refuses; its document says so.
    type: bool
    default: false
  install:
    description: Install the runner of this checkout where the host has another one, or none.
    type: bool
    default: false
  zipapp:
    description: The runner as Base64. Filled in by the action plugin.
    type: str
  library:
    description: Folder of the runner on the host.
    type: path
    default: /usr/local/lib/botswain
  command:
    description: The link by which it is called by hand.
    type: path
    default: /usr/local/bin/botswain-backup
attributes:
  check_mode:
    description: Lists backups, and says whether the runner would be installed. All else is left out.
    support: partial
  diff_mode:
    description: There are no files to compare.
    support: none
"""

EXAMPLES = r"""
- name: Back the database up
  botswain.host.backup:
    environment: prod
    arguments: [run]
"""

RETURN = r"""
document:
  description: What the runner printed.
  returned: when it was run
  type: dict
installed:
  description: Whether the runner was installed, or would be in check mode.
  returned: always
  type: bool
"""

import base64
import json
import os
import sys
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.botswain.host.plugins.module_utils.programs import installation, last_lines

NAME = "botswain-backup.pyz"
READING = frozenset({"list", "verify"})
"""What changes nothing of the backups themselves."""


def main() -> None:
    """Runs the module."""
    options = {
        "environment": {"type": "str"},
        "arguments": {"type": "list", "elements": "str", "default": []},
        "stdin": {"type": "str", "default": "", "no_log": True},
        "tolerant": {"type": "bool", "default": False},
        "install": {"type": "bool", "default": False},
        "zipapp": {"type": "str", "no_log": True},
        "library": {"type": "path", "default": "/usr/local/lib/botswain"},
        "command": {"type": "path", "default": "/usr/local/bin/botswain-backup"},
    }
    module = AnsibleModule(argument_spec=options, supports_check_mode=True)
    wanted, told = module.params, {"changed": False, "installed": False}
    path = os.path.join(wanted["library"], NAME)
    if wanted["zipapp"]:
        content = base64.b64decode(wanted["zipapp"])
        told["installed"] = installation(path, wanted["command"], content, really=not module.check_mode)
        told["changed"] = told["installed"]
    if wanted["arguments"] and not (module.check_mode and wanted["arguments"][0] != "list"):
        carry_out(module, told, path)
    module.exit_json(**told)


def carry_out(module: AnsibleModule, told: dict[str, Any], path: str) -> None:
    """Run the runner, and add its document to what is told. Ends the module for a failure."""
    wanted = module.params
    if not os.path.exists(path):
        module.fail_json(msg=f"{path}: the runner of backups is not installed; ./inv provision installs it", **told)
    words = [*([wanted["environment"]] if wanted["environment"] else []), *wanted["arguments"]]
    words += [] if "--json" in words else ["--json"]
    code, printed, complaint = module.run_command([sys.executable, path, *words], data=wanted["stdin"] or None)
    try:
        told["document"] = document = json.loads(printed)
        problems = [str(one) for one in document.get("problems") or ()]
    except (ValueError, AttributeError):
        what = f"the runner of backups ended with exit code {code} and without a document"
        module.fail_json(msg=what, stderr=last_lines(complaint or printed), **told)
    told["changed"] = told["changed"] or wanted["arguments"][0] not in READING
    if code and not wanted["tolerant"]:
        module.fail_json(msg=document.get("error") or "; ".join(problems) or f"exit code {code}", **told)


if __name__ == "__main__":
    main()
