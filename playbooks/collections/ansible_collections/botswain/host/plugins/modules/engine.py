"""Sends orders to Botswain's engine on a host, and installs that."""

from __future__ import annotations

DOCUMENTATION = r"""
module: engine
short_description: Sends orders to Botswain's engine on a host
version_added: 1.0.0
description:
  - Carries out orders one after the other, stopping at the first that fails, and returns what the engine answered.
  - Installs the engine first if it is given, and the host has another one or none.
  - A whole phase of a deployment is one run of this module.
author: Botswain (@botswain)
options:
  root:
    description: The folder of the environment on the host, such as C(/srv/botswain/stage).
    type: path
  orders:
    description:
      - The orders, each a dictionary with a C(verb) and what that needs.
      - Without any the engine is installed, and nothing is asked of it.
    type: list
    elements: dict
    default: []
  secrets:
    description:
      - Secrets by their names. An order that has a list of names as C(secrets) gets these names with their values.
      - They travel on standard input alone, and are covered in what the engine answers.
    type: raw
    default: {}
  install:
    description:
      - Install the engine of this checkout where the host has another one, or none.
      - Otherwise the host uses the engine that it has.
    type: bool
    default: false
  zipapp:
    description: The engine as Base64. Filled in by the action plugin.
    type: str
  library:
    description: Folder of the engine on the host.
    type: path
    default: /usr/local/lib/botswain
  command:
    description: The link by which the engine is called by hand.
    type: path
    default: /usr/local/bin/botswain-host
  commits:
    description:
      - What the action plugin takes along to the host, as a thin bundle, for an order C(prepare).
      - The bundle is removed from the host by the same run that used it.
    type: dict
    suboptions:
      repository:
        description: The bot's repository on the controller.
        type: path
        required: true
      commit:
        description: The full id of the commit that the host needs.
        type: str
        required: true
      have:
        description: Full ids of commits that the host has already.
        type: list
        elements: str
        default: []
  bundle:
    description: The bundle on the host. Filled in by the action plugin.
    type: path
attributes:
  check_mode:
    description: Orders that only read are carried out; nothing is installed, and the first other order ends the run.
    support: partial
  diff_mode:
    description: There are no files to compare.
    support: none
"""

EXAMPLES = r"""
- name: Look what runs
  botswain.host.engine:
    root: /srv/botswain/stage
    orders:
      - verb: look
"""

RETURN = r"""
answers:
  description: The answer to each order that was carried out, in their order.
  returned: always
  type: list
  elements: dict
error:
  description: What failed, with C(kind), C(what), C(where), C(fix) and C(log).
  returned: failure
  type: dict
installed:
  description: Whether the engine was installed, or would be in check mode.
  returned: always
  type: bool
left_out:
  description: The verb at which check mode ended the run.
  returned: check mode
  type: str
"""

import base64
import contextlib
import glob
import json
import os
import sys
import time
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.botswain.host.plugins.module_utils.programs import installation, last_lines, temporary

NAME = "botswain-host.pyz"
READING = frozenset({"look"})
"""Verbs that change nothing."""
COVERED = 6
"""Characters from which on a secret is covered in answers."""
BUNDLES = "/tmp/botswain-*.bundle"  # noqa: S108 - the action plugin gives them names that nobody can guess
_OLD = 3600
"""Seconds after which a bundle is what a run left that was cut off."""


def main() -> None:
    """Runs the module."""
    module = AnsibleModule(argument_spec=arguments(), supports_check_mode=True)
    wanted = module.params
    try:
        module.exit_json(**carried_out(module, wanted))
    finally:
        clear(wanted["bundle"])


def arguments() -> dict[str, Any]:
    """What the module takes; DOCUMENTATION says the same."""
    commits = {
        "repository": {"type": "path", "required": True},
        "commit": {"type": "str", "required": True},
        "have": {"type": "list", "elements": "str", "default": []},
    }
    return {
        "root": {"type": "path"},
        "orders": {"type": "list", "elements": "dict", "default": []},
        "secrets": {"type": "raw", "default": {}, "no_log": True},
        "install": {"type": "bool", "default": False},
        "zipapp": {"type": "str", "no_log": True},
        "library": {"type": "path", "default": "/usr/local/lib/botswain"},
        "command": {"type": "path", "default": "/usr/local/bin/botswain-host"},
        "commits": {"type": "dict", "options": commits},
        "bundle": {"type": "path"},
    }


def carried_out(module: AnsibleModule, wanted: dict[str, Any]) -> dict[str, Any]:
    """Install the engine where that is asked for, then send it the orders; what the module returns."""
    content = base64.b64decode(wanted["zipapp"]) if wanted["zipapp"] else None
    secrets = unpacked(module, wanted["secrets"])
    engine, draft = os.path.join(wanted["library"], NAME), None
    installed = content is not None and installation(engine, wanted["command"], content, really=not module.check_mode)
    told = {"changed": installed, "installed": installed, "answers": []}
    orders = wanted["orders"]
    if module.check_mode:
        first = next((number for number, one in enumerate(orders) if one.get("verb") not in READING), len(orders))
        if first < len(orders):
            told.update(changed=True, left_out=str(orders[first].get("verb")))
        orders = orders[:first]
    if not orders:
        return told
    if not wanted["root"]:
        module.fail_json(msg="orders need the folder of an environment: give root", **told)
    try:
        if installed and module.check_mode:  # asked before it is there
            engine = draft = temporary(content)
        elif not os.path.exists(engine):
            fail(module, told, missing(engine))
        answer(module, told, [filled(one, secrets) for one in orders], [sys.executable, engine, wanted["root"], "do"])
    finally:
        if draft:
            os.unlink(draft)
    return told


def answer(module: AnsibleModule, told: dict[str, Any], orders: list[dict[str, Any]], argv: list[str]) -> None:
    """Send orders to the engine, and add what it answers to what is told. Ends the module for a failure."""
    code, printed, complaint = module.run_command(argv, data=json.dumps({"orders": orders}))
    try:
        document = json.loads(printed)
        told["answers"], error = list(document["answers"]), document["error"]
    except (ValueError, KeyError, TypeError):
        fail(module, told, silent(code, complaint or printed, argv[1]))
    told["changed"] = told["changed"] or any(changes(*one) for one in zip(orders, told["answers"]))
    if error:
        if len(told["answers"]) < len(orders):  # the order that failed may have changed something before
            told["changed"] = told["changed"] or orders[len(told["answers"])].get("verb") not in READING
        fail(module, told, error)


def changes(order: dict[str, Any], answered: dict[str, Any]) -> bool:
    """Whether an order changed something: as its answer says, else by its verb."""
    return answered.get("changed", order.get("verb") not in READING)


def unpacked(module: AnsibleModule, given: Any) -> dict[str, str]:
    """The secrets. Packed as Base64, so that Ansible covers those in answers that are long enough to be told apart.

    A secret that is `1` would otherwise be covered in every number.
    """
    secrets = json.loads(base64.b64decode(given)) if isinstance(given, str) else given
    module.no_log_values.update(value for value in secrets.values() if len(value) >= COVERED)
    return secrets


def filled(order: dict[str, Any], secrets: dict[str, str]) -> dict[str, Any]:
    """An order whose secrets are there by name, with their values; those that nobody gave are left out."""
    names = order.get("secrets")
    if not isinstance(names, list):
        return order
    return dict(order, secrets={name: secrets[name] for name in names if name in secrets})


def clear(bundle: str | None) -> None:
    """Remove the bundle that was used, and those that runs left which were cut off."""
    old = [one for one in glob.glob(BUNDLES) if changed(one) < time.time() - _OLD]
    for path in [bundle, *old] if bundle else old:
        with contextlib.suppress(OSError):
            os.unlink(path)


def changed(path: str) -> float:
    """When a file was last changed; now, when it is gone."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return time.time()


def missing(engine: str) -> dict[str, Any]:
    """What to tell when there is no engine."""
    fix = "./inv provision installs it"
    return {"kind": "failed", "what": "Botswain's engine is not installed", "where": engine, "fix": fix, "log": ""}


def silent(code: int, printed: str, engine: str) -> dict[str, Any]:
    """What to tell when the engine answered nothing that can be read."""
    log = last_lines(printed)
    what = f"Botswain's engine ended with exit code {code} and without an answer"
    return {"kind": "failed", "what": what, "where": engine, "fix": "see what it printed", "log": log}


def fail(module: AnsibleModule, told: dict[str, Any], error: dict[str, Any]) -> NoReturn:
    """End the module with what failed as one line, and as fields."""
    place = "{}: ".format(error["where"]) if error.get("where") else ""
    remedy = "; {}".format(error["fix"]) if error.get("fix") else ""
    module.fail_json(msg="{}{}{}".format(place, error["what"], remedy), error=error, **told)


if __name__ == "__main__":
    main()
